"""send: deliver a message."""

from __future__ import annotations

from ..address import parse_names
from ..errors import Usage
from .arguments import FLAG
from .call import arguments
from .sending import OPTIONS, draft_of, report_and_wait

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .call import Call

USAGE = 'send [options] TO[,TO…] TEXT… (or - for standard input; --batch: lines of {"to": …, "body": …})'


def run(call: Call, words: list[str]) -> int:
    """Send, and say what became of it for each recipient."""
    given = arguments(call, words, USAGE, {**OPTIONS, "batch": FLAG}, before_text=1)
    if given is None:
        return 0
    if given.flag("batch"):
        from .bulk import send_lines

        return send_lines(call, given)
    if not given.operands:
        raise Usage("no recipient", f"mipc {USAGE}")
    to = parse_names(given.operands[0])
    draft = draft_of(call, given, given.operands[1:])
    session = call.account.sender(given.get("as"))
    with call.mailbox(session) as mailbox:
        sent = mailbox.send(to, draft, id=given.get("id"), sync=not given.flag("no-sync"))
        return report_and_wait(call, mailbox, sent, given)

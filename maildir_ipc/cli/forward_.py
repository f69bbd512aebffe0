"""forward: pass a message on."""

from __future__ import annotations

from ..address import parse_names
from ..conversation import PASSED, forward, note, original
from ..errors import Usage
from .arguments import FLAG
from .call import arguments
from .sending import attached, draft_with, report, text_given

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .call import Call

USAGE = "forward [options] REF TO[,TO…] [TEXT…] (or - for standard input)"
OPTIONS = {
    "subject": "TEXT", "attach": "FILE", "importance": "low|normal|high", "expires": "2h", "id": "ID", "no-sync": FLAG,
}  # fmt: skip


def run(call: Call, words: list[str]) -> int:
    """Send REF to others, quoted, with its data and attachments."""
    given = arguments(call, words, USAGE, OPTIONS, before_text=2)
    if given is None:
        return 0
    if len(given.operands) < 2:
        raise Usage("no message, or no recipient", f"mipc {USAGE}")
    ref, to, words = given.operands[0], parse_names(given.operands[1]), given.operands[2:]
    draft = draft_with(given, text_given(words, call) if words else "", None, attached(call, given))
    session = call.account.identify(given.get("as"))
    with call.mailbox(session) as mailbox:
        received = original(mailbox, ref)
        passed = forward(received, draft)
        sent = mailbox.send(to, passed, id=given.get("id"), sync=not given.flag("no-sync"))
        note(mailbox, received, PASSED, sent)
    return report(call, sent, json=given.flag("json"))

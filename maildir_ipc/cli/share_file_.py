"""share-file: send a file."""

from __future__ import annotations

from ..address import parse_names
from ..errors import Usage
from ..sharing import share_file
from .arguments import FLAG
from .call import arguments
from .sending import draft_with, report, text_given

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .call import Call

USAGE = "share-file [options] TO[,TO…] FILE [TEXT…] (or - for standard input)"
OPTIONS = {"subject": "TEXT", "importance": "low|normal|high", "expires": "2h", "id": "ID", "no-sync": FLAG}


def run(call: Call, words: list[str]) -> int:
    """Send a file as an attachment, and say what became of it for each recipient."""
    given = arguments(call, words, USAGE, OPTIONS, before_text=2)
    if given is None:
        return 0
    if len(given.operands) < 2:
        raise Usage("no recipient, or no file", f"mipc {USAGE}")
    to = parse_names(given.operands[0])
    session = call.account.identify(given.get("as"))
    with call.mailbox(session) as mailbox:
        description = text_given(given.operands[2:], call) if given.operands[2:] else ""
        limit, private = mailbox.spool.setting("max-message"), call.account.settings.private
        text, data, file = share_file(given.operands[1], description, limit, private)
        draft = draft_with(given, text, data, [file])
        sent = mailbox.send(to, draft, id=given.get("id"), sync=not given.flag("no-sync"))
    return report(call, sent, json=given.flag("json"))

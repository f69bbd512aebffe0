"""broadcast: one message to everyone."""

from __future__ import annotations

from .arguments import FLAG
from .call import arguments
from .sending import OPTIONS as SENDING
from .sending import draft_of, report_and_wait

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .call import Call

USAGE = "broadcast [options] TEXT… (or - for standard input)"
OPTIONS = {**SENDING, "include-waiting": FLAG}


def run(call: Call, words: list[str]) -> int:
    """Send to every registered identity but the caller, and say what became of it for each."""
    given = arguments(call, words, USAGE, OPTIONS, before_text=0)
    if given is None:
        return 0
    draft = draft_of(call, given, given.operands)
    session = call.account.sender(given.get("as"))
    with call.mailbox(session) as mailbox:
        sent = mailbox.broadcast(
            draft, id=given.get("id"), sync=not given.flag("no-sync"), include_waiting=given.flag("include-waiting")
        )
        if not sent.deliveries:
            call.say("nobody else has registered")
        return report_and_wait(call, mailbox, sent, given)

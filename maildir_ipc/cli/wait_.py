"""wait: until something is unread."""

from __future__ import annotations

from ..render import to_json
from ..vigil import acts, first_bell
from .arguments import duration
from .call import arguments

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .call import Call

USAGE = "wait [options]"
OPTIONS = {"timeout": "S"}


def run(call: Call, words: list[str]) -> int:
    """Print one line of facts as soon as something is unread; it stays unread."""
    given = arguments(call, words, USAGE, OPTIONS)
    if given is None:
        return 0
    text = given.get("timeout")
    seconds = None if text is None else 0.0 if text == "0" else duration(text)
    session = call.account.identify(given.get("as"))
    with call.account.mailbox(session) as mailbox:
        call.notes()
        bell = first_bell(mailbox, seconds, is_ours=lambda: acts(call.account, session, mailbox))
    if call.json:
        call.out(to_json(bell.object()) + "\n")
    elif bell:
        call.out(f"{bell.line()}\n")
    else:
        call.say(f"no new messages for {bell.identity}")
    return 0 if bell else 1

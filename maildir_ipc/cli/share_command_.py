"""share-command: run a command, and send what it prints."""

from __future__ import annotations

from ..address import parse_names
from ..errors import Usage
from ..running import end_with_us
from ..settings import without_secrets
from ..sharing import MAX_TIMEOUT, TIMEOUT, share_command
from .arguments import FLAG, duration
from .call import arguments
from .sending import draft_with, report

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .arguments import Arguments
    from .call import Call

USAGE = "share-command [options] TO[,TO…] COMMAND [WORD…]"
OPTIONS = {
    "timeout": "S", "subject": "TEXT", "importance": "low|normal|high", "expires": "2h", "id": "ID", "no-sync": FLAG,
}  # fmt: skip


def run(call: Call, words: list[str]) -> int:
    """Run a command without a shell, and send its output; its exit code is told, and is not ours."""
    given = arguments(call, words, USAGE, OPTIONS, before_text=1)
    if given is None:
        return 0
    if len(given.operands) < 2:
        raise Usage("no recipient, or no command", f"mipc {USAGE}")
    to, timeout = parse_names(given.operands[0]), _timeout(given)
    session = call.account.identify(given.get("as"))
    end_with_us()
    with call.mailbox(session) as mailbox:
        text, data = share_command(given.operands[1:], without_secrets(), timeout)
        draft = draft_with(given, text, data, [])
        sent = mailbox.send(to, draft, id=given.get("id"), sync=not given.flag("no-sync"))
    return report(call, sent, json=given.flag("json"))


def _timeout(given: Arguments) -> float:
    text = given.get("timeout")
    seconds = TIMEOUT if text is None else duration(text)
    if seconds > MAX_TIMEOUT:
        raise Usage(f"--timeout {text} is too long", f"{MAX_TIMEOUT:.0f} seconds at most")
    return seconds

"""watch: say so whenever mail comes, or run a command."""

from __future__ import annotations

import select
import signal

from ..alarm import sound
from ..errors import TryAgain, Usage
from ..render import to_json
from ..settings import without_secrets
from ..vigil import Vigil
from .arguments import FLAG
from .call import arguments

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType

    from ..bell import Bell
    from .call import Call

USAGE = "watch [options]"
OPTIONS = {"all": FLAG, "exec": "CMD"}


class _Ended(BaseException):
    """Somebody asked us to end."""


def run(call: Call, words: list[str]) -> int:
    """Print a line, or run a command, for each batch of mail, until somebody ends it."""
    given = arguments(call, words, USAGE, OPTIONS)
    if given is None:
        return 0
    command = given.get("exec")
    if command is not None and not command.strip():
        raise Usage("--exec wants a command", f"mipc {USAGE}")
    session = None if given.flag("all") else call.account.identify(given.get("as"))
    if session is None and given.get("as") is not None:
        raise Usage("--all is for every name of this account", "leave out --as or --all")

    def ring(bell: Bell) -> str | None:
        if command is not None:
            return sound(command, bell, without_secrets())
        hint = "mipc check" if session is not None else f"mipc check --as {bell.identity}"
        call.out(f"{to_json(bell.object()) if call.json else bell.line(hint)}\n")
        return None

    _end_quietly()
    try:
        with Vigil(call.account, session, ring) as vigil:
            while command is not None or not _has_no_reader(1):
                call.notes()
                for failure in vigil.turn():
                    call.say(f"mipc: {failure}")
    except _Ended:
        pass
    except TryAgain as error:
        if not isinstance(error.__cause__, BrokenPipeError):
            raise
    return 0


def _end_quietly() -> None:
    """Turn SIGTERM, and SIGHUP where nohup did not have it ignored, into an end in good order."""

    def end(_number: int, _frame: FrameType | None) -> None:
        raise _Ended

    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, end)


def _has_no_reader(fd: int) -> bool:
    """Return whether what is written to a pipe would go nowhere: else we would learn that from the next mail only."""
    poll = select.poll()
    poll.register(fd, 0)
    return any(event & select.POLLERR for _, event in poll.poll(0))

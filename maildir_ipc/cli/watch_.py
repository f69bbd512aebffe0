"""watch: say so whenever mail comes, or run a command."""

from __future__ import annotations

import select
import signal

from ..alarm import Sounding
from ..errors import TryAgain, Usage
from ..render import to_json
from ..settings import without_secrets
from ..vigil import Vigil
from .arguments import FLAG
from .call import arguments

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from ..bell import Bell
    from ..running import Finished
    from .arguments import Arguments
    from .call import Call

USAGE = "watch [options]"
OPTIONS = {"all": FLAG, "auto-check": FLAG, "exec": "CMD"}


class _Ended(BaseException):
    """Somebody asked us to end."""


def run(call: Call, words: list[str]) -> int:
    """Print a line, or run a command, for each batch of mail, until somebody ends it."""
    given = arguments(call, words, USAGE, OPTIONS)
    if given is None:
        return 0
    _check(given)
    everyone = given.flag("all") or given.flag("auto-check")
    session = None if everyone else call.account.identify(given.get("as"))
    ring, prints = _ringing(call, given)
    _end_quietly()
    try:
        with Vigil(call.account, session, ring, without_secrets()) as vigil:
            while not (prints and _has_no_reader(1)):
                call.notes()
                for said in vigil.turn():
                    call.say(f"mipc: {said}")
    except _Ended:
        pass
    except TryAgain as error:
        if not isinstance(error.__cause__, BrokenPipeError):
            raise
    return 0


def _check(given: Arguments) -> None:
    command = given.get("exec")
    if command is not None and not command.strip():
        raise Usage("--exec wants a command", f"mipc {USAGE}")
    if (given.flag("all") or given.flag("auto-check")) and given.get("as") is not None:
        raise Usage("--all and --auto-check are for every name of this account", "leave out --as, or those")
    if given.flag("auto-check") and command is not None:
        raise Usage("--auto-check and --exec", "mipc auto-check start --exec CMD gives a name its command")


def _ringing(call: Call, given: Arguments) -> tuple[Callable[[Bell], Sounding | None], bool]:
    """Return how to ring, and whether that prints."""
    command, hint = given.get("exec"), " --as {}" if given.flag("all") else ""

    def by_line(bell: Bell) -> None:
        line = bell.line(f"mipc check{hint.format(bell.identity)}")
        call.out(f"{to_json(bell.object()) if call.json else line}\n")

    def by_command(bell: Bell) -> Sounding:
        return Sounding(command or "", bell, without_secrets(), call.account.spool(), call.account.host, said)

    def said(done: Finished) -> None:
        call.out(done.stdout.text)
        if done.stderr.size:
            call.say(done.stderr.text.removesuffix("\n"))

    if given.flag("auto-check"):
        return lambda _: None, False
    return (by_line, True) if command is None else (by_command, False)


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

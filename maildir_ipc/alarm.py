"""Ringing by a command: a line of shell that the person wrote, run with the facts of a bell on its standard input.

No word of a sender's is in what is run, its arguments or its environment; the names in the facts are legal names.
What the command sends is automatic mail: two that wake and answer each other stop by themselves.
"""

from __future__ import annotations

from .automatic import Handling, forget_old
from .render import to_json
from .running import Running

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .bell import Bell
    from .process import Host
    from .running import Finished
    from .spool import Spool

LONGEST = 600.0  # seconds; then its process group is ended
AGAIN_FIRST, AGAIN_MOST = 5.0, 300.0  # seconds until a command that failed is run again: each twice the one before
_LINGER = 1.0  # seconds that are waited for what it left in the background with its output open


class Sounding:
    """A command that was started to ring a bell. Ask `over` now and then; `end` it before it is let go."""

    __slots__ = ("_handling", "_running", "_said", "_spool")

    def __init__(
        self,
        command: str,
        bell: Bell,
        environ: Mapping[str, str],
        spool: Spool,
        host: Host,
        said: Callable[[Finished], None] = lambda _: None,
        timeout: float = LONGEST,
    ) -> None:
        """Run *command* by sh(1), acting in the bell's name; *said* gets what it said in the end. Raises: BadData."""
        self._spool, self._said = spool, said
        self._handling = Handling(spool, host, bell.hops, must=False)
        self._running: Running | None = None
        with self._handling as handling:
            # A descriptor that was handed over is the command's own; ours may go once it has begun.
            self._running = Running(
                ["/bin/sh", "-c", command], {**environ, "MAILDIR_IPC_IDENTITY": bell.identity}, timeout,
                stdin=f"{to_json(bell.object())}\n".encode(), linger=_LINGER,
                started=handling.started, handed=handling.handed,
            )  # fmt: skip
        self._running.over()  # the facts are shorter than a pipe is: all of them are there, and their end

    @property
    def said(self) -> int:
        """How many bytes the command has printed, as far as they were read."""
        return 0 if self._running is None else self._running.said

    def over(self, wait: float = 0.0) -> bool:
        """Return whether it has ended within *wait* seconds."""
        return self._running is None or self._running.over(wait)

    def failure(self) -> str | None:
        """Return in words what failed, or None; once, when it is over."""
        if self._running is None:
            return None
        running, self._running = self._running, None
        try:
            done = running.finished()
        finally:
            running.close()
        forget_old(self._spool)
        self._said(done)
        return failure(done)

    def end(self) -> None:
        """End the command, with all that it started and that did not leave its group."""
        if self._running is not None:
            self._running.end()
            self._running.close()
            self._running = None


def failure(done: Finished, timeout: float = LONGEST) -> str | None:
    """Return in words what failed, or None."""
    if done.timed_out:
        return f"took longer than {timeout:g} s, and was ended"
    if done.returncode is None or done.returncode == 0:
        return None
    return f"ended with {done.returncode}" if done.returncode > 0 else f"was ended by signal {-done.returncode}"


def again_after(failures: int) -> float:
    """Return the seconds to wait after so many failures one after the other."""
    return min(AGAIN_FIRST * 2.0 ** min(failures - 1, 20), AGAIN_MOST)

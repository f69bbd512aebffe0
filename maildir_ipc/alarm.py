"""Ringing by a command: a line of shell that the person wrote, run with the facts of a bell on its standard input.

No word of a sender's is in what is run, its arguments or its environment; the names in the facts are legal names.
What the command sends is automatic mail: two that wake and answer each other stop by themselves.
"""

from __future__ import annotations

from .automatic import Handling, forget_old
from .render import to_json
from .running import run_command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from .bell import Bell
    from .process import Host
    from .running import Finished
    from .spool import Spool

LONGEST = 600.0  # seconds; then its process group is ended
AGAIN_FIRST, AGAIN_MOST = 5.0, 300.0  # seconds until a command that failed is run again: each twice the one before
_LINGER = 1.0  # seconds that are waited for what it left in the background with its output open


def sound(
    command: str, bell: Bell, environ: Mapping[str, str], spool: Spool, host: Host, timeout: float = LONGEST
) -> Finished:
    """Run *command* by sh(1), acting in the bell's name, and return what became of it. Raises: BadData."""
    facts = f"{to_json(bell.object())}\n".encode()
    acting = {**environ, "MAILDIR_IPC_IDENTITY": bell.identity}
    with Handling(spool, host, bell.hops, must=False) as handling:
        done = run_command(
            ["/bin/sh", "-c", command], acting, timeout,
            stdin=facts, linger=_LINGER, started=handling.started, handed=handling.handed,
        )  # fmt: skip
    forget_old(spool)
    return done


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

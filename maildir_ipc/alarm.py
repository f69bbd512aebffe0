"""Ringing by a command: a line of shell that the person wrote, run with the facts of a bell on its standard input.

No word of a sender's is in what is run, its arguments or its environment; the names in the facts are legal names.
"""

from __future__ import annotations

import os
import signal
import subprocess

from .render import to_json
from .running import GRACE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from .bell import Bell

LONGEST = 600.0  # seconds
AGAIN_FIRST, AGAIN_MOST = 5.0, 300.0  # seconds until a command that failed is run again: each twice the one before


def again_after(failures: int) -> float:
    """Return the seconds to wait after so many failures one after the other."""
    return min(AGAIN_FIRST * 2.0 ** min(failures - 1, 20), AGAIN_MOST)


def sound(command: str, bell: Bell, environ: Mapping[str, str], timeout: float = LONGEST) -> str | None:
    """Run *command* by sh(1) for *timeout* seconds at most, acting in the bell's name; return what failed, or None.

    Then, or when we are interrupted, its process group is ended. What it left in the background when it
    ended by itself goes on.
    """
    facts, ours = os.pipe()
    try:
        # Its few hundred bytes fit into the pipe, whether or not they are read.
        os.write(ours, (to_json(bell.object()) + "\n").encode())
        os.close(ours)
        child = subprocess.Popen(
            ["/bin/sh", "-c", command],
            stdin=facts,
            env={**environ, "MAILDIR_IPC_IDENTITY": bell.identity},
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        return f"cannot be run: {error}"
    finally:
        os.close(facts)
    try:
        code = child.wait(timeout)
    except subprocess.TimeoutExpired:
        return f"took longer than {timeout:g} s, and was ended"
    finally:
        if child.returncode is None:
            _end(child)
    return None if code == 0 else f"ended with {code}" if code > 0 else f"was ended by signal {-code}"


def _end(child: subprocess.Popen[bytes]) -> None:
    """End a command that runs, and all that is in its group."""
    os.killpg(child.pid, signal.SIGTERM)
    try:
        child.wait(GRACE)
    except subprocess.TimeoutExpired:
        pass
    # The leader may be gone, and others of the group not; its number is not used again while they are.
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
    child.wait()

"""selftest: try the main job in a spool of its own, which is gone afterwards."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time

from ..errors import TryAgain
from ..render import VERSION, escape, to_json
from ..selftest import Bench, Failed, Step, environment, steps
from .call import arguments

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .call import Call

USAGE = "selftest [options]"
_MAIN = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "__main__.py")
_SECONDS = 60
_HELD_SECONDS = 0.5  # several times what the other needs to come as far as the lock


def run(call: Call, words: list[str]) -> int:
    """Print a line for each step, with the time it took; 1 when one failed. Leave nothing."""
    given = arguments(call, words, USAGE, {})
    if given is None:
        return 0
    json, done, start = given.flag("json"), list[Step](), time.monotonic()
    try:
        home = tempfile.mkdtemp(prefix="maildir-ipc-selftest-")
    except OSError as error:
        raise TryAgain(f"no place for the selftest: {error.strerror}", "set TMPDIR to one") from error
    try:
        for step in steps(home, _by_command):
            done.append(step)
            if not json:
                call.out(_line(step))
    finally:
        shutil.rmtree(home, ignore_errors=True)
    well = all(step.why is None for step in done)
    if json:
        rows = [{"name": s.name, "ok": s.why is None, "ms": round(s.seconds * 1000, 1), "why": s.why} for s in done]
        call.out(to_json({"v": VERSION, "ok": well, "steps": rows}) + "\n")
    failed = sum(step.why is not None for step in done)
    call.say(f"{len(done) - failed} of {len(done)} passed, in {time.monotonic() - start:.1f} s")
    return 0 if well else 1


def _line(step: Step) -> str:
    time_taken = f"({step.seconds * 1000:.1f} ms)"
    if step.why is None:
        return f"passed {step.name} {time_taken}\n"
    return f"FAILED {step.name} {time_taken}: {escape(step.why[:500], line=True)}\n"


def _by_command(bench: Bench) -> Iterator[tuple[str, Callable[[], None]]]:
    """Yield what only whole commands can show: they start, and a new process finds all that the former one left."""
    yield "command", lambda: _answer(bench)
    yield "lock", lambda: _exclude(bench)
    if os.path.exists(os.path.join(os.path.dirname(os.path.abspath(__file__)), "rename_.py")):  # if there is that verb
        yield "rename", lambda: _rename(bench)


def _answer(bench: Bench) -> None:
    _mipc(bench, "send", "--as", "pong", "ping", "an answer")
    out = _mipc(bench, "check", "--as", "ping")
    if "an answer" not in out or "verified" not in out:
        raise Failed(f"check printed {out!r}")


def _exclude(bench: Bench) -> None:
    """Let another process want the lock that this one holds. The two may take it by different libraries."""
    with bench.account.spool().lock():
        other = subprocess.Popen(
            [sys.executable, "-I", "-S", _MAIN, "register", "third", "--as", "third"],
            env=environment(bench.home),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            other.wait(_HELD_SECONDS)
        except subprocess.TimeoutExpired:
            pass
        else:
            raise Failed("two processes held it at once")
    try:
        code = other.wait(_SECONDS)
    except subprocess.TimeoutExpired:
        other.kill()
        other.wait()
        raise Failed("it was not to be had after it was let go") from None
    if code:
        raise Failed(f"register ended with {code} after it was let go")


def _rename(bench: Bench) -> None:
    _mipc(bench, "rename", "--as", "pong", "pang")
    _mipc(bench, "send", "--as", "ping", "pong", "to the old name")
    if "to the old name" not in (out := _mipc(bench, "check", "--as", "pang", "--all")):
        raise Failed(f"check printed {out!r}")


def _mipc(bench: Bench, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-I", "-S", _MAIN, *words],
        env=environment(bench.home),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    if done.returncode:
        raise Failed(f"{words[0]} ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout

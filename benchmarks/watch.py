"""How long it takes from another process's rename() into new/ to our callback, and what watching costs when idle.

    .venv/bin/python benchmarks/watch.py [MESSAGES] [IDLE_SECONDS]

Design: p50 at most 1 ms and p99 at most 50 ms at 50 messages a second, while the reader moves mail out of
new/ all the time; a burst of 20,000 with nothing lost; idle, no wake-ups but the rescan, in 25 MB.
The floor is inotify(7) itself, by ctypes. Never a gate: a figure from a busy machine says little.
"""

from __future__ import annotations

import ctypes
import glob
import os
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, ROOT)

from maildir_ipc.testing import account, agent  # noqa: E402
from maildir_ipc.watch import Doorbell  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from maildir_ipc.mailbox import Mailbox

RATE, BURST = 50, 20_000  # messages a second; messages
NEVER = 1e6  # seconds: without its rescan the doorbell has only its ears
_IN_MOVED_TO = 0x80
# Each file's name says when it was renamed, on the clock that all processes share.
_WRITER = """
import os, sys, time
box, count, pause = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
for index in range(count):
    path = f"{box}/tmp/{index}"
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
    os.rename(path, f"{box}/new/{time.monotonic_ns()}.{index}")
    time.sleep(pause)
"""
# A claim in place, then the commit, as our own reader does it; each message 100 ms after it came, so that
# one is always being moved while another comes, and none is gone before a watcher in time has seen it.
_READER = """
import os, sys, time
box = sys.argv[1]
while True:
    for name in os.listdir(f"{box}/new"):
        if int(name.partition(".")[0]) < time.monotonic_ns() - 100_000_000:
            os.rename(f"{box}/new/{name}", f"{box}/new/{name},c=x")
            os.rename(f"{box}/new/{name},c=x", f"{box}/cur/{name}:2,S")
    time.sleep(0.002)
"""


@contextmanager
def raw(mailbox: Mailbox) -> Iterator[Callable[[], object]]:
    """Give what returns when the kernel says that something was renamed into `new/`: the floor."""
    libc = ctypes.CDLL(None, use_errno=True)
    fd = libc.inotify_init1(os.O_CLOEXEC)
    if libc.inotify_add_watch(fd, f"{mailbox.maildir.path}/new".encode(), _IN_MOVED_TO) < 0:
        raise OSError(ctypes.get_errno(), "inotify_add_watch")
    yield lambda: os.read(fd, 1 << 16)
    os.close(fd)


@contextmanager
def doorbell(mailbox: Mailbox) -> Iterator[Callable[[], object]]:
    """Give what returns when our doorbell has news."""
    with Doorbell((mailbox,), rescan=NEVER) as bell:
        if bell.polls:
            raise SystemExit("it polls here: nothing to measure")
        yield lambda: bell.news(1.0)


@contextmanager
def running(program: str, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program of ours in a process of its own, and end it."""
    process = subprocess.Popen([sys.executable, "-c", program, *words])
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def latencies(mailbox: Mailbox, ring: Callable[[], object], count: int) -> list[float]:
    """Return the milliseconds from each rename to our callback; 100 for what the reader had taken by then."""
    box, taken = mailbox.maildir.path, dict[str, float]()
    with running(_READER, box), running(_WRITER, box, str(count), str(1 / RATE)) as writer:
        while writer.poll() is None:
            ring()
            now = time.monotonic_ns()
            for name in os.listdir(f"{box}/new"):
                key = name.partition(",")[0]
                taken.setdefault(key, (now - int(key.partition(".")[0])) / 1e6)
    return sorted([*taken.values(), *([100.0] * (count - len(taken)))])


def burst(mailbox: Mailbox, ring: Callable[[], object]) -> tuple[int, float]:
    """Return how many of a burst were seen without a rescan, and the milliseconds from the last rename to that."""
    box, seen, now = mailbox.maildir.path, set[str](), 0
    with running(_WRITER, box, str(BURST), "0") as writer:
        while len(seen) < BURST:
            ring()
            seen |= set(os.listdir(f"{box}/new"))
            now = time.monotonic_ns()
        writer.wait()
    return len(seen), (now - max(int(name.partition(".")[0]) for name in seen)) / 1e6


def idle(home: str, seconds: float) -> tuple[int, int]:
    """Return the voluntary context switches of all threads of `mipc watch` in that time, and its RSS, kB."""
    environ = {"HOME": home, "PATH": "/usr/bin:/bin"}
    command = [sys.executable, f"{ROOT}/maildir_ipc/__main__.py", "watch", "--as", "bob"]
    process = subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL)
    try:
        time.sleep(3)
        before = _status(process.pid, "voluntary_ctxt_switches:")
        time.sleep(seconds)
        return _status(process.pid, "voluntary_ctxt_switches:") - before, _status(process.pid, "VmRSS:", first=True)
    finally:
        process.terminate()
        process.wait()


def _status(pid: int, field: str, *, first: bool = False) -> int:
    total = 0
    for path in sorted(glob.glob(f"/proc/{pid}/task/*/status")):
        with open(path, encoding="ascii", errors="replace") as file:
            total += sum(int(line.split()[1]) for line in file if line.startswith(field))
        if first:
            break
    return total


def clear(mailbox: Mailbox) -> None:
    """Remove what a measurement left."""
    for folder in ("new", "cur", "tmp"):
        for name in os.listdir(f"{mailbox.maildir.path}/{folder}"):
            os.unlink(f"{mailbox.maildir.path}/{folder}/{name}")


def main() -> None:
    """Print the table."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 65.0
    shm = "/dev/shm" if os.path.isdir("/dev/shm") else None
    with tempfile.TemporaryDirectory(dir=shm) as home:
        owner = account(home)
        owner.init()
        with agent(owner, "bob") as mailbox:
            print(f"{'to the callback, ms':28} {'p50':>8} {'p90':>8} {'p99':>8} {'most':>8}")
            for label, bell in (("raw inotify", raw), ("doorbell", doorbell)):
                with bell(mailbox) as ring:
                    taken = latencies(mailbox, ring, count)
                shown = [taken[min(count - 1, int(count * part))] for part in (0.5, 0.9, 0.99, 1)]
                print(f"{label:28} " + " ".join(f"{value:8.3f}" for value in shown))
                clear(mailbox)
            with doorbell(mailbox) as ring:
                seen, late = burst(mailbox, ring)
            print(f"burst: {seen} of {BURST} seen, the last one {late:.0f} ms after its rename")
            clear(mailbox)
        wakes, size = idle(home, seconds)
        print(f"idle: {wakes} wake-ups in {seconds:.0f} s, {size / 1024:.1f} MiB")


if __name__ == "__main__":
    main()

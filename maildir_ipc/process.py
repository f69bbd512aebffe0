"""Which process this is, which ones it runs under, and whether a recorded one still runs.

Reads /proc, or asks ps(1) where there is none. Knows nothing of sessions or mail:
it only names processes so that a name never means two of them (boot, namespace, pid, start time).
"""

from __future__ import annotations

import os
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


class Process:
    """One process: *start* is in clock ticks since boot (elsewhere a hash); *tty* is 0 for none.

    *stack* is where its stack begins: the same after a fork, another after exec; 0 where that is not told.
    """

    __slots__ = ("_argv", "comm", "parent", "pid", "stack", "start", "tty")

    def __init__(
        self,
        pid: int,
        parent: int,
        start: int,
        tty: int,
        comm: str,
        argv: list[str] | None = None,
        stack: int = 0,
    ) -> None:
        self.pid, self.parent, self.start, self.tty, self.comm = pid, parent, start, tty, comm
        self._argv, self.stack = argv, stack

    @property
    def argv(self) -> list[str]:
        """The arguments, read when they are first asked for; empty when the process has gone."""
        if self._argv is None:
            self._argv = _arguments(self.pid)
        return self._argv


class Host:
    """This boot of this machine, as seen from this pid namespace. Parts that are not known are "0".

    Each part is looked up when it is first needed.
    """

    __slots__ = ("_boot", "_namespace", "name")

    def __init__(self, boot: str | None = None, namespace: str | None = None, name: str | None = None) -> None:
        self._boot, self._namespace, self.name = boot, namespace, name or os.uname().nodename

    @property
    def boot(self) -> str:
        """The first eight digits of the boot id."""
        if self._boot is None:
            self._boot = _boot()
        return self._boot

    @property
    def namespace(self) -> str:
        """The number of the pid namespace."""
        if self._namespace is None:
            try:
                self._namespace = str(os.stat("/proc/self/ns/pid").st_ino)
            except OSError:
                self._namespace = "0"
        return self._namespace

    def mark(self, process: Process) -> str:
        """Return what names *process* among all that ever ran: BOOT.NS.PID.START."""
        return f"{self.boot}.{self.namespace}.{process.pid}.{process.start}"

    def runs(self, mark: str) -> bool | None:
        """Return whether the process so marked runs; None where this host cannot tell."""
        parts = mark.split(".")
        if len(parts) != 4 or "0" in (parts[0], parts[2]) or parts[:2] != [self.boot, self.namespace]:
            return None
        if not (parts[2].isascii() and parts[2].isdigit()):
            return None  # it stands in a file's name, which anybody may have written
        process = lookup(int(parts[2]))
        return process is not None and str(process.start) == parts[3]


def lookup(pid: int | str) -> Process | None:
    """Return the process with this pid ("self" for our own), or None. EPERM does not matter: /proc is readable."""
    try:
        text = _read(f"/proc/{pid}/stat")
    except FileNotFoundError:
        return None if os.path.isdir("/proc/self") else _by_ps(os.getpid() if pid == "self" else int(pid))
    except (ProcessLookupError, PermissionError):
        return None
    # comm may hold spaces and parentheses: the last ")" ends it. Source: proc(5).
    head, _, tail = text.rpartition(b")")
    number, _, comm = head.partition(b"(")
    rest = tail.split()
    if rest[0] in (b"Z", b"X"):
        return None
    return Process(
        int(number), int(rest[1]), int(rest[19]), int(rest[4]), comm.decode("utf-8", "replace"), None, int(rest[25])
    )


def begun() -> float | None:
    """Return the Unix time at which this process began, the tick before; None where that is not told."""
    process = lookup("self") if hasattr(time, "CLOCK_BOOTTIME") else None
    if process is None:
        return None
    return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME) + process.start / os.sysconf("SC_CLK_TCK")


def ancestry() -> Iterator[Process]:
    """Yield our parent, its parent, and so on to the one without a parent in this namespace."""
    process = lookup("self")
    while process is not None and process.parent > 0:
        process = lookup(process.parent)
        if process is not None:
            yield process


def _arguments(pid: int) -> list[str]:
    try:
        data = _read(f"/proc/{pid}/cmdline")
    except OSError:
        return []
    return [part.decode("utf-8", "replace") for part in data.rstrip(b"\0").split(b"\0")]


def _read(path: str) -> bytes:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(fd, 65536)
    finally:
        os.close(fd)


def _by_ps(pid: int) -> Process | None:
    """Return the process as POSIX ps(1) knows it; start is a hash of lstart, good enough to tell re-used pids."""
    import subprocess
    import zlib

    environment = {"LC_ALL": "C", "PATH": "/bin:/usr/bin"}
    command = ["ps", "-ww", "-o", "ppid=,tty=,lstart=,command=", "-p", str(pid)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    words = done.stdout.split()
    if done.returncode or len(words) < 8:
        return None
    start = zlib.crc32(" ".join(words[2:7]).encode())
    tty = 0 if words[1] in ("?", "??", "-") else 1
    return Process(pid, int(words[0]), start, tty, os.path.basename(words[7])[:15], words[7:])


def _boot() -> str:
    """Return eight hexadecimal digits of the boot id; where there is no /proc, of the boot time."""
    try:
        return _read("/proc/sys/kernel/random/boot_id")[:8].decode()
    except OSError:
        pass
    if os.uname().sysname != "Darwin":
        return "0"
    import subprocess

    done = subprocess.run(["/usr/sbin/sysctl", "-n", "kern.boottime"], capture_output=True, text=True, check=False)
    digits = "".join(c for c in done.stdout.partition(",")[0] if c.isdigit())
    return f"{int(digits):08x}" if digits else "0"

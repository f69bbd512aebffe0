"""Running a command for its output: no shell, a bounded time, a bounded memory, and nothing left behind.

The command has a session of its own, so that on timeout it is ended with all that it started.
"""

from __future__ import annotations

import codecs
import os
import selectors
import signal
import time

from .errors import BadData

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

MAX_KEPT = 1 << 20  # bytes of each stream; the rest is read and counted, so that the command does not block
GRACE = 2.0  # seconds between SIGTERM and SIGKILL
_AFTER_KILL = 1.0  # seconds to wait for what has left the group and still holds the output, or cannot be ended
_LOOK = 0.5  # seconds between two looks whether a command has ended while something else holds its output
_READS = 16  # of 64 KiB and for each stream, at one look: who prints without end is not listened to for ever
_STEP = 0.05  # seconds between two looks whether a command that closed its output has ended


class Output:
    """What one stream printed: *text* with what is not UTF-8 written out, and the *size* of all of it in bytes."""

    __slots__ = ("_kept", "size")

    def __init__(self) -> None:
        self._kept, self.size = bytearray(), 0

    def add(self, chunk: bytes) -> None:
        """Keep what there is room for."""
        self._kept += chunk[: MAX_KEPT - len(self._kept)]
        self.size += len(chunk)

    @property
    def octets(self) -> bytes:
        """What was kept, as it was."""
        return bytes(self._kept)

    @property
    def text(self) -> str:
        """What was kept; a character that was cut in two is left out."""
        decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
        return decoder.decode(self.octets, final=self.size == len(self._kept))


class Finished:
    """What became of a command: *returncode* is negative for a signal, None where it is not known."""

    __slots__ = ("returncode", "stderr", "stdout", "timed_out")

    def __init__(self, returncode: int | None, stdout: Output, stderr: Output, *, timed_out: bool) -> None:
        self.returncode, self.stdout, self.stderr, self.timed_out = returncode, stdout, stderr, timed_out


def end_with_us() -> None:
    """Have SIGTERM, and SIGHUP where nohup did not have it ignored, interrupt us as Ctrl-C does: what runs is ended.

    It has a session of its own, so nobody else would tell it.
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)


def run_command(
    command: Sequence[str],
    environ: Mapping[str, str],
    timeout: float,
    *,
    stdin: bytes = b"",
    linger: float | None = None,
    started: Callable[[int], None] = lambda _: None,
    handed: Sequence[tuple[int, int]] = (),
) -> Finished:
    """As `Running`, until it is over; interrupted, it leaves nothing running. Raises: BadData."""
    running = Running(command, environ, timeout, stdin=stdin, linger=linger, started=started, handed=handed)
    try:
        while not running.over(_LOOK):
            pass
        return running.finished()
    finally:
        running.close()


class Running:
    """A command that runs. Ask `over` now and then, for its output has to be read; `close` it in the end."""

    def __init__(
        self,
        command: Sequence[str],
        environ: Mapping[str, str],
        timeout: float,
        *,
        stdin: bytes = b"",
        linger: float | None = None,
        started: Callable[[int], None] = lambda _: None,
        handed: Sequence[tuple[int, int]] = (),
    ) -> None:
        """Start it; after *timeout* seconds its process group is ended.

        With *linger*, what holds the output is waited for no longer than so many seconds after the command itself,
        and left alone. *started* is told its pid. *handed* are pairs: a descriptor of ours, and its number in the
        command, and in what that starts unless it is closed there. Raises: BadData when it cannot be started.
        """
        # Blocked until we know its number: an interrupt in between would leave it running.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM, signal.SIGHUP))
        self._child, self._end, self._timed_out = _Child(stdin, linger), time.monotonic() + timeout, False
        self._is_over = False
        try:
            self._child.start(command, environ, mask, handed)
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            started(self._child.pid)
        except BaseException:
            self.close()
            raise
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    @property
    def said(self) -> int:
        """How many bytes it has printed, as far as they were read."""
        return sum(output.size for output in self._child.outputs)

    def over(self, wait: float = 0.0) -> bool:
        """Return whether it has ended, or was ended for its time was over, within *wait* seconds; read its output."""
        if not self._is_over:
            left = self._end - time.monotonic()
            before, self._is_over = self.said, self._child.step(max(0.0, min(wait, left)))
            for _ in range(_READS):
                if self._is_over or self.said == before:
                    break
                before, self._is_over = self.said, self._child.step(0.0)
            if not self._is_over and left <= 0:
                self._timed_out = True
                self.end()
        return self._is_over

    def end(self) -> None:
        """End it, with all that it started and that has not left its group; it is over when this returns."""
        if not self._is_over:
            self._child.signal(signal.SIGTERM)
            self._child.drain(time.monotonic() + GRACE)
            self._child.signal(signal.SIGKILL)  # what ignored the first one, in the group; nothing, if there is nothing
            self._child.drain(time.monotonic() + _AFTER_KILL)
            self._is_over = True

    def finished(self) -> Finished:
        """Return what became of it, once it is over."""
        return Finished(self._child.wait(), *self._child.outputs, timed_out=self._timed_out)

    def close(self) -> None:
        """Let everything go; what still runs was interrupted, and is ended at once."""
        self._child.close()


class _Child:
    """A command that was started in a session of its own, and our ends of its input and output."""

    def __init__(self, stdin: bytes = b"", linger: float | None = None) -> None:
        self.outputs = (Output(), Output())
        self.returncode: int | None = None
        self._selector = selectors.DefaultSelector()
        self._ends: list[int] = []
        self.pid, self._is_gone = 0, True
        self._stdin, self._linger = memoryview(stdin), linger
        self._left_at: float | None = None  # when what still holds the output is waited for no longer

    def start(
        self,
        command: Sequence[str],
        environ: Mapping[str, str],
        mask: Iterable[int],
        handed: Sequence[tuple[int, int]],
    ) -> None:
        """Start the command. Raises: BadData."""
        theirs: list[int] = []
        try:
            for _ in self.outputs:
                end, other = os.pipe()
                self._ends.append(end)
                theirs.append(other)
            if self._stdin:
                other, end = os.pipe()
                self._ends.append(end)
                theirs.append(other)
                os.set_blocking(end, False)
            self.pid = _spawn(command, environ, mask, theirs, handed)
            self._is_gone = False
        finally:
            for end in theirs:
                os.close(end)
        for end, output in zip(self._ends, self.outputs, strict=False):
            self._selector.register(end, selectors.EVENT_READ, output)
        if self._stdin:
            self._selector.register(self._ends[-1], selectors.EVENT_WRITE)

    def drain(self, end: float) -> None:
        """Read until there is no more to wait for, as `step` says, or until the time *end*."""
        while not self.step(max(0.0, min(end - time.monotonic(), _LOOK))) and time.monotonic() < end:
            pass

    def step(self, wait: float) -> bool:
        """Read what is there, or comes within *wait* seconds; return whether there is no more to wait for.

        That is when all is closed and the command has ended; or *linger* seconds after it ended.
        """
        if self._left_at is not None:
            wait = min(wait, max(0.0, self._left_at - time.monotonic()))
        if self._selector.get_map():
            for key, _ in self._selector.select(wait):
                self._write(key) if key.data is None else self._read(key)
        elif not self._has_ended():
            time.sleep(min(_STEP, wait))
        if not self._has_ended():
            return False
        if not self._selector.get_map():
            return True
        if self._linger is not None and self._left_at is None:
            self._left_at = time.monotonic() + self._linger
        return self._left_at is not None and time.monotonic() >= self._left_at

    def signal(self, number: int) -> None:
        """Signal the whole group; its number is its own while its leader is at least a zombie."""
        if self._is_gone:
            return
        try:
            os.killpg(self.pid, number)
        except (ProcessLookupError, PermissionError):
            pass  # all of it has ended, or is another user's, by sudo

    def wait(self) -> int | None:
        """Return the exit code; None for what does not end, though it was killed."""
        end = time.monotonic() + _AFTER_KILL
        while not self._is_gone and not self._reap() and time.monotonic() < end:
            time.sleep(_STEP)
        return self.returncode

    def close(self) -> None:
        """Let everything go; a command that is still running was interrupted, and is ended."""
        if not self._is_gone:
            self.signal(signal.SIGKILL)
            self.wait()
        self._selector.close()
        for end in self._ends:
            os.close(end)
        self._ends = []

    def _read(self, key: selectors.SelectorKey) -> None:
        chunk = os.read(key.fd, 1 << 16)
        if chunk:
            key.data.add(chunk)
        else:
            self._selector.unregister(key.fileobj)

    def _write(self, key: selectors.SelectorKey) -> None:
        try:
            self._stdin = self._stdin[os.write(key.fd, self._stdin[: 1 << 16]) :]
        except BrokenPipeError:
            self._stdin = self._stdin[:0]  # it does not want the rest
        if not self._stdin:
            self._selector.unregister(key.fd)
            self._ends.remove(key.fd)
            os.close(key.fd)

    def _has_ended(self) -> bool:
        """Return whether the command has ended; where it can be, its zombie is left, for `signal`."""
        if not hasattr(os, "waitid"):  # macOS before Python 3.13
            return self._reap()
        try:
            return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
        except ChildProcessError:
            return True

    def _reap(self) -> bool:
        try:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
        except ChildProcessError:  # who started us ignores SIGCHLD, and so do we: the system took it
            self._is_gone = True
            return True
        if pid:
            self._is_gone, self.returncode = True, os.waitstatus_to_exitcode(status)
        return self._is_gone


def _spawn(
    command: Sequence[str],
    environ: Mapping[str, str],
    mask: Iterable[int],
    ends: Sequence[int],
    handed: Sequence[tuple[int, int]],
) -> int:
    try:
        return os.posix_spawnp(
            command[0],
            list(command),
            environ,
            file_actions=[
                (os.POSIX_SPAWN_DUP2, ends[2], 0)
                if len(ends) > 2
                else (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, ends[0], 1),
                (os.POSIX_SPAWN_DUP2, ends[1], 2),
                *((os.POSIX_SPAWN_DUP2, ours, theirs) for ours, theirs in handed),
            ],
            setsid=True,
            setsigmask=mask,
            setsigdef=(signal.SIGPIPE, signal.SIGXFSZ),  # which Python ignores
        )
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise BadData(f"cannot run {command[0]!a}: {why}", "there is no shell: for pipes, sh -c '…'") from error

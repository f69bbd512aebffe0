"""The spool's lock: registering, renaming, merging, expiring, and sending to a missing name hold it.

flock(2) on one file that is never unlinked; any death lets it go. Whoever gets it first finishes what
a dead holder had begun. Nobody waits for it without a word, nor without an end.
"""

from __future__ import annotations

import os
import time

from .errors import Misconfigured, TryAgain
from .maildir import cannot_write
from .process import lookup

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .spool import Spool

    Attempt = Callable[[], Callable[[], object] | None]  # returns how to let it go; None where another has it

SAY_AFTER = 2.0  # seconds; what is done under the lock takes milliseconds
GIVE_UP = 30.0
_FIRST_PAUSE, _PAUSE = 0.001, 0.05


class Lock:
    """One taking of the lock: one `with` statement each. Not re-entrant.

    Raises on entering: TryAgain when another holds it too long, Misconfigured.
    """

    __slots__ = ("_path", "_release", "_spool")

    def __init__(self, spool: Spool) -> None:
        self._spool, self._path = spool, f"{spool.root}/.ipc/lock"
        self._release: Callable[[], object] | None = None

    @property
    def held(self) -> bool:
        """Whether we are inside the `with` statement."""
        return self._release is not None

    def __enter__(self) -> Lock:
        self._release = self._taken()
        try:
            for folder in ("intents", "closing", "ended"):
                if os.path.islink(f"{self._spool.root}/.ipc/{folder}"):
                    raise Misconfigured(f"{self._spool.root}/.ipc/{folder} is a link", "put the directory itself there")
            if self._spool.unfinished():
                self._finish()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _taken(self) -> Callable[[], object]:
        spool = self._spool

        def say() -> None:
            spool.say(f"{self._path} is held{holder(self._path)}: waiting for it")

        try:
            # Who waited in vain a moment ago, for one name of several, does not wait for each of the others.
            release = _wait(self._path, 0.0 if spool.gave_up else GIVE_UP, say)
        except OSError as error:
            raise cannot_write(self._path, error) from error
        spool.gave_up = release is None
        if release is None:
            raise TryAgain(f"{self._path} is held{holder(self._path)}", "nothing was changed; try again")
        return release

    def _finish(self) -> None:
        from .moves import finish

        try:
            finish(self._spool, self)
        except OSError as error:
            failure = cannot_write(str(error.filename or self._spool.root), error)
            raise type(failure)(
                f"a rename that was begun cannot be finished: {failure.message}", failure.next
            ) from error

    def __exit__(self, *_: object) -> None:
        if self._release is not None:
            self._release()
        self._release = None


class Alone:
    """Whether this process is the only one at something, for one `with` statement; it never waits.

    The file at *path* is never unlinked, and what this process starts does not inherit the lock.
    """

    __slots__ = ("_fd", "_path")

    def __init__(self, path: str) -> None:
        self._path, self._fd = path, -1

    def __enter__(self) -> bool:
        import fcntl

        self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)


def busy(path: str, seconds: float) -> str | None:
    """Return who holds the lock at *path* all of *seconds*, as `holder` says it; None as soon as nobody does."""
    release = _wait(path, seconds, lambda: None)
    if release is None:
        return holder(path)
    release()
    return None


def holder(path: str) -> str:
    """Return which process holds the lock, as ` by NAME (PID)`; nothing where the system does not tell."""
    try:
        status = os.stat(path)
        with open("/proc/locks", encoding="ascii") as file:
            lines = [line.split() for line in file]
    except (OSError, UnicodeDecodeError):
        return ""
    place = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    # One that waits has an arrow before its kind.
    pids = [words[4] for words in lines if len(words) > 5 and words[1] == "FLOCK" and words[5] == place]
    process = lookup(pids[0]) if pids and pids[0].isdigit() else None
    return f" by {process.comm!a} ({process.pid})" if process is not None else ""


def _wait(path: str, seconds: float, say: Callable[[], object]) -> Callable[[], object] | None:
    """Return how to let the lock go, once it is ours; None after *seconds*. *say* is called once, if it takes long."""
    attempt, begun, pause, said = _by_filelock(path) or _by_flock(path), time.monotonic(), _FIRST_PAUSE, False
    while True:
        release = attempt()
        waited = time.monotonic() - begun
        if release is not None or waited >= seconds:
            return release
        if waited >= SAY_AFTER and not said:
            said = True
            say()
        time.sleep(pause)
        pause = min(2 * pause, _PAUSE)


def _by_filelock(path: str) -> Attempt | None:
    """Return how to try for the lock through filelock; None where it is not installed.

    The commands in bin/ start without installed packages and use flock(2) themselves: it is the same lock.
    """
    try:
        from filelock import FileLock, Timeout

        # Without these two, some versions unlink the file, and then two processes hold two different locks.
        lock = FileLock(path, mode=0o600, preserve_lock_file=True, fallback_to_soft=False, thread_local=False)
    except (ImportError, TypeError):
        return None

    def attempt() -> Callable[[], object] | None:
        try:
            lock.acquire(blocking=False)
        except Timeout:
            return None
        return lock.release

    return attempt


def _by_flock(path: str) -> Attempt:
    import fcntl

    def attempt() -> Callable[[], object] | None:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # A file that lost its link meanwhile locks nobody else out.
            held = os.fstat(fd).st_nlink > 0
        except BlockingIOError:
            held = False
        except BaseException:
            os.close(fd)
            raise
        if held:
            return lambda: os.close(fd)
        os.close(fd)
        return None

    return attempt

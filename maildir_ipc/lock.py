"""The spool's lock: registering, renaming, merging, expiring, and sending to a missing name hold it.

flock(2) on one file that is never unlinked; any death lets it go. Whoever gets it first finishes what
a dead holder had begun.
"""

from __future__ import annotations

import os

from .errors import Misconfigured
from .maildir import cannot_write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .spool import Spool


class Lock:
    """One taking of the lock: one `with` statement each. Not re-entrant."""

    __slots__ = ("_path", "_release", "_spool")

    def __init__(self, spool: Spool) -> None:
        self._spool, self._path = spool, f"{spool.root}/.ipc/lock"
        self._release: Callable[[], object] | None = None

    @property
    def held(self) -> bool:
        """Whether we are inside the `with` statement."""
        return self._release is not None

    def __enter__(self) -> Lock:
        try:
            self._release = _by_filelock(self._path) or _by_flock(self._path)
        except OSError as error:
            raise cannot_write(self._path, error) from error
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


def _by_filelock(path: str) -> Callable[[], object] | None:
    """Take the lock through filelock and return how to let it go; None where it is not installed.

    The commands in bin/ start without installed packages and use flock(2) themselves: it is the same lock.
    """
    try:
        from filelock import FileLock

        # Without these two, some versions unlink the file, and then two processes hold two different locks.
        lock = FileLock(path, mode=0o600, preserve_lock_file=True, fallback_to_soft=False, thread_local=False)
    except (ImportError, TypeError):
        return None
    lock.acquire()
    return lock.release


def _by_flock(path: str) -> Callable[[], object]:
    import fcntl

    while True:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        fcntl.flock(fd, fcntl.LOCK_EX)
        # A file that lost its link while we waited locks nobody else out.
        if os.fstat(fd).st_nlink:
            return lambda: os.close(fd)
        os.close(fd)

"""An open Maildir, looked at: its folders, what lies in them, and the bytes of a message. Changes nothing.

All work is relative to one open descriptor, and no folder is followed through a symbolic link.
"""

from __future__ import annotations

import errno
import os
import stat
import time

from .entry import Entry
from .errors import MailboxGone, Misconfigured
from .unique import is_held

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

GONE = (errno.ENOENT, errno.ESTALE, errno.ENOTDIR)
_CHUNK = 65536  # bytes compared at a time
_LOOKS = 20  # at a directory that others keep changing
_TICK = 20_000_000  # nanoseconds; no kernel's clock for times of change is coarser
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW
# O_NONBLOCK: a FIFO that somebody put there must not stop the reader.
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Folders:
    """An open Maildir. Threads may share one; the descriptor stays with the directory when it is renamed.

    Use as a context manager, or `close` it.
    """

    __slots__ = ("_open", "fd", "path")

    def __init__(self, path: str) -> None:
        """Open the directory itself, never what a symbolic link at *path* leads to. Raises: MailboxGone."""
        try:
            self.fd = os.open(path, _DIRECTORY)
        except OSError as error:
            if error.errno in (*GONE, errno.ELOOP):
                raise MailboxGone(path) from error
            raise
        self.path = path
        self._open: dict[str, int] = {}

    def __enter__(self) -> Folders:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let the descriptors go."""
        for fd in (*self._open.values(), self.fd):
            try:
                os.close(fd)
            except OSError:
                pass  # nothing was written through a directory's descriptor
        self._open = {}

    def text(self, path: str) -> str:
        """Return what is written in a small file of the mailbox; nothing where it is not there."""
        try:
            fd = os.open(path, _READ, dir_fd=self.fd)
        except FileNotFoundError:
            return ""
        try:
            return os.read(fd, 1 << 20).decode("utf-8", "replace")
        finally:
            os.close(fd)

    def names(self, folder: str) -> list[str]:
        """Return the names in one directory: one reading of it. A file being renamed meanwhile may be missed."""
        try:
            # By path, not through the descriptor: half the system calls. Should the path lead elsewhere
            # by now, the names mean nothing in this mailbox, and every claim below answers ENOENT.
            found = os.listdir(f"{self.path}/{folder}")
        except (FileNotFoundError, NotADirectoryError):
            return []
        return [name for name in found if not name.startswith(".")]

    def entries(self, *folders: str) -> list[Entry]:
        """Return every message in *folders*, in reading order, each key once, missing none.

        `new` must come before `cur`. A directory is read again until it stood still: one reading
        of a busy one misses files that are renamed meanwhile.
        """
        found: dict[tuple[str, str], Entry] = {}
        for _ in range(_LOOKS):
            # A reader moves unread mail from cur/ back into new/ too: all of them must have stood still.
            before, begun = [self._stamp(folder) for folder in folders], time.time_ns()
            for folder in folders:
                for name in self.names(folder):
                    entry = Entry(folder, name)
                    found[entry.key, entry.verdict] = entry
            # Two changes within one tick leave one time of change: a young one does not say that nothing moved.
            young = 0 <= begun - max(before, default=0) < _TICK
            if not young and [self._stamp(folder) for folder in folders] == before:
                break
        return sorted(found.values(), key=lambda entry: entry.stem)

    def unread(self, runs: Callable[[str], bool | None], now: float) -> list[Entry]:
        """Return what in `new/` nobody holds, in reading order: O(new). *runs* as `Host.runs`. As `unread_and_held`."""
        return self.unread_and_held(runs, now)[0]

    def unread_and_held(self, runs: Callable[[str], bool | None], now: float) -> tuple[list[Entry], list[Entry]]:
        """Return what in `new/` nobody holds, and what somebody does, each in reading order: O(new).

        Raises: Misconfigured without a `new/`, for then nobody knows that there is no mail.
        """
        try:
            names = os.listdir(f"{self.path}/new")  # by path, as in `names`
        except (FileNotFoundError, NotADirectoryError):
            if not self.has("new"):
                raise Misconfigured(f"{self.path}/new is not there", "mipc doctor --fix") from None
            names = os.listdir(self.at("new"))  # being renamed: for a moment the path leads nowhere
        free: list[Entry] = []
        held: list[Entry] = []
        found = [Entry("new", name) for name in names if not name.startswith(".")]
        for entry in sorted(found, key=lambda entry: entry.stem):
            (held if entry.owner and is_held(entry.owner, runs, now) else free).append(entry)
        return free, held

    def is_at(self, path: str) -> bool:
        """Return whether the open directory is the one at *path* itself, which may have been renamed or replaced."""
        try:
            return os.path.samestat(os.lstat(path), os.fstat(self.fd))
        except OSError:
            return False

    def read(self, entry: Entry, limit: int) -> bytes | None:
        """Return the bytes of a message; None when it is no regular file or larger than *limit* bytes.

        Raises: FileNotFoundError when it was renamed meanwhile.
        """
        try:
            fd = os.open(entry.name, _READ, dir_fd=self.at(entry.folder))
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.ENXIO, errno.EACCES):
                return None  # a symbolic link, a socket: not a message
            raise
        try:
            status = os.fstat(fd)
            if not stat.S_ISREG(status.st_mode) or status.st_size > limit:
                return None
            data = os.read(fd, status.st_size + 1)
            while len(data) < status.st_size and (more := os.read(fd, status.st_size - len(data))):
                data += more
            return data
        finally:
            os.close(fd)

    def holds(self, unique: str) -> bool:
        """Return whether *unique* lies in `new/`, claimed or not."""
        return any(Entry("new", name).stem == unique for name in self.names("new"))

    def copies(self, other: Folders, folder: str, names: Sequence[str]) -> set[str]:
        """Return those of *names*, in a folder of *other*, that we hold in `new/` or `cur/`: same key, same bytes."""
        for _ in range(_LOOKS):
            held = {entry.key: entry for entry in self.entries("new", "cur")}
            pairs = [(entry, held.get(entry.key)) for entry in (Entry(folder, name) for name in names)]
            try:
                return {theirs.name for theirs, ours in pairs if ours and self._is_same(ours, other, theirs)}
            except FileNotFoundError:
                continue  # a reader moved ours meanwhile
        return set()

    def _is_same(self, ours: Entry, other: Folders, theirs: Entry) -> bool:
        """Return whether two files are one, or have the same bytes. Raises: FileNotFoundError: ours was renamed."""
        try:
            one = os.open(ours.name, _READ, dir_fd=self.at(ours.folder))
        except FileNotFoundError:
            raise
        except OSError:
            return False  # a link: not a message
        try:
            two = os.open(theirs.name, _READ, dir_fd=other.at(theirs.folder))
            try:
                status = os.fstat(one), os.fstat(two)
                if os.path.samestat(*status):
                    return True  # a broadcast
                same = len({(stat.S_IFMT(s.st_mode), s.st_size) for s in status}) == 1
                while same and (chunk := os.read(one, _CHUNK)):
                    same = chunk == os.read(two, _CHUNK)
                return same
            finally:
                os.close(two)
        except OSError:
            return False  # it is gone, or no regular file
        finally:
            os.close(one)

    def has(self, path: str) -> bool:
        """Return whether there is anything at *path* below the mailbox: one system call."""
        return os.access(path, os.F_OK, dir_fd=self.fd)

    def at(self, folder: str) -> int:
        """Return the descriptor of a folder, opened once: never what a symbolic link in its place leads to.

        Raises: Misconfigured for such a link, FileNotFoundError.
        """
        if not folder:
            return self.fd
        if folder not in self._open:
            above, _, last = folder.rpartition("/")
            try:
                self._open[folder] = os.open(last, _DIRECTORY, dir_fd=self.at(above))
            except OSError as error:
                if error.errno in (errno.ELOOP, errno.ENOTDIR):
                    raise Misconfigured(f"{self.path}/{folder} is no directory", "move it away") from error
                raise
        return self._open[folder]

    def _carried_off(self, entry: Entry) -> Entry | None:
        """Return where another program put a file that we hold: mutt moves it to `cur/`, claim and all."""
        if entry.folder == "cur":
            return None
        found = (Entry("cur", name) for name in self.names("cur"))
        return next((e for e in found if e.owner == entry.owner and e.stem == entry.stem), None)

    def _exists(self, folder: str, name: str) -> bool:
        try:
            os.stat(name, dir_fd=self.at(folder), follow_symlinks=False)
        except FileNotFoundError:
            return False
        return True

    def _stamp(self, folder: str) -> int:
        try:
            return os.stat(folder, dir_fd=self.fd).st_mtime_ns
        except FileNotFoundError:
            return 0

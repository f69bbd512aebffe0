"""One Maildir: delivering into it, claiming from it, and what a file name there means.

This file owns what *delivered* and *claimed* mean, and is the only one that renames or removes
message files. It knows neither names, nor signatures, nor what is in a message.
All work is relative to one open descriptor, so re-pointing a forward or renaming the mailbox
in the middle cannot split a delivery. Source: maildir(5); protocol.md, sections 3 and 6.
"""

from __future__ import annotations

import errno
import os
import stat
import sys

from .errors import DurabilityUnknown, MailboxGone, Misconfigured, TryAgain
from .unique import is_held

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .errors import MaildirIPCError

REJECTED = ".Rejected"
SENT = ".Sent"
MAX_NAME_BYTES = 255
_GONE = (errno.ENOENT, errno.ESTALE, errno.ENOTDIR)
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
# O_NONBLOCK: a FIFO that somebody put there must not stop the reader.
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Entry:
    """A file name in `new` or `cur`, taken apart; a value: it does not follow the file."""

    __slots__ = ("flags", "folder", "name", "owner", "stem")

    def __init__(self, folder: str, name: str) -> None:
        head, _, info = name.partition(":")
        self.stem, _, self.owner = head.partition(",c=")
        self.flags = info[2:] if info.startswith("2,") else ""
        self.folder, self.name = folder, name

    @property
    def key(self) -> str:
        """What stays the same whatever readers do: the name before the first `:` and the first `,`."""
        return self.stem.partition(",")[0]

    @property
    def verdict(self) -> str:
        """The verdict that it was set aside with, or the empty string."""
        return self.stem.partition(",v=")[2]

    @property
    def path(self) -> str:
        """The path below the mailbox."""
        return f"{self.folder}/{self.name}"

    @property
    def committed(self) -> str:
        """The path below the mailbox that `commit` will give it, or where it lies if nobody claimed it."""
        flags = "".join(sorted({*self.flags, "S"}))
        return f"cur/{self.stem}:2,{flags}" if self.owner else self.path


class Maildir:
    """An open Maildir. Threads may share one; the descriptor stays with the directory when it is renamed.

    Use as a context manager, or `close` it.
    """

    __slots__ = ("_open", "fd", "path")

    def __init__(self, path: str) -> None:
        """Open the directory itself, never what a symbolic link at *path* leads to. Raises: MailboxGone."""
        try:
            self.fd = os.open(path, _DIRECTORY)
        except OSError as error:
            if error.errno in (*_GONE, errno.ELOOP):
                raise MailboxGone(path) from error
            raise
        self.path = path
        self._open: dict[str, int] = {}

    def __enter__(self) -> Maildir:
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

    def check_records(self) -> None:
        """Return when `.ipc` is a folder of this mailbox, or is not there. Raises: Misconfigured for a link."""
        try:
            self._at(".ipc")
        except FileNotFoundError:
            pass

    def deliver(self, data: bytes, unique: str, *, sync: bool = True, temporary: str = "") -> None:
        """Put *data* into `new/` as *unique*; with *sync* it survives a power cut when this returns.

        *temporary* is another name for it in `tmp/`, where an earlier attempt may have left its own.
        Raises: MailboxGone, TryAgain and Misconfigured (nothing was delivered), DurabilityUnknown (it was).
        Source: maildir(5); protocol.md, section 3, whose steps these are.
        """
        temporary = temporary or unique
        try:
            tmp, new = self._at("tmp"), self._at("new")
            _write(tmp, temporary, data, sync=sync)  # 1 to 4
            try:
                os.rename(temporary, unique, src_dir_fd=tmp, dst_dir_fd=new)  # 5
            except BaseException:
                _discard(tmp, temporary)
                raise
        except OSError as error:
            if error.errno in _GONE:
                raise MailboxGone(self.path) from error
            raise cannot_write(self.path, error) from error
        if sync:
            self.sync_new()  # 6

    def sync_new(self) -> None:
        """Make what was renamed into `new/` survive a power cut. Raises: DurabilityUnknown."""
        try:
            fsync(self._at("new"))
        except OSError as error:
            # The message may have been read already: removing it now would lose it.
            raise DurabilityUnknown(f"delivered, but it may not survive a power cut: {error.strerror}") from error

    def keep_sent(self, box: Maildir, data: bytes, unique: str) -> None:
        """Keep a copy of what was delivered to *box* in `.Sent`: a link, else a copy; never synced.

        What was promised is the delivery: a copy that cannot be kept is no failure.
        """
        try:
            self.make_folder(SENT)
            kept, cur = f"{unique}:2,S", self._at(f"{SENT}/cur")
            try:
                os.link(unique, kept, src_dir_fd=box._at("new"), dst_dir_fd=cur, follow_symlinks=False)
            except FileExistsError:
                return
            except OSError:
                # The reader was faster and the file has another name; or links are not possible here.
                _write(self._at(f"{SENT}/tmp"), unique, data, sync=False)
                os.rename(unique, kept, src_dir_fd=self._at(f"{SENT}/tmp"), dst_dir_fd=cur)
        except (OSError, Misconfigured):
            pass

    def make_folder(self, name: str) -> None:
        """Make a Maildir++ folder unless it is there."""
        if f"{name}/cur" in self._open:
            return
        try:
            self._at(f"{name}/cur")
        except FileNotFoundError:
            for path in (name, f"{name}/tmp", f"{name}/new", f"{name}/cur"):
                folder, _, last = path.rpartition("/")
                try:
                    os.mkdir(last, 0o700, dir_fd=self._at(folder))
                except FileExistsError:
                    pass
            try:
                os.close(os.open("maildirfolder", _CREATE, 0o600, dir_fd=self._at(name)))
            except FileExistsError:
                pass

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
        for _ in range(20):
            # A reader moves unread mail from cur/ back into new/ too: all of them must have stood still.
            before = [self._stamp(folder) for folder in folders]
            for folder in folders:
                for name in self.names(folder):
                    entry = Entry(folder, name)
                    found[entry.key, entry.verdict] = entry
            if [self._stamp(folder) for folder in folders] == before:
                break
        return sorted(found.values(), key=lambda entry: entry.stem)

    def unread(self, runs: Callable[[str], bool | None], now: float) -> list[Entry]:
        """Return what in `new/` nobody holds, in reading order: O(new). *runs* as `Host.runs`."""
        entries = [Entry("new", name) for name in self.names("new")]
        free = [entry for entry in entries if not entry.owner or not is_held(entry.owner, runs, now)]
        return sorted(free, key=lambda entry: entry.stem)

    def claim(self, entry: Entry, owner: str, fresh: Callable[[], str]) -> Entry | None:
        """Return the entry now held by *owner*, or None when another has it.

        From `new/`, unclaimed or of a dead owner, or unread from `cur/`. *fresh* makes a unique name,
        for a name that would become too long.
        """
        stem, info = entry.stem, f":2,{entry.flags}" if entry.flags or entry.folder == "cur" else ""
        name = f"{stem},c={owner}{info}"
        if len(os.fsencode(name)) > MAX_NAME_BYTES:
            name = f"{fresh()},c={owner}{info}"
        return self._move(entry, "new", name)

    def commit(self, entry: Entry, fresh: Callable[[], str], add: str = "S") -> Entry | None:
        """Move a claimed entry to `cur/` with flags *add*; None when the claim was lost meanwhile."""
        flags = "".join(sorted({*entry.flags, *add}))
        moved = self._move_aside(entry, "cur", entry.stem, f":2,{flags}", fresh)
        found = None if moved is not None else self._carried_off(entry)
        return moved if found is None else self.commit(found, fresh, add)

    def release(self, entry: Entry, fresh: Callable[[], str]) -> Entry | None:
        """Give a claimed entry back: it is unread again."""
        moved = self._move_aside(entry, "new", entry.stem, f":2,{entry.flags}" if entry.flags else "", fresh)
        found = None if moved is not None else self._carried_off(entry)
        if found is None:
            return moved
        # Read in the program that moved it: then it stays read.
        return self.commit(found, fresh, "") if "S" in found.flags else self.release(found, fresh)

    def set_aside(self, entry: Entry, verdict: str, fresh: Callable[[], str]) -> Entry | None:
        """Move a claimed entry to `.Rejected`, byte for byte, its verdict in its name."""
        self.make_folder(REJECTED)
        return self._move_aside(entry, f"{REJECTED}/cur", entry.stem, f",v={verdict}:2,{entry.flags}", fresh)

    def flag(self, entry: Entry, add: str, fresh: Callable[[], str]) -> Entry | None:
        """Add flags to a message that was read or sent, where it lies; None when it is neither, or was moved.

        A name in `new/` has none: maildir(5). It may be claimed, too, and a claim is its owner's to rename.
        """
        if entry.owner or not entry.folder.endswith("cur") or set(add) <= set(entry.flags):
            return None
        flags = "".join(sorted({*entry.flags, *add}))
        return self._move_aside(entry, entry.folder, entry.stem, f":2,{flags}", fresh)

    def recall(self, entry: Entry, owner: str, fresh: Callable[[], str]) -> Entry | None:
        """Claim an entry that had been set aside, to judge it again."""
        return self._move_aside(entry, "new", entry.stem.partition(",v=")[0], f",c={owner}", fresh)

    def read(self, entry: Entry, limit: int) -> bytes | None:
        """Return the bytes of a message; None when it is no regular file or larger than *limit* bytes.

        Raises: FileNotFoundError when it was renamed meanwhile.
        """
        try:
            fd = os.open(entry.name, _READ, dir_fd=self._at(entry.folder))
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

    def _at(self, folder: str) -> int:
        """Return the descriptor of a folder, opened once: never what a symbolic link in its place leads to.

        Raises: Misconfigured for such a link, FileNotFoundError.
        """
        if not folder:
            return self.fd
        if folder not in self._open:
            above, _, last = folder.rpartition("/")
            try:
                self._open[folder] = os.open(last, _DIRECTORY, dir_fd=self._at(above))
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

    def _move(self, entry: Entry, folder: str, name: str) -> Entry | None:
        try:
            os.rename(entry.name, name, src_dir_fd=self._at(entry.folder), dst_dir_fd=self._at(folder))
        except FileNotFoundError:
            return None
        return Entry(folder, name)

    def _move_aside(self, entry: Entry, folder: str, stem: str, tail: str, fresh: Callable[[], str]) -> Entry | None:
        """Move to a name that may exist.

        rename(2) would replace that file, or, for a link to the same one, do nothing and leave both names.
        """
        name = stem + tail
        if len(os.fsencode(name)) > MAX_NAME_BYTES or self._exists(folder, name):
            name = fresh() + tail
        return self._move(entry, folder, name)

    def _exists(self, folder: str, name: str) -> bool:
        try:
            os.stat(name, dir_fd=self._at(folder), follow_symlinks=False)
        except FileNotFoundError:
            return False
        return True

    def _stamp(self, folder: str) -> int:
        try:
            return os.stat(folder, dir_fd=self.fd).st_mtime_ns
        except FileNotFoundError:
            return 0


def _write(folder: int, name: str, data: bytes, *, sync: bool) -> None:
    """Write a new file whole, or leave none: steps 1 to 4 of a delivery."""
    fd = os.open(name, _CREATE, 0o600, dir_fd=folder)  # 1: O_EXCL, so nothing is overwritten
    try:
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(fd, view) :]  # 2
            if sync:
                fsync(fd)  # 3: without it a power cut leaves an empty file in new/
        finally:
            os.close(fd)  # 4: NFS and quota report here
    except BaseException:
        _discard(folder, name)
        raise


def _discard(folder: int, name: str) -> None:
    try:
        os.unlink(name, dir_fd=folder)
    except OSError:
        pass  # the 36-hour sweep of tmp/ takes it


def cannot_write(path: str, error: OSError) -> MaildirIPCError:
    """Return what to tell someone who could not write at *path*: whether trying again can help."""
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return Misconfigured(
            f"{path} cannot be written: {error.strerror}",
            "let the sandbox write to the spool, or use the MCP tools",
        )
    return TryAgain(f"{path} cannot be written: {error.strerror}", "nothing is lost; try again when that is mended")


def fsync(fd: int) -> None:
    """Put a file or a directory on the medium itself; macOS's own call stops at the drive's cache."""
    if sys.platform == "darwin":
        import fcntl

        fcntl.fcntl(fd, fcntl.F_FULLFSYNC)
    else:
        os.fsync(fd)

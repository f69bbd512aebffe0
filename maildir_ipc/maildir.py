"""One Maildir: delivering into it, claiming from it, and what a file name there means.

This file owns what *delivered* and *claimed* mean, and is the only one that renames or removes
message files. It knows neither names, nor signatures, nor what is in a message.
All work is relative to one open descriptor, so re-pointing a forward or renaming the mailbox
in the middle cannot split a delivery. Source: maildir(5); protocol.md, sections 3 and 6.
"""

from __future__ import annotations

import errno
import os
import sys

from .entry import Entry
from .errors import DurabilityUnknown, MailboxGone, Misconfigured, TryAgain
from .folders import GONE, Folders

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .errors import MaildirIPCError
    from .limits import Room

REJECTED = ".Rejected"
SENT = ".Sent"
FLAGGED = "F"  # for a person's attention; maildir(5)
MAX_NAME_BYTES = 255
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW


class _Anyway:
    """Room without a limit."""

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


_ANYWAY = _Anyway()


class Maildir(Folders):
    """An open Maildir, and all that may be done to its messages."""

    __slots__ = ()

    def __enter__(self) -> Maildir:
        return self

    def check_records(self) -> None:
        """Return when `records` is a folder of this mailbox, or is not there. Raises: Misconfigured for a link."""
        try:
            self.at("records")
        except FileNotFoundError:
            pass

    def deliver(
        self, data: bytes, unique: str, room: Room | None = None, *, sync: bool = True, temporary: str = ""
    ) -> None:
        """Put *data* into `new/` as *unique*; with *sync* it survives a power cut when this returns.

        *temporary* is another name for it in `tmp/`, where an earlier attempt may have left its own.
        *room* is entered for the moment at which the message appears.
        Raises: MailboxGone, TryAgain and Misconfigured (nothing was delivered), DurabilityUnknown (it was).
        Source: maildir(5); protocol.md, section 3, whose steps these are.
        """
        temporary = temporary or unique
        try:
            tmp, new = self.at("tmp"), self.at("new")
            _write(tmp, temporary, data, sync=sync)  # 1 to 4
            try:
                with room or _ANYWAY:
                    os.rename(temporary, unique, src_dir_fd=tmp, dst_dir_fd=new)  # 5
            except BaseException:
                _discard(tmp, temporary)
                raise
        except OSError as error:
            if error.errno in GONE:
                raise MailboxGone(self.path) from error
            raise cannot_write(self.path, error) from error
        if sync:
            self.sync_new()  # 6

    def sync_new(self) -> None:
        """Make what was renamed into `new/` survive a power cut. Raises: DurabilityUnknown."""
        try:
            fsync(self.at("new"))
        except OSError as error:
            # The message may have been read already: removing it now would lose it.
            raise DurabilityUnknown(f"delivered, but it may not survive a power cut: {error.strerror}") from error

    def keep_sent(self, box: Maildir, data: bytes, unique: str) -> None:
        """Keep a copy of what was delivered to *box* in `.Sent`: a link, else a copy; never synced.

        What was promised is the delivery: a copy that cannot be kept is no failure.
        """
        try:
            self.make_folder(SENT)
            kept, cur = f"{unique}:2,S", self.at(f"{SENT}/cur")
            try:
                os.link(unique, kept, src_dir_fd=box.at("new"), dst_dir_fd=cur, follow_symlinks=False)
            except FileExistsError:
                return
            except OSError:
                # The reader was faster and the file has another name; or links are not possible here.
                _write(self.at(f"{SENT}/tmp"), unique, data, sync=False)
                os.rename(unique, kept, src_dir_fd=self.at(f"{SENT}/tmp"), dst_dir_fd=cur)
        except (OSError, Misconfigured):
            pass

    def make_folder(self, name: str) -> None:
        """Make a Maildir++ folder unless it is there."""
        if f"{name}/cur" in self._open:
            return
        try:
            self.at(f"{name}/cur")
        except FileNotFoundError:
            for path in (name, f"{name}/tmp", f"{name}/new", f"{name}/cur"):
                folder, _, last = path.rpartition("/")
                try:
                    os.mkdir(last, 0o700, dir_fd=self.at(folder))
                except FileExistsError:
                    pass
            try:
                os.close(os.open("maildirfolder", _CREATE, 0o600, dir_fd=self.at(name)))
            except FileExistsError:
                pass

    def claim(self, entry: Entry, owner: str, fresh: Callable[[], str]) -> Entry | None:
        """Return the entry now held by *owner*, or None when another has it.

        From `new/`, unclaimed or of a dead owner, or unread from `cur/`. *fresh* makes a unique name,
        for a name that would become too long.
        """
        stem, info = entry.stem, entry.info
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

    def release(self, entry: Entry, fresh: Callable[[], str], add: str = "") -> Entry | None:
        """Give a claimed entry back, with flags *add*: it is unread again."""
        info = f":2,{''.join(sorted({*entry.flags, *add}))}" if add else entry.info
        moved = self._move_aside(entry, "new", entry.stem, info, fresh)
        found = None if moved is not None else self._carried_off(entry)
        if found is None:
            return moved
        # Read in the program that moved it: then it stays read.
        return self.commit(found, fresh, "") if "S" in found.flags else self.release(found, fresh, add)

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

    def pour(self, other: Maildir) -> None:
        """Take over every message of *other*; its `new/` is gone when this returns.

        A sender that still has *other* open then gets ENOENT, resolves the name again and delivers to
        the right mailbox; before that, what it delivered is found by another round.
        """
        while True:
            # What a mail program made of it, as .Archive, is mail as well.
            others = sorted(name for name in os.listdir(other.path) if name.startswith("."))
            for folder in ("new", "cur", *(f"{name}/{part}" for name in others for part in ("new", "cur"))):
                self._pour_folder(other, folder)
            try:
                os.rmdir("new", dir_fd=other.fd)
                return
            except FileNotFoundError:
                return
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                    raise

    def _pour_folder(self, other: Maildir, folder: str) -> None:
        try:
            names = os.listdir(f"{other.path}/{folder}")
        except (FileNotFoundError, NotADirectoryError):
            return
        if names and folder.startswith("."):
            self.make_folder(folder.partition("/")[0])
            if not self._exists(folder.partition("/")[0], folder.partition("/")[2]):
                os.mkdir(folder, 0o700, dir_fd=self.fd)
        # Sent to both: poured in, it would look like an old message that somebody brought along.
        copies = self.copies(other, folder, names) if names and not folder.startswith(".") else set()
        for name in names:
            stem, colon, info = name.partition(":")
            target = f"{stem},{os.urandom(4).hex()}{colon}{info}" if self._exists(folder, name) else name
            try:
                if name in copies:
                    os.unlink(name, dir_fd=other.at(folder))
                else:
                    os.rename(name, target, src_dir_fd=other.at(folder), dst_dir_fd=self.at(folder))
            except FileNotFoundError:
                continue
        if names or not folder.startswith("."):
            fsync(self.at(folder))

    def lend(self, other: Maildir, unique: str, room: Room) -> None:
        """Link our `tmp/` file *unique* into *other*'s `new/`; not synced there.

        Raises: MailboxGone, TryAgain; OSError where links fail.
        """
        try:
            with room:
                os.link(unique, unique, src_dir_fd=self.at("tmp"), dst_dir_fd=other.at("new"), follow_symlinks=False)
        except FileExistsError:
            pass  # an earlier attempt
        except OSError as error:
            if error.errno in GONE:
                raise MailboxGone(other.path) from error
            raise

    def stage(self, data: bytes, unique: str, *, sync: bool) -> None:
        """Write *data* to `tmp/`, to be lent to many. Raises: TryAgain, Misconfigured."""
        try:
            _discard(self.at("tmp"), unique)
            _write(self.at("tmp"), unique, data, sync=sync)
        except OSError as error:
            raise cannot_write(self.path, error) from error

    def unstage(self, unique: str, *, keep: bool) -> None:
        """Remove what was staged; with *keep* it goes to `.Sent`."""
        try:
            if not keep:
                _discard(self.at("tmp"), unique)
                return
            self.make_folder(SENT)
            os.rename(unique, f"{unique}:2,S", src_dir_fd=self.at("tmp"), dst_dir_fd=self.at(f"{SENT}/cur"))
        except (OSError, Misconfigured):
            _discard(self.at("tmp"), unique)

    def _move(self, entry: Entry, folder: str, name: str) -> Entry | None:
        try:
            os.rename(entry.name, name, src_dir_fd=self.at(entry.folder), dst_dir_fd=self.at(folder))
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
            "let the sandbox write to the spool",
        )
    return TryAgain(f"{path} cannot be written: {error.strerror}", "nothing is lost; try again when that is mended")


def fsync(fd: int) -> None:
    """Put a file or a directory on the medium itself; macOS's own call stops at the drive's cache."""
    if sys.platform == "darwin":
        import fcntl

        fcntl.fcntl(fd, fcntl.F_FULLFSYNC)
    else:
        os.fsync(fd)

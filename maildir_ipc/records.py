"""Small text records: `word value` lines, read whole and replaced whole.

A reader sees the old record or the new one, never a part of either; words that it does not know
stay where they are, so an older program does not destroy what a newer one wrote.
"""

from __future__ import annotations

import errno
import os
import stat

from .maildir import fsync

_LIMIT = 1 << 20  # bytes; a record is a few lines
_FIRST = 4096  # bytes read at first: room for a megabyte costs more than all else that reading a record does


def read(path: str) -> str | None:
    """Return the record at *path*; None when there is none. Raises: OSError for what is no regular file."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        data = os.read(fd, _FIRST)
        if not data:  # a FIFO is empty to whoever does not wait; asked only then, for every command reads records
            _check_regular(fd, path)
        if len(data) == _FIRST:
            data += os.read(fd, _LIMIT)
        return data.decode("utf-8", "replace")
    except OSError as error:
        error.filename = path  # read(2) knows none, and whoever mends it has to
        raise
    finally:
        os.close(fd)


def replace(path: str, text: str, *, sync: bool = True) -> None:
    """Put *text* at *path*, mode 0600; with *sync* it survives a power cut when this returns."""
    temporary = f"{path}.{os.getpid()}.{os.urandom(4).hex()}"
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        try:
            data = text.encode()
            while data:
                data = data[os.write(fd, data) :]
            if sync:
                fsync(fd)
        finally:
            os.close(fd)
        os.rename(temporary, path)
    except BaseException as error:
        remove(temporary)
        if isinstance(error, OSError):
            error.filename, error.filename2 = path, None  # write(2) knows none; nobody knows the temporary one
        raise
    if sync:
        sync_directory(os.path.dirname(path))


def create(path: str, text: str, *, sync: bool = True) -> bool:
    """Put *text* at *path* unless something is there; True when it was this call that did, durably with *sync*."""
    temporary = f"{path}.{os.getpid()}.{os.urandom(4).hex()}"
    replace(temporary, text, sync=sync)
    try:
        os.link(temporary, path)
    except FileExistsError:
        return False
    finally:
        remove(temporary)
    if sync:
        sync_directory(os.path.dirname(path))
    return True


def append(path: str, line: str) -> None:
    """Add a line, in one call: several may do so at once, and no line is lost. Not synced."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW
    fd = os.open(path, flags, 0o600)
    try:
        _check_regular(fd, path)
        os.write(fd, f"{line}\n".encode())
    finally:
        os.close(fd)


def remove(path: str) -> None:
    """Remove a record if it is there."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass


def remove_empty(path: str) -> None:
    """Remove a directory if nothing is in it."""
    try:
        os.rmdir(path)
    except OSError:
        pass  # it is not empty, or another has removed it


def sync_directory(path: str) -> None:
    """Return when the names in this directory survive a power cut."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fsync(fd)
    finally:
        os.close(fd)


def make_directory(path: str) -> None:
    """Make a directory of mode 0700, whatever the umask, unless it is there."""
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        return
    os.chmod(path, 0o700)


def remove_tree(path: str) -> None:
    """Remove a directory and all below it; what somebody else removes meanwhile is no error."""
    for folder, directories, files in os.walk(path, topdown=False):
        for name in (*files, *directories):
            inner = f"{folder}/{name}"
            try:
                if name in files or os.path.islink(inner):
                    os.unlink(inner)
                else:
                    os.rmdir(inner)
            except FileNotFoundError:
                continue
    try:
        os.rmdir(path)
    except FileNotFoundError:
        pass


def _check_regular(fd: int, path: str) -> None:
    """Return when *fd*, of *path*, is a regular file. Raises: OSError."""
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        raise OSError(errno.EINVAL, "not a regular file", path)


def words(text: str) -> dict[str, str]:
    """Return the `word value` lines of a record, the last of each word."""
    return dict(line.split(" ", 1) for line in text.split("\n") if " " in line)


def number(text: str) -> int:
    """Return a number of a record; 0 when it is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0

"""Removing what nobody needs any more: by its own name, never through a symbolic link, and only when it is old.

This file and `maildir` are the only ones that unlink files below a mailbox. It decides nothing:
which file is not needed is `housekeeping`'s to say.
"""

from __future__ import annotations

import os
import stat

from .maildir import REJECTED, SENT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LEFTOVER_SECONDS = 36 * 3600.0  # maildir(5): a file in tmp/ that nobody touched for so long is litter
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW
_HEX = frozenset("0123456789abcdef")


def file_system_time(folder: str) -> float:
    """Return the time by the clock that stamps the files in *folder*: on a network file system, not ours."""
    path = f"{folder}/clock.{os.getpid()}.{os.urandom(4).hex()}"
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        return os.fstat(fd).st_mtime
    finally:
        os.close(fd)
        os.unlink(path)


def touched(status: os.stat_result) -> float:
    """Return when a file was last read, written, renamed or linked."""
    return max(status.st_atime, status.st_mtime, status.st_ctime)


def changed(status: os.stat_result) -> float:
    """Return when a file was last written or renamed; a grep over the spool is no change."""
    return max(status.st_mtime, status.st_ctime)


def written(status: os.stat_result) -> float:
    """Return when a file was last written."""
    return status.st_mtime


def files(root: str, folder: str) -> Iterator[tuple[str, os.stat_result]]:
    """Yield the name and status of every plain file in a folder below *root*; none where a part of it is a link."""
    try:
        above = os.open(root, _DIRECTORY)
        fd = _open_below(above, folder)
    except OSError:
        return
    try:
        for name in sorted(os.listdir(fd)):
            try:
                status = os.stat(name, dir_fd=fd, follow_symlinks=False)
            except FileNotFoundError:
                continue
            if stat.S_ISREG(status.st_mode):
                yield name, status
    finally:
        os.close(fd)


def remove(root: int, path: str) -> bool:
    """Remove a file below the open directory *root*; False when it is not there by that name any more.

    No part of *path* may be a symbolic link: then nothing is removed. Raises: OSError.
    """
    folder, _, name = path.rpartition("/")
    fd = _open_below(os.dup(root), folder)
    try:
        os.unlink(name, dir_fd=fd)
    except FileNotFoundError:
        return False
    finally:
        os.close(fd)
    return True


def remove_below(root: str, path: str) -> bool:
    """Remove a file below the directory at *root*, as `remove` does."""
    fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        return remove(fd, path)
    finally:
        os.close(fd)


def _open_below(fd: int, folder: str) -> int:
    """Return the descriptor of a folder below *fd*, which is closed. Raises: OSError when a part is a link."""
    for part in folder.split("/") if folder else ():
        try:
            below = os.open(part, _DIRECTORY, dir_fd=fd)
        finally:
            os.close(fd)
        fd = below
    return fd


def remove_tree(path: str) -> None:
    """Remove a directory that was moved aside, and all in it; links are removed, not followed.

    Someone may remove files of his own meanwhile: a sender its file in tmp/.
    """
    for folder, directories, names in os.walk(path, topdown=False):
        for name in names:
            _forget(os.unlink, f"{folder}/{name}")
        for name in directories:
            below = f"{folder}/{name}"
            _forget(os.unlink if os.path.islink(below) else os.rmdir, below)
    _forget(os.rmdir, path)


def is_temporary(name: str) -> bool:
    """Return whether a file is what a killed writer of a record, or of a saved text, leaves behind."""
    stem, _, last = name.rpartition(".")
    if len(last) != 8 or not _HEX.issuperset(last):
        return False
    return stem.rpartition(".")[2].isdigit() or stem.endswith(".md")


def temporary_folders(mailbox: str) -> list[str]:
    """Return the tmp/ of a mailbox and of its Maildir++ folders, as paths below it."""
    folders = {f"{REJECTED}/tmp", f"{SENT}/tmp"}
    for name in os.listdir(mailbox):
        if name.startswith("."):
            folders.add(f"{name}/tmp")
    return ["tmp", *sorted(folders)]


def _forget(act: Callable[[str], None], path: str) -> None:
    try:
        act(path)
    except FileNotFoundError:
        pass

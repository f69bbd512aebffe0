"""The seen-set of a mailbox: which messages were accepted, exact under concurrency.

One symbolic link for each (sender, Message-ID): made by one exclusive system call, read by one. `gc` packs
the links of long ago into one sorted file, since each may cost a block of the disk. protocol.md, 6.4.
"""

from __future__ import annotations

import os

from .maildir import fsync
from .signing import fingerprint

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .folders import Folders

# What a file may be, beside a verdict on its message; neither is shown.
SHOWN, DUPLICATE = "shown", "duplicate"

_FOLDER = "records/seen"
_PACKED = "seen-packed"  # in records/
_KEY = 26  # characters
_LINE = 512  # bytes, at most: a key, a file's name, a digest
_BLOCK = 4096
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def seen_key(sender: str, message_id: str) -> str:
    """Return the name under which a message is remembered; base32, for file systems that fold case."""
    return fingerprint(f"{sender}\n{message_id}")


class SeenSet:
    """The seen-set of an open mailbox; never followed through a symbolic link."""

    __slots__ = ("_box",)

    def __init__(self, box: Folders) -> None:
        self._box = box

    def find(self, key: str) -> tuple[str, str] | None:
        """Return (file key, digest) of the message that was accepted under *key*, or None."""
        try:
            text = os.readlink(key, dir_fd=self._box.at(_FOLDER))
        except FileNotFoundError:
            # In this order: a link goes only after the file that has its line is durable.
            return self._find_packed(key)
        base, _, digest = text.rpartition(",b=")
        return base, digest

    def add(self, key: str, base: str, digest: str) -> bool:
        """Remember a message; False when another file was accepted under *key* before."""
        return self.make(key, base, digest) or self.find(key) == (base, digest)

    def make(self, key: str, base: str, digest: str) -> bool:
        """Remember a message, and say whether it was this call that did: of all callers, one is told True."""
        for folder in ("records", _FOLDER):
            try:
                self._box.at(folder)
            except FileNotFoundError:
                above, _, last = folder.rpartition("/")
                try:
                    os.mkdir(last, 0o700, dir_fd=self._box.at(above))
                except FileExistsError:
                    pass  # another reader of this mailbox
        try:
            os.symlink(f"{base},b={digest}", key, dir_fd=self._box.at(_FOLDER))
        except FileExistsError:
            return False
        first = False
        try:
            # A link that was packed is gone; its line is not.
            first = self._find_packed(key) is None
        finally:
            if not first:
                os.unlink(key, dir_fd=self._box.at(_FOLDER))
        return first

    def packable(self, before: float) -> list[str]:
        """Return the keys whose links were made before that Unix time, sorted."""
        try:
            fd = self._box.at(_FOLDER)
        except FileNotFoundError:
            return []
        return sorted(key for key in os.listdir(fd) if len(key) == _KEY and _made(key, fd) < before)

    def pack(self, keys: list[str]) -> None:
        """Move these links, sorted, into the packed file: at every moment each is in one or in both, durably.

        The spool's lock must be held: two that pack at once would forget. Raises: OSError.
        """
        fd, above = self._box.at(_FOLDER), self._box.at("records")
        temporary = f"{_PACKED}.{os.getpid()}.{os.urandom(4).hex()}"
        fresh = (f"{key} {os.readlink(key, dir_fd=fd)}\n".encode() for key in keys)
        try:
            with open(os.open(temporary, _WRITE, 0o600, dir_fd=above), "wb") as file:
                file.writelines(_merge(self._lines(), fresh))
                file.flush()
                fsync(file.fileno())
            os.rename(temporary, _PACKED, src_dir_fd=above, dst_dir_fd=above)
        except BaseException:
            try:
                os.unlink(temporary, dir_fd=above)
            except FileNotFoundError:
                pass
            raise
        fsync(above)
        for key in keys:
            os.unlink(key, dir_fd=fd)

    def _lines(self) -> Iterator[bytes]:
        try:
            fd = os.open(_PACKED, _READ, dir_fd=self._box.at("records"))
        except FileNotFoundError:
            return
        with open(fd, "rb") as file:
            yield from file

    def _find_packed(self, key: str) -> tuple[str, str] | None:
        try:
            fd = os.open(_PACKED, _READ, dir_fd=self._box.at("records"))
        except FileNotFoundError:
            return None
        try:
            text = _look_up(fd, key.encode())
        finally:
            os.close(fd)
        if text is None:
            return None
        base, _, digest = text.decode("utf-8", "surrogateescape").rpartition(",b=")
        return base, digest


def _look_up(fd: int, key: bytes) -> bytes | None:
    """Return what stands behind *key* in a file of sorted lines, by halving it: some 12 reads in 10 MB."""
    low, high = 0, os.fstat(fd).st_size
    while high - low > _BLOCK:
        middle = (low + high) // 2
        chunk = os.pread(fd, _LINE, middle)
        start = chunk.find(b"\n") + 1
        if chunk[start : start + _KEY] > key:
            high = middle
        else:
            low = middle
    text = b"\n" * (low == 0) + os.pread(fd, high - low + _LINE, low)
    _, found, rest = text.partition(b"\n%s " % key)
    return rest.partition(b"\n")[0] if found else None


def _merge(old: Iterator[bytes], fresh: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the lines of both, each sorted by key, in order; of two with one key the old one, which was first."""
    mine = next(fresh, None)
    for line in old:
        while mine is not None and mine[:_KEY] <= line[:_KEY]:
            if mine[:_KEY] != line[:_KEY]:
                yield mine
            mine = next(fresh, None)
        yield line
    if mine is not None:
        yield mine
    yield from fresh


def _made(key: str, fd: int) -> float:
    try:
        return os.stat(key, dir_fd=fd, follow_symlinks=False).st_mtime
    except FileNotFoundError:
        return float("inf")

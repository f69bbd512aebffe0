"""A file of settings that belongs to a person or to another program: read it, replace it, leave no trace.

A link is followed and stays a link. Owner and mode stay. Nobody ever finds half a file, and a change that
somebody else made in the meantime is seen before it would be lost.
"""

from __future__ import annotations

import os
import stat

from .errors import Misconfigured, TryAgain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_LARGEST = 32 << 20  # bytes


class Dotfile:
    """What a file held when it was read; *octets* is None when there was none."""

    __slots__ = ("mode", "octets", "path", "real")

    def __init__(self, path: str, real: str, octets: bytes | None, mode: int) -> None:
        self.path, self.real, self.octets, self.mode = path, real, octets, mode

    @property
    def text(self) -> str | None:
        """The content. Raises: Misconfigured, when it is not UTF-8."""
        try:
            return None if self.octets is None else self.octets.decode()
        except UnicodeDecodeError:
            raise Misconfigured(f"{self.path}: not UTF-8", "it is left as it is") from None


def read(path: str) -> Dotfile:
    """Return what is at *path*. Raises: Misconfigured, when it is something else than a file that may be replaced."""
    real = os.path.realpath(path)
    try:
        fd = os.open(real, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        if os.path.islink(path):
            raise Misconfigured(f"{path}: a link to nothing", "make the file, or remove the link") from None
        return Dotfile(path, real, None, 0o600)
    except OSError as error:
        raise Misconfigured(f"{path}: {error.strerror}", "it is left as it is") from error
    facts = os.fstat(fd)
    if not stat.S_ISREG(facts.st_mode) or facts.st_size > _LARGEST:
        os.close(fd)
        raise Misconfigured(f"{path}: not a file of settings", "it is left as it is")
    with open(fd, "rb") as file:
        octets = file.read(_LARGEST)
    return Dotfile(path, real, octets, stat.S_IMODE(facts.st_mode))


def replace(old: Dotfile, text: str | None, keep: Sequence[str] = ()) -> None:
    """Return when the file holds *text*, durably; None removes it, with folders made for it, but none of *keep*.

    Raises: Misconfigured (it may not be written), TryAgain (it changed since it was read; nothing was done).
    """
    if old.octets is not None and not old.mode & stat.S_IWUSR:
        raise Misconfigured(f"{old.path}: read-only", "make it writable, or put the text in yourself")
    folder = os.path.dirname(old.real)
    try:
        if text is None:
            _unchanged(old)
            os.unlink(old.real)
            leave(folder, keep)
            return
        make_folder(folder)
        _write(old, text, f"{old.real}.{os.getpid()}.maildir-ipc")
    except OSError as error:
        raise Misconfigured(f"{old.path}: cannot write: {error.strerror}", "it is left as it is") from error


def make_folder(path: str) -> None:
    """Return when *path* is a folder. What is made for it is for this account alone. Raises: OSError."""
    if not os.path.isdir(path):
        parent = os.path.dirname(path)
        if parent != path:
            make_folder(parent)
        os.mkdir(path, 0o700)


def leave(folder: str, keep: Sequence[str]) -> None:
    """Remove a folder that is empty, and is closed to others as those are that `make_folder` makes; its parents too."""
    try:
        while folder not in keep and stat.S_IMODE(os.stat(folder).st_mode) == 0o700:
            os.rmdir(folder)
            folder = os.path.dirname(folder)
    except OSError:
        pass  # not empty, or not ours to remove


def _write(old: Dotfile, text: str, beside: str) -> None:
    fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        with open(fd, "wb") as file:
            file.write(text.encode())
            file.flush()
            os.fchmod(fd, old.mode)
            if old.octets is not None:
                _same_owner(fd, os.stat(old.real))
            os.fsync(fd)
        _unchanged(old)
        os.rename(beside, old.real)
    except BaseException:
        os.unlink(beside)
        raise


def _same_owner(fd: int, facts: os.stat_result) -> None:
    made = os.fstat(fd)
    if (made.st_uid, made.st_gid) != (facts.st_uid, facts.st_gid):
        os.fchown(fd, facts.st_uid, facts.st_gid)
        os.fchmod(fd, stat.S_IMODE(facts.st_mode))


def _unchanged(old: Dotfile) -> None:
    if read(old.path).octets != old.octets:
        raise TryAgain(f"{old.path} was changed by somebody else just now", "nothing was written; do it again")

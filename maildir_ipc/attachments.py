"""Files that go with a message: read without harm to the sender, written without harm to the receiver.

The name of an attachment is its sender's word. What is written under it stays in the directory that the
receiver chose, replaces nothing, follows no link, and has a name that is safe to look at and to type.
"""

from __future__ import annotations

import errno
import os
import stat
import unicodedata

from .errors import BadData, Misconfigured, TryAgain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .draft import Attachment
    from .errors import MaildirIPCError

MAX_NAME = 120  # characters
_MAX_BYTES = 200  # of a name; with a number it stays below 255 everywhere
_MAX_EXTENSION = 16  # characters
_SAFE = frozenset(" ._-+=@,()[]{}~#%")  # besides letters and digits: nothing that a shell or another system obeys
_NO_PATH = "no path has such a character"  # Python's own words differ from version to version
_COPIES = 10000  # of one name
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW


def read_file(path: str, most: int, private: Sequence[str]) -> bytes:
    """Return the content of a regular file of at most *most* bytes that is, or lies in, none of the places *private*.

    Raises: BadData.
    """
    try:
        # O_NONBLOCK: a FIFO must not stop us before we know that it is one.
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            mode = os.fstat(fd).st_mode
            if not stat.S_ISREG(mode):
                what = "a directory" if stat.S_ISDIR(mode) else "no regular file"
                raise BadData(f"{path!a} is {what}", "give a file; several can go in an archive")
            if _is_private(path, fd, private):
                raise BadData(f"{path!a} may hold a key or a token", "no message may: give another file")
            return _read(fd, path, most)
        finally:
            os.close(fd)
    except (OSError, ValueError) as error:  # a NUL is no OSError
        why = error.strerror if isinstance(error, OSError) else _NO_PATH
        raise BadData(f"{path!a}: {why}", "give a file that can be read") from error


def _is_private(path: str, fd: int, private: Sequence[str]) -> bool:
    """Return whether a file may hold what only this account knows, whatever links lead there."""
    real = os.path.realpath(path)
    if real.startswith("/proc/") and real.endswith("/environ"):
        return True  # a shared secret may stand in it
    kept = {path: status for path in private if (status := _place(path)) is not None}
    found = [os.fstat(fd)]
    if found[0].st_nlink > 1 and any(_holds(path, found[0]) for path in kept):
        return True
    while (real := os.path.dirname(real)) not in ("/", ""):
        found.append(os.stat(real))
    return any(os.path.samestat(one, other) for one in found for other in kept.values())


def _holds(place: str, file: os.stat_result) -> bool:
    """Return whether *file* has a name somewhere below *place*."""
    for folder, _, names in os.walk(place):
        for name in names:
            try:
                if os.path.samestat(os.lstat(os.path.join(folder, name)), file):
                    return True
            except OSError:  # a token that ends at this moment
                continue
    return False


def _place(path: str) -> os.stat_result | None:
    """Return what is at *path*, but not what another's link leads to: one of the places is below /tmp."""
    try:
        link = os.lstat(path)
        return os.stat(path) if link.st_uid in (0, os.geteuid()) else None
    except OSError:
        return None


def largest_file(message: int) -> int:
    """Return how many bytes a file may have that goes in a message of *message* bytes: 57 of them are 77 there."""
    return message * 57 // 77


def _read(fd: int, path: str, most: int) -> bytes:
    size, data = os.fstat(fd).st_size, b""
    if size <= most:
        # All that it says it has at once: a list of pieces would hold it twice when it is joined.
        chunks, want = [], size + 1
        while size <= most and (chunk := os.read(fd, want)):
            chunks.append(chunk)
            want, size = 1 << 20, sum(map(len, chunks))  # it grew, or said 0 as those in /proc do
        data = b"".join(chunks)
    if size > most:
        raise BadData(
            f"{path!a} is too large: {most} bytes are the most",
            "send the path of the file, or raise max-message in the spool's settings",
        )
    return data


def safe_name(name: str) -> str:
    """Return a file name that a person still recognises: one component, visible, of bounded length."""
    parts = [part for part in unicodedata.normalize("NFC", name).replace("\\", "/").split("/") if part.strip(" .")]
    last = "".join(c if c in _SAFE or _is_written(c) else "_" for c in (parts[-1] if parts else "")).strip(" ")
    if last[:1] in (".", "-", "~"):  # hidden; an option; somebody's home
        last = "_" + last[1:]
    stem, dot, extension = last.rpartition(".")
    if not stem or len(extension) > _MAX_EXTENSION:
        stem, dot, extension = last, "", ""
    room = MAX_NAME - len(dot + extension)
    while len(stem) > room or len(os.fsencode(stem + dot + extension)) > _MAX_BYTES:
        stem = stem[:room] if len(stem) > room else stem[:-1]
    return stem + dot + extension or "attachment"


def _is_written(char: str) -> bool:
    """Return whether this is a letter, a mark on one, or a digit, of any script."""
    return unicodedata.category(char)[0] in "LMN"


def save_all(attachments: Sequence[Attachment], directory: str) -> Iterator[str]:
    """Write each attachment into *directory*, made if it is missing, and yield its path when it is there.

    Raises: BadData, Misconfigured, TryAgain; what was being written is removed, what was yielded stays.
    """
    try:
        os.makedirs(directory, 0o700, exist_ok=True)
        folder = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileExistsError:
        raise Misconfigured(f"{directory} is no directory", "give one, or a name that is free") from None
    except ValueError as error:
        raise BadData(f"{directory!a}: {_NO_PATH}", "give a directory") from error
    except OSError as error:
        raise _cannot_save(directory, error) from error
    try:
        for attachment in attachments:
            yield os.path.join(directory, _save(attachment, folder, directory))
    finally:
        os.close(folder)


def _save(attachment: Attachment, folder: int, directory: str) -> str:
    try:
        name, fd = _create(safe_name(attachment.name), folder)
        try:
            view = memoryview(attachment.content)
            while view:
                view = view[os.write(fd, view) :]
        except BaseException:
            os.unlink(name, dir_fd=folder)
            raise
        finally:
            os.close(fd)
    except OSError as error:
        raise _cannot_save(directory, error) from error
    return name


def _cannot_save(directory: str, error: OSError) -> MaildirIPCError:
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return Misconfigured(f"{directory}: {error.strerror}", "give a directory that can be written")
    return TryAgain(f"{directory}: {error.strerror}", "try again when that is mended")


def _create(name: str, folder: int) -> tuple[str, int]:
    stem, dot, extension = name.rpartition(".")
    if not stem:
        stem, dot, extension = name, "", ""
    for number in range(1, _COPIES):
        free = name if number == 1 else f"{stem}-{number}{dot}{extension}"
        try:
            return free, os.open(free, _CREATE, 0o600, dir_fd=folder)
        except FileExistsError:
            continue
    raise FileExistsError(errno.EEXIST, "too many files of that name", name)

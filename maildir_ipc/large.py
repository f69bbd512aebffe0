"""What a reader sees of a message that is too large to show: a bounded summary, and the whole of it in a file.

The message itself is stored whole, and its signature covers all of it; only the reader converts.
"""

from __future__ import annotations

import os
import time

from .signing import reference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .maildir import Maildir
    from .message import Message

FOLDER = "large-messages"
_SENTENCES = 2
_SUMMARY = 300  # characters at most
_OPENING = 150  # characters, when the text has no sentences


def summary_of(text: str) -> str:
    """Return the first two sentences of *text*, or its first 150 characters and `...`; 300 characters at most."""
    head = " ".join(text[:4000].split())
    end, found = 0, 0
    for i, char in enumerate(head[:_SUMMARY]):
        # A sentence is over ten characters, so that "e.g." and "1." do not end one.
        if char in ".!?" and i - end > 10 and head[i + 1 : i + 2] in ("", " "):
            end, found = i + 1, found + 1
            if found == _SENTENCES:
                break
    return head[:end] if found else head[:_OPENING].rstrip() + "..."


def file_name(message: Message, to: str, key: str) -> str:
    """Return the name of the file; *key*, the message file's, makes it unlike any other's."""
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(message.date))
    sender = "".join(c if c.isalnum() and c.isascii() else "_" for c in message.from_)[:32]
    return f"{stamp}_{sender}_{to}_message-{reference(key)[:8]}.md"


def save(mailbox: Maildir, message: Message, to: str, key: str) -> str:
    """Return the path of a file that holds the whole message; one that is there already is used again.

    Raises: OSError when it cannot be written, or `large-messages` is not a directory.
    """
    import json

    name, flags = file_name(message, to, key), os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW
    path = f"{mailbox.path}/{FOLDER}/{name}"
    try:
        os.mkdir(FOLDER, 0o700, dir_fd=mailbox.fd)
    except FileExistsError:
        pass
    when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(message.date))
    body = message.body.encode()
    size = f"{len(body) / 1024:.1f}KB"
    head = f"# IPC Message\nFrom: {message.from_}\nTo: {to}\nTime: {when}\nSize: {size}\n\n## Content\n"
    data = "" if message.data is None else f"\n## Data\n{json.dumps(message.data, indent=1)}\n"
    folder = os.open(FOLDER, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=mailbox.fd)
    try:
        if os.access(name, os.F_OK, dir_fd=folder):
            return path
        temporary = f"{name}.{os.urandom(4).hex()}"
        with os.fdopen(os.open(temporary, flags, 0o600, dir_fd=folder), "wb") as file:
            file.writelines((head.encode(), body, f"\n{data}".encode()))
        os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
    finally:
        os.close(folder)
    return path

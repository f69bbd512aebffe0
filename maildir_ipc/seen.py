"""The seen-set of a mailbox: which messages were accepted, exact under concurrency.

One symbolic link for each (sender, Message-ID): made by one exclusive system call, read by one,
without a data block. protocol.md, 6.4.
"""

from __future__ import annotations

import os

from .signing import fingerprint

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .folders import Folders

# What a file may be, beside a verdict on its message; neither is shown.
SHOWN, DUPLICATE = "shown", "duplicate"

_FOLDER = "records/seen"


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
            return None
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
        return True

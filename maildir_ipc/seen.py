"""The seen-set of a mailbox: which messages were accepted, exact under concurrency.

One symbolic link for each (sender, Message-ID): made by one exclusive system call, read by one,
without a data block. protocol.md, 6.4.
"""

from __future__ import annotations

import os

from .signing import fingerprint

SHOWN, DUPLICATE = "shown", "duplicate"  # what a file may be beside a verdict on its message; never shown

_FOLDER = ".ipc/seen"


def seen_key(sender: str, message_id: str) -> str:
    """Return the name under which a message is remembered; base32, for file systems that fold case."""
    return fingerprint(f"{sender}\n{message_id}")


class SeenSet:
    """The seen-set below an open mailbox directory."""

    __slots__ = ("fd",)

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def find(self, key: str) -> tuple[str, str] | None:
        """Return (file key, digest) of the message that was accepted under *key*, or None."""
        try:
            text = os.readlink(f"{_FOLDER}/{key}", dir_fd=self.fd)
        except FileNotFoundError:
            return None
        base, _, digest = text.rpartition(",b=")
        return base, digest

    def add(self, key: str, base: str, digest: str) -> bool:
        """Remember a message; False when another file was accepted under *key* before."""
        return self.make(key, base, digest) or self.find(key) == (base, digest)

    def make(self, key: str, base: str, digest: str) -> bool:
        """Remember a message, and say whether it was this call that did: of all callers, one is told True."""
        for _ in (1, 2):
            try:
                os.symlink(f"{base},b={digest}", f"{_FOLDER}/{key}", dir_fd=self.fd)
                return True
            except FileExistsError:
                return False
            except FileNotFoundError:
                for path in (".ipc", _FOLDER):
                    try:
                        os.mkdir(path, 0o700, dir_fd=self.fd)
                    except FileExistsError:
                        pass
        return False

"""What a message file's name says: its key, who holds it, its flags, and why it was set aside.

Source: maildir(5); protocol.md, sections 3 and 6.
"""

from __future__ import annotations


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
    def info(self) -> str:
        """The suffix that it keeps while it is claimed, and when it is given back; empty if it was never in `cur/`."""
        return f":2,{self.flags}" if ":" in self.name or self.folder == "cur" else ""

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

"""What `doctor` says: one thing that it found, what to do about it, and, where it is safe, how to mend it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

WRONG, NOTE = "wrong", "note"  # a note is worth knowing, and makes no failure


class Finding:
    """One thing, a value: *check* is the name of the rule, *mend* does what *next* says, and may fail."""

    __slots__ = ("check", "level", "mend", "next", "what")

    def __init__(
        self, check: str, what: str, next: str, *, level: str = WRONG, mend: Callable[[], object] | None = None
    ) -> None:
        self.check, self.what, self.next, self.level, self.mend = check, what, next, level, mend

"""Which names led to a mailbox, and when: the record `records/names`, a value.

Mail is for whoever had the name when it was signed. Two owners of one name never overlap: the first
has it until its forward ends, the next from the second after.
"""

from __future__ import annotations

from . import records
from .address import is_name
from .errors import Misconfigured, NotYours

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from .folders import Folders

    Line = tuple[str, int, int | None]


class Names:
    """[(name, since, until or None for now)], oldest first; whole seconds, inclusive.

    *renamed* is the second of the last renaming, *made* that in which the mailbox was made, or the first of those
    that were merged into it; 0 for none. *earlier* has the seconds of the renamings before.
    """

    __slots__ = ("earlier", "lines", "made", "registered", "renamed", "state_since")

    def __init__(
        self,
        registered: bool,
        state_since: int,
        lines: Sequence[Line],
        renamed: int = 0,
        made: int = 0,
        earlier: Sequence[int] = (),
    ) -> None:
        self.registered, self.state_since, self.lines = registered, state_since, tuple(lines)
        self.renamed, self.made, self.earlier = renamed, made, tuple(at for at in earlier if at)

    @classmethod
    def read(cls, mailbox: str) -> Names | None:
        """Return the record of the mailbox at that path; None when it has none."""
        text = records.read(f"{mailbox}/records/names")
        return None if text is None else cls.parse(text)

    @classmethod
    def parse(cls, text: str) -> Names:
        """Return the record; lines that cannot be read are left out."""
        registered, state_since, renamed, made, earlier = False, 0, 0, 0, list[int]()
        lines: list[Line] = []
        for line in text.split("\n"):
            parts = line.split(" ")
            if parts[0] in ("registered", "waiting") and len(parts) == 2:
                registered, state_since = parts[0] == "registered", records.number(parts[1])
            elif parts[0] == "renamed" and len(parts) == 2:
                earlier.append(renamed)
                renamed = records.number(parts[1])
            elif parts[0] == "made" and len(parts) == 2:
                made = records.number(parts[1])
            elif len(parts) == 3 and is_name(parts[0]):
                lines.append(
                    (parts[0], records.number(parts[1]), None if parts[2] == "-" else records.number(parts[2]))
                )
        return cls(registered, state_since, lines, renamed, made, earlier)

    def write(self, mailbox: str) -> None:
        """Put the record into the mailbox at that path; it survives a power cut when this returns."""
        records.replace(f"{mailbox}/records/names", str(self))

    def __str__(self) -> str:
        state = "registered" if self.registered else "waiting"
        lines = [f"{name} {since} {'-' if until is None else until}" for name, since, until in self.lines]
        renamed = [f"renamed {at}" for at in self._renamings]
        made = [f"made {self.made}"] if self.made else []
        return "\n".join([f"{state} {self.state_since}", *made, *renamed, *lines, ""])

    @property
    def current(self) -> str:
        """The name that the mailbox has now."""
        return self.lines[-1][0] if self.lines else ""

    def until(self, name: str) -> int:
        """Return the second until which a former name leads here; 0 for one that never did, or is current."""
        return next((until or 0 for known, _, until in reversed(self.lines) if known == name), 0)

    def forwards(self, now: float) -> list[str]:
        """Return the former names that still lead here."""
        former = dict.fromkeys(name for name, _, _ in self.lines if name != self.current)
        return [name for name in former if self.until(name) >= now]

    def led_here(self, name: str, t: int) -> bool:
        """Return whether mail to *name*, signed at second *t*, was meant for this mailbox."""
        return any(name == known and since <= t and (until is None or t <= until) for known, since, until in self.lines)

    def forwarded(self, to: Sequence[str], t: int) -> str | None:
        """Return which of *to* was a former name already at second *t*, and led here; None for mail to the present one.

        None, too, where the record does not say which name was the present one then.
        """
        last, known = len(self.lines) - 1, self._renamings
        index = last - sum(t < at for at in known)  # each renaming added a line
        if index <= max(0, last - len(known)) or self.lines[index][0] in to:
            return None
        former = [name for name, since, until in self.lines[:index] if since <= t <= (until or 0)]
        return next((name for name in to if name in former), None)

    @property
    def _renamings(self) -> list[int]:
        return [at for at in (*self.earlier, self.renamed) if at]

    def existed(self, t: int) -> bool:
        """Return whether the mailbox, or one that was merged into it, was there at second *t*."""
        return bool(self.lines) and self._begun <= t

    def now_registered(self, now: int) -> Names:
        """Return the record of the same mailbox once somebody has registered it."""
        return Names(True, now, self.lines, self.renamed, self.made, self.earlier)

    def now_named(self, new: str, since: int, now: int, end: int) -> Names:
        """Return the record after a renaming at *now*: the old name leads here until *end*, *new* from *since*."""
        old = self.current
        kept = [(name, begun, end if name == old and until is None else until) for name, begun, until in self.lines]
        lines = [*kept, (new, since, None)]
        return Names(self.registered, self.state_since, lines, now, self.made, self._renamings)

    def merged_with(self, waiting: Names) -> Names:
        """Return the record of the mailbox that gets the mail of *waiting*: what was for that one is for it."""
        begun = waiting.made or waiting.state_since  # the first state of a mailbox that waits begins with it
        made = min(self._begun, begun) if begun else self.made
        return Names(self.registered, self.state_since, self.lines, self.renamed, made, self.earlier)

    @property
    def _begun(self) -> int:
        return self.made or self.lines[0][1]  # a record of an older version does not say when it was made


def names_lost(mailbox: str) -> Misconfigured:
    """Return what to tell whoever meets a mailbox that does not know its names: nobody could say whose mail it has."""
    return Misconfigured(f"{mailbox}/records/names is missing or damaged", "restore it, or mipc doctor --fix")


def present_name(box: Folders, name: str, root: str) -> str:
    """Return the name that an open mailbox has now, its path set by it: it may have been renamed since *name*.

    Raises: NotYours when it is in the spool no more.
    """
    for _ in range(8):
        if box.is_at(f"{root}/{name}"):
            return name
        # By the descriptor: another mailbox may lie at our path by now.
        name = Names.parse(box.text("records/names")).current or name
        box.path = f"{root}/{name}"
    raise NotYours(f"the mailbox {name} is there no more", "mipc register NAME")

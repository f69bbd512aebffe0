"""Whether unread mail was moved out of `new/`, without listing `cur/` to see.

mutt and neomutt move everything from `new/` to `cur/` when a mailbox is merely opened. The record
`records/gate` is a cache: without it, or with a wrong one, the next check lists `cur/` once more.
"""

from __future__ import annotations

import os

from . import records
from .entry import Entry
from .maildir import REJECTED
from .signing import UNKNOWN_KEY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .maildir import Maildir

LIST_EVERY = 3600.0  # seconds after which cur/ is listed even though nothing seems to have moved
LIST_GAP = 60.0  # seconds between two listings of a cur/ that is large
_LARGE_CUR = 2000  # names


class Gate:
    """Knows, without listing `cur/`, whether another tool moved unread mail there: `records/gate`, a cache.

    mutt and neomutt move everything from `new/` to `cur/` when a mailbox is merely opened.
    """

    __slots__ = (
        "_count",
        "_keys",
        "_listed",
        "_maildir",
        "_mtime",
        "_now",
        "_path",
        "_stamp",
        "answerable",
        "last",
        "left_unread",
        "used",
    )

    def __init__(self, maildir: Maildir, now: float, keys: str) -> None:
        """*keys* changes whenever a key for this spool comes in."""
        self._maildir, self._now, self._keys = maildir, now, keys
        self._path = f"{maildir.path}/records/gate"
        values = records.words(records.read(self._path) or "")
        self._mtime = values.get("mtime", "")
        try:
            self._listed, self._count = float(values.get("listed", "0")), int(values.get("count", "0"))
        except ValueError:
            self._listed, self._count, self._mtime = 0.0, 0, ""
        self._stamp, self.last = values.get("keys", "-"), values.get("last", "")
        self.answerable = values.get("answerable", "")
        self.used = self.left_unread = False

    def unread_in_cur(self) -> list[Entry]:
        """Return what lies in `cur/` unread, if something was moved there; O(1) when nothing was."""
        now = self._now
        moved = self._present() != self._mtime or now - self._listed > LIST_EVERY
        self.left_unread = moved  # until it was listed
        gap = LIST_GAP if self._count > _LARGE_CUR else 0.0
        if not moved or 0 <= now - self._listed < gap:
            return []
        self._mtime, self._listed, self.used = self._present(), now, True
        self.left_unread = False
        entries = [Entry("cur", name) for name in self._maildir.names("cur")]
        self._count = len(entries)
        return [entry for entry in entries if "S" not in entry.flags and "T" not in entry.flags]

    def wait_for_key(self) -> list[Entry]:
        """Return what was set aside for want of a key, when new keys have come in since."""
        if self._keys == self._stamp:
            return []
        self._stamp, self.used = self._keys, True
        folder = f"{REJECTED}/cur"
        aside = [Entry(folder, name) for name in self._maildir.names(folder)]
        return [entry for entry in aside if entry.verdict == UNKNOWN_KEY]

    def before_move(self) -> None:
        """Notice, before a move of our own hides it, that `cur/` was changed by another."""
        self.left_unread = self.left_unread or self._present() != self._mtime

    def after_move(self) -> None:
        """Take the state of `cur/` after a move of our own for known."""
        self._mtime = self._present()

    def commit(self, entry: Entry, fresh: Callable[[], str]) -> Entry | None:
        """As the Maildir's own, remembered: for a commit that is not part of a check."""
        self.before_move()
        committed = self._maildir.commit(entry, fresh)
        self.after_move()
        self.write("")
        return committed

    def confirm(self) -> None:
        """Write the record anew if nothing unread is in `cur/`: while it is newer than that, bin/ipc-hook is quick."""
        if not self.unread_in_cur() and not self.left_unread:
            self.write("")

    def write(self, last: str, answerable: str = "") -> None:
        """Remember how `cur/` looks now that our own moves are done; and what was shown last, by its Message-ID."""
        self.before_move()
        mtime = "" if self.left_unread else self._mtime
        text = f"mtime {mtime}\nlisted {self._listed:.3f}\ncount {self._count}\nkeys {self._stamp}\n"
        try:
            shown = f"last {last or self.last}\nanswerable {answerable or self.answerable}\n"
            records.replace(self._path, text + shown, sync=False)
        except OSError:
            pass  # a cache: the next check lists cur/ once more

    def _present(self) -> str:
        try:
            return str(os.stat("cur", dir_fd=self._maildir.fd).st_mtime_ns)
        except FileNotFoundError:
            return "0"

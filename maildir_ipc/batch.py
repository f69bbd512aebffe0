"""Messages claimed for showing: claim → verify → parse → show → commit, in that order for each.

What is not committed is unread again, whatever ends the reader. A message is remembered in the
seen-set after it was shown and before it is committed: protocol.md, section 6.
"""

from __future__ import annotations

from .seen import DUPLICATE, SHOWN
from .signing import REPLAY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .gate import Gate
    from .mailbox import Mailbox, Received
    from .maildir import Entry

    Room = Callable[[Received], bool]


class Batch:
    """Messages that were claimed for showing. Show one, flush, `commit` it; leaving gives the rest back."""

    def __init__(self, mailbox: Mailbox, room: Room, limit: int | None, gate: Gate, *, peek: bool) -> None:
        self.mailbox, self.peek, self._gate = mailbox, peek, gate
        self.messages: list[Received] = []
        self.rejected: list[Received] = []
        self.remaining = 0
        self._fresh = mailbox.namer.unique
        self._owner = mailbox.namer.owner()
        self._dropped: list[Entry] = []
        self._held: list[Entry] = []
        self._digests: dict[str, str] = {}
        self._last = ""
        try:
            self._fill(room, limit)
        except BaseException:
            self._give_back()
            raise

    def __enter__(self) -> Batch:
        return self

    def __exit__(self, *_: object) -> None:
        self._give_back()

    def commit(self, received: Received) -> None:
        """Say that *received* was shown: it is read. To be called when its text has been flushed."""
        if self.peek or received.entry not in self._held:
            return
        self._held.remove(received.entry)
        if self.mailbox.seen.add(received.key, received.entry.key, received.digest):
            self.mailbox.maildir.commit(received.entry, self._fresh)
        else:
            self.mailbox.maildir.set_aside(received.entry, REPLAY, self._fresh)
        assert received.message is not None
        self._last = received.message.id

    def finish(self) -> None:
        """Set aside what failed verification, now that it was named. To be called after the last commit."""
        if self.peek:
            return
        maildir = self.mailbox.maildir
        for received in self.rejected:
            self._held.remove(received.entry)
            maildir.set_aside(received.entry, received.verdict, self._fresh)
        for entry in self._dropped:
            self._held.remove(entry)
            maildir.commit(entry, self._fresh, "ST")
        if self.messages or self.rejected or self._dropped or self._gate.used:
            self._gate.write(self._last)

    def _fill(self, room: Room, limit: int | None) -> None:
        entries = self._candidates()
        for index, entry in enumerate(entries):
            if limit is not None and len(self.messages) >= limit:
                self.remaining = len(entries) - index
                break
            received = self._take(entry)
            if received is None:
                continue
            self.mailbox.convert(received)
            if not room(received):
                if self.messages:
                    self._return(received.entry)
                    self.remaining = len(entries) - index
                    break
                self.mailbox.convert(received, always=True)
                room(received)
            self.messages.append(received)
        self._gate.left_unread = any(entry.folder == "cur" for entry in entries[len(entries) - self.remaining :])

    def _candidates(self) -> list[Entry]:
        mailbox, now = self.mailbox, self.mailbox.spool.clock()
        unread = mailbox.maildir.unread(mailbox.host.runs, now)
        found = [] if self.peek else self._gate.wait_for_key()
        claims = [mailbox.maildir.recall(entry, self._owner, self._fresh) for entry in found]
        recalled = [entry for entry in claims if entry is not None]
        moved = self._gate.unread_in_cur()
        if not moved and not recalled:
            return unread
        return sorted([*unread, *moved, *recalled], key=lambda entry: entry.stem)

    def _take(self, entry: Entry) -> Received | None:
        """Claim and judge one entry; None when it is not to be shown."""
        mailbox, taken_over = self.mailbox, bool(entry.owner)
        claimed: Entry | None = entry
        if not self.peek and not entry.owner.startswith(self._owner):
            claimed = mailbox.maildir.claim(entry, self._owner, self._fresh)
        if claimed is None:
            return None
        self._held.append(claimed)
        try:
            received = mailbox.judge(claimed, first=True, taken_over=taken_over)
        except FileNotFoundError:
            self._held.remove(claimed)
            return None
        if received.message is not None and mailbox.shows(received.verdict):
            digest = self._digests.setdefault(received.key, received.digest)
            if len(self._digests) > len(self.messages):
                return received
            received.verdict = DUPLICATE if digest == received.digest else REPLAY
        if received.verdict == SHOWN:
            self._held.remove(claimed)
            if not self.peek:
                mailbox.maildir.commit(claimed, self._fresh)
        elif received.verdict == DUPLICATE:
            self._dropped.append(claimed)
        else:
            self.rejected.append(received)
        return None

    def _return(self, entry: Entry) -> None:
        self._held.remove(entry)
        if not self.peek:
            self.mailbox.maildir.release(entry, self._fresh)

    def _give_back(self) -> None:
        for entry in list(self._held):
            self._return(entry)

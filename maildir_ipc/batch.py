"""Messages claimed for showing: claim → verify → parse → show → commit, in that order for each.

What is not committed is unread again, whatever ends the reader. A message is remembered in the
seen-set after it was shown and before it is committed: protocol.md, section 6.
"""

from __future__ import annotations

from .seen import DUPLICATE, SHOWN
from .signing import REPLAY
from .unique import is_held

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .entry import Entry
    from .gate import Gate
    from .mailbox import Mailbox
    from .message import Message
    from .received import Received

    Room = Callable[[Received], bool]


MAX_NAMED = 5  # messages set aside that one command names; the others are counted


class Batch:
    """Messages that were claimed for showing. Show one, flush, `commit` it; leaving gives the rest back."""

    def __init__(self, mailbox: Mailbox, room: Room, limit: int | None, gate: Gate, *, peek: bool) -> None:
        self.mailbox, self.peek, self._gate = mailbox, peek, gate
        self.messages: list[Received] = []
        self.rejected: list[Received] = []
        self.receipts: list[Received] = []  # to be shown in a line each; `finish` records and commits them
        self.remaining = 0
        self._fresh = mailbox.namer.unique
        self._owner = ""
        self._dropped: list[Entry] = []
        self._held: dict[str, Entry] = {}
        self._digests: dict[str, str] = {}
        self._last = self._answerable = ""  # of what was shown, the Message-IDs
        self._owed: list[Received] = []  # whose senders asked for a receipt
        try:
            self._fill(room, limit)
        except BaseException:
            self._give_back()
            raise

    def __enter__(self) -> Batch:
        return self

    def __exit__(self, *_: object) -> None:
        self._give_back()
        if self._owed:
            from .receipts import SEEN, answer

            for received in self._owed:
                answer(self.mailbox, received, SEEN)

    def commit(self, received: Received) -> None:
        """Say that *received* was shown: it is read. To be called when its text has been flushed."""
        assert received.message is not None
        entry, maildir = received.entry, self.mailbox.maildir
        if entry.name not in self._held:
            return
        self._gate.before_move()
        first = self.mailbox.seen.add(received.key, entry.key, received.digest)
        # It is read from here on: given back without its claim it would look like a copy of itself.
        del self._held[entry.name]
        if first:
            committed = maildir.commit(entry, self._fresh)
            if committed is not None and received.message.wants_receipt:
                self._owed.append(received)
        else:
            maildir.set_aside(entry, REPLAY, self._fresh)
        self._gate.after_move()
        if received.receipt is None:
            self._shown(received.message)

    def finish(self) -> None:
        """Set aside what failed verification, now that it was named. To be called after the last commit."""
        if self.peek:
            return
        maildir = self.mailbox.maildir
        for received in self.rejected:
            maildir.set_aside(received.entry, received.verdict, self._fresh)
            del self._held[received.entry.name]
        for entry in self._dropped:
            self._gate.before_move()
            maildir.commit(entry, self._fresh, "ST")
            self._gate.after_move()
            del self._held[entry.name]
        for received in self.receipts:
            self._consume(received)
        if self.messages or self.rejected or self.receipts or self._dropped or self._gate.used:
            self._gate.write(self._last, self._answerable)

    def _shown(self, message: Message) -> None:
        self._last = message.id
        self._answerable = message.id if message.answerable else self._answerable

    def _consume(self, received: Received) -> None:
        from .errors import Misconfigured
        from .receipts import record

        assert received.receipt is not None
        try:
            record(self.mailbox.maildir, received.receipt)
        except (OSError, Misconfigured):
            return  # what cannot be recorded is not consumed: it is unread again
        self.commit(received)

    def _fill(self, room: Room, limit: int | None) -> None:
        entries = self._candidates()
        for index, entry in enumerate(entries):
            if limit is not None and len(self.messages) >= limit:
                self.remaining = len(entries) - index
                break
            received = self._take(entry)
            if received is None:
                continue
            if received.receipt is None:
                self.mailbox.convert(received)
            if not room(received):
                if self.messages or self.receipts:
                    self._return(received.entry)
                    self.remaining = len(entries) - index
                    break
                if received.receipt is None:
                    self.mailbox.convert(received, always=True)
                room(received)
            (self.messages if received.receipt is None else self.receipts).append(received)
        left = entries[len(entries) - self.remaining :]
        self._gate.left_unread = self._gate.left_unread or any(entry.folder == "cur" for entry in left)

    def _candidates(self) -> list[Entry]:
        mailbox, now = self.mailbox, self.mailbox.spool.clock()
        unread = mailbox.maildir.unread(mailbox.host.runs, now)
        listed = self._gate.unread_in_cur()
        moved = [e for e in listed if not e.owner or not is_held(e.owner, mailbox.host.runs, now)]
        self._gate.left_unread = self._gate.left_unread or len(moved) < len(listed)
        recalled = [] if self.peek else self._recalled()
        if not moved and not recalled:
            return unread
        return sorted([*unread, *moved, *recalled], key=lambda entry: entry.stem)

    def _recalled(self) -> list[Entry]:
        maildir = self.mailbox.maildir
        claims = [maildir.recall(entry, self._own(), self._fresh) for entry in self._gate.wait_for_key()]
        return [entry for entry in claims if entry is not None]

    def _take(self, entry: Entry) -> Received | None:
        """Claim and judge one entry; None when it is not to be shown."""
        mailbox, claimed = self.mailbox, entry
        if not self.peek:
            if entry.owner != self._owner or not entry.owner:
                taken = self._claim(entry)
                if taken is None:
                    return None
                claimed = taken
            self._held[claimed.name] = claimed
        taken_over = entry.owner not in ("", self._owner)
        try:
            # A name in new/ with an info came from cur/, and was given back.
            reopened = entry.folder == "cur" or ":" in entry.name
            received = mailbox.judge(claimed, first=True, taken_over=taken_over, reopened=reopened)
        except FileNotFoundError:
            self._held.pop(claimed.name, None)
            return None
        except OSError:
            if taken_over:
                # Its reader may have shown it: given back without a claim it would look like a copy of itself.
                self._held.pop(claimed.name, None)
            raise
        if received.message is not None and mailbox.shows(received.verdict):
            if received.key not in self._digests:
                self._digests[received.key] = received.digest
                if received.message.kind == "receipt":
                    from .receipts import receipt_in

                    received.receipt = receipt_in(received.message)
                return received
            received.verdict = DUPLICATE if self._digests[received.key] == received.digest else REPLAY
        self._sort_out(received)
        return None

    def _claim(self, entry: Entry) -> Entry | None:
        if entry.folder != "cur":
            return self.mailbox.maildir.claim(entry, self._own(), self._fresh)
        self._gate.before_move()
        taken = self.mailbox.maildir.claim(entry, self._own(), self._fresh)
        self._gate.after_move()
        return taken

    def _sort_out(self, received: Received) -> None:
        """Note what is to become of a file that is not shown."""
        if received.verdict not in (SHOWN, DUPLICATE):
            if len(self.rejected) >= MAX_NAMED:
                received.message = received.signature = None  # it will be counted, not named
            self.rejected.append(received)
        elif not self.peek and received.verdict == SHOWN:
            self._gate.before_move()
            self.mailbox.maildir.commit(received.entry, self._fresh)
            self._gate.after_move()
            del self._held[received.entry.name]
        elif not self.peek:
            self._dropped.append(received.entry)

    def _own(self) -> str:
        """Return our owner token; it names this process, which an empty mailbox never needs to know."""
        if not self._owner:
            self._owner = self.mailbox.namer.owner()
        return self._owner

    def _return(self, entry: Entry) -> None:
        if self._held.pop(entry.name, None) is not None:
            self.mailbox.maildir.release(entry, self._fresh)

    def _give_back(self) -> None:
        for entry in list(self._held.values()):
            self._return(entry)

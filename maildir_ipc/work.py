"""Mail as work: a message is held for longer than a command runs, and acknowledged when its work is done.

A claim is known by REF-NONCE, and no later claim of that message has the same: who lost a claim can neither
acknowledge, nor release, nor renew it. Of all that ever held a message one acknowledges it: the one that
made its link in the seen-set. protocol.md, 6.5.
"""

from __future__ import annotations

import time

from .address import id_of
from .batch import Batch
from .entry import Entry
from .errors import ClaimLost, NoSuchMessage, TryAgain, Usage
from .maildir import REJECTED
from .message import REF_LENGTH
from .process import lookup
from .receipts import DONE, answer
from .signing import REPLAY, reference
from .unique import LEASE_SECONDS, MAX_LEASE_SECONDS, NO_PROCESS, owner_parts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .batch import Room
    from .gate import Gate
    from .mailbox import Mailbox
    from .received import Received

_ATTEMPTS = 100  # at a claim that is being renewed meanwhile
_NEXT = "drop what it was for; mipc take gives the next one"


class Claim:
    """A held message: its name REF-NONCE, the second at which its lease ends, and the pid that holds it (0: none)."""

    __slots__ = ("name", "pid", "until")

    def __init__(self, ref: str, owner: str) -> None:
        mark, self.until, nonce = owner_parts(owner)
        pid = mark.split(".")[2:3]
        self.name, self.pid = f"{ref}-{nonce}", int(pid[0]) if pid and pid[0].isdigit() else 0


class Leased(Batch):
    """Messages that will be held by *token*, beyond this process, once they were shown; by this process until then."""

    def __init__(self, mailbox: Mailbox, room: Room, limit: int | None, gate: Gate, token: str) -> None:
        self._token = token
        super().__init__(mailbox, room, limit, gate, peek=False)

    def _take(self, entry: Entry) -> Received | None:
        received = super()._take(entry)
        if received is not None and received.receipt is None:
            received.lies = f"new/{received.entry.stem},c={self._token}{received.entry.info}"
        return received

    def _own(self) -> str:
        """Return a token of this process, with the nonce of the claim: killed before it ends, it holds nothing."""
        if not self._owner:
            self._owner = self.mailbox.namer.owner(nonce=owner_parts(self._token)[2])
        return self._owner


class Taking(Leased):
    """The oldest message, claimed to be worked on. Show it, flush, `hold` it; leaving without that gives it back."""

    def __init__(self, mailbox: Mailbox, room: Room, gate: Gate, token: str) -> None:
        # Receipts are no work: they are consumed on the way, however many there are.
        super().__init__(mailbox, lambda r: r.receipt is not None or room(r), 1, gate, token)

    def __enter__(self) -> Taking:
        return self

    @property
    def claim(self) -> Claim | None:
        """What holds the message from `hold` on; None when there was nothing to take."""
        message = self.messages[0].message if self.messages else None
        return None if message is None else Claim(message.ref, self._token)

    def hold(self) -> None:
        """Say that it was shown: it is its owner's now. To be called when its text has been flushed."""
        received = self.messages[0]
        if self._held.pop(received.entry.name, None) is None:
            return
        assert received.message is not None
        self._shown(received.message)
        # None: whoever read our output was faster, and has acknowledged it already.
        held = self.mailbox.maildir.claim(received.entry, self._token, self._fresh)
        received.entry = held or received.entry


class Work:
    """A mailbox as a work queue, for any number of workers."""

    __slots__ = ("_mailbox", "_maildir")

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox, self._maildir = mailbox, mailbox.maildir

    def take(self, room: Room, *, lease: float = LEASE_SECONDS, pid: int | None = None, wait: float = 0.0) -> Taking:
        """Return the oldest unread message, claimed: for *lease* seconds, or while the process *pid* runs.

        With *wait*, as soon as there is something, after so many seconds at the latest.
        What failed verification on the way is in `rejected`, as in a check. Use it as a context manager.
        Raises: Usage for a lease or a pid that cannot be.
        """
        end, mark = time.monotonic() + wait, self._mark(pid)
        while True:
            left = end - time.monotonic()
            if left > 0:
                self._mailbox.wait(left)
            taking = Taking(self._mailbox, room, self._mailbox.gate(), self._token(lease, mark, ""))
            if taking.messages or taking.rejected or taking.receipts or time.monotonic() >= end:
                return taking
            with taking:  # other workers were faster
                taking.finish()

    def renew(self, claim: str, *, lease: float = LEASE_SECONDS, pid: int | None = None) -> Claim:
        """Hold a claim until *lease* seconds from now; it keeps its process, unless *pid* names another.

        Raises: ClaimLost, NoSuchMessage, Usage.
        """
        mark = self._mark(pid) if pid is not None else None
        for _ in range(_ATTEMPTS):
            entry = self._find(claim)
            old, _until, nonce = owner_parts(entry.owner)
            held = self._maildir.claim(entry, self._token(lease, mark or old, nonce), self._mailbox.namer.unique)
            if held is not None:
                return Claim(self._ref(held), held.owner)
        raise TryAgain(f"{claim} keeps moving", "try again")

    def ack(self, claim: str, state: str = DONE) -> Received:
        """Say that the work is done: the message is read, and its sender is told *state* if it asked for that.

        Of several that held the message one returns; the others get ClaimLost. A lapsed claim that nobody
        took is still good. Raises: ClaimLost, NoSuchMessage.
        """
        received = self._held(claim)
        entry = received.entry
        if self._mailbox.seen.make(received.key, entry.key, received.digest):
            self._settle(received)
        elif not _was_moved(entry):
            self._refuse_done(claim, received)
            self._maildir.set_aside(entry, REPLAY, self._mailbox.namer.unique)
            raise ClaimLost(f"{claim} is a copy of a message that was read before", _NEXT)
        elif not self._settle(received):  # the link is that of its first reading: only the move decides
            raise self._lost(claim, _parts(claim)[0])
        answer(self._mailbox, received, state)
        return received

    def release(self, claim: str) -> Received:
        """Give a message back: it is unread again, for anyone. Raises: ClaimLost, NoSuchMessage."""
        for _ in range(_ATTEMPTS):
            received = self._held(claim)
            self._refuse_done(claim, received)
            given = self._maildir.release(received.entry, self._mailbox.namer.unique)
            if given is not None:
                received.entry = given
                return received
        raise TryAgain(f"{claim} keeps moving", "try again")

    def _refuse_done(self, claim: str, received: Received) -> None:
        """Raise ClaimLost when the message was acknowledged and only not moved yet; move it."""
        known = self._mailbox.seen.find(received.key)
        if known is not None and known[0] == received.entry.key and not _was_moved(received.entry):
            self._settle(received)
            raise ClaimLost(f"{claim} was acknowledged before", _NEXT)

    def _settle(self, received: Received) -> bool:
        """Commit what was acknowledged, also when its claim was renewed meanwhile; return whether it was ours still.

        When another has it by now, the link tells that one, or the next reader, that it is done.
        """
        nonce = owner_parts(received.entry.owner)[2]
        for _ in range(_ATTEMPTS):
            committed = self._mailbox.gate().commit(received.entry, self._mailbox.namer.unique)
            if committed is not None:
                received.entry = committed
                return True
            claims = [e for e in self._maildir.entries("new") if e.key == received.entry.key]
            if not claims or owner_parts(claims[0].owner)[2] != nonce:
                return False
            received.entry = claims[0]
        return False

    def _held(self, claim: str) -> Received:
        """Return the message of a claim. Raises: ClaimLost, NoSuchMessage."""
        for _ in range(_ATTEMPTS):
            try:
                received = self._mailbox.judge(self._find(claim), first=False)
            except FileNotFoundError:
                continue
            if received.message is None or not self._mailbox.shows(received.verdict):
                raise ClaimLost(f"the file of {claim} was changed and is not verified any more", _NEXT)
            return received
        raise TryAgain(f"{claim} keeps moving", "try again")

    def _find(self, claim: str) -> Entry:
        """Return the entry with that claim: by one listing of `new/`, or by several, and of `cur/`, to be sure."""
        ref, nonce = _parts(claim)
        # mutt moves what it finds in new/ to cur/, claim and all.
        for look in (self._once, lambda: self._maildir.entries("new", "cur")):
            held = [e for e in look() if e.owner and nonce in ("", owner_parts(e.owner)[2])]
            found = [e for e in held if self._is(e, ref)]
            if len(found) == 1:
                return found[0]
            if found:
                raise NoSuchMessage(f"{len(found)} claims are called {claim}", "give the one that mipc take printed")
        raise self._lost(claim, ref)

    def _once(self) -> list[Entry]:
        return [Entry("new", name) for name in self._maildir.names("new")]

    def _is(self, entry: Entry, ref: str) -> bool:
        id = id_of(entry.key) or self._id_inside(entry)
        return id == ref or reference(id).startswith(ref.lower())

    def _id_inside(self, entry: Entry) -> str:
        """Return the Message-ID in a file that has another program's name."""
        try:
            message = self._mailbox.judge(entry, first=False).message
        except FileNotFoundError:
            return ""
        return "" if message is None else message.id

    def _ref(self, entry: Entry) -> str:
        return reference(id_of(entry.key) or self._id_inside(entry))[:REF_LENGTH]

    def _lost(self, claim: str, ref: str) -> NoSuchMessage:
        """Return why there is no such claim. Only here is the history looked at, and no file of it is opened."""
        entries = self._maildir.entries("new", "cur", f"{REJECTED}/cur")
        found = [e for e in entries if id_of(e.key) is not None and self._is(e, ref)]
        if not found:
            return NoSuchMessage(f"nothing is held as {claim}", "give the claim that mipc take printed")
        entry, why = found[0], "it is unread again, and nobody has it"
        if entry.verdict:
            why = f"it was set aside: {entry.verdict}"
        elif entry.owner:
            why = "another has it now"
        elif "S" in entry.flags or "T" in entry.flags:
            why = "it was acknowledged, or read, before"
        return ClaimLost(f"you do not hold {claim}: {why}", _NEXT)

    def _mark(self, pid: int | None) -> str:
        if pid is None:
            return NO_PROCESS
        process = lookup(pid) if 0 < pid < 1 << 31 else None
        if process is None:
            raise Usage(f"no process {pid} runs here", "--owner wants the pid of the worker itself, such as $$")
        return self._mailbox.host.mark(process)

    def _token(self, lease: float, mark: str, nonce: str) -> str:
        if not 1 <= lease <= MAX_LEASE_SECONDS:
            raise Usage(f"a lease of {lease:g} s", f"give 1 to {MAX_LEASE_SECONDS:g} seconds, and renew it")
        return self._mailbox.namer.owner(lease, mark=mark, nonce=nonce)


def _was_moved(entry: Entry) -> bool:
    """Return whether the file came from `cur/`: a person may have marked it unread after it had been read."""
    return ":" in entry.name


def _parts(claim: str) -> tuple[str, str]:
    """Return (REF, NONCE) of a claim's name; NONCE is empty when there is none. Raises: NoSuchMessage."""
    ref, _, nonce = claim.rpartition("-")
    if not ref or len(nonce) != 8 or not set("0123456789abcdef").issuperset(nonce):
        ref, nonce = claim, ""
    ref = ref.strip("<>")
    if len(ref) < REF_LENGTH:
        raise NoSuchMessage(f"nothing is held as {claim!a}", "give the claim that mipc take printed")
    return ref, nonce

"""One identity's mail: the order of the stages, and nothing of how each is done.

    compose → sign → deliver → (doorbell) → claim → verify → parse → show → commit

Only this file knows that order. Its promises are numbered in docs/explanation/guarantees.md.
"""

from __future__ import annotations

import os
import time

from .address import EVERYONE, address_of
from .errors import BadData, DurabilityUnknown, Misconfigured, NoSuchMessage
from .maildir import REJECTED, SENT, Entry
from .message import REF_LENGTH, compose, join, parse, split
from .seen import DUPLICATE, SHOWN, SeenSet, seen_key
from .signing import (
    EXPIRED,
    MALFORMED,
    MISDIRECTED,
    NONE,
    PASS,
    REPLAY,
    Malformed,
    content_digest,
    reference,
    sign,
    verify,
)
from .unique import message_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from .batch import Batch, Room
    from .delivery import Sent
    from .gate import Gate
    from .ids import Ids
    from .keyring import Keyring
    from .message import Draft, Message
    from .process import Host
    from .signing import Key, Signature
    from .spool import Names, Spool
    from .unique import Namer

_POLL = 0.25  # seconds
_FOLDERS = ("new", "cur", f"{SENT}/cur", f"{REJECTED}/new", f"{REJECTED}/cur")
_LOOKS = 100  # at a message that others keep renaming


class Received:
    """A message with its verdict and where its file lies; *message* is None when it could not be parsed."""

    __slots__ = ("digest", "entry", "mailbox", "message", "saved_to", "signature", "summary", "verdict")

    def __init__(
        self,
        mailbox: str,
        entry: Entry,
        verdict: str,
        message: Message | None,
        signature: Signature | None,
        digest: str,
    ) -> None:
        self.mailbox, self.entry, self.verdict, self.digest = mailbox, entry, verdict, digest
        self.message, self.signature = message, signature
        self.saved_to: str | None = None
        self.summary: str | None = None

    @property
    def path(self) -> str:
        """Where the file lies once it has been shown."""
        return f"{self.mailbox}/{self.entry.committed}"

    @property
    def key(self) -> str:
        """The name under which the seen-set knows it."""
        assert self.message is not None
        return seen_key(address_of(self.message.from_), self.message.id)


class Mailbox:
    """An open mailbox, for one identity. Close it, or use it as a context manager."""

    def __init__(self, spool: Spool, keyring: Keyring, host: Host, namer: Namer, name: str) -> None:
        self.spool, self.keyring, self.host, self.namer = spool, keyring, host, namer
        self.name, self.maildir = spool.open_mailbox(name)
        self.maildir.check_records()
        self.seen = SeenSet(self.maildir.fd)
        self._names: Names | None = None  # read once for each check

    def __enter__(self) -> Mailbox:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let the descriptors go."""
        self.maildir.close()

    # Sending

    def send(self, to: Sequence[str], draft: Draft, *, id: str | None = None, sync: bool = True) -> Sent:
        """Send *draft* to each name; a delivery that is not `failed` survives a power cut (with *sync*).

        With *id*, the same draft again completes what is missing; another draft is refused.
        Raises: BadData; everything else is in the deliveries.
        """
        from .delivery import Courier, Sent

        serial, repeated = (self.namer.serial(), False) if id is None else self._begin(id, to, draft)
        data = self._compose(to, draft, serial, int(serial.partition(".")[0]))
        courier = Courier(self.spool, self.namer, self.name, serial, data, repeated=repeated)
        carried = [courier.carry(name, self.maildir, sync=sync) for name in to]
        deliveries = [delivery for delivery in carried if delivery is not None]
        reached = [d for d in deliveries if d.error is None or isinstance(d.error, DurabilityUnknown)]
        if id is None and reached and any(delivery.error is not None for delivery in deliveries):
            self._ids().keep(serial, serial, draft.digest(to))
        return Sent(f"{serial}@ipc.invalid", id or serial, deliveries)

    def _begin(self, id: str, to: Sequence[str], draft: Draft) -> tuple[str, bool]:
        return self._ids().begin(id, draft.digest(to), self.namer.serial)

    def _ids(self) -> Ids:
        from .ids import Ids

        return Ids(self.maildir.path)

    def _compose(self, to: Sequence[str], draft: Draft, serial: str, t: int) -> bytes:
        fields, body = compose(draft, sender=self.name, to=to, id=serial, t=t)
        if self.spool.signed:
            key = self._signing_key()
            expires = None if draft.expires is None else t + int(draft.expires)
            value = sign(fields, body, key, spool=self.spool.id, signer=address_of(self.name), t=t, expires=expires)
            fields.insert(0, ("IPC-Signature", value))
        data = join(fields, body)
        limit = self.spool.setting("max-message")
        if len(data) > limit:
            raise BadData(
                f"the message is {len(data)} bytes, the limit is {limit}",
                "send the path of the file, or raise max-message in the spool's settings",
            )
        return data

    def _signing_key(self) -> Key:
        key = self.keyring.key(self.spool.id, self.spool.signing_key())
        if key is None:
            raise Misconfigured(f"key {self.spool.signing_key()} is not in the keyring", "mipc key import")
        return key

    # Reading

    def check(self, room: Room, *, limit: int | None = None, peek: bool = False) -> Batch:
        """Return unread messages, claimed and verified, oldest first, as many as *room* says fit (one at least).

        With *peek* nothing is claimed or changed. Use the batch as a context manager: what it did not
        commit is unread again.
        """
        from .batch import Batch

        self._names = None
        return Batch(self, room, limit, self._gate(), peek=peek)

    def mark(self, received: Received, flag: str) -> None:
        """Add a flag of maildir(5) to a message that was read or sent, unless it was moved meanwhile."""
        gate = self._gate()
        gate.before_move()
        if self.maildir.flag(received.entry, flag, self.namer.unique) is not None:
            gate.after_move()  # our own rename is no news to the next check
            gate.write("")

    def _gate(self) -> Gate:
        from .gate import Gate

        return Gate(self.maildir, self.spool.clock(), self.keyring.stamp(self.spool.id))

    def judge(self, entry: Entry, *, first: bool, taken_over: bool = False, reopened: bool = False) -> Received:
        """Read a message and say whether it may be shown. *first*: it was never shown before.

        Raises: FileNotFoundError when it was renamed meanwhile.
        """
        raw = self.maildir.read(entry, self.spool.setting("max-message"))
        message, signature, verdict = None, None, MALFORMED
        try:
            if raw is not None:
                fields, body = split(raw)
                verdict, signature = verify(fields, body, self.keyring.key, self.spool.spools())
                covered = signature.covers if signature is not None else None
                message = parse(fields, body, size=len(raw), covered=covered)
        except Malformed:
            verdict = MALFORMED if verdict in (PASS, NONE) else verdict
        digest = signature.d if signature is not None else content_digest(raw or b"")[:16]
        received = Received(self.maildir.path, entry, verdict, message, signature, digest)
        if first and message is not None and self.shows(verdict):
            received.verdict = self._accept(received, taken_over, reopened)
        elif verdict == PASS and entry.verdict in (REPLAY, MISDIRECTED, EXPIRED):
            received.verdict = entry.verdict  # judged once, when it came
        return received

    def shows(self, verdict: str) -> bool:
        """Return whether a message with this verdict is shown as mail."""
        return verdict == PASS or (verdict == NONE and not self.spool.signed)

    def _accept(self, received: Received, taken_over: bool, reopened: bool) -> str:
        message, signature = received.message, received.signature
        assert message is not None
        if signature is not None and not self.addressed(message.to, signature.t):
            return MISDIRECTED
        if signature is not None and signature.expires is not None and int(self.spool.clock()) > signature.expires:
            return EXPIRED
        known = self.seen.find(received.key)
        if known is None:
            return received.verdict
        base, digest = known
        if base == received.entry.key:
            if taken_over:
                return SHOWN
            # Unread again in cur/: a person marked it so. The same name in new/ is a copy.
            return received.verdict if reopened and not self._is_in_cur(received.entry) else REPLAY
        return DUPLICATE if digest == received.digest and self.maildir.holds(base) else REPLAY

    def _is_in_cur(self, but: Entry) -> bool:
        others = (Entry("cur", name) for name in self.maildir.names("cur") if but.path != f"cur/{name}")
        return any(other.key == but.key for other in others)

    @property
    def names(self) -> Names | None:
        """The names that this mailbox had, as they were when they were first asked for."""
        if self._names is None:
            self._names = self.spool.record(self.name)
        return self._names

    def addressed(self, to: Sequence[str], t: int) -> bool:
        """Return whether mail to *to*, signed at second *t*, was meant for this mailbox."""
        record = self.names
        if record is None:
            return False
        return any(record.existed(t) if name == EVERYONE else record.led_here(name, t) for name in to)

    def convert(self, received: Received, *, always: bool = False) -> None:
        """Give a large message (or, *always*, any) its summary, and its content a file."""
        message = received.message
        if message is None or received.saved_to is not None:
            return
        if always or len(message.body.encode()) > self.spool.setting("large-message"):
            from .large import save, summary_of

            received.summary = summary_of(message.body)
            try:
                received.saved_to = save(self.maildir, message, self.name, received.entry.key)
            except OSError:
                received.saved_to = received.path  # no room for a copy: the message itself is a file

    def find(self, ref: str) -> list[Received]:
        """Return the messages that *ref* names: genuine ones first, then those set aside.

        *ref*: 5 or more characters of a reference, a Message-ID, a path, or `@` for the last one shown.
        Raises: NoSuchMessage.
        """
        for _ in range(_LOOKS):
            if "/" in ref:
                entries = [self._entry_at(ref)]
            else:
                wanted = self._gate().last if ref == "@" else ref.strip("<>")
                entries = self._named(wanted)
            try:
                found = [self.judge(entry, first=False) for entry in entries]
            except FileNotFoundError:
                continue  # it was renamed since: look again
            if found:
                return sorted(found, key=lambda received: bool(received.entry.verdict))
            break
        raise NoSuchMessage(f"no message {ref!a} here", "give the reference that check printed")

    def is_ref(self, word: str) -> bool:
        """Return whether *word* is meant as a reference: it names a message here, or can be nothing else."""
        if any(char in word for char in "@/<234567"):
            return (" " not in word and len(word) >= REF_LENGTH) or word == "@"
        return len(word) >= REF_LENGTH and bool(self._named(word))

    def wait(self, seconds: float) -> bool:
        """Return True as soon as something is unread, or False after *seconds*."""
        end = time.monotonic() + seconds
        while not self.maildir.unread(self.host.runs, self.spool.clock()) and not self._gate().unread_in_cur():
            if time.monotonic() >= end:
                return False
            time.sleep(min(_POLL, max(0.0, end - time.monotonic())))
        return True

    def _named(self, wanted: str) -> list[Entry]:
        entries = self.maildir.entries(*_FOLDERS)
        if not wanted or (len(wanted) < REF_LENGTH and "@" not in wanted):
            return []
        found, others = [], []
        for entry in entries:
            id = message_id(entry.key)
            if id is None:
                others.append(entry)
            elif id == wanted or reference(id).startswith(wanted.lower()):
                found.append(entry)
        return found or [entry for entry in others if self._is_named(entry, wanted)]

    def _is_named(self, entry: Entry, wanted: str) -> bool:
        try:
            message = self.judge(entry, first=False).message
        except FileNotFoundError:
            return False
        return message is not None and (message.id == wanted or reference(message.id).startswith(wanted.lower()))

    def _entry_at(self, path: str) -> Entry:
        inside = os.path.relpath(os.path.abspath(path), os.path.abspath(self.maildir.path))
        folder, _, name = inside.rpartition("/")
        if folder not in _FOLDERS:
            raise NoSuchMessage(f"{path} is not in this mailbox", "mipc verify FILE judges any file")
        return Entry(folder, name)

"""One identity's mail: the order of the stages, and nothing of how each is done.

    compose → sign → deliver → (doorbell) → claim → verify → parse → show → commit

Only this file knows that order. Its promises are numbered in docs/explanation/guarantees.md.
"""

from __future__ import annotations

from .address import EVERYONE, address_of, message_id
from .bounds import DEFAULTS
from .entry import Entry
from .errors import BadData, DurabilityUnknown, Misconfigured
from .message import compose, join, parse, split
from .received import Received
from .seen import DUPLICATE, SHOWN, SeenSet
from .signing import (
    EXPIRED,
    MALFORMED,
    MISDIRECTED,
    NONE,
    PASS,
    REPLAY,
    Malformed,
    content_digest,
    sign,
    verify,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from .batch import Batch, Room
    from .delivery import Courier, Delivery, Sent
    from .draft import Draft
    from .gate import Gate
    from .ids import Ids
    from .keyring import Keyring
    from .names import Names
    from .process import Host
    from .signing import Key
    from .spool import Spool
    from .unique import Namer
    from .work import Work


class Mailbox:
    """An open mailbox, for one identity. Close it, or use it as a context manager."""

    def __init__(
        self, spool: Spool, keyring: Keyring, host: Host, namer: Namer, name: str, *, author: str = ""
    ) -> None:
        """*author*: who signs what is sent, if not *name*: notices are from `system`."""
        self.spool, self.keyring, self.host, self.namer = spool, keyring, host, namer
        self.name, self.maildir = spool.open_mailbox(name)
        self.author = author or self.name
        self.maildir.check_records()
        self.seen = SeenSet(self.maildir)
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
        from .delivery import Sent, guarded

        self.follow()
        draft = guarded(draft, self.spool, self.host)
        courier, serial = self._courier(to, draft, id)
        self._counted(draft)
        carried = [courier.carry(name, sync=sync) for name in to]
        return self._sent(Sent, to, draft, id, serial, [delivery for delivery in carried if delivery is not None])

    def broadcast(
        self, draft: Draft, *, id: str | None = None, sync: bool = True, include_waiting: bool = False
    ) -> Sent:
        """Send *draft* once to every registered identity but this one; each delivery is reported by itself.

        With *id*, the same draft again completes what is missing, for whoever has registered by then.
        """
        from .delivery import Sent, audience, guarded

        self.follow()
        draft = guarded(draft, self.spool, self.host)
        courier, serial = self._courier((EVERYONE,), draft, id)
        self._counted(draft)
        names = audience(self.spool, self.name, include_waiting=include_waiting)
        return self._sent(
            Sent, (EVERYONE,), draft, id, serial, courier.spread(names, sync=sync, keep=self.author == self.name)
        )

    def follow(self) -> bool:
        """Go by the name that the mailbox has now; return whether it had been renamed. Raises: NotYours: it is gone."""
        from .names import present_name

        former, name = self.name, present_name(self.maildir, self.name, self.spool.root)
        self.author = name if self.author == former else self.author
        self.name = name
        return name != former

    def _counted(self, draft: Draft) -> None:
        from .limits import count

        count(draft, self.maildir.path, self.spool.clock(), self.spool.setting)

    def _courier(self, to: Sequence[str], draft: Draft, id: str | None) -> tuple[Courier, str]:
        from .delivery import Courier

        serial, repeated = self.namer.serial(), False
        if id is not None:
            serial, repeated = self._ids().begin(id, draft.digest(to), self.namer.serial)

        def data(t: int) -> bytes:
            return self._compose(to, draft, serial, t)

        limit = self.spool.setting("unread-limit") if draft.kind == "message" else 0
        sender, home = self.author, self.maildir
        automatic, everyone = draft.kind == "message" and draft.auto is not None, tuple(to) == (EVERYONE,)
        courier = Courier(
            self.spool, self.namer, home, sender, serial, data,
            repeated=repeated, limit=limit, automatic=automatic, to_all=everyone,
        )  # fmt: skip
        return courier, serial

    def _sent(
        self, make: type[Sent], to: Sequence[str], draft: Draft, id: str | None, serial: str, found: list[Delivery]
    ) -> Sent:
        reached = [d for d in found if d.error is None or isinstance(d.error, DurabilityUnknown)]
        if id is None and reached and any(delivery.error is not None for delivery in found):
            self._ids().keep(serial, serial, draft.digest(to))
        return make(message_id(serial), id or serial, found)

    def _ids(self) -> Ids:
        from .ids import Ids

        return Ids(self.maildir.path)

    def _compose(self, to: Sequence[str], draft: Draft, serial: str, t: int) -> bytes:
        dated = int(serial.partition(".")[0])
        fields, body = compose(draft, sender=self.author, to=to, id=serial, t=dated)
        if self.spool.signed:
            key = self._signing_key()
            expires = None if draft.expires is None else dated + int(draft.expires)
            value = sign(fields, body, key, spool=self.spool.id, signer=address_of(self.author), t=t, expires=expires)
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
        return Batch(self, room, limit, self.gate(), peek=peek)

    def mark(self, received: Received, flag: str) -> None:
        """Add a flag of maildir(5) to a message that was read or sent, unless it was moved meanwhile."""
        gate = self.gate()
        gate.before_move()
        if self.maildir.flag(received.entry, flag, self.namer.unique) is not None:
            gate.after_move()  # our own rename is no news to the next check
            gate.write("")

    @property
    def work(self) -> Work:
        """The mailbox as a work queue: take, renew, acknowledge, release."""
        from .work import Work

        self._names = None
        return Work(self)

    def gate(self) -> Gate:
        """Return what knows whether unread mail was moved to `cur/`, as of now."""
        from .gate import Gate

        return Gate(self.maildir, self.spool.clock(), self.keyring.stamp(self.spool.id))

    def judge(self, entry: Entry, *, first: bool, taken_over: bool = False, reopened: bool = False) -> Received:
        """Read a message and say whether it may be shown. *first*: it was never shown before.

        Raises: FileNotFoundError when it was renamed meanwhile.
        """
        # A limit that was lowered is for what is sent from now on.
        raw = self.maildir.read(entry, max(self.spool.setting("max-message"), DEFAULTS["max-message"]))
        message, signature, verdict, size = None, None, MALFORMED, len(raw or b"")
        try:
            if raw is not None:
                fields, body = split(raw)
                verdict, signature = verify(fields, body, self.keyring.key, self.spool.spools())
                raw = None if signature is not None else raw  # of a large one, two copies are enough
                covered = signature.covers if signature is not None else None
                # Taking apart what is only going to be set aside would be work that anybody can order.
                shallow = first and not self.shows(verdict)
                message = parse(fields, body, size=size, covered=covered, shallow=shallow)
        except Malformed:
            verdict = MALFORMED if verdict in (PASS, NONE) else verdict
        digest = signature.d if signature is not None else content_digest(raw or b"")[:16]
        received = Received(self.maildir.path, entry, verdict, message, signature, digest)
        if first and message is not None and self.shows(verdict):
            received.verdict = self._accept(received, taken_over, reopened)
        elif verdict == PASS and entry.verdict in (REPLAY, MISDIRECTED, EXPIRED):
            received.verdict = entry.verdict  # judged once, when it came
        if message is not None and self.shows(received.verdict):
            t = int(message.date) if signature is None else signature.t
            received.forwarded_from = None if self.names is None else self.names.forwarded(message.to, t)
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
            # Unread again in cur/: a person marked it so. The same name in new/ is a copy.
            if reopened and not self._is_in_cur(received.entry):
                return received.verdict
            return SHOWN if taken_over else REPLAY
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
        if record is None or not record.lines:
            from .names import names_lost

            raise names_lost(self.maildir.path)
        return any(record.existed(t) if name == EVERYONE else record.led_here(name, t) for name in to)

    def convert(self, received: Received, *, always: bool = False) -> None:
        """Give a large message (or, *always*, any) its summary, and its content a file."""
        message = received.message
        if message is None or received.saved_to is not None:
            return
        limit = self.spool.setting("large-message")
        if always or len(message.body) > limit or len(message.body.encode()) > limit:
            from .large import save, summary_of

            received.summary = summary_of(message.body)
            try:
                received.saved_to = save(self.maildir, message, self.name, received.entry.key)
            except OSError:
                received.saved_to = received.path  # no room for a copy: the message itself is a file

    def find(self, ref: str) -> list[Received]:
        """Return the messages that *ref* names: genuine ones first, then those set aside. Raises: NoSuchMessage."""
        from .finding import find

        return find(self, ref)

    def is_reference(self, word: str) -> bool:
        """Return whether *word* names a message here, as far as the names of files tell."""
        from .finding import named

        return " " not in word and bool(named(self, word, by_name=True))

    def wait(self, seconds: float) -> bool:
        """Return True as soon as something is unread, or False after *seconds*."""
        from .watch import Doorbell

        with Doorbell((self,)) as doorbell:
            return bool(doorbell.wait(seconds))

"""Getting bytes into the mailbox that a name leads to, whatever is renamed, made or moved meanwhile."""

from __future__ import annotations

import os

from .address import address_of, message_id
from .errors import DurabilityUnknown, MailboxGone, MaildirIPCError, Misconfigured, NoSuchName, TryAgain, cannot_read
from .limits import Room, count_automatic
from .maildir import Maildir, cannot_write
from .seen import SeenSet, seen_key
from .signing import reference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .draft import Draft
    from .names import Names
    from .process import Host
    from .spool import Spool
    from .unique import Namer

_ATTEMPTS = 100  # at a name that others keep moving
_SENTENCES = {
    "queued": "queued for {to} (not yet registered)",
    "forwarded": "forwarded from {to} to {delivered_to}",
    "already": "already sent to {to}",
}


class Delivery:
    """What became of a message for one recipient: state is delivered, queued, forwarded, already or failed."""

    __slots__ = ("delivered_to", "error", "state", "to")

    def __init__(self, to: str, delivered_to: str, state: str, error: MaildirIPCError | None = None) -> None:
        self.to, self.delivered_to, self.state, self.error = to, delivered_to, state, error

    @property
    def surprise(self) -> str:
        """What a sender is told when it is not simply in that mailbox now; empty when it is."""
        if self.error is not None:
            return f"{self.to}: {self.error}"
        return _SENTENCES.get(self.state, "").format(to=self.to, delivered_to=self.delivered_to)


class Sent:
    """A message that was sent: *retry* is the --id that completes it, *message_id* its Message-ID."""

    __slots__ = ("deliveries", "message_id", "retry")

    def __init__(self, message_id: str, retry: str, deliveries: Sequence[Delivery]) -> None:
        self.message_id, self.retry, self.deliveries = message_id, retry, tuple(deliveries)

    @property
    def ref(self) -> str:
        """The short reference of the message."""
        return reference(self.message_id)[:5]

    @property
    def error(self) -> MaildirIPCError | None:
        """The failure to report: one that delivered nothing before one that left doubt.

        When others have the message it is `TryAgain`, whatever it was: the same --id completes it.
        """
        errors = [d.error for d in self.deliveries if d.error is not None]
        certain = next((error for error in errors if not isinstance(error, DurabilityUnknown)), None)
        if certain is None:
            return errors[0] if errors else None
        if isinstance(certain, TryAgain) or all(d.state == "failed" for d in self.deliveries):
            return certain
        return TryAgain(certain.message, certain.next)


class Courier:
    """Carries one signed message from *sender*'s mailbox *home* to any number of names; each mailbox gets it once.

    *data* returns the message as signed at a given second. *repeated*: an earlier attempt may have
    delivered it already. *limit*: unread messages that a mailbox may hold, 0 for any number. *automatic*: it counts
    against the limit of each name that has not got it. *to_all*: it is addressed to everyone, not to the names.
    """

    __slots__ = (
        "_automatic",
        "_data",
        "_home",
        "_limit",
        "_namer",
        "_reached",
        "_repeated",
        "_sender",
        "_serial",
        "_signed",
        "_spool",
        "_t",
        "_to_all",
        "_unique",
    )

    def __init__(
        self,
        spool: Spool,
        namer: Namer,
        home: Maildir,
        sender: str,
        serial: str,
        data: Callable[[int], bytes],
        *,
        repeated: bool,
        limit: int,
        automatic: bool = False,
        to_all: bool = False,
    ) -> None:
        self._spool, self._namer, self._home, self._sender, self._serial = spool, namer, home, sender, serial
        self._signed, self._repeated, self._limit, self._automatic = data, repeated, limit, automatic
        self._t = int(serial.partition(".")[0])
        self._data = data(self._t)
        self._unique = namer.unique(serial)
        self._to_all = to_all
        self._reached: dict[str, int] = {}  # names of mailboxes that have it, and a second at which each was so called

    def carry(self, name: str, *, sync: bool) -> Delivery | None:
        """Deliver to *name*, and keep a copy in `.Sent`; None when another name led to the same mailbox."""

        def put(box: Maildir) -> None:
            # An earlier attempt that was killed may have left its own file in tmp/.
            temporary = self._namer.unique() if self._repeated else ""
            box.deliver(self._data, self._unique, Room(box, self._limit), sync=sync, temporary=temporary)
            self._home.keep_sent(box, self._data, self._unique)

        return self._reach(name, put, lambda box: box.sync_new())

    def spread(self, names: Sequence[str], *, sync: bool, keep: bool) -> list[Delivery]:
        """Deliver to each of *names* one file, written and synced once: linked, or copied where links fail."""
        staged = self._data

        def put(box: Maildir) -> None:
            try:
                if self._data is not staged:
                    raise OSError  # signed anew since, for a name that changed hands: a copy of its own
                self._home.lend(box, self._unique, Room(box, self._limit))
            except OSError:
                box.deliver(self._data, self._unique, Room(box, self._limit), sync=sync, temporary=self._namer.unique())

        self._home.stage(self._data, self._unique, sync=sync)
        try:
            found = []
            for name in names:
                delivery = self._reach(name, put, lambda _: None)
                if delivery is not None:
                    found.append(delivery)
            if sync:
                _sync_all(self._spool, [delivery for delivery in found if delivery.error is None])
        finally:
            self._home.unstage(self._unique, keep=keep)
        return found

    def _reach(self, name: str, put: Callable[[Maildir], None], again: Callable[[Maildir], None]) -> Delivery | None:
        """Do *put* with the mailbox that *name* leads to, following it wherever it goes meanwhile.

        *again* instead, when the message is there already.
        """
        reached, counts = name, self._automatic
        try:
            for _ in range(_ATTEMPTS):
                looked = int(self._spool.clock())
                try:
                    reached, box = self._spool.open_mailbox(name)
                except NoSuchName:
                    self._make(name)
                    continue
                with box:
                    record = self._spool.record(reached)
                    if self._has_it(reached, record):
                        return None
                    known = self._repeated and self._is_in(box)
                    state = "already" if known else self._state(name, reached, record)
                    if not state:
                        continue
                    if counts and not known:
                        limit, counts = self._spool.setting("pair-limit"), False
                        count_automatic(self._home.path, name, self._spool.clock(), limit)
                    try:
                        (again if known else put)(box)
                    except MailboxGone:
                        self._make(name)
                        continue
                    self._reached[reached] = looked
                    return Delivery(name, reached, state)
            raise TryAgain(f"{name} keeps moving, or this clock is behind", "try again; mipc doctor looks at the clock")
        except DurabilityUnknown as error:
            return Delivery(name, reached, "delivered", error)
        except (TryAgain, Misconfigured) as error:
            return Delivery(name, reached, "failed", error)
        except OSError as error:
            return Delivery(name, reached, "failed", cannot_write(self._spool.path(reached), error))

    def _has_it(self, reached: str, record: Names | None) -> bool:
        """Return whether we have delivered to that mailbox: under this name, or one that it had a moment ago."""
        if reached in self._reached or record is None:
            return reached in self._reached
        former = [name for name, _, _ in record.lines if name in self._reached]
        return any(record.led_here(name, self._reached[name]) for name in former)

    def _state(self, name: str, reached: str, record: Names | None) -> str:
        """Return what delivering to *name* in the mailbox *reached* will be called; nothing when it is not meant."""
        now = int(self._spool.clock())
        # One that knows no names gives nothing of it away before it does: protocol.md, 2.1.
        if record is not None and record.lines and not self._is_for(record, name, self._t):
            # The name changed hands since we signed: what was meant for its former owner is signed anew,
            # or the reader would take it for an old message that somebody brought along.
            if not self._is_for(record, name, now):
                return ""
            self._t, self._data = now, self._signed(now)
        if reached != name:
            return "forwarded"
        # Whether somebody registered a mailbox that lost its names, nobody can say.
        waits = record is not None and record.lines and not record.registered
        return "queued" if waits else "delivered"

    def _is_for(self, record: Names, name: str, t: int) -> bool:
        return record.existed(t) if self._to_all else record.led_here(name, t)

    def _make(self, name: str) -> None:
        """Make the mailbox that is missing, or finish one that is half made."""
        try:
            with self._spool.lock() as lock:
                self._spool.ensure(lock, name)
        except OSError as error:
            raise cannot_write(self._spool.root, error) from error

    def _is_in(self, box: Maildir) -> bool:
        key = seen_key(address_of(self._sender), message_id(self._serial))
        try:
            # Another mail reader leaves no trace in the seen-set: what it moved is in cur/. It may cost O(history).
            return SeenSet(box).find(key) is not None or any(
                entry.key == self._unique for entry in box.entries("new", "cur")
            )
        except OSError as error:
            raise cannot_read(box.path, error) from error


def audience(spool: Spool, but: str, *, include_waiting: bool) -> list[str]:
    """Return whom a broadcast goes to: everyone who has registered, *but* one, and whoever cannot be told from them."""
    return [name for name in spool.mailboxes() if name != but and _hears(spool, name, include_waiting=include_waiting)]


def _hears(spool: Spool, name: str, *, include_waiting: bool) -> bool:
    try:
        record = spool.record(name)
    except (Misconfigured, TryAgain):
        return True  # it is tried, and what is in the way is said
    if record is None:
        # Without its names it has an owner all the same; any other directory is no mailbox.
        return os.path.isdir(f"{spool.path(name)}/records")
    return record.registered or include_waiting or not record.lines


def guarded(draft: Draft, spool: Spool, host: Host) -> Draft:
    """Return *draft*, as automatic mail when it is sent from within a handler."""
    if draft.kind != "message" or not os.path.exists(f"{spool.root}/.ipc/handling"):
        return draft
    from .automatic import inherited

    return inherited(draft, spool, host)


def _sync_all(spool: Spool, deliveries: Sequence[Delivery]) -> None:
    """Make the links of a broadcast survive a power cut: each `new/` is synced, several at a time.

    A journal takes them all in one commit when they come together.
    """
    from concurrent.futures import ThreadPoolExecutor

    def sync(delivery: Delivery) -> None:
        try:
            # By its name, and where that leads by now: it may have been renamed since.
            with spool.open_mailbox(delivery.delivered_to)[1] as box:
                box.sync_new()
        except (NoSuchName, TryAgain):
            delivery.error = DurabilityUnknown(f"{delivery.delivered_to} was renamed meanwhile", "send it again")
        except DurabilityUnknown as error:
            delivery.error = error
        except OSError as error:
            delivery.error = DurabilityUnknown(
                cannot_read(spool.path(delivery.delivered_to), error).message, "send it again"
            )

    with ThreadPoolExecutor(max_workers=8) as pool:
        list(pool.map(sync, deliveries))

"""Getting bytes into the mailbox that a name leads to, whatever is renamed, made or moved meanwhile."""

from __future__ import annotations

from .address import address_of
from .errors import DurabilityUnknown, MailboxGone, MaildirIPCError, Misconfigured, NoSuchName, TryAgain
from .maildir import Maildir, cannot_write
from .seen import SeenSet, seen_key
from .signing import reference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from .spool import Spool
    from .unique import Namer

_ATTEMPTS = 100  # at a name that others keep moving


class Delivery:
    """What became of a message for one recipient: state is delivered, queued, forwarded, already or failed."""

    __slots__ = ("delivered_to", "error", "state", "to")

    def __init__(self, to: str, delivered_to: str, state: str, error: MaildirIPCError | None = None) -> None:
        self.to, self.delivered_to, self.state, self.error = to, delivered_to, state, error


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
        """The failure to report: one that delivered nothing before one that left doubt."""
        errors = [d.error for d in self.deliveries if d.error is not None]
        certain = (error for error in errors if not isinstance(error, DurabilityUnknown))
        return next(certain, errors[0] if errors else None)


class Courier:
    """Carries one signed message, *data*, from *sender* to any number of names; each mailbox gets it once.

    *repeated*: an earlier attempt may have delivered it already.
    """

    __slots__ = ("_data", "_namer", "_reached", "_repeated", "_sender", "_serial", "_spool", "_unique")

    def __init__(self, spool: Spool, namer: Namer, sender: str, serial: str, data: bytes, *, repeated: bool) -> None:
        self._spool, self._namer, self._sender, self._serial = spool, namer, sender, serial
        self._data, self._repeated = data, repeated
        self._unique = namer.unique(serial)
        self._reached: set[str] = set()

    def carry(self, name: str, keep: Maildir, *, sync: bool) -> Delivery | None:
        """Deliver to *name*, and keep a copy in *keep*'s `.Sent`; None when another name led to the same mailbox."""
        reached = name
        try:
            for _ in range(_ATTEMPTS):
                try:
                    reached, box = self._spool.open_mailbox(name)
                except NoSuchName:
                    self._make(name)
                    continue
                with box:
                    if reached in self._reached:
                        return None
                    try:
                        state = self._put(name, reached, box, sync=sync)
                    except MailboxGone:
                        self._make(name)
                        continue
                    self._reached.add(reached)
                    keep.keep_sent(box, self._data, self._unique)
                    return Delivery(name, reached, state)
            raise TryAgain(f"{name} keeps moving", "try again")
        except DurabilityUnknown as error:
            return Delivery(name, reached, "delivered", error)
        except (TryAgain, Misconfigured) as error:
            return Delivery(name, reached, "failed", error)
        except OSError as error:
            return Delivery(name, reached, "failed", cannot_write(self._spool.path(reached), error))

    def _put(self, name: str, reached: str, box: Maildir, *, sync: bool) -> str:
        if self._repeated and self._is_in(box):
            box.sync_new()
            return "already"
        state = self._state(name, reached)
        # An earlier attempt that was killed may have left its own file in tmp/.
        temporary = self._namer.unique() if self._repeated else ""
        box.deliver(self._data, self._unique, sync=sync, temporary=temporary)
        return state

    def _state(self, name: str, reached: str) -> str:
        if reached != name:
            return "forwarded"
        record = self._spool.record(reached)
        return "delivered" if record is not None and record.registered else "queued"

    def _make(self, name: str) -> None:
        """Make the mailbox that is missing, or finish one that is half made."""
        try:
            with self._spool.lock() as lock:
                self._spool.ensure(lock, name)
        except OSError as error:
            raise cannot_write(self._spool.root, error) from error

    def _is_in(self, box: Maildir) -> bool:
        key = seen_key(address_of(self._sender), f"{self._serial}@ipc.invalid")
        # Another mail reader leaves no trace in the seen-set: what it moved is in cur/. A retry may cost O(history).
        return SeenSet(box.fd).find(key) is not None or any(
            entry.key == self._unique for entry in box.entries("new", "cur")
        )

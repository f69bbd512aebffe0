"""The shared root: its record and lock, which names there are, and where each one leads.

This file owns first contact, forwards, and the lock. It knows directories and records, never
the content of a message. What lies where is protocol.md, sections 1 and 2.
"""

from __future__ import annotations

import errno
import os

from . import records
from .address import is_name
from .bounds import DEFAULTS, setting_fault
from .errors import MailboxGone, Misconfigured, NoSpool, NoSuchName, TryAgain, cannot_read
from .maildir import Maildir

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .lock import Lock
    from .names import Names

FORMAT = 1
UNTOLD = "records/untold"  # in a renamed mailbox: what the others have yet to be told


class Spool:
    """An open spool. Threads may share one; a method that changes names wants the lock as its argument."""

    __slots__ = ("_settings", "clock", "gave_up", "id", "keys", "mode", "root", "say")

    def __init__(self, root: str, record: str, clock: Callable[[], float]) -> None:
        values = records.words(record)
        if records.number(values.get("format", "")) > FORMAT:
            raise Misconfigured(
                f"the spool {root} has format {values['format']}, this program knows {FORMAT}",
                "install a newer maildir-ipc",
            )
        if "format" not in values or not _is_id(values.get("id", "")):
            raise Misconfigured(f"the record {root}/.ipc/spool is damaged", "put it back from a backup")
        self.root, self.clock = root, clock
        self.gave_up = False  # whether the lock was waited for in vain, the last time
        self.say: Callable[[str], object] = lambda _: None  # what somebody who waits should be told at once
        self.id, self.mode = values["id"], values.get("mode", "signed")
        lines = [line.split(" ") for line in record.split("\n") if line.startswith("key ")]
        self.keys = [(parts[1], records.number(parts[2])) for parts in lines if len(parts) == 3]
        self._settings: dict[str, list[str]] | None = None

    @classmethod
    def open(cls, root: str, clock: Callable[[], float]) -> Spool:
        """Return the spool at *root*. Raises: Misconfigured."""
        try:
            record = records.read(f"{root}/.ipc/spool")
        except OSError as error:
            raise Misconfigured(
                f"the spool {root} cannot be read: {error.strerror}", "look at its owner and mode"
            ) from error
        if record is None:
            raise NoSpool(f"there is no spool at {root}", "mipc init makes one")
        return cls(root, record, clock)

    @staticmethod
    def exists(root: str) -> bool:
        """Return whether there is a spool at *root*, be it readable or not."""
        return os.path.lexists(f"{root}/.ipc")

    @classmethod
    def create(cls, root: str, mode: str, id: str, key: Callable[[], str | None], clock: Callable[[], float]) -> Spool:
        """Make a spool at *root*, or return the one that is there; it survives a power cut when this returns.

        *key* makes the spool's key, keeps it and returns its id; it is asked only once the place is known
        to be good. Raises: Misconfigured when it is not; nothing is left then.
        """
        made = not os.path.isdir(root)
        built = f"{root}/.ipc-{os.urandom(4).hex()}"
        try:
            os.makedirs(os.path.dirname(root) or "/", 0o700, exist_ok=True)
            records.make_directory(root)
            try:
                cls._build_record(root, built, mode, id, key)
            except BaseException:
                records.remove_tree(built)
                if made:
                    records.remove_empty(root)
                raise
            records.sync_directory(root)
            records.sync_directory(os.path.dirname(root) or "/")
        except OSError as error:
            raise Misconfigured(
                f"cannot make a spool at {root}: {error.strerror}",
                "make that place writable, or set MAILDIR_IPC_ROOT to a spool made by mipc init",
            ) from error
        return cls.open(root, clock)

    @staticmethod
    def _build_record(root: str, built: str, mode: str, id: str, key: Callable[[], str | None]) -> None:
        for path in (built, f"{built}/intents", f"{built}/closing", f"{built}/ended"):
            records.make_directory(path)
        records.replace(f"{built}/lock", "")
        key_id = key()
        lines = [f"format {FORMAT}", f"id {id}", f"mode {mode}", *([f"key {key_id} 0"] if key_id else []), ""]
        records.replace(f"{built}/spool", "\n".join(lines))
        try:
            os.rename(built, f"{root}/.ipc")
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
            records.remove_tree(built)  # another process was first: its spool is the one

    @property
    def signed(self) -> bool:
        """Whether mail here must be signed."""
        return self.mode != "open"

    def signing_key(self) -> str:
        """Return the id of the key that signs now. Raises: Misconfigured in an unsigned spool."""
        if not self.keys:
            raise Misconfigured(f"the spool {self.root} is unsigned", "it has no key; mipc init makes signed spools")
        now = self.clock()
        return [key for key, since in self.keys if since <= now or since == self.keys[0][1]][-1]

    def setting(self, name: str) -> int:
        """Return a number from the settings file, or its default. Raises: Misconfigured."""
        values = self._settings_file().get(name)
        if not values:
            return DEFAULTS[name]
        if fault := setting_fault(name, values[-1]):
            raise Misconfigured(f"{self.root}/.ipc/settings: {name} {fault}", "mend that line")
        return int(values[-1])

    def spools(self) -> list[str]:
        """Return the ids whose mail is accepted here: this spool's, then its peers'."""
        return [self.id, *self._settings_file().get("peer", [])]

    def _settings_file(self) -> dict[str, list[str]]:
        if self._settings is None:
            text, self._settings = self._settings_text() or "", {}
            for line in text.split("\n"):
                name, equals, value = line.partition("#")[0].partition("=")
                if equals:
                    self._settings.setdefault(name.strip(), []).append(value.strip())
        return self._settings

    def _settings_text(self) -> str | None:
        path = f"{self.root}/.ipc/settings"
        try:
            return records.read(path)
        except OSError as error:  # a link, which is not followed
            raise Misconfigured(f"{path}: {error.strerror}", "put a file there that can be read") from error

    def path(self, name: str) -> str:
        """Return where the mailbox *name* lies, or would."""
        return f"{self.root}/{name}"

    def names(self) -> Iterator[str]:
        """Yield every name in the spool, forwards too, in no order: one reading of the directory."""
        with os.scandir(self.root) as found:
            for entry in found:
                if is_name(entry.name) and not entry.is_file(follow_symlinks=False):
                    yield entry.name

    def mailboxes(self) -> list[str]:
        """Return the names of all mailboxes, sorted: one that is renamed meanwhile is there under one of its names."""
        found: set[str] = set()
        for _ in range(20):
            before = set(self.names())
            for name in before:
                try:
                    found.add(self.lead(name))
                except (NoSuchName, Misconfigured, TryAgain):
                    continue  # a forward to what cannot be read: that has a name of its own
            if set(self.names()) == before:
                break
        return sorted(found)

    def record(self, name: str) -> Names | None:
        """Return the names record of the mailbox *name*; None when there is no such mailbox.

        Raises: Misconfigured, TryAgain: there is one, and it cannot be read.
        """
        from .names import Names

        try:
            return Names.read(f"{self.root}/{name}")
        except OSError as error:
            if error.errno == errno.ELOOP and self.is_forward(name):
                return None  # a link that leads to itself
            raise cannot_read(f"{self.root}/{name}/records/names", error) from error

    def lead(self, name: str) -> str:
        """Return the name of the mailbox that mail to *name* goes to: itself, or where its forward leads.

        Raises: NoSuchName. A forward ends by the clock, whoever looks.
        """
        try:
            target = os.readlink(f"{self.root}/{name}")
        except OSError as error:
            if error.errno == errno.EINVAL:
                return name
            raise no_such_name(name) from error
        # A link that leads out of the spool is no forward of ours.
        record = self.record(target) if is_name(target) else None
        if record is None or record.until(name) < int(self.clock()):  # whole seconds, inclusive
            raise no_such_name(name)
        return target

    def is_forward(self, name: str) -> bool:
        """Return whether *name* is a link, to be followed or ended."""
        return os.path.islink(f"{self.root}/{name}")

    def open_mailbox(self, name: str) -> tuple[str, Maildir]:
        """Return the name and the open Maildir that *name* leads to. Raises: NoSuchName, Misconfigured, TryAgain."""
        for _ in range(8):
            try:
                return name, Maildir(f"{self.root}/{name}")
            except MailboxGone:
                name = self.lead(name)
            except OSError as error:
                raise cannot_read(f"{self.root}/{name}", error) from error
        raise TryAgain(f"{name} is being renamed", "try again")

    def lock(self) -> Lock:
        """Return the spool's lock, for a `with` statement. Whoever gets it finds no half-done change."""
        from .lock import Lock

        return Lock(self)

    def unfinished(self) -> bool:
        """Return whether somebody is at work under the lock, or died at it: names may be half changed."""
        return bool(os.listdir(f"{self.root}/.ipc/intents"))

    def ensure(self, lock: Lock, name: str, *, registered: bool = False) -> str:
        """Make sure that *name* leads to a mailbox that is durable; return the mailbox's name.

        Made if missing: waiting, or registered. A waiting one becomes registered when that is asked.
        *lock* is the held lock.
        """
        from .names import Names

        assert lock.held
        try:
            name = self.lead(name)
        except NoSuchName:
            self.drop_ended_forward(lock, name)
            since, now = self.freed(name), int(self.clock())
            # Not before the name was free: by a clock that is behind, a broadcast to others would be for this one.
            self._build(name, Names(registered, now, [(name, since, None)], made=max(since, now)))
        path = f"{self.root}/{name}"
        if os.path.islink(f"{path}/records"):
            raise Misconfigured(f"{path}/records is a link", "move it away")
        for part in ("new", "cur", "records", "records/seen"):
            records.make_directory(f"{path}/{part}")
        if not os.path.isdir(f"{path}/tmp"):
            records.sync_directory(self.root)
            records.make_directory(f"{path}/tmp")
        record = self.record(name)
        if record is None or not record.lines:
            record = Names(False, 0, [(name, self.freed(name), None)])
        if registered and not record.registered:
            record.now_registered(int(self.clock())).write(path)
        return name

    def freed(self, name: str) -> int:
        """Return the first second at which *name* was no former owner's any more; 0 when it never had one."""
        text = records.read(f"{self.root}/.ipc/ended/{name}")
        return 0 if text is None else records.number(text.strip()) + 1

    def drop_ended_forward(self, lock: Lock, name: str) -> None:
        """Remove the link of a forward that has ended; the lock is held, so nobody puts a fresh one there."""
        assert lock.held
        path = f"{self.root}/{name}"
        if os.path.islink(path):
            if not is_name(os.readlink(path)):
                raise Misconfigured(f"{path} is a link, and no forward", "move it away")
            os.unlink(path)

    def add_key(self, lock: Lock, key_id: str, since: int) -> None:
        """Record a key that verifies from now on and signs from the second *since*."""
        assert lock.held
        path = f"{self.root}/.ipc/spool"
        records.replace(path, f"{records.read(path) or ''}key {key_id} {since}\n")
        self.keys.append((key_id, since))

    def _build(self, name: str, record: Names) -> None:
        """Make the mailbox aside, without tmp/, and rename it in: its name is durable before tmp/ says so."""
        built = f"{self.root}/.ipc/build-{os.urandom(8).hex()}"
        try:
            for path in (built, f"{built}/records", f"{built}/records/seen", f"{built}/new", f"{built}/cur"):
                records.make_directory(path)
            records.replace(f"{built}/records/names", str(record))
            records.sync_directory(built)
            os.rename(built, f"{self.root}/{name}")
        except BaseException:
            records.remove_tree(built)
            raise


def no_such_name(name: str) -> NoSuchName:
    """Return what to tell someone who named nobody."""
    return NoSuchName(f"no one named {name} has registered", "mipc list shows who has")


def _is_id(text: str) -> bool:
    return len(text) == 16 and not set(text) - set("0123456789abcdef")

"""The shared root: its record and lock, which names there are, and where each one leads.

This file owns first contact, forwards, and the lock. It knows directories and records, never
the content of a message. What lies where is protocol.md, sections 1 and 2.
"""

from __future__ import annotations

import errno
import os

from . import records
from .address import is_name
from .errors import MailboxGone, Misconfigured, NoSpool, NoSuchName, TryAgain
from .maildir import Maildir, cannot_write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

FORMAT = 1
SKEW = 300  # seconds by which two clocks may differ
FORWARD_SECONDS = 7200
DEFAULTS = {"max-message": 16 * 1024 * 1024, "large-message": 10240}


class Names:
    """Which names led to a mailbox, and when: [(name, since, until or None)], oldest first. A value."""

    __slots__ = ("lines", "registered", "state_since")

    def __init__(self, registered: bool, state_since: int, lines: Sequence[tuple[str, int, int | None]]) -> None:
        self.registered, self.state_since, self.lines = registered, state_since, tuple(lines)

    @classmethod
    def parse(cls, text: str) -> Names:
        """Return the record; lines that cannot be read are left out."""
        registered, state_since, lines = False, 0, []
        for line in text.split("\n"):
            parts = line.split(" ")
            if parts[0] in ("registered", "waiting") and len(parts) == 2:
                registered, state_since = parts[0] == "registered", records.number(parts[1])
            elif len(parts) == 3 and is_name(parts[0]):
                lines.append(
                    (parts[0], records.number(parts[1]), None if parts[2] == "-" else records.number(parts[2]))
                )
        return cls(registered, state_since, lines)

    def __str__(self) -> str:
        state = "registered" if self.registered else "waiting"
        lines = [f"{name} {since} {'-' if until is None else until}" for name, since, until in self.lines]
        return "\n".join([f"{state} {self.state_since}", *lines, ""])

    def led_here(self, name: str, t: int) -> bool:
        """Return whether mail to *name*, signed at second *t*, was meant for this mailbox."""
        return any(
            name == known and since - SKEW <= t and (until is None or t <= until + SKEW)
            for known, since, until in self.lines
        )

    def existed(self, t: int) -> bool:
        """Return whether the mailbox was there at second *t*."""
        return bool(self.lines) and self.lines[0][1] - SKEW <= t


class Spool:
    """An open spool. Threads may share one; a method that changes names wants the lock as its argument."""

    __slots__ = ("_settings", "clock", "id", "keys", "mode", "root")

    def __init__(self, root: str, record: str, clock: Callable[[], float]) -> None:
        values = records.words(record)
        if records.number(values.get("format", "0")) > FORMAT or not _is_id(values.get("id", "")):
            raise Misconfigured(
                f"the spool {root} has format {values.get('format', '?')}, this program knows {FORMAT}",
                "install a newer maildir-ipc",
            )
        self.root, self.clock = root, clock
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
                _remove_tree(built)
                if made:
                    _remove_empty(root)
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
        for path in (built, f"{built}/intents", f"{built}/closing"):
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
            _remove_tree(built)  # another process was first: its spool is the one

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
        if not (values[-1].isascii() and values[-1].isdigit() and len(values[-1]) < 16):
            raise Misconfigured(f"{self.root}/.ipc/settings: {name} is not a number", "mend that line")
        return int(values[-1])

    def spools(self) -> list[str]:
        """Return the ids whose mail is accepted here: this spool's, then its peers'."""
        return [self.id, *self._settings_file().get("peer", [])]

    def _settings_file(self) -> dict[str, list[str]]:
        if self._settings is None:
            self._settings = {}
            for line in (records.read(f"{self.root}/.ipc/settings") or "").split("\n"):
                name, equals, value = line.partition("#")[0].partition("=")
                if equals:
                    self._settings.setdefault(name.strip(), []).append(value.strip())
        return self._settings

    def path(self, name: str) -> str:
        """Return where the mailbox *name* lies, or would."""
        return f"{self.root}/{name}"

    def names(self) -> Iterator[str]:
        """Yield every name in the spool, forwards too, in no order: one reading of the directory."""
        with os.scandir(self.root) as found:
            for entry in found:
                if is_name(entry.name) and not entry.is_file(follow_symlinks=False):
                    yield entry.name

    def record(self, name: str) -> Names | None:
        """Return the names record of the mailbox *name*; None when there is no such mailbox."""
        text = records.read(f"{self.root}/{name}/.ipc/names")
        return None if text is None else Names.parse(text)

    def lead(self, name: str) -> str:
        """Return the name of the mailbox that mail to *name* goes to: itself, or where its forward leads.

        Raises: NoSuchName.
        """
        try:
            target = os.readlink(f"{self.root}/{name}")
        except OSError as error:
            if error.errno == errno.EINVAL:
                return name
            raise NoSuchName(f"no one named {name} has registered", "mipc list shows who has") from error
        # A forward that leads out of the spool is none of ours.
        record = self.record(target) if is_name(target) else None
        ends = [until for known, _, until in record.lines if known == name and until is not None] if record else []
        if not ends or ends[-1] < self.clock():
            raise NoSuchName(f"no one named {name} has registered", "mipc list shows who has")
        return target

    def open_mailbox(self, name: str) -> tuple[str, Maildir]:
        """Return the name and the open Maildir that *name* leads to. Raises: NoSuchName."""
        for _ in range(8):
            try:
                return name, Maildir(f"{self.root}/{name}")
            except MailboxGone:
                name = self.lead(name)
        raise TryAgain(f"{name} is being renamed", "try again")

    def lock(self) -> Lock:
        """Return the spool's lock, for a `with` statement. Whoever gets it finds no half-done change."""
        return Lock(self)

    def ensure(self, lock: Lock, name: str, *, registered: bool = False) -> str:
        """Make sure that *name* leads to a mailbox that is durable; return the mailbox's name.

        Made if missing: waiting, or registered. A waiting one becomes registered when that is asked.
        *lock* is the held lock.
        """
        assert lock.held
        try:
            name = self.lead(name)
        except NoSuchName:
            now = int(self.clock())
            self._build(name, Names(registered, now, [(name, 0, None)]))
        path = f"{self.root}/{name}"
        if os.path.islink(f"{path}/.ipc"):
            raise Misconfigured(f"{path}/.ipc is a link", "move it away")
        for part in ("new", "cur", ".ipc", ".ipc/seen"):
            records.make_directory(f"{path}/{part}")
        if not os.path.isdir(f"{path}/tmp"):
            records.sync_directory(self.root)
            records.make_directory(f"{path}/tmp")
        record = self.record(name) or Names(False, 0, [(name, 0, None)])
        if registered and not record.registered:
            record = Names(True, int(self.clock()), record.lines)
            records.replace(f"{path}/.ipc/names", str(record))
        return name

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
            for path in (built, f"{built}/.ipc", f"{built}/.ipc/seen", f"{built}/new", f"{built}/cur"):
                records.make_directory(path)
            records.replace(f"{built}/.ipc/names", str(record))
            records.sync_directory(built)
            os.rename(built, f"{self.root}/{name}")
        except BaseException:
            _remove_tree(built)
            raise


class Lock:
    """The spool's lock: flock(2) on `.ipc/lock`; any death lets it go. One `with` statement each."""

    __slots__ = ("_path", "_release")

    def __init__(self, spool: Spool) -> None:
        self._path = f"{spool.root}/.ipc/lock"
        self._release: Callable[[], object] | None = None

    @property
    def held(self) -> bool:
        """Whether we are inside the `with` statement."""
        return self._release is not None

    def __enter__(self) -> Lock:
        try:
            self._release = _by_filelock(self._path) or _by_flock(self._path)
        except OSError as error:
            raise cannot_write(self._path, error) from error
        return self

    def __exit__(self, *_: object) -> None:
        if self._release is not None:
            self._release()
        self._release = None


def _by_filelock(path: str) -> Callable[[], object] | None:
    """Take the lock through filelock and return how to let it go; None where it is not installed.

    The commands in bin/ start without installed packages and use flock(2) themselves: it is the same lock.
    """
    try:
        from filelock import FileLock

        # Without these two, some versions unlink the file, and then two processes hold two different locks.
        lock = FileLock(path, mode=0o600, preserve_lock_file=True, fallback_to_soft=False, thread_local=False)
    except (ImportError, TypeError):
        return None
    lock.acquire()
    return lock.release


def _by_flock(path: str) -> Callable[[], object]:
    import fcntl

    while True:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        fcntl.flock(fd, fcntl.LOCK_EX)
        # A file that lost its link while we waited locks nobody else out.
        if os.fstat(fd).st_nlink:
            return lambda: os.close(fd)
        os.close(fd)


def _is_id(text: str) -> bool:
    return len(text) == 16 and not set(text) - set("0123456789abcdef")


def _remove_empty(path: str) -> None:
    try:
        os.rmdir(path)
    except OSError:
        pass  # somebody else put something there


def _remove_tree(path: str) -> None:
    if not os.path.isdir(path):
        return
    for folder, directories, files in os.walk(path, topdown=False):
        for name in files:
            os.unlink(f"{folder}/{name}")
        for name in directories:
            os.rmdir(f"{folder}/{name}")
    os.rmdir(path)

"""The secrets of this account, by spool: found, checked, kept, never shown.

The keyring is a file of lines `SPOOLID SECRET`, mode 0600, only ever appended to by one write,
so two writers cannot damage it. Which key signs is the spool's record (`spool`); what a key is
belongs to `signing`. A spool holds no secret.
"""

from __future__ import annotations

import errno
import os
import stat

from . import records
from .errors import Misconfigured
from .signing import Key

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_LIMIT = 1 << 20


class Keyring:
    """The keys of one account, read when first needed. Threads may share one."""

    __slots__ = ("_keys", "_listed", "_secrets", "directory", "notes", "path", "variable")

    def __init__(self, directory: str, variable: bytes | None = None) -> None:
        """*variable* is the secret that the environment gave, or None. `notes` collects what to tell the person."""
        self.directory, self.variable = directory, variable
        self.path = os.path.join(directory, "keyring")
        self.notes: list[str] = []
        self._secrets: list[tuple[str, bytes]] | None = None
        self._keys: dict[tuple[str, str], Key] = {}
        self._listed: dict[str, tuple[str, ...]] = {}

    def unlock(self, spool: str, listed: Sequence[str], needed: str) -> None:
        """Return when the key *needed* for signing now is at hand; *listed* are all that the spool knows.

        The first use of the variable on a spool keeps its secret: cron never sees ~/.bashrc.
        Raises: Misconfigured, with both key ids when the variable contradicts the spool.
        """
        self._listed[spool] = tuple(listed)
        if self.variable is not None:
            given = Key(self.variable)
            if given.id not in listed:
                raise Misconfigured(
                    f"the secret in the environment is key {given.id}, this spool's is {needed}",
                    "unset IPC_SHARED_SECRET, or give the secret that made this spool",
                )
            if self.key(spool, given.id) is None:
                self.add(spool, self.variable)
                self.notes.append(f"kept the shared secret (key {given.id}) in {self.path}")
        if self.key(spool, needed) is None:
            raise Misconfigured(
                f"this account does not hold key {needed} of this spool",
                "where it is held: mipc key export; here: mipc key import",
            )

    def key(self, spool: str, key_id: str) -> Key | None:
        """Return the key of that spool and id, or None; a key that its spool no longer lists is none."""
        if key_id not in self._listed.get(spool, (key_id,)):
            return None
        if not self._keys:
            for owner, secret in self.secrets():
                key = Key(secret)
                self._keys[owner, key.id] = key
        return self._keys.get((spool, key_id))

    def holds(self, spool: str) -> bool:
        """Return whether there is any key of that spool."""
        return any(owner == spool for owner, _ in self.secrets())

    def secret(self, spool: str, key_id: str) -> bytes | None:
        """Return the secret itself, for `key export` alone."""
        return next((s for owner, s in self.secrets() if owner == spool and Key(s).id == key_id), None)

    def stamp(self, spool: str) -> str:
        """Return a text that changes when a key for this spool comes in."""
        return ",".join(sorted(key.id for (owner, _), key in self._keys.items() if owner == spool)) or "-"

    def secrets(self) -> list[tuple[str, bytes]]:
        """Return all (spool id, secret) lines, oldest first. Raises: Misconfigured."""
        if self._secrets is None:
            self._secrets = [
                (owner.decode("ascii", "replace"), secret)
                for owner, gap, secret in (line.partition(b" ") for line in self._read().split(b"\n"))
                if gap and not owner.startswith(b"#")
            ]
        return self._secrets

    def add(self, spool: str, secret: bytes) -> Key:
        """Keep *secret* for that spool; it survives a power cut when this returns. Raises: Misconfigured."""
        try:
            os.makedirs(os.path.dirname(self.directory), 0o700, exist_ok=True)
            records.make_directory(self.directory)
            known = self._read()  # never add to a keyring that others can read
            line = spool.encode() + b" " + secret + b"\n"
            if known and not known.endswith(b"\n"):
                line = b"\n" + line  # somebody's line was cut off: it must not run into ours
            fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            try:
                if os.write(fd, line) != len(line):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                os.fsync(fd)
            finally:
                os.close(fd)
            records.sync_directory(self.directory)
        except OSError as error:
            raise Misconfigured(
                f"cannot keep the key in {self.path}: {error.strerror}",
                "make that place writable, or set XDG_CONFIG_HOME to one that is",
            ) from error
        self._secrets, self._keys = None, {}
        return Key(secret)

    def _read(self) -> bytes:
        try:
            fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        except (FileNotFoundError, NotADirectoryError):
            return b""
        except OSError as error:
            raise Misconfigured(
                f"the keyring {self.path} cannot be read: {error.strerror}", f"chmod 600 {self.path}"
            ) from error
        try:
            status = os.fstat(fd)
            if not stat.S_ISREG(status.st_mode):
                raise Misconfigured(f"the keyring {self.path} is not a file", "move it away")
            if status.st_uid != os.geteuid():
                raise Misconfigured(
                    f"the keyring {self.path} belongs to someone else", f"chown {os.geteuid()} {self.path}"
                )
            if status.st_mode & 0o077:
                raise Misconfigured(f"the keyring {self.path} can be read by others", f"chmod 600 {self.path}")
            return os.read(fd, _LIMIT)
        finally:
            os.close(fd)


def random_secret(random: Callable[[int], bytes] = os.urandom) -> bytes:
    """Return a new secret: 256 random bits as text."""
    return random(32).hex().encode()

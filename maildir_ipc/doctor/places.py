"""What is around the mailboxes: record, key, settings, owners and modes, clocks."""

from __future__ import annotations

import os
import stat
from functools import partial

from .. import broom, records
from ..address import is_name
from ..bounds import DEFAULTS, setting_fault
from ..errors import Misconfigured, cannot_read
from .finding import NOTE, Finding

SKEW = 300  # seconds by which two clocks may differ
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..account import Account
    from ..spool import Spool


def key(account: Account, spool: Spool) -> Iterator[Finding]:
    """Yield what keeps this account from signing and verifying here."""
    file = f"{spool.root}/.ipc/spool"
    if spool.mode not in ("signed", "open"):
        yield Finding("spool", f"{file}: mode {spool.mode!a} is none", "it is signed or open; restore it from a backup")
        return
    if spool.signed and not spool.keys:
        known = [owner for owner, _ in _secrets(account) if owner == spool.id]
        hint = "its key is in the keyring" if known else "its key is not in the keyring either"
        next = f"restore the line `key ID 0` from a backup ({hint})"
        yield Finding("spool", f"{file}: the spool is signed and lists no key", next)
        return
    try:
        account.spool()
    except Misconfigured as error:
        yield Finding("key", error.message, error.next)
        return
    now = account.clock()
    for id, since in spool.keys:
        if account.keyring.key(spool.id, id) is not None:
            continue
        if since > now:
            yield Finding("key", f"key {id}, which will sign soon, is not here", "mipc key import, before it does")
        else:
            what = f"key {id} is not here, so mail that was signed with it cannot be verified"
            yield Finding("key", what, "mipc key import, if somebody has it", level=NOTE)


def settings(spool: Spool) -> Iterator[Finding]:
    """Yield what in the settings file means nothing, or not what its writer thinks."""
    file, known = f"{spool.root}/.ipc/settings", set[str]()
    if os.path.islink(file):
        yield Finding("settings", f"{file} is a link, and is not followed", "put the file itself there")
        return
    try:
        text = records.read(file) or ""
    except OSError as error:
        yield Finding("settings", cannot_read(file, error).message, "put a file there that can be read")
        return
    for number, line in enumerate(text.split("\n"), 1):
        text = line.partition("#")[0].strip()
        name, equals, value = (part.strip() for part in text.partition("="))
        where = f"{file}:{number}"
        if not text:
            continue
        if not equals:
            yield Finding("settings", f"{where}: {text[:60]!a} is no setting", "write it as NAME = VALUE")
        elif name == "peer":
            if len(value) != 16 or not set(value) <= set("0123456789abcdef"):
                yield Finding(
                    "settings", f"{where}: {value[:60]!a} is no spool's id", "it has 16 digits: mipc init --json"
                )
        elif name not in DEFAULTS:
            yield Finding(
                "settings", f"{where}: there is no setting {name[:60]!a}", f"one of {' '.join(DEFAULTS)} peer"
            )
        elif fault := setting_fault(name, value):
            yield Finding("settings", f"{where}: {name} = {value[:60]!a} {fault}", "write a whole number that may be")
        elif name in known:
            yield Finding("settings", f"{where}: {name} is set twice", "the last line counts; remove the other")
        known.add(name)


def effective(spool: Spool) -> list[tuple[str, str, bool]]:
    """Return every setting as (name, value, whether that is the default)."""
    found = []
    for name, default in DEFAULTS.items():
        try:
            value = spool.setting(name)
        except Misconfigured:
            found.append((name, "?", False))
        else:
            found.append((name, str(value), value == default))
    try:
        peers = spool.spools()[1:]
    except Misconfigured:
        return [*found, ("peer", "?", False)]
    return [*found, ("peer", " ".join(peers) or "none", not peers)]


def modes(account: Account, root: str) -> Iterator[Finding]:
    """Yield what others could read or change, and what is not ours at all."""
    yield from place(root)
    for name in _below(root):
        if name == ".ipc" or is_name(name):
            yield from _mailbox(f"{root}/{name}")
    keyring = account.keyring
    yield from place(keyring.directory)
    yield from place(keyring.path)
    for state in account.settings.states:
        for path in (state, *(f"{state}/{name}" for name in _below(state))):
            yield from place(path)
            for name in _below(path) if path != state else ():
                yield from place(f"{path}/{name}")
    if not any(_can_write(state) for state in account.settings.states):
        what = f"no place for session tokens can be written: {', '.join(account.settings.states)}"
        yield Finding("state", what, "let the sandbox write to one, or set MAILDIR_IPC_STATE")


def clocks(spool: Spool) -> Iterator[Finding]:
    """Yield a difference between our clock, the file system's, and what the newest message says."""
    now = spool.clock()
    try:
        theirs = broom.file_system_time(f"{spool.root}/.ipc")
    except OSError as error:
        what = f"{spool.root} cannot be written: {error.strerror}"
        yield Finding("spool", what, "mend what the system says; until then nothing can be sent or read from here")
        return
    if abs(theirs - now) > SKEW:
        what = f"the file system's clock differs from this machine's by {abs(theirs - now):.0f} s"
        yield Finding("clock", what, "set both by NTP: mail may be judged by the wrong time")
    newest = max((_newest(f"{spool.root}/{name}") for name in spool.names()), default=0)
    if newest - now > SKEW:
        what = f"the newest message was made {newest - now:.0f} s in the future"
        yield Finding("clock", what, "set this clock, or its sender's, by NTP")


def folds_case(root: str) -> Iterator[Finding]:
    """Yield a note where the file system does not tell `.ipc` from `.IPC`."""
    if os.path.exists(f"{root}/.IPC") and os.path.samefile(f"{root}/.IPC", f"{root}/.ipc"):
        next = "ours are lower case throughout; folders that a mail program makes may collide"
        yield Finding("case", f"{root} does not tell upper from lower case", next, level=NOTE)


def _mailbox(path: str) -> Iterator[Finding]:
    """Look at directories and records, not at each message: nobody gets past a directory of mode 0700."""
    yield from place(path)
    if os.path.islink(path):
        return
    for name in _below(path):
        below = f"{path}/{name}"
        yield from place(below)
        if name in ("tmp", "new", "cur", "large-messages") or os.path.islink(below):
            continue
        for part in _below(below):
            if os.path.isdir(f"{below}/{part}") or name in (".ipc", "records"):
                yield from place(f"{below}/{part}")


def place(path: str) -> Iterator[Finding]:
    """Yield what is wrong with the owner or the mode of one path."""
    try:
        status = os.lstat(path)
    except OSError:
        return
    if stat.S_ISLNK(status.st_mode):
        return
    if status.st_uid != os.geteuid():
        what = f"{path} belongs to user {status.st_uid}"
        yield Finding("owner", what, f"chown {os.geteuid()} {path}, if it is yours")
        return
    wanted, mode = 0o700 if stat.S_ISDIR(status.st_mode) else 0o600, stat.S_IMODE(status.st_mode)
    if mode & 0o077 or mode & wanted != wanted:
        what = f"{path} has mode {mode:04o}" + (", so others can get at it" if mode & 0o077 else "")
        yield Finding("mode", what, f"chmod {wanted:o} {path}", mend=partial(_chmod, path, wanted))


def _chmod(path: str, mode: int) -> None:
    if not os.path.islink(path):
        os.chmod(path, mode)


def _below(path: str) -> list[str]:
    """Return what is in a directory; nothing where it cannot be listed, or is none."""
    try:
        return [] if os.path.islink(path) else sorted(os.listdir(path))
    except OSError:
        return []


def _can_write(path: str) -> bool:
    while not os.path.exists(path) and path != os.path.dirname(path):
        path = os.path.dirname(path)
    return os.access(path, os.W_OK | os.X_OK)


def _newest(mailbox: str) -> int:
    """Return the second in the newest of our file names in a mailbox."""
    seconds = [name.partition(".M") for folder in ("new", "cur") for name in _below(f"{mailbox}/{folder}")]
    return max((int(s) for s, dot, _ in seconds if dot and len(s) == 10 and s.isdigit()), default=0)


def _secrets(account: Account) -> list[tuple[str, bytes]]:
    try:
        return account.keyring.secrets()
    except Misconfigured:
        return []

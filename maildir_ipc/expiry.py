"""Mail whose time is over: sent to be read before a certain second, thrown away, or for someone who never came.

A header is believed only when its signature holds. What a reader holds is left alone: everything here
takes the same claim that a reader would, or the exact name that it saw.
"""

from __future__ import annotations

import os

from . import broom, records
from .address import SYSTEM, address_of
from .draft import Draft
from .entry import Entry
from .errors import MailboxGone, Misconfigured, NoSuchName, TryAgain
from .message import compose, join
from .seen import SeenSet, seen_key
from .signing import EXPIRED, PASS, content_digest, sign
from .unique import is_held

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .lock import Lock
    from .mailbox import Mailbox
    from .received import Received
    from .spool import Spool

WAITING_SECONDS = 7 * 86400.0  # mail for a name that nobody has registered
TRASH_SECONDS = 7 * 86400.0  # mail that its reader flagged T
_ATTEMPTS = 8


def expired(box: Mailbox) -> Iterator[tuple[Entry, Received]]:
    """Yield the unread messages whose sender wanted them read by a second that has passed.

    Only what the next check would say so of: genuine, meant for this mailbox, never shown before.
    """
    try:
        unread = box.maildir.unread(box.host.runs, box.spool.clock())
    except Misconfigured:
        return  # it is being merged into another, or broken, which doctor tells
    moved = [Entry("cur", name) for name in box.maildir.names("cur")]
    moved = [e for e in moved if "S" not in e.flags and "T" not in e.flags and not _is_held(box, e)]
    for entry in [*unread, *moved]:
        received = _judged(box, entry, first=True)
        if received is not None and received.verdict == EXPIRED and box.seen.find(received.key) is None:
            yield entry, received


def expire(box: Mailbox, entry: Entry, received: Received) -> bool:
    """Tell the sender, durably, and remove the message; False when a reader was faster.

    Killed in between, the next run tells the same again, byte for byte, and it is shown once.
    Raises: TryAgain, Misconfigured, DurabilityUnknown: then the message is unread as before.
    """
    claimed = box.maildir.claim(entry, box.namer.owner(), box.namer.unique)
    if claimed is None:
        return False
    try:
        _tell(box, received)
    except BaseException:
        box.maildir.release(claimed, box.namer.unique)
        raise
    return broom.remove(box.maildir.fd, claimed.path)


def waiting(box: Mailbox, wall: float, stamps: float) -> Iterator[tuple[Entry, float]]:
    """Yield what has waited too long in a mailbox that nobody registered, with its age in seconds.

    By the later of two times: its verified t=, which under an --id is that of the first attempt, and when its file
    came or was last touched. *wall* is our time, for the first; *stamps* the file system's.
    """
    for entry in box.maildir.entries("new", "cur"):
        try:
            age = stamps - broom.changed(os.lstat(f"{box.maildir.path}/{entry.path}"))
        except FileNotFoundError:
            continue
        received = None if age <= WAITING_SECONDS or _is_held(box, entry) else _judged(box, entry, first=False)
        if received is None:
            continue
        if received.verdict == PASS and received.signature is not None:
            age = min(age, wall - received.signature.t)
        if age > WAITING_SECONDS:
            yield entry, age


def trash(box: Mailbox, stamps: float) -> Iterator[tuple[Entry, float]]:
    """Yield what was flagged T long ago, with the seconds since."""
    for name, status in broom.files(box.maildir.path, "cur"):
        entry, age = Entry("cur", name), stamps - broom.changed(status)
        if "T" in entry.flags and age > TRASH_SECONDS:
            yield entry, age


def throw_away(box: Mailbox, entry: Entry) -> bool:
    """Remove what was flagged T; False when it was taken out of the trash meanwhile.

    It is remembered as seen, if it was not: no copy of it may come back as new mail.
    """
    if "S" not in entry.flags:
        received = _judged(box, entry, first=False)
        if received is not None and received.message is not None and received.verdict == PASS:
            box.seen.add(received.key, entry.key, received.digest)
    return broom.remove(box.maildir.fd, entry.path)


def is_empty(path: str) -> bool:
    """Return whether a mailbox holds no message in any folder, and none is on its way."""
    for name in os.listdir(path):
        below = f"{path}/{name}"
        if name in ("tmp", "new", "cur"):
            if os.listdir(below):
                return False
        elif name != "records" and os.path.isdir(below):
            return False
    return True


def close(spool: Spool, lock: Lock, name: str) -> bool:
    """Remove an empty mailbox that nobody registered; False when it is not that any more.

    The closing act is rmdir(2) of `new/`, in place: it succeeds only when nothing was delivered, and from
    then on a sender that had the mailbox open gets ENOENT and waits for *lock*. Killed after it, the next
    sender makes `new/` again, as for any half-made mailbox; killed later, what is left holds no mail.
    """
    assert lock.held
    path, record = spool.path(name), spool.record(name)
    # A record without a name in it is a damaged one, and nobody knows whose.
    if os.path.islink(path) or record is None or record.registered or not record.lines or not is_empty(path):
        return False
    if record.lines[0][1] > 0:
        remember_end(spool, name, record.lines[0][1])
    for folder in ("new", "cur"):
        try:
            os.rmdir(f"{path}/{folder}")
        except FileNotFoundError:
            continue
        except OSError:
            spool.ensure(lock, name)  # something came, or a mail reader moved it
            return False
    aside = f"{spool.root}/.ipc/build-{os.urandom(8).hex()}"
    os.rename(path, aside)
    broom.remove_tree(aside)
    return True


def remember_end(spool: Spool, name: str, second: int) -> None:
    """Record until when the former owner of *name* got its mail, so that no new owner's time begins before."""
    folder = f"{spool.root}/.ipc/ended"
    if records.number((records.read(f"{folder}/{name}") or "").strip()) < second:
        records.make_directory(folder)
        records.replace(f"{folder}/{name}", f"{second}\n")


def _is_held(box: Mailbox, entry: Entry) -> bool:
    return bool(entry.owner) and is_held(entry.owner, box.host.runs, box.spool.clock())


def _judged(box: Mailbox, entry: Entry, *, first: bool) -> Received | None:
    try:
        return box.judge(entry, first=first)
    except FileNotFoundError:
        return None


def _tell(box: Mailbox, received: Received) -> None:
    """Tell the sender of an expired message that nobody read it, unless a program sent it, or has gone."""
    message, signature = received.message, received.signature
    assert message is not None
    assert signature is not None
    expires = signature.expires or 0
    found = _now_called(box.spool, message.from_, signature.t) if message.kind == "message" else None
    if found is None:
        return
    name, since = found
    # All of it follows from the message: told twice, it is the same file, and is shown once.
    t = max(expires, since)
    serial = f"{t}.M000000P0Q0R{content_digest(f'expired {received.key}'.encode())[:16]}"
    subject = f"Expired unread: {message.subject}"[:72]
    text = f"Your message {message.ref} to {box.name} was to be read in time, and nobody did; it was removed."
    draft = Draft(text, subject=subject, references=(message.id,), auto="auto-replied", kind="notice")
    fields, body = compose(draft, sender=SYSTEM, to=[name], id=serial, t=t)
    key = box.keyring.key(box.spool.id, box.spool.signing_key())
    if key is None:
        raise Misconfigured(f"key {box.spool.signing_key()} is not in the keyring", "mipc key import")
    value = sign(fields, body, key, spool=box.spool.id, signer=address_of(SYSTEM), t=t)
    _deliver(box, name, serial, join([("IPC-Signature", value), *fields], body))


def _deliver(box: Mailbox, name: str, serial: str, data: bytes) -> None:
    unique = box.namer.unique(serial)
    for _ in range(_ATTEMPTS):
        try:
            _, reached = box.spool.open_mailbox(name)
        except NoSuchName:
            return
        with reached:
            known = SeenSet(reached).find(seen_key(address_of(SYSTEM), f"{serial}@ipc.invalid"))
            if known is not None or reached.holds(unique):
                return
            try:
                reached.deliver(data, unique, temporary=box.namer.unique())
            except MailboxGone:
                continue
            return
    raise TryAgain(f"{name} keeps moving", "try again")


def _now_called(spool: Spool, name: str, t: int) -> tuple[str, int] | None:
    """Return the present name, and since when, of whoever had *name* at second *t*: never a later owner of it.

    Raises: Misconfigured, TryAgain: nobody is seen to have had it, and one that cannot be read may.
    """
    found: list[tuple[int, str, int]] = []
    broken: Misconfigured | TryAgain | None = None
    for present in spool.names():
        try:
            record = None if os.path.islink(spool.path(present)) else spool.record(present)
        except (Misconfigured, TryAgain) as error:
            broken = error
            continue
        if record is not None and record.led_here(name, t):
            # led_here allows for clocks that differ: first goes whose time with that name ended later than t,
            # then who has it still.
            ends = [u for n, s, u in record.lines if n == name and s <= t and (u is None or t <= u)]
            since = [s for n, s, _ in record.lines if n == present]
            found.append((2 if not ends else ends[-1] is None, present, since[-1] if since else 0))
    if broken is not None and not found:
        raise broken
    return min(found)[1:] if found else None

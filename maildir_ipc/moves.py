"""Renaming a mailbox, and merging a waiting one into it: begun by an intent, finished by whoever comes next.

Each step looks at what is there and does what is missing, so that after a crash at any system call the
next holder of the lock carries the same intent out to its end. A sender that finds a name missing takes
the lock, and so waits, or finishes the work: no mail is lost or misplaced. protocol.md, section 7.
"""

from __future__ import annotations

import os

from . import records
from .errors import MailboxGone
from .limits import recount
from .maildir import Maildir
from .names import Names
from .spool import no_such_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .lock import Lock
    from .spool import Spool


def rename(spool: Spool, lock: Lock, old: str, new: str) -> int:
    """Give the mailbox *old* the name *new*; return the second until which *old* forwards.

    *new* must be free, a waiting mailbox, or an own former name: the caller has looked, under *lock*.
    """
    assert lock.held
    now = int(spool.clock())
    end, freed = now + spool.setting("forward-seconds"), spool.freed(new)
    # Mail to a free name is for whoever takes it; an own former name never stopped leading here.
    since = min(freed, now)
    text = f"old {old}\nnew {new}\nat {now}\nsince {since}\nend {end}\n"
    records.replace(f"{spool.root}/.ipc/intents/rename", text)
    finish(spool, lock)
    return end


def finish(spool: Spool, lock: Lock) -> None:
    """Carry out what a holder of the lock had begun, if anything."""
    assert lock.held
    folder = f"{spool.root}/.ipc/intents"
    text = records.read(f"{folder}/rename")
    if text is not None:
        intent = records.words(text)
        at, since, end = (int(intent[word]) for word in ("at", "since", "end"))
        _rename(spool.root, intent["old"], intent["new"], at, since, end)
    for name in os.listdir(folder):
        if name.partition(".")[0] == "rename":  # with a tail: whoever was writing it died, and had begun nothing
            records.remove(f"{folder}/{name}")
    records.sync_directory(folder)


def _rename(root: str, old: str, new: str, now: int, since: int, end: int) -> None:
    aside = f"{root}/.ipc/closing/{new}"
    if _is_mailbox(f"{root}/{old}"):
        if _is_mailbox(f"{root}/{new}"):
            # From here on a sender to the waiting name finds it missing, and waits for the lock.
            os.rename(f"{root}/{new}", aside)
            records.sync_directory(root)
        elif os.path.islink(f"{root}/{new}"):
            os.unlink(f"{root}/{new}")  # an own former name, or a forward that has ended
        _write_names(f"{root}/{old}", new, now, since, end)
        os.rename(f"{root}/{old}", f"{root}/{new}")
    if not os.path.lexists(f"{root}/{old}"):
        os.symlink(new, f"{root}/{old}")
    records.sync_directory(root)
    record = Names.read(f"{root}/{new}")
    if record is None:
        raise no_such_name(new)
    records.make_directory(f"{root}/.ipc/ended")
    records.replace(f"{root}/.ipc/ended/{old}", f"{end}\n")
    records.remove(f"{root}/.ipc/ended/{new}")
    for name in record.forwards(now):
        _lead_to(root, name, new)
    if os.path.isdir(aside):
        _pour(aside, f"{root}/{new}")
    records.sync_directory(root)


def _write_names(mailbox: str, new: str, now: int, since: int, end: int) -> None:
    record = Names.read(mailbox)
    if record is not None and record.current != new:
        record.now_named(new, since, now, end).write(mailbox)


def _lead_to(root: str, name: str, target: str) -> None:
    """Make the forward *name* lead straight to *target*, replacing the link by a rename: never absent."""
    path = f"{root}/{name}"
    if not os.path.islink(path) or os.readlink(path) == target:
        return
    fresh = f"{root}/.ipc/link-{os.urandom(4).hex()}"
    os.symlink(target, fresh)
    os.rename(fresh, path)


def _pour(aside: str, mailbox: str) -> None:
    """Move all mail of the closed mailbox *aside* into *mailbox*, then remove what is left of it."""
    try:
        with Maildir(aside) as source, Maildir(mailbox) as target:
            target.pour(source)
    except MailboxGone:
        return
    recount(mailbox)
    records.remove_tree(aside)


def _is_mailbox(path: str) -> bool:
    return os.path.isdir(path) and not os.path.islink(path)

"""Renaming a mailbox, and merging a waiting one into it: begun by an intent, finished by whoever comes next.

Each step looks at what is there and does what is missing, so that after a crash at any system call the
next holder of the lock carries the same intent out to its end. A sender that finds a name missing takes
the lock, and so waits, or finishes the work: no mail is lost or misplaced. protocol.md, section 7.
"""

from __future__ import annotations

import os

from . import records
from .address import is_name
from .errors import MailboxGone, Misconfigured
from .limits import recount
from .maildir import Maildir
from .names import Names
from .spool import UNTOLD, no_such_name

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
    text = f"old {old}\nnew {new}\nat {now}\nsince {since}\nend {end}\naside {new}.{os.urandom(4).hex()}\n"
    records.replace(f"{spool.root}/.ipc/intents/rename", text)
    finish(spool, lock)
    return end


def finish(spool: Spool, lock: Lock) -> None:
    """Carry out what a holder of the lock had begun, if anything."""
    assert lock.held
    folder = f"{spool.root}/.ipc/intents"
    text = records.read(f"{folder}/rename")
    if text is not None:
        if not _is_whole(text):
            raise Misconfigured(f"{folder}/rename is damaged", "mipc doctor --fix sets it aside")
        intent = records.words(text)
        at, since, end = (records.number(intent[word]) for word in ("at", "since", "end"))
        aside = f"{spool.root}/.ipc/closing/{intent['aside']}"
        _rename(spool.root, intent["old"], intent["new"], aside, at, since, end)
    for name in os.listdir(folder):
        if name.partition(".")[0] == "rename":  # with a tail: whoever was writing it died, and had begun nothing
            records.remove(f"{folder}/{name}")
    records.sync_directory(folder)


def _is_whole(text: str) -> bool:
    """Return whether an intent can be carried out: nobody may have a directory moved in or out of the spool by it."""
    intent = records.words(text)
    names = is_name(intent.get("old", "")) and is_name(intent.get("new", ""))
    stem, _, tail = intent.get("aside", "").partition(".")
    return names and stem == intent["new"] and tail.isalnum() and all(word in intent for word in ("at", "since", "end"))


def is_damaged(spool: Spool) -> bool:
    """Return whether there is an intent that nobody can carry out."""
    text = records.read(f"{spool.root}/.ipc/intents/rename")
    return text is not None and not _is_whole(text)


def set_aside(spool: Spool) -> None:
    """Take a damaged intent out of the way of whoever wants the lock; it is kept beside the lock."""
    os.rename(f"{spool.root}/.ipc/intents/rename", f"{spool.root}/.ipc/damaged-rename")


def rescue(spool: Spool, lock: Lock, closed: str) -> None:
    """Give the mail of a mailbox that was left in `.ipc/closing/` back to the name that it was sent to."""
    assert lock.held
    aside, name = f"{spool.root}/.ipc/closing/{closed}", closed.partition(".")[0]
    if is_name(name) and os.path.isdir(aside) and not os.path.islink(aside):
        mailbox = spool.path(spool.ensure(lock, name))
        record, waiting = Names.read(mailbox), Names.read(aside)
        if record is not None and record.lines and waiting is not None:
            record.merged_with(waiting).write(mailbox)
        _pour(aside, mailbox)


def _rename(root: str, old: str, new: str, aside: str, now: int, since: int, end: int) -> None:
    if not _is_mailbox(f"{root}/{old}") and not _is_mailbox(f"{root}/{new}"):
        _abandon(root, old, new, aside)
        return
    if _is_mailbox(f"{root}/{old}"):
        if _is_mailbox(f"{root}/{new}"):
            # From here on a sender to the waiting name finds it missing, and waits for the lock.
            os.rename(f"{root}/{new}", aside)
            records.sync_directory(root)
        elif os.path.islink(f"{root}/{new}"):
            os.unlink(f"{root}/{new}")  # an own former name, or a forward that has ended
        _write_names(f"{root}/{old}", aside, old, new, now, since, end)
        os.rename(f"{root}/{old}", f"{root}/{new}")
    if not os.path.lexists(f"{root}/{old}"):
        os.symlink(new, f"{root}/{old}")
    records.sync_directory(root)
    record = Names.read(f"{root}/{new}")
    if record is None:
        raise no_such_name(new)  # its record was removed by hand: doctor tells
    records.make_directory(f"{root}/.ipc/ended")
    records.replace(f"{root}/.ipc/ended/{old}", f"{end}\n")
    records.remove(f"{root}/.ipc/ended/{new}")
    for name in record.forwards(now):
        _lead_to(root, name, new)
    if os.path.isdir(aside):
        _pour(aside, f"{root}/{new}")
    records.sync_directory(root)


def _abandon(root: str, old: str, new: str, aside: str) -> None:
    """End a rename whose mailbox was removed by hand; mail that was set aside for it is waiting again."""
    if os.path.islink(f"{root}/{old}") and os.readlink(f"{root}/{old}") == new:
        os.unlink(f"{root}/{old}")
    if os.path.isdir(aside) and not os.path.lexists(f"{root}/{new}"):
        os.rename(aside, f"{root}/{new}")
    records.sync_directory(root)


def _write_names(mailbox: str, aside: str, old: str, new: str, now: int, since: int, end: int) -> None:
    record, waiting = Names.read(mailbox), Names.read(aside)
    if record is None:
        return
    records.replace(f"{mailbox}/{UNTOLD}", f"old {old}\nnew {new}\nat {now}\nend {end}\n")
    if record.current != new:
        named = record.now_named(new, since, now, end)
        (named if waiting is None else named.merged_with(waiting)).write(mailbox)


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

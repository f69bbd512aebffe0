"""The mailboxes themselves: what is no mailbox, half made, replaced, held by the dead, or leads nowhere."""

from __future__ import annotations

import errno
import os
from functools import partial

from .. import broom, lock, moves
from ..address import is_name
from ..entry import Entry
from ..errors import MaildirIPCError, cannot_read
from ..housekeeping import LEFT, Housekeeping, forward
from ..mailbox import Mailbox
from ..maildir import REJECTED, SENT
from ..names import Names
from ..session import STANDING
from ..unique import is_held
from .finding import NOTE, Finding
from .places import place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..account import Account
    from ..spool import Spool

_PARTS = ("tmp", "new", "cur", "records", f"{REJECTED}", f"{SENT}", "large-messages")


def contents(account: Account, spool: Spool) -> Iterator[Finding]:
    """Yield what is wrong with each thing that lies in the spool."""
    with os.scandir(spool.root) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    for entry in entries:
        if entry.name.startswith("."):
            continue  # .ipc, and what other mail programs keep there
        try:
            yield from _thing(account, spool, entry)
        except MaildirIPCError as error:
            yield from _unreadable(entry.path, error.message, error.__cause__)
        except OSError as error:
            message = cannot_read(str(error.filename or entry.path), error).message
            yield from _unreadable(entry.path, message, error)


def _thing(account: Account, spool: Spool, entry: os.DirEntry[str]) -> Iterator[Finding]:
    name = entry.name
    if not is_name(name):
        next = "move it away: the spool is for mailboxes"
        yield Finding("orphan", f"{spool.root}/{name} is no mailbox, and its name is none", next)
    elif entry.is_symlink():
        yield from _forward(spool, name)
    elif not entry.is_dir():
        yield Finding("orphan", f"{spool.root}/{name} is a file", f"move it away: nobody can register {name}")
    elif spool.record(name) is None and os.path.isdir(f"{entry.path}/records"):
        what = f"{entry.path}/records/names is missing, so nobody can say whose mail it has"
        yield Finding("names", what, "restore it, or mipc doctor --fix", mend=partial(_rename_again, spool, name))
    elif spool.record(name) is None:
        next = f"mipc register {name} --as {name} makes it one, or move it away"
        yield Finding("orphan", f"{spool.root}/{name} is a directory and no mailbox", next)
    else:
        yield from _mailbox(account, spool, name)


def _unreadable(mailbox: str, what: str, cause: BaseException | None) -> Iterator[Finding]:
    """Yield what keeps a mailbox from being looked at, unless its owners and modes say so already."""
    number = cause.errno if isinstance(cause, OSError) else None
    if number != errno.EACCES:
        yield Finding("unreadable", what, "move that away, then mipc doctor --fix")
    elif not any(True for path in (mailbox, *_below(mailbox)) for _ in place(path)):
        yield Finding("unreadable", what, "let this account read it: look at its owner, its mode and its ACL")


def _below(mailbox: str) -> list[str]:
    return [f"{mailbox}/{part}" for part in ("new", "cur", "records", "records/names")]


def unfinished(spool: Spool) -> Iterator[Finding]:
    """Yield renames and merges that were begun and not finished: whoever takes the lock next does that."""
    for folder, what in (("intents", "a rename or merge that was not finished"), ("closing", "a mailbox being closed")):
        path = f"{spool.root}/.ipc/{folder}"
        for name in sorted(os.listdir(path)) if os.path.isdir(path) else ():
            if broom.is_temporary(name):
                continue
            count = _messages(f"{path}/{name}")
            holds = f", with {count} messages" if count else ""
            next = "mipc doctor --fix finishes it"
            if folder == "intents" and moves.is_damaged(spool):
                next, mend = "mipc doctor --fix sets it aside", partial(moves.set_aside, spool)
                yield Finding(folder, f"{path}/{name} is damaged", next, mend=mend)
                continue
            mend = partial(_finish, spool, name)
            yield Finding(folder, f"{path}/{name}: {what}{holds}", next, mend=mend)


def locked(spool: Spool) -> Iterator[Finding]:
    """Yield the spool's lock, if somebody holds it longer than anything takes that is done under it."""
    path = f"{spool.root}/.ipc/lock"
    try:
        by = lock.busy(path, lock.SAY_AFTER) if os.path.lexists(path) else None
    except OSError:
        return  # that nothing can be written here is said already
    if by is not None:
        what = f"{path} is held{by}, and registering, renaming and first mail to a name wait for it"
        yield Finding("lock", what, "let that process finish, or end it: its lock goes with it")


def litter(account: Account) -> Iterator[Finding]:
    """Yield how much killed commands have left."""
    try:
        found = [item for item in Housekeeping(account, apply=False).litter() if item.state != LEFT]
    except (MaildirIPCError, OSError):
        return  # what is in the way is said already
    if found:
        what = f"{len(found)} files of killed commands, the first {found[0].path}"
        yield Finding("litter", what, "mipc gc --apply removes them", mend=partial(_sweep, account))


def sessions(account: Account, spool: Spool) -> Iterator[Finding]:
    """Yield the names whose agent or terminal has gone without saying so."""
    known = account.sessions(spool)
    for name in sorted(spool.names()):
        try:
            if os.path.islink(spool.path(name)) or spool.record(name) is None:
                continue
        except MaildirIPCError:
            continue  # said already
        try:
            holder = known.holder(name)
        except MaildirIPCError as error:
            yield from _unreadable(spool.path(name), error.message, error.__cause__)
            continue
        if holder is not None and holder.mark != STANDING and account.host.runs(holder.mark) is False:
            what = f"{name} was held by {holder}, which has ended"
            yield Finding("session", what, f"nothing: mail waits, and mipc register {name} takes it", level=NOTE)


def _mailbox(account: Account, spool: Spool, name: str) -> Iterator[Finding]:
    path, record = spool.path(name), spool.record(name)
    links = [part for part in _PARTS if os.path.islink(f"{path}/{part}")]
    for part in links:
        what = f"{path}/{part} is a symbolic link to {os.readlink(f'{path}/{part}')}"
        yield Finding("link", what, "nothing is written through it: put a directory there, with what is in it")
    missing = [part for part in (*_PARTS[:3], "records/seen") if not os.path.lexists(f"{path}/{part}")]
    if missing and not links:
        what = f"{path} has no {', no '.join(missing)}"
        yield Finding("half-made", what, "any send to it makes it", mend=partial(_ensure, spool, name))
    if record is not None and not record.lines:
        what = f"{path}/records/names is damaged: there is no name in it, so nobody can say whose mail it has"
        yield Finding("names", what, "restore it, or mipc doctor --fix", mend=partial(_rename_again, spool, name))
    elif record is not None and not any(known == name and until is None for known, _, until in record.lines):
        what = f"{path} does not know that it is called {name}"
        yield Finding("names", what, "it was moved by hand: move it back, then use mipc rename")
    if not links:
        yield from _claims(account, spool, name)


def _claims(account: Account, spool: Spool, name: str) -> Iterator[Finding]:
    stale = _stale(account, spool, name)
    if stale:
        what = f"{len(stale)} messages of {name} are held by readers that are gone, the first {stale[0].name[:120]}"
        next = f"the next check as {name} shows them; doctor --fix gives them back"
        yield Finding("claim", what, next, mend=partial(_give_back, account, name))


def _stale(account: Account, spool: Spool, name: str) -> list[Entry]:
    entries = []
    for folder in ("new", "cur"):  # mutt moves what is held to cur/, claim and all
        try:
            entries += [Entry(folder, file) for file in sorted(os.listdir(f"{spool.path(name)}/{folder}"))]
        except OSError:
            continue
    runs, now = account.host.runs, spool.clock()
    return [entry for entry in entries if entry.owner and not is_held(entry.owner, runs, now)]


def _give_back(account: Account, name: str) -> None:
    """Make what the dead hold unread again; what they had shown, and not committed, is read."""
    spool = account.spool()
    with Mailbox(spool, account.keyring, account.host, account.namer(), name) as box:
        fresh = box.namer.unique
        for entry in _stale(account, spool, name):
            claimed = box.maildir.claim(entry, box.namer.owner(), fresh)
            if claimed is None:
                continue
            # Cannot it be read, it stays claimed, by us: without a claim it could look like a copy of itself.
            received = box.judge(claimed, first=False)
            known = box.seen.find(received.key) if received.message is not None else None
            shown = known is not None and known[0] == claimed.key and box.shows(received.verdict)
            (box.maildir.commit if shown else box.maildir.release)(claimed, fresh)


def _forward(spool: Spool, name: str) -> Iterator[Finding]:
    target, end = forward(spool, name)
    path = spool.path(name)
    if not is_name(target):
        yield Finding("forward", f"{path} leads out of the spool, to {target}", f"rm {path}: nothing follows it")
    elif not os.path.isdir(spool.path(target)) or os.path.islink(spool.path(target)):
        yield Finding("forward", f"{path} leads to {target}, which is no mailbox", f"rm {path}: nothing follows it")
    elif end is None:
        what = f"{path} leads to {target}, which does not know that name"
        yield Finding("forward", what, f"rm {path}: nothing follows it; mipc rename makes forwards")
    elif end < spool.clock():
        next = "nothing: it is not followed, and mipc gc --apply removes it"
        yield Finding("forward", f"{path}, which led to {target}, has ended", next, level=NOTE)


def _ensure(spool: Spool, name: str) -> None:
    with spool.lock() as lock:
        spool.ensure(lock, name)


def _finish(spool: Spool, name: str) -> None:
    """Let whoever takes the lock finish it; what is left of a closed mailbox goes to the name that it was sent to."""
    with spool.lock() as lock:
        path = f"{spool.root}/.ipc/closing/{name}"
        if os.path.isdir(path) and not os.path.islink(path) and not _messages(path):
            broom.remove_tree(path)
        else:
            moves.rescue(spool, lock, name)


def _rename_again(spool: Spool, name: str) -> None:
    """Write the names record of a mailbox that lost it: its present name, since nobody else had it."""
    with spool.lock():
        record = spool.record(name)
        if record is None or not record.lines:
            now = int(spool.clock())
            Names(True, now, [(name, spool.freed(name), None)]).write(spool.path(name))


def _sweep(account: Account) -> None:
    for _ in Housekeeping(account, apply=True).litter():
        pass


def _messages(path: str) -> int:
    """Return how many files lie in the folders of a mailbox."""
    count = 0
    for folder, _, names in os.walk(path):
        count += len(names) if os.path.basename(folder) in ("new", "cur") else 0
    return count

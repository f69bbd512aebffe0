"""Giving the caller's mailbox another name: when that is allowed, and that everyone is told.

What happens on the disk is in `moves`. The mailbox keeps a note until the others were told; who was killed
before that, or could not reach somebody, is made up for by the session's next act that meets the new name,
by `register`, or by `gc`.
"""

from __future__ import annotations

import errno
import os
import time

from . import moves, records
from .address import SYSTEM, parse_name
from .draft import Draft
from .errors import MaildirIPCError, NameTaken, NoSuchName, TryAgain, Usage
from .mailbox import Mailbox
from .maildir import cannot_write
from .spool import UNTOLD

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .account import Account
    from .lock import Lock
    from .names import Names
    from .spool import Spool

TELL_SECONDS = 7 * 86400.0  # whom a new name could not be told by then does not learn it by a notice


def rename(account: Account, new: str, said: str | None) -> tuple[str, str, int]:
    """Give the caller's mailbox another name; return the old one, the new one, and until when the old forwards.

    Everyone is told by a notice; what fails after the renaming is noted, and made up for later.
    Raises: NameTaken, TryAgain (too soon), Usage, NotYours, Misconfigured.
    """
    new, session, spool = parse_name(new), account.identify(said), account.spool()
    with spool.lock() as lock:
        old = spool.lead(session.name)
        _may_rename(account, old, new)
        until = _renamed(spool, lock, old, new)
        try:
            account.sessions(spool).renamed(lock, session, new)
        except (MaildirIPCError, OSError) as error:
            account.notes.append(f"renamed, but your session was not moved: {error}; your next command tries again")
    tell(account, new)
    return old, new, until


def _renamed(spool: Spool, lock: Lock, old: str, new: str) -> int:
    """Rename, and return until when the old name forwards; what was begun and cannot be finished now is said."""
    if not os.access(spool.root, os.W_OK | os.X_OK):
        # Once there is an intent, whoever takes the lock next has to carry it out.
        number = errno.EROFS if os.statvfs(spool.root).f_flag & os.ST_RDONLY else errno.EACCES
        raise cannot_write(spool.root, OSError(number, os.strerror(number)))
    try:
        return moves.rename(spool, lock, old, new)
    except OSError as error:
        failure = cannot_write(str(error.filename or spool.root), error)
        if not spool.unfinished():
            raise failure from error
        next = "mend that: the next command that needs the spool's lock finishes it"
        raise type(failure)(f"{old} is to be {new}, and that is not done yet: {failure.message}", next) from error


def tell(account: Account, name: str) -> bool:
    """Send everyone else the notice of the mailbox's last new name, if that is owed; return whether nobody missed it.

    Whom it missed is noted. However often it is tried, nobody gets it twice. It never fails.
    """
    try:
        return _tell(account, name, f"{account.spool().path(name)}/{UNTOLD}")
    except (MaildirIPCError, OSError) as error:
        account.notes.append(f"not told to everyone: {error}; mipc gc --apply tries again")
        return False


def _tell(account: Account, name: str, path: str) -> bool:
    text = records.read(path)
    if text is None:
        return True
    owed = records.words(text)
    old, new, end = owed.get("old", ""), owed.get("new", ""), records.number(owed.get("end", ""))
    when = time.strftime("%H:%MZ", time.gmtime(end))
    said = f"{old} is now {new}. Mail to {old} reaches {new} until {when}."
    draft, spool, at = Draft(said, kind="notice", auto="auto-generated"), account.spool(), owed.get("at", "")
    with Mailbox(spool, account.keyring, account.host, account.namer(), name, author=SYSTEM) as mailbox:
        sent = mailbox.broadcast(draft, id=f"renamed-{old}-{new}-{at}")
    missed = [delivery for delivery in sent.deliveries if delivery.state == "failed"]
    # An --id is not known for ever: tried after that, everyone would be told again.
    last = account.clock() > records.number(at) + TELL_SECONDS
    if missed:
        names, how = ", ".join(d.to for d in missed[:8]), "" if last else "; mipc gc --apply tries again"
        account.notes.append(f"not told: {names}: {missed[0].error}{how}")
    if not missed or last:
        records.remove(path)
    return not missed


def _may_rename(account: Account, old: str, new: str) -> None:
    spool = account.spool()
    record, wait, cooldown = spool.record(old), 0.0, spool.setting("rename-cooldown")
    if new == old:
        raise Usage(f"you are {old} already", "choose another name")
    if record is not None and record.renamed:
        wait = record.renamed + cooldown - account.clock()
    if 0 < wait <= 2 * cooldown:  # further ahead: a clock that was set back
        raise TryAgain(f"{old} was renamed a short while ago", f"can rename again in {-(-wait // 60):.0f} minutes")
    try:
        target = spool.lead(new)
    except NoSuchName:
        return
    taken = spool.record(new) if target == new else None
    # What could not be moved away must not be begun: nobody could finish it. One that lost its names has an owner.
    in_the_way = target == new and (not os.path.isdir(spool.path(new)) or _is_damaged(spool.path(new), taken))
    if in_the_way or target not in (new, old) or (taken is not None and taken.registered):
        raise NameTaken(f"{new} is taken", "choose another name")


def _is_damaged(mailbox: str, record: Names | None) -> bool:
    return not record.lines if record is not None else os.path.isdir(f"{mailbox}/records")

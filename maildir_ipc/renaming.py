"""Giving the caller's mailbox another name: when that is allowed, and that everyone is told.

What happens on the disk is in `moves`. The mailbox keeps a note until the others were told; who was killed
before that is made up for by the session's next act that meets the new name, by `register`, or by `gc`.
"""

from __future__ import annotations

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


def rename(account: Account, new: str, said: str | None) -> tuple[str, str, int]:
    """Give the caller's mailbox another name; return the old one, the new one, and until when the old forwards.

    Everyone is told by a notice. Raises: NameTaken, TryAgain (too soon), Usage, NotYours.
    """
    new, session, spool = parse_name(new), account.identify(said), account.spool()
    try:
        with spool.lock() as lock:
            old = spool.lead(session.name)
            _may_rename(account, old, new)
            until = moves.rename(spool, lock, old, new)
            session = account.sessions(spool).renamed(lock, session, new)
    except OSError as error:
        raise cannot_write(spool.root, error) from error
    tell(account, session.name)
    return old, new, until


def tell(account: Account, name: str) -> None:
    """Send everyone else the notice of the mailbox's last new name, if that is owed; whom it missed is noted.

    However often it is tried, nobody gets it twice.
    """
    path = f"{account.spool().path(name)}/{UNTOLD}"
    text = records.read(path)
    if text is None:
        return
    owed = records.words(text)
    old, new, end = owed.get("old", ""), owed.get("new", ""), records.number(owed.get("end", ""))
    when = time.strftime("%H:%MZ", time.gmtime(end))
    said = f"{old} is now {new}. Mail to {old} reaches {new} until {when}."
    draft, spool = Draft(said, kind="notice", auto="auto-generated"), account.spool()
    try:
        with Mailbox(spool, account.keyring, account.host, account.namer(), name, author=SYSTEM) as mailbox:
            sent = mailbox.broadcast(draft, id=f"renamed-{old}-{new}-{owed.get('at', '')}")
    except MaildirIPCError as error:
        account.notes.append(f"not told to anyone: {error.message}; mipc gc --apply tries again")
        return
    if sent.error is not None:
        missed = [delivery.to for delivery in sent.deliveries if delivery.error is not None]
        account.notes.append(f"not told: {', '.join(missed[:8])}: {sent.error.message}")
    records.remove(path)


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
    # What could not be moved away must not be begun: nobody could finish it.
    in_the_way = target == new and not os.path.isdir(spool.path(new))
    if in_the_way or target not in (new, old) or (taken is not None and taken.registered):
        raise NameTaken(f"{new} is taken", "choose another name")

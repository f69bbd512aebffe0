"""The bell: one line of facts about unread mail, once for each message and session. No sender's words are in it."""

from __future__ import annotations

from . import records
from .address import SYSTEM, is_name
from .unique import is_held

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .mailbox import Mailbox
    from .tokens import Session

MAX_LINE = 120
_LOOKED_AT = 20  # messages whose writers are named
_REMEMBERED = 1000  # keys, newest first; older ones count as rung for


def ring(mailbox: Mailbox, session: Session) -> str:
    """Return the line about what is unread, if *session* has not been told of all of it; else the empty string.

    It is remembered as told when this returns. Nothing is claimed.
    """
    keys = _unread(mailbox)
    told = _told(mailbox, session)
    oldest = min(told) if len(told) >= _REMEMBERED else ""
    if all(key in told or key < oldest for key in keys):
        return ""
    lines = [f"session {session.id}", *sorted(keys)[-_REMEMBERED:], ""]
    records.replace(_path(mailbox), "\n".join(lines), sync=False)
    with mailbox.check(lambda _: True, limit=_LOOKED_AT, peek=True) as batch:
        names = [m.from_ for r in batch.messages if (m := r.message) is not None]
        return line(mailbox.name, len(names) + batch.remaining, names, len(batch.receipts), len(batch.rejected))


def line(name: str, count: int, writers: list[str], receipts: int, rejected: int) -> str:
    """Return the line: how many, from whom as far as that is verified and there is room; empty for nothing."""
    end = ": mipc check"
    if not count:
        what = f"{receipts} receipt{'s' * (receipts > 1)}" if receipts else f"{rejected} that failed verification"
        return f"{what} for {name}{end}" if receipts or rejected else ""
    named = dict.fromkeys(writer for writer in writers if is_name(writer) or writer == SYSTEM)
    all_named = len(writers) == count and all(writer in named for writer in writers)
    shown: list[str] = []
    text = f"{count} new for {name}"
    for number, writer in enumerate(named, 1):
        shown.append(writer)
        more = "" if all_named and number == len(named) else " and others"
        longer = f"{count} new for {name} from {', '.join(shown)}{more}"
        if len(longer + end) > MAX_LINE:
            break
        text = longer
    return text + end


def _unread(mailbox: Mailbox) -> set[str]:
    """Return the keys of what is unread; what a listing of `cur/` showed is remembered if nothing unread lies there."""
    now, runs, gate = mailbox.spool.clock(), mailbox.host.runs, mailbox.gate()
    moved = [e for e in gate.unread_in_cur() if not e.owner or not is_held(e.owner, runs, now)]
    if not moved and not gate.left_unread:
        gate.write("")  # bin/ipc-hook starts no Python while this record is newer than cur/
    return {entry.key for entry in (*mailbox.maildir.unread(runs, now), *moved)}


def _told(mailbox: Mailbox, session: Session) -> set[str]:
    first, *keys = (records.read(_path(mailbox)) or "").split("\n")
    return {key for key in keys if key} if first == f"session {session.id}" else set()


def _path(mailbox: Mailbox) -> str:
    return f"{mailbox.maildir.path}/records/bell"

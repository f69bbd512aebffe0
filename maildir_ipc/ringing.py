"""When the bell rings for a session: once for each message. What it says is `bell`'s."""

from __future__ import annotations

from . import records
from .bell import bell_of
from .unique import is_held

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .mailbox import Mailbox
    from .tokens import Session

_REMEMBERED = 1000  # keys, newest first; older ones count as rung for


def ring(mailbox: Mailbox, session: Session) -> str:
    """Return the line about what is unread, if *session* has not been told of all of it; else the empty string.

    It is remembered as told when this returns; where nothing can be written, it rings every time. Nothing is claimed.
    """
    keys = _unread(mailbox)
    told = _told(mailbox, session)
    oldest = min(told) if len(told) >= _REMEMBERED else ""
    if all(key in told or key < oldest for key in keys):
        return ""
    lines = [f"session {session.id}", *sorted(keys)[-_REMEMBERED:], ""]
    try:
        records.replace(_path(mailbox), "\n".join(lines), sync=False)
    except OSError:
        pass  # a full disk, or a read-only one: twice is better than never
    bell = bell_of(mailbox)
    return bell.line() if bell else ""


def _unread(mailbox: Mailbox) -> set[str]:
    """Return the keys of what is unread and held by nobody."""
    now, runs = mailbox.spool.clock(), mailbox.host.runs
    moved = [e for e in mailbox.gate().unread_in_cur() if not e.owner or not is_held(e.owner, runs, now)]
    return {entry.key for entry in (*mailbox.maildir.unread(runs, now), *moved)}


def _told(mailbox: Mailbox, session: Session) -> set[str]:
    first, *keys = (records.read(_path(mailbox)) or "").split("\n")
    return {key for key in keys if key} if first == f"session {session.id}" else set()


def _path(mailbox: Mailbox) -> str:
    return f"{mailbox.maildir.path}/records/bell"

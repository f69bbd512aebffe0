"""Who is in the spool: one row for each name, from the records alone, and how it is said; no message is opened."""

from __future__ import annotations

import os

from .errors import Misconfigured, NoSuchName, TryAgain, cannot_read
from .names import names_lost
from .render import iso, when
from .session import Sessions
from .unique import is_held

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from .process import Host
    from .spool import Spool

_MAX_SAID = 8  # names that a refusal says, of either kind


class Row:
    """One name. *state* is registered, waiting or forward; *live* is None where nobody holds the name."""

    __slots__ = ("forward_to", "last_seen", "live", "name", "state", "unread")

    def __init__(
        self,
        name: str,
        state: str,
        live: bool | None,
        last_seen: float | None,
        unread: int,
        forward_to: str | None = None,
    ) -> None:
        self.name, self.state, self.live = name, state, live
        self.last_seen, self.unread, self.forward_to = last_seen, unread, forward_to


def rows(spool: Spool, host: Host, notes: list[str]) -> list[Row]:
    """Return a row for each name, in the order of names; *notes* gets those that cannot be read, and why."""
    sessions, found, broken = Sessions(spool, (), host), list[Row](), list[str]()
    for name in sorted(spool.names()):
        try:
            row = _row(spool, host, sessions, name)
        except (Misconfigured, TryAgain) as error:
            broken.append(f"not listed: {name}: {error}")
            continue
        if row is not None:
            found.append(row)
    notes += broken[:_MAX_SAID]
    if len(broken) > _MAX_SAID:
        notes.append(f"and {len(broken) - _MAX_SAID} more not listed: mipc doctor")
    return found


def knows(spool: Spool, name: str) -> bool:
    """Return whether *name* has a mailbox, or leads to one: registered, waiting, a forward, or broken."""
    try:
        return spool.record(spool.lead(name)) is not None
    except NoSuchName:
        return False
    except (Misconfigured, TryAgain):
        return True


def _last_used(mailbox: str) -> float | None:
    """Return when a session that was ended was used last."""
    try:
        return os.stat(f"{mailbox}/records/last-session").st_mtime
    except OSError:
        return None


def _row(spool: Spool, host: Host, sessions: Sessions, name: str) -> Row | None:
    try:
        target = spool.lead(name)
    except NoSuchName:
        return None  # a forward that has ended
    if target != name:
        return Row(name, "forward", None, None, 0, target)
    record, holder, now = spool.record(name), sessions.holder(name), spool.clock()
    if record is None and not os.path.isdir(f"{spool.path(name)}/records"):
        return None  # a directory that is no mailbox
    if record is None or not record.lines:  # whether it is registered, nobody can say
        raise names_lost(spool.path(name))
    held = 0
    try:
        names = [n for n in os.listdir(f"{spool.path(name)}/new") if not n.startswith(".")]
    except FileNotFoundError:
        names = []
    except OSError as error:
        raise cannot_read(f"{spool.path(name)}/new", error) from error
    for entry in names:
        owner = entry.partition(":")[0].partition(",c=")[2]
        held += bool(owner) and is_held(owner, host.runs, now)
    return Row(
        name,
        "registered" if record.registered else "waiting",
        None if holder is None else holder.live(host, now),
        holder.used if holder is not None else _last_used(spool.path(name)),
        len(names) - held,
    )


def row_object(row: Row) -> dict[str, Any]:
    """Return one name as JSON's object."""
    return {
        "name": row.name,
        "state": row.state,
        "live": row.live,
        "last_seen": None if row.last_seen is None else iso(row.last_seen),
        "unread": row.unread,
        "forward_to": row.forward_to,
    }


def row_line(row: Row, now: float, width: int = 0) -> str:
    """Return one name as a line, without its end; names are padded to *width*."""
    name = row.name.ljust(width)
    if row.forward_to is not None:
        return f"{name}  forwards to {row.forward_to}"
    seen = "never" if row.last_seen is None else when(row.last_seen, now)
    live = {True: "live", False: "away", None: "-"}[row.live]
    return f"{name}  {row.state.ljust(10)}  {live.ljust(4)}  {row.unread} unread  seen {seen}"


def check_registered(spool: Spool, names: Iterable[str]) -> None:
    """Return when each of *names* has been registered, or forwards. Raises: NoSuchName, with those that are close.

    For callers that mistype: mail to a name that nobody has is taken, and waits.
    """
    unknown = [name for name in names if not _is_registered(spool, name)]
    if not unknown:
        return
    from difflib import get_close_matches

    known = [name for name in spool.names() if name not in unknown]
    close = dict.fromkeys(near for name in unknown[:_MAX_SAID] for near in get_close_matches(name, known, 8, 0.6))
    said = ", ".join(unknown[:_MAX_SAID])
    more = f" and {len(unknown) - _MAX_SAID} more" if len(unknown) > _MAX_SAID else ""
    near = f"; close names: {', '.join(list(close)[:_MAX_SAID])}" if close else ""
    raise NoSuchName(f"no one named {said}{more} has registered; your mail would wait{near}")


def _is_registered(spool: Spool, name: str) -> bool:
    try:
        record = spool.record(spool.lead(name))
    except NoSuchName:
        return False
    except (Misconfigured, TryAgain):
        return True  # what is wrong with it is the delivery's to say
    return record is not None and record.registered

"""list: who has registered."""

from __future__ import annotations

from ..render import when
from .call import arguments

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .call import Call

USAGE = "list [options]"


def run(call: Call, words: list[str]) -> int:
    """Print a line for each name: state, live or not, last seen, unread."""
    given = arguments(call, words, USAGE, {})
    if given is None:
        return 0
    rows = call.account.directory()
    if given.flag("json"):
        from ..render import VERSION, iso, to_json

        identities = [
            {
                "name": row.name,
                "state": row.state,
                "live": row.live,
                "last_seen": None if row.last_seen is None else iso(row.last_seen),
                "unread": row.unread,
                "forward_to": row.forward_to,
            }
            for row in rows
        ]
        call.out(to_json({"v": VERSION, "identities": identities}) + "\n")
        return 0
    width, now = max([len(row.name) for row in rows], default=0), call.account.clock()
    for row in rows:
        if row.forward_to is not None:
            call.out(f"{row.name.ljust(width)}  forwards to {row.forward_to}\n")
            continue
        seen = "never" if row.last_seen is None else when(row.last_seen, now)
        live = {True: "live", False: "away", None: "-"}[row.live]
        call.out(f"{row.name.ljust(width)}  {row.state.ljust(10)}  {live.ljust(4)}  {row.unread} unread  seen {seen}\n")
    return 0

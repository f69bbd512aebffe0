"""list: who has registered."""

from __future__ import annotations

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
    from ..directory import row_line, row_object

    rows = call.account.directory()
    if given.flag("json"):
        from ..render import VERSION, to_json

        call.out(to_json({"v": VERSION, "identities": [row_object(row) for row in rows]}) + "\n")
        return 0
    width, now = max([len(row.name) for row in rows], default=0), call.account.clock()
    for row in rows:
        call.out(row_line(row, now, width) + "\n")
    return 0

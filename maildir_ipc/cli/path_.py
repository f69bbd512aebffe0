"""path: where a mailbox lies, for every other tool."""

from __future__ import annotations

from ..address import parse_name
from ..errors import Usage
from .call import arguments

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .call import Call

USAGE = "path [NAME]"


def run(call: Call, words: list[str]) -> int:
    """Print the path of the mailbox of NAME, or of yours."""
    given = arguments(call, words, USAGE, {}, most=1)
    if given is None:
        return 0
    if len(given.operands) > 1:
        raise Usage("more than one name", f"mipc {USAGE}")
    account = call.account
    if given.operands:
        name = account.spool_record().lead(parse_name(given.operands[0]))
    else:
        name = account.identify(given.get("as"), only_reading=True).name
    path = account.spool_record().path(name)
    if given.flag("json"):
        from ..render import VERSION, to_json

        call.out(to_json({"v": VERSION, "name": name, "path": path}) + "\n")
    else:
        call.out(f"{path}\n")
    return 0

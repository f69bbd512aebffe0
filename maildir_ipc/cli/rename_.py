"""rename: take another name, and keep all mail."""

from __future__ import annotations

from ..errors import Usage
from .call import arguments

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .call import Call

USAGE = "rename NEW [options]"


def run(call: Call, words: list[str]) -> int:
    """Rename, print the new name, and say how long the old one leads to it."""
    given = arguments(call, words, USAGE, {}, most=1)
    if given is None:
        return 0
    if len(given.operands) != 1:
        raise Usage("no name" if not given.operands else "more than one name", f"mipc {USAGE}")
    old, new, until = call.account.rename(given.operands[0], given.get("as"))
    if given.flag("json"):
        from ..render import VERSION, iso, to_json

        call.out(to_json({"v": VERSION, "name": new, "former": old, "until": iso(until)}) + "\n")
    else:
        call.out(f"{new}\n")
    seconds = max(0, until - round(call.account.clock()))
    span = f"{round(seconds / 3600)} hours" if seconds >= 5400 else f"{round(seconds / 60)} minutes"
    call.say(f"renamed {old} to {new}; mail to {old} reaches you for {span}")
    return 0

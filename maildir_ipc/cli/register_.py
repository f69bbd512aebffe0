"""register: take a name here."""

from __future__ import annotations

from ..errors import Usage
from .arguments import FLAG
from .call import arguments

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .call import Call

USAGE = "register NAME [options]"
OPTIONS = {"takeover": FLAG, "also": FLAG}


def run(call: Call, words: list[str]) -> int:
    """Register, print the name, and say how much mail waits."""
    given = arguments(call, words, USAGE, OPTIONS, most=1)
    if given is None:
        return 0
    if len(given.operands) != 1:
        raise Usage("no name" if not given.operands else "more than one name", f"mipc {USAGE}")
    done = call.account.register(
        given.operands[0], said=given.get("as"), takeover=given.flag("takeover"), also=given.flag("also")
    )
    name = done.session.name
    if given.flag("json"):
        from ..render import VERSION, to_json

        call.out(to_json({"v": VERSION, "name": name, "unread": done.unread, "ended": done.ended}) + "\n")
    else:
        call.out(f"{name}\n")
    for ended in done.ended:
        call.say(f"{ended} is no longer registered here")
    if done.unread:
        call.say(f"registered {name}, with {done.unread} message{'s' if done.unread > 1 else ''} waiting: mipc check")
    else:
        call.say(f"registered {name}; no mail is waiting")
    return 0

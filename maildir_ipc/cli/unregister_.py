"""unregister: end this session."""

from __future__ import annotations

from .call import arguments

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .call import Call

USAGE = "unregister [options]"


def run(call: Call, words: list[str]) -> int:
    """End the session; mailbox, name and mail stay."""
    given = arguments(call, words, USAGE, {})
    if given is None:
        return 0
    name = call.account.unregister(given.get("as"))
    if given.flag("json"):
        from ..render import VERSION, to_json

        call.out(to_json({"v": VERSION, "name": name}) + "\n")
    else:
        call.out(f"{name}\n")
    call.say(f"{name} is no longer registered here; its mail keeps coming, and waits")
    return 0

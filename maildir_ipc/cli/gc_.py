"""gc: remove what nobody needs any more, when told to."""

from __future__ import annotations

from ..errors import TryAgain
from ..housekeeping import DONE, FAILED, KINDS, LEFT, WOULD, Housekeeping
from ..render import VERSION, escape, to_json
from .arguments import FLAG
from .call import arguments

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .call import Call

USAGE = "gc [--apply]"
OPTIONS = {"apply": FLAG}
MAX_ITEMS = 100  # lines that one command prints; the others are counted
_SAID = {WOULD: "would remove", DONE: "removed", FAILED: "could not remove", LEFT: "left alone"}


def run(call: Call, words: list[str]) -> int:
    """Print a line for each thing, and how many there are of each kind; without --apply nothing is changed."""
    given = arguments(call, words, USAGE, OPTIONS)
    if given is None:
        return 0
    apply, json = given.flag("apply"), given.flag("json")
    listed: list[dict[str, str]] = []
    counts, more, failed = dict.fromkeys(KINDS, 0), 0, 0
    for item in Housekeeping(call.account, apply=apply).run():
        counts[item.kind] += item.state in (WOULD, DONE)
        failed += item.state in (FAILED, LEFT)
        if len(listed) >= MAX_ITEMS:
            more += 1
            continue
        path, why = escape(item.path[:300], line=True), escape(item.why[:200], line=True)
        listed.append({"kind": item.kind, "path": path, "why": why, "state": item.state})
        if not json:
            call.out(f"{_SAID[item.state]} {item.kind} {path}: {why}\n")
    if json:
        document = {"v": VERSION, "applied": apply, "items": listed, "more": more, "failed": failed, "counts": counts}
        call.out(to_json(document) + "\n")
    elif more:
        call.out(f"and {more} more\n")
    parts = [f"{count} {kind}" for kind, count in counts.items() if count]
    tail = "" if apply or not parts else "; mipc gc --apply does it"
    call.say(f"{_SAID[DONE if apply else WOULD]} {', '.join(parts) or 'nothing'}{tail}")
    if failed:
        call.say(f"mipc: {failed} could not be looked at or removed: mend what their lines say, then mipc gc --apply")
    return TryAgain.exit_code if failed else 0

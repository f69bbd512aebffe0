"""init: make a spool."""

from __future__ import annotations

from .arguments import FLAG
from .call import arguments

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .call import Call

USAGE = "init [options]"
OPTIONS = {"open": FLAG}


def run(call: Call, words: list[str]) -> int:
    """Make the spool unless it is there, and print its path."""
    given = arguments(call, words, USAGE, OPTIONS)
    if given is None:
        return 0
    spool = call.account.init("open" if given.flag("open") else "signed")
    if given.flag("json"):
        from ..render import VERSION, to_json

        key = spool.signing_key() if spool.signed else None
        call.out(to_json({"v": VERSION, "spool": spool.root, "id": spool.id, "mode": spool.mode, "key": key}) + "\n")
    else:
        call.out(f"{spool.root}\n")
    return 0

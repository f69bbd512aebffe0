"""whoami: who you are, by what, and where."""

from __future__ import annotations

from .call import arguments

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .call import Call

USAGE = "whoami [options]"


def run(call: Call, words: list[str]) -> int:
    """Print the name; say the anchor and the spool."""
    given = arguments(call, words, USAGE, {})
    if given is None:
        return 0
    session = call.account.identify(given.get("as"), only_reading=True)
    spool = call.account.spool()
    with call.account.mailbox(session) as mailbox:
        name = mailbox.name  # a renamer that was killed left the session under the former one
    if given.flag("json"):
        from ..render import VERSION, to_json

        facts = {"name": name, "anchor": session.who, "spool": spool.root, "signed": spool.signed}
        call.out(to_json({"v": VERSION, **facts}) + "\n")
    else:
        call.out(f"{name}\n")
    call.say(f"{name}, by {session.who}; spool {spool.root}{'' if spool.signed else ' (unsigned)'}")
    return 0

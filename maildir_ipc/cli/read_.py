"""read: show one message again, with its verdict."""

from __future__ import annotations

import os

from ..errors import Usage
from ..render import MAX_CHARS, Bound, message_object, to_json
from .arguments import FLAG
from .call import arguments

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .call import Call

USAGE = "read REF [options]"
OPTIONS = {"full": FLAG}


def run(call: Call, words: list[str]) -> int:
    """Show what REF names; whether it is read or unread stays as it is."""
    given = arguments(call, words, USAGE, OPTIONS, most=1)
    if given is None:
        return 0
    if len(given.operands) != 1:
        raise Usage("not one message", f"mipc {USAGE}")
    account, full = call.account, given.flag("full")
    session = account.identify(given.get("as"))
    bound = Bound(None if full else MAX_CHARS, account.clock(), os.urandom(2).hex(), json=given.flag("json"), full=full)
    with account.mailbox(session) as mailbox:
        found = mailbox.find(given.operands[0])
        for received in found:
            if not full:
                mailbox.convert(received)
            if not bound.takes(received):
                mailbox.convert(received, always=True)
        if given.flag("json"):
            from ..render import VERSION

            messages = [message_object(received, full=full) for received in found]
            call.out(to_json({"v": VERSION, "identity": session.name, "messages": messages}) + "\n")
        else:
            for received in found:
                call.out(bound.text(received))
    return 0 if mailbox.shows(found[0].verdict) else 76

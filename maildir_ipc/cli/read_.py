"""read: show one message again, with its verdict."""

from __future__ import annotations

import os

from ..conversation import accepted, look_up
from ..errors import Usage
from ..render import MAX_CHARS, Bound, escape, message_object, to_json
from .arguments import FLAG
from .call import arguments

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..mailbox import Mailbox
    from ..received import Received
    from .arguments import Arguments
    from .call import Call

USAGE = "read REF [options]"
OPTIONS = {"full": FLAG, "save": "DIR"}


def run(call: Call, words: list[str]) -> int:
    """Show what REF names; whether it is read or unread stays as it is."""
    given = arguments(call, words, USAGE, OPTIONS, most=1)
    if given is None:
        return 0
    if len(given.operands) != 1:
        raise Usage("no message" if not given.operands else "more than one message", f"mipc {USAGE}")
    account, full = call.account, given.flag("full")
    session = account.identify(given.get("as"))
    bound = Bound(None if full else MAX_CHARS, account.clock(), os.urandom(2).hex(), json=given.flag("json"), full=full)
    with call.mailbox(session) as mailbox:
        found = look_up(mailbox, given.operands[0])
        for received in found:
            if not full:
                mailbox.convert(received)
            if not bound.takes(received):
                mailbox.convert(received, always=True)
        if not given.flag("json"):
            for received in found:
                call.out(bound.text(received))
        saved = _save(call, given, mailbox, found)
        if given.flag("json"):
            from ..render import VERSION

            messages = [message_object(received, full=full) for received in found]
            fields = {"v": VERSION, "identity": mailbox.name, "messages": messages, "saved": saved}
            call.out(to_json(fields) + "\n")
    return 0 if mailbox.shows(found[0].verdict) else 76


def _save(call: Call, given: Arguments, mailbox: Mailbox, found: list[Received]) -> list[str]:
    """Write the attachments of what is mail to where --save says, and return their paths."""
    directory, saved = given.get("save"), list[str]()
    if directory is None:
        return saved
    from ..attachments import save_all

    for received in found:
        message = received.message
        if message is None or not accepted(mailbox, received):
            call.say("mipc: nothing was saved of what is not verified mail")
            continue
        for path in save_all(message.attachments, directory):
            saved.append(path)
            if not given.flag("json"):
                call.out(f"Saved: {escape(path, line=True)}\n")
    if not saved:
        call.say("mipc: no attachment to save")
    return saved

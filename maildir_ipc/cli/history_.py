"""history: what was said before, in both directions."""

from __future__ import annotations

import os

from ..history import DEFAULT_LIMIT, history
from ..listing import Listing, page_object
from ..render import MAX_CHARS, escape, to_json
from .arguments import FLAG, text_of
from .call import arguments

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .call import Call

USAGE = "history [TEXT…] [options]"
OPTIONS = {"limit": "N", "full": FLAG}


def run(call: Call, words: list[str]) -> int:
    """Show the newest messages that were read or sent, newest last; nothing changes."""
    given = arguments(call, words, USAGE, OPTIONS, most=None)
    if given is None:
        return 0
    account, full, text = call.account, given.flag("full"), text_of(given.operands)
    session = account.identify(given.get("as"))
    mark = os.urandom(2).hex()
    bound = Listing(None if full else MAX_CHARS, account.clock(), mark, json=given.flag("json"), full=full)
    with call.mailbox(session) as mailbox:
        name, page = mailbox.name, history(mailbox, bound.takes, limit=given.count("limit") or DEFAULT_LIMIT, text=text)
    if given.flag("json"):
        call.out(to_json(page_object(page, bound, name)) + "\n")
    else:
        call.out("".join(bound.text(received) for received in page.messages))
    if not page.messages:
        call.say(f"nothing read or sent by {name}{f' has {text!a}' if text else ' yet'}")
    if page.rejected:
        from shlex import quote

        newest = quote(escape(page.aside, line=True))
        call.say(f"mipc: {page.rejected} not shown, not verified mail of {name}: the newest is mipc read {newest}")
    if page.remaining:
        call.say(f"{page.remaining} older not looked at: --limit N; one message whole: mipc read REF")
    return 0

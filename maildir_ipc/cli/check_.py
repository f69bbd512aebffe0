"""check: show what is unread, and mark it read."""

from __future__ import annotations

import os

from ..render import MAX_CHARS, Bound, batch_object, check_end, receipt_lines, rejections, to_json
from .arguments import FLAG, duration
from .call import arguments

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..batch import Batch
    from .call import Call

USAGE = "check [options]"
OPTIONS = {"peek": FLAG, "limit": "N", "max-chars": "N", "all": FLAG, "full": FLAG, "wait": "S", "exit-code": FLAG}


def run(call: Call, words: list[str]) -> int:
    """Show unread mail: each message is read once its text has been written, and not before."""
    given = arguments(call, words, USAGE, OPTIONS)
    if given is None:
        return 0
    call.unwritten = "what was not shown is still unread"
    peek, json, full = given.flag("peek"), given.flag("json"), given.flag("full")
    session = call.account.identify(given.get("as"), only_reading=peek)
    chars = None if given.flag("all") or full else given.count("max-chars") or MAX_CHARS
    bound = Bound(chars, call.account.clock(), os.urandom(2).hex(), json=json, full=full)
    with (call.account if peek else call).mailbox(session) as mailbox:
        if given.get("wait") is not None:
            mailbox.wait(duration(given.get("wait") or ""))
        with mailbox.check(bound.takes, limit=given.count("limit"), peek=peek) as batch:
            if json:
                call.out(to_json(batch_object(batch, mailbox.name, full=full)) + "\n")
                for received in batch.messages:
                    batch.commit(received)
            else:
                _show(call, batch, bound, mailbox.name)
            for line in rejections(batch):
                call.say(f"mipc: {line}")
            batch.finish()
    return 1 if given.flag("exit-code") and not batch.messages else 0


def _show(call: Call, batch: Batch, bound: Bound, name: str) -> None:
    call.out(receipt_lines(batch))
    if not batch.messages:
        call.say(f"no new messages for {name}")
        return
    call.out(f"{len(batch.messages)} new for {name}\n")
    for received in batch.messages:
        call.out(bound.text(received))
        batch.commit(received)
    call.out(check_end(batch))

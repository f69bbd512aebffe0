"""take: hold the oldest unread message for a worker, or hold one longer."""

from __future__ import annotations

import os

from ..render import MAX_CHARS, Bound, claim_line, rejections, taking_end, to_json
from .arguments import FLAG, duration
from .call import arguments

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..mailbox import Mailbox
    from .arguments import Arguments
    from .call import Call

USAGE = "take [options] (or take REF-NONCE --lease S: hold it longer)"
OPTIONS = {"lease": "S", "owner": "PID", "wait": "S", "full": FLAG, "exit-code": FLAG}


def run(call: Call, words: list[str]) -> int:
    """Show one message and hold it: it is read when it is acknowledged, and not before."""
    given = arguments(call, words, USAGE, OPTIONS, most=1)
    if given is None:
        return 0
    lease, pid = duration(given.get("lease") or "600"), given.count("owner")
    with call.mailbox(call.account.identify(given.get("as"))) as mailbox:
        if given.operands:
            return _renew(call, mailbox, given, lease, pid)
        return _take(call, mailbox, given, lease, pid)


def _take(call: Call, mailbox: Mailbox, given: Arguments, lease: float, pid: int | None) -> int:
    json, full = given.flag("json"), given.flag("full")
    bound = Bound(None if full else MAX_CHARS, call.account.clock(), os.urandom(2).hex(), json=json, full=full)
    wait = duration(given.get("wait") or "") if given.get("wait") is not None else 0.0
    with mailbox.work.take(bound.takes, lease=lease, pid=pid, wait=wait) as taking:
        claim = taking.claim
        if json:
            from ..render import taking_object

            call.out(to_json(taking_object(taking, mailbox.name, full=full)) + "\n")
        elif claim is not None:
            call.out(claim_line(claim) + bound.text(taking.messages[0]) + taking_end(taking))
        else:
            call.say(f"no new messages for {mailbox.name}")
        if claim is not None:
            taking.hold()
        for line in (*rejections(taking), *map(str, taking.receipts)):
            call.say(f"mipc: {line}")
        taking.finish()
    return 1 if given.flag("exit-code") and claim is None else 0


def _renew(call: Call, mailbox: Mailbox, given: Arguments, lease: float, pid: int | None) -> int:
    claim = mailbox.work.renew(given.operands[0], lease=lease, pid=pid)
    if given.flag("json"):
        from ..render import VERSION, claim_object

        call.out(to_json({"v": VERSION, "identity": mailbox.name, **claim_object(claim)}) + "\n")
    else:
        call.out(claim_line(claim))
    return 0

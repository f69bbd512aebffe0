"""What the verbs that end a claim have in common."""

from __future__ import annotations

from ..errors import Usage
from .call import arguments

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..received import Received
    from ..work import Work
    from .call import Call


def settled(call: Call, words: list[str], usage: str, state: str, settle: Callable[[Work, str], Received]) -> int:
    """End the claim that the one operand names, in the way of *settle*, and say so."""
    given = arguments(call, words, usage, {}, most=1)
    if given is None:
        return 0
    if not given.operands:
        raise Usage("no claim", f"mipc {usage}")
    with call.mailbox(call.account.identify(given.get("as"))) as mailbox:
        message = settle(mailbox.work, given.operands[0]).message
        assert message is not None
        if given.flag("json"):
            from ..render import VERSION, to_json

            done = {"v": VERSION, "identity": mailbox.name, "ref": message.ref, "id": message.id, "state": state}
            call.out(to_json(done) + "\n")
        else:
            call.out(f"{message.ref} {state}\n")
    return 0

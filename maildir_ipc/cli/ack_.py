"""ack: say that the work on a message is done."""

from __future__ import annotations

from .claims import settled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .call import Call

USAGE = "ack REF-NONCE"


def run(call: Call, words: list[str]) -> int:
    """Mark a held message as read; whoever lost the claim is refused."""
    return settled(call, words, USAGE, "acknowledged", lambda work, claim: work.ack(claim))

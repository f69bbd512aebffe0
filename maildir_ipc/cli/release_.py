"""release: give a held message back."""

from __future__ import annotations

from .claims import settled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .call import Call

USAGE = "release REF-NONCE"


def run(call: Call, words: list[str]) -> int:
    """Make a held message unread; whoever lost the claim is refused."""
    return settled(call, words, USAGE, "released", lambda work, claim: work.release(claim))

"""How `history` words a page: one line for each message, or the same as JSON with its first words."""

from __future__ import annotations

from .message import REF_LENGTH
from .render import VERSION, Bound, attribution, escape, marks, to_json
from .signing import reference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .history import Page
    from .received import Received

_MAX_WORDS = 120  # characters of a text, in its line
_MAX_BODY = 300  # characters of a text or of data, in JSON
_FLAGS = {"R": "answered", "P": "passed on"}  # maildir(5)


class Listing(Bound):
    """Says which messages still fit, and how each is printed: in short, unless *full*."""

    __slots__ = ()

    def text(self, received: Received) -> str:
        """Return the message as `history` prints it."""
        return super().text(received) if self.full else listed(received)

    def object(self, received: Received) -> dict[str, Any]:
        """Return the message as `history --json` prints it."""
        fields, message = super().object(received), received.message
        if not self.full and message is not None:
            large = message.data is not None and len(to_json(message.data)) > _MAX_BODY
            fields["truncated"] = large or len(message.body) > _MAX_BODY
            fields["body"], fields["data"] = message.body[:_MAX_BODY], None if large else message.data
        return fields


def listed(received: Received) -> str:
    """Return one line that says what a message is, and which one it answers."""
    message = received.message
    assert message is not None
    parts = [attribution(received)]
    if message.in_reply_to is not None:
        parts.append(f"re {reference(message.in_reply_to)[:REF_LENGTH]}")
    parts += [word for flag, word in _FLAGS.items() if flag in received.entry.flags]
    count = len(message.attachments)
    if count:
        parts.append(f"{count} file{'s' if count > 1 else ''}")
    if message.data is not None:
        parts.append("data")
    words = message.body[: 4 * _MAX_WORDS]
    words = " ".join((f"{message.subject}: {words}" if message.titled else words).split())
    shown = words if len(words) <= _MAX_WORDS else words[: _MAX_WORDS - 3] + "..."
    return f"{' · '.join(parts)}{marks(message)} · {escape(shown, line=True)}\n"


def page_object(page: Page, bound: Bound, identity: str) -> dict[str, Any]:
    """Return what `history --json` prints."""
    return {
        "v": VERSION,
        "identity": identity,
        "messages": [bound.object(received) for received in page.messages],
        "remaining": page.remaining,
        "rejected": page.rejected,
    }

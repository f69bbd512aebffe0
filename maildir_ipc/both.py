"""A message in the two forms in which a server shows it, each complete without the other: a text and an object."""

from __future__ import annotations

from .message import REF_LENGTH
from .render import Bound, escape, fenced, message_object, receipt_object, to_json
from .signing import reference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .received import Received

_LEFT_OUT = ("id", "path", "size", "forwarded_from")
_OF_LINES = ("body", "data")
_WHOLE = (*_OF_LINES, "saved_to", "path")
_MAX_FIELD = 300  # characters of what a sender wrote into the header
_MAX_NAMES = 20  # whom it is to


class Both(Bound):
    """Says which messages fit into a result that has them twice: neither form may pass the bound."""

    __slots__ = ()

    def takes(self, received: Received) -> bool:
        """Count *received* in and return True, or return False when it does not fit."""
        if received.receipt is not None:
            size = _size(written_out(receipt_object(received.receipt)))
        else:
            size = max(len(self.text(received)), _size(self.object(received)))
        if size > self.chars:
            return False
        self.chars -= size
        return True

    def text(self, received: Received) -> str:
        """Return the message as text that is complete without the object: with all data, unless there is a file."""
        return fenced(received, self.mark, self.now, also=_besides(received))

    def object(self, received: Received) -> dict[str, Any]:
        """Return the message without what is empty, and without what only programs want."""
        fields, message = message_object(received), received.message
        left_out = _LEFT_OUT if message is not None else ()  # a path is all that is known of it
        found = {k: v for k, v in fields.items() if k not in left_out and v not in (None, [], "", False)}
        if message is not None:
            if len(message.to) > _MAX_NAMES:
                found["to"], found["more_to"] = list(message.to[:_MAX_NAMES]), len(message.to) - _MAX_NAMES
            if message.in_reply_to:
                found["in_reply_to"] = reference(message.in_reply_to)[:REF_LENGTH]
            if message.data != fields["data"]:
                found["data_in_file"] = len(to_json(message.data))
            if received.saved_to is not None:
                found["body_size"] = len(message.body.encode())
            if len(message.attachments) > len(fields["attachments"]):
                found["more_attachments"] = len(message.attachments) - len(fields["attachments"])
        return {
            k: written_out(v, line=k not in _OF_LINES, most=None if k in _WHOLE else _MAX_FIELD)
            for k, v in found.items()
        }


def _besides(received: Received) -> str:
    """Return what a message's title says besides, for who has no object, each after ` · `."""
    message = received.message
    if message is None:
        return ""
    names = [written_out(name, line=True, most=_MAX_FIELD) for name in message.to[:_MAX_NAMES]]
    more = f" and {len(message.to) - _MAX_NAMES} more" if len(message.to) > _MAX_NAMES else ""
    found = [f"to {', '.join(names)}{more}"]
    if message.importance not in (None, "high"):
        found.append(f"importance {message.importance}")
    if message.in_reply_to:
        found.append(f"answers {reference(message.in_reply_to)[:REF_LENGTH]}")
    return "".join(f" · {mark}" for mark in found)


def written_out(value: Any, *, line: bool = False, most: int | None = None) -> Any:
    """Return a JSON value whose texts are escaped; with *line*, each on one line, of at most *most* characters.

    What is escaped stays as it is.
    """
    if isinstance(value, str):
        shown = escape(value, line=line)
        return shown if most is None or len(shown) <= most else f"{shown[: most - 3]}..."
    if isinstance(value, list):
        return [written_out(item, line=line, most=most) for item in value]
    if isinstance(value, dict):
        found = {escape(key, line=True): written_out(item, line=line, most=most) for key, item in value.items()}
        return found if len(found) == len(value) else escape(to_json(value))  # two keys would be one
    return value


def _size(value: object) -> int:
    import json

    return len(json.dumps(value, ensure_ascii=False))

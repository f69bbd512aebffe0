"""What a server's tools answer: a text, and the same as an object, each complete without the other.

Some agents see only the one, some only the other. docs/reference/mcp.md lists them.
"""

from __future__ import annotations

from .render import MAX_CHARS, Bound, escape, message_object, receipt_lines, receipt_object, rejections

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .batch import Batch
    from .delivery import Delivery, Sent
    from .received import Received

MAX_RESULT = 2 * MAX_CHARS  # characters of either form
_LEFT_OUT = ("id", "path", "size", "forwarded_from", "truncated")
_SENTENCES = {
    "delivered": "delivered to {to}",
    "queued": "queued for {to} (not yet registered)",
    "forwarded": "forwarded from {to} to {delivered_to}",
    "already": "already sent to {to}",
}


class Both(Bound):
    """Says which messages fit into a result that has them twice: neither form may pass the bound."""

    __slots__ = ()

    def takes(self, received: Received) -> bool:
        """Count *received* in and return True, or return False when it does not fit."""
        if received.receipt is not None:
            size = _size(receipt_object(received.receipt))
        else:
            size = max(len(self.text(received)), _size(self.object(received)))
        if size > self.chars:
            return False
        self.chars -= size
        return True

    def object(self, received: Received) -> dict[str, Any]:
        """Return the message without what is empty, and without what only programs want."""
        fields = {k: v for k, v in message_object(received).items() if k not in _LEFT_OUT and v not in (None, [], "")}
        for name in ("subject", "body"):
            if name in fields:
                fields[name] = escape(fields[name])
        return fields


def _size(value: object) -> int:
    import json

    return len(json.dumps(value, ensure_ascii=False))


def checked(batch: Batch, bound: Both) -> tuple[str, dict[str, Any]]:
    """Return what a check answers."""
    name, lines = batch.mailbox.name, rejections(batch)
    count = len(batch.messages)
    head = f"{count} new for {name}" if count else f"no new messages for {name}"
    text = f"{head}\n{receipt_lines(batch)}{''.join(map(bound.text, batch.messages))}"
    object: dict[str, Any] = {
        "identity": name,
        "messages": [bound.object(received) for received in batch.messages],
        "remaining": batch.remaining,
    }
    if lines:
        text += "\n".join([*lines, ""])
        object["rejected"] = lines
    if batch.receipts:
        object["receipts"] = [receipt_object(r.receipt) for r in batch.receipts if r.receipt is not None]
    return text, object


def sentence(delivery: Delivery) -> str:
    """Return what became of a message for one recipient."""
    if delivery.error is not None:
        return f"{delivery.to}: {delivery.error.message}"
    return _SENTENCES[delivery.state].format(to=delivery.to, delivered_to=delivery.delivered_to)


def sent(done: Sent) -> tuple[str, dict[str, Any]]:
    """Return what a send answers."""
    found = [
        {"to": d.to, "state": d.state, **({"delivered_to": d.delivered_to} if d.delivered_to != d.to else {})}
        for d in done.deliveries
    ]
    return "\n".join([f"{done.ref}: {sentence(d)}" for d in done.deliveries]), {"ref": done.ref, "deliveries": found}

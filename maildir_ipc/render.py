"""How things are worded: messages for people and agents, and the same as JSON.

Whatever came from a sender is data: control, bidirectional and invisible characters are written as escapes, and
each message stands between two lines with a random mark, so that no text can pretend to be another
message. docs/reference/json.md describes the JSON.
"""

from __future__ import annotations

import time

from .batch import MAX_NAMED
from .unseen import written_out

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .batch import Batch
    from .delivery import Sent
    from .errors import MaildirIPCError
    from .message import Message
    from .receipts import Receipt
    from .received import Received
    from .work import Claim, Taking

VERSION = 1
MAX_CHARS = 8000
MAX_LINES = 150
_RESERVED = 1200  # characters for the lines around the messages, and for what was set aside
_MAX_LINE = 300  # characters of a subject, a name or a list of names
_MAX_WHO = 48  # characters of a name in a line of its own
_MAX_LISTED = 20  # attachments of one message

_VERDICTS = {
    "pass": "verified",
    "none": "UNSIGNED",
    "bad": "bad signature",
    "expired": "expired",
    "replay": "a copy of an older message",
    "unknown-key": "signed with a key that is not here",
    "misdirected": "not addressed to this mailbox",
    "malformed": "not a message",
}


class Bound:
    """Says which messages still fit into what one command may print."""

    __slots__ = ("chars", "full", "json", "lines", "mark", "max_lines", "now")

    def __init__(self, chars: int | None, now: float, mark: str, *, json: bool = False, full: bool = False) -> None:
        """*chars* is the total bound in characters; None for no bound."""
        self.chars: float = float("inf") if chars is None else chars - _RESERVED
        self.lines: float = float("inf") if chars is None or json else MAX_LINES - 8
        self.now, self.mark, self.json, self.full = now, mark, json, full

    def takes(self, received: Received) -> bool:
        """Count *received* in and return True, or return False when it does not fit."""
        if received.receipt is not None:
            text = to_json(receipt_object(received.receipt)) if self.json else f"{received.receipt}\n"
        else:
            text = to_json(self.object(received)) if self.json else self.text(received)
        chars, lines = self.chars - len(text), self.lines - text.count("\n")
        if chars < 0 or lines < 0:
            return False
        self.chars, self.lines = chars, lines
        return True

    def text(self, received: Received) -> str:
        """Return the message as `check` prints it."""
        return fenced(received, self.mark, self.now, full=self.full)

    def object(self, received: Received) -> dict[str, Any]:
        """Return the message as `--json` prints it."""
        return message_object(received, full=self.full)


def escape(text: str, *, line: bool = False) -> str:
    """Return *text* with all that is `unseen`, or that UTF-8 has not, written out; with *line*, on one line."""
    shown = written_out(text).encode("utf-8", "backslashreplace").decode()  # paths hold any byte
    return shown.replace("\n", "\\n").replace("\t", "\\t") if line else shown


def fenced(received: Received, mark: str, now: float, *, full: bool = False, also: str | None = None) -> str:
    """Return a message between its two marked lines; *also* goes into the title, for a reader who has no --json."""
    message, shown = received.message, _VERDICTS[received.verdict]
    if message is None:
        return f"--- from ? · {shown} · #{mark}\n({_line(received.entry.path)})\n--- end #{mark}\n"
    mine = len(message.to) == 1 and received.forwarded_from is None
    to = "" if mine or also is not None else f" to {_line(', '.join(message.to))}"
    title = f"--- {message.ref} from {_line(message.from_)}{to} · {when(message.date, now)} · {shown}"
    lines = [f"{title}{marks(message)}{also or ''} · #{mark}"]
    if message.titled:
        lines.append(f"Subject: {_line(message.subject)}")
    lines += [
        f"Attachment: {_line(a.name)} ({len(a.content)} bytes{'' if also is None else f', {_line(a.type)}'})"
        for a in message.attachments[:_MAX_LISTED]
    ]
    if len(message.attachments) > _MAX_LISTED:
        lines.append(f"and {len(message.attachments) - _MAX_LISTED} more attachments")
    if message.data is not None:
        data = escape(to_json(message.data), line=True)
        aside = "in the file" if received.saved_to else "by --json" if _is_repeated(message) and also is None else ""
        whole = full or not aside or len(data) <= _MAX_LINE
        lines.append(f"Data: {data}" if whole else f"Data: {len(data)} characters, {aside}")
    # Four digits can be guessed, or all be tried in one text.
    lines.append(escape(_body(received, full=full)).replace(f"#{mark}", f"\\x23{mark}"))
    lines.append(f"--- end {message.ref} #{mark}\n")
    return "\n".join(lines)


def _is_repeated(message: Message) -> bool:
    """Return whether the data say once more what the text says: share-command's do."""
    return isinstance(message.data, dict) and message.data.get("type") == "command"


def attribution(received: Received) -> str:
    """Return who wrote what is quoted, to whom, when, and whether that is verified."""
    message = received.message
    assert message is not None
    to = _line(", ".join(message.to))
    return f"{message.ref} from {_line(message.from_)} to {to} · {iso(message.date)} · {_VERDICTS[received.verdict]}"


def _line(text: str, most: int = _MAX_LINE) -> str:
    """Return what a sender chose, on one line of bounded length."""
    shown = escape(text[:most], line=True)
    return shown if len(shown) <= most and len(text) <= most else shown[: most - 3] + "..."


def check_end(batch: Batch) -> str:
    """Return the last line of `check`."""
    parts = [f"{batch.remaining} more unread: mipc check"] if batch.remaining else []
    last = batch.messages[-1].message if batch.messages else None
    if last is not None and last.attachments:
        parts.append(f"its files: mipc read {last.ref} --save DIR")
    askers = [r.message for r in batch.messages if r.message is not None and r.message.answerable]
    if askers:
        parts.append(f"answer: mipc reply {askers[-1].ref} 'text'")
    return " · ".join(parts) + "\n" if parts else ""


def rejections(batch: Batch, how: str = "mipc read ") -> list[str]:
    """Return the lines that name what was set aside, and count what is too much to name; *how* one reads it."""
    lines = [_rejection(received, how) for received in batch.rejected[:MAX_NAMED]]
    if len(batch.rejected) > MAX_NAMED:
        count, path = len(batch.rejected), batch.mailbox.maildir.path
        lines.append(f"and {count - MAX_NAMED} more set aside, {count} in all: ls {path}/.Rejected/cur")
    return lines


def _rejection(received: Received, how: str) -> str:
    message = received.message
    if message is None:
        return f"set aside 1: {_VERDICTS[received.verdict]}: {_line(received.entry.key, _MAX_WHO)}"
    who = _line(message.from_, _MAX_WHO)
    return f"set aside 1 that says it is from {who}: {_VERDICTS[received.verdict]}: {how}{message.ref}"


def message_object(received: Received, *, full: bool = False) -> dict[str, Any]:
    """Return a message as JSON's object; without *full* a large one has its summary."""
    m = received.message
    if m is None:
        return {"id": None, "ref": None, "from": None, "verdict": received.verdict, "path": received.path}
    whole = full or received.saved_to is None or m.data is None or len(to_json(m.data)) <= _MAX_LINE
    return {
        "id": m.id,
        "ref": m.ref,
        "from": m.from_,
        "to": list(m.to),
        "subject": m.subject if full or len(m.subject) <= _MAX_LINE else m.subject[: _MAX_LINE - 3] + "...",
        "body": m.body if full else _body(received, full=False, plain=True),
        "date": iso(m.date),
        "verdict": received.verdict,
        "kind": m.kind,
        "importance": m.importance,
        "in_reply_to": m.in_reply_to,
        "data": m.data if whole else None,
        "attachments": [
            {"name": a.name[:_MAX_LINE], "type": a.type, "size": len(a.content)}
            for a in (m.attachments if full else m.attachments[:_MAX_LISTED])
        ],
        "size": m.size,
        "truncated": received.saved_to is not None and not full,
        "saved_to": received.saved_to,
        "forwarded_from": received.forwarded_from,
        "path": received.path,
    }


def batch_object(batch: Batch, identity: str, *, full: bool) -> dict[str, Any]:
    """Return what `check --json` prints."""
    return {
        "v": VERSION,
        "identity": identity,
        "messages": [message_object(received, full=full) for received in batch.messages],
        "remaining": batch.remaining,
        "rejected": len(batch.rejected),
        "receipts": [receipt_object(r.receipt) for r in batch.receipts if r.receipt is not None],
    }


def taking_object(taking: Taking, identity: str, *, full: bool) -> dict[str, Any]:
    """Return what `take --json` prints."""
    claim = taking.claim
    return {
        **batch_object(taking, identity, full=full),
        **({"claim": None, "until": None, "owner": None} if claim is None else claim_object(claim)),
    }


def claim_object(claim: Claim) -> dict[str, Any]:
    """Return a claim's members: its name, the end of its lease, and the process that holds it."""
    return {"claim": claim.name, "until": iso(claim.until), "owner": claim.pid or None}


def claim_line(claim: Claim) -> str:
    """Return a claim in one line, its name the second word."""
    return f"claim {claim.name} {f'while {claim.pid} runs' if claim.pid else f'until {minute(claim.until)}'}\n"


def taking_end(taking: Taking) -> str:
    """Return the last line of `take`."""
    claim = taking.claim
    if claim is None:
        return ""
    more = f"{taking.remaining} more unread: mipc take · " if taking.remaining else ""
    return f"{more}done: mipc ack {claim.name} · give it back: mipc release {claim.name}\n"


def receipt_object(receipt: Receipt) -> dict[str, Any]:
    """Return a receipt as JSON's object."""
    date = iso(receipt.date)
    return {"state": receipt.state, "ref": receipt.ref, "id": receipt.id, "by": receipt.by, "date": date}


def receipt_lines(batch: Batch) -> str:
    """Return a line for each receipt: `seen 7kq3f by bob`."""
    return "".join(f"{received.receipt}\n" for received in batch.receipts)


def sent_object(sent: Sent) -> dict[str, Any]:
    """Return what `send --json` prints."""
    deliveries = [
        {
            "to": d.to,
            "delivered_to": d.delivered_to,
            "state": d.state,
            "why": d.error.message if d.error else None,
        }
        for d in sent.deliveries
    ]
    retry = sent.retry if sent.error is not None else None
    return {"v": VERSION, "id": sent.message_id, "ref": sent.ref, "retry": retry, "deliveries": deliveries}


def error_object(error: MaildirIPCError) -> dict[str, Any]:
    """Return a failure as `--json` prints it."""
    fields = {"code": error.exit_code, "name": error.name, "message": error.message, "next": error.next}
    return {"v": VERSION, "error": fields}


def to_json(value: object) -> str:
    """Return one line of JSON."""
    import json

    return json.dumps(value, ensure_ascii=True, separators=(", ", ": "))


def when(date: float, now: float) -> str:
    """Return a date as a person says it, and exactly."""
    age = now - date
    exact = minute(date)
    if age < 0:
        return exact
    for seconds, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if age >= seconds:
            count = int(age // seconds)
            return f"{count} {unit}{'s' if count > 1 else ''} ago ({exact})"
    return f"just now ({exact})"


def minute(date: float) -> str:
    """Return a date and time as people read it, in UTC."""
    return time.strftime("%Y-%m-%d %H:%MZ", time.gmtime(date))


def iso(date: float) -> str:
    """Return RFC 3339, in UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(date))


def _body(received: Received, *, full: bool, plain: bool = False) -> str:
    message = received.message
    assert message is not None
    if received.saved_to is None or full:
        return message.body
    if plain:
        return received.summary or ""
    size = len(message.body.encode())
    return f"{received.summary}\n({size} bytes) Full content saved to: {received.saved_to}"


def marks(message: Message) -> str:
    """Return what is out of the ordinary about a message, each after ` · `."""
    found = [message.kind] if message.kind != "message" else []
    if message.importance == "high":
        found.append("IMPORTANT")
    return "".join(f" · {_line(mark, _MAX_WHO)}" for mark in found)

"""What a server's tools answer: a text, and the same as an object, each complete without the other.

Some agents see only the one, some only the other. docs/reference/mcp.md lists them.
"""

from __future__ import annotations

from .directory import row_line, row_object
from .errors import Misconfigured, Usage
from .render import (
    MAX_CHARS,
    Bound,
    escape,
    fenced,
    iso,
    message_object,
    minute,
    receipt_lines,
    receipt_object,
    rejections,
    to_json,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from .account import Registered
    from .autocheck import Status
    from .batch import Batch
    from .delivery import Delivery, Sent
    from .directory import Row
    from .errors import MaildirIPCError
    from .mailbox import Mailbox
    from .received import Received

    Result = tuple[str, dict[str, Any]]

MAX_RESULT = 2 * MAX_CHARS  # characters of either form
_PAGE = MAX_RESULT - 4000  # characters of one message's text
_MAX_ROWS = 80  # names in one result
_LEFT_OUT = ("id", "path", "size", "forwarded_from")
_OF_LINES = ("body", "data")
_MAX_ECHO = 40  # characters of an argument that are said back
_NEXT = {
    "not-yours": "call register with a name of your own",
    "name-taken": "call list to see who is here, and choose another name",
    "no-such-message": "give a ref that check or read showed",
    "no-such-name": "with queue=true it waits for that name; list shows the names",
}


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
        return fenced(received, self.mark, self.now, elsewhere="")

    def object(self, received: Received) -> dict[str, Any]:
        """Return the message without what is empty, and without what only programs want."""
        fields = message_object(received)
        left_out = _LEFT_OUT if received.message is not None else ()  # a path is all that is known of it
        found = {k: v for k, v in fields.items() if k not in left_out and v not in (None, [], "", False)}
        if received.message is not None and received.message.data != fields["data"]:
            found["data_in_file"] = len(to_json(received.message.data))
        return {k: written_out(v, line=k not in _OF_LINES) for k, v in found.items()}


def safe(result: Result) -> Result:
    """Return a result whose every text can be sent, and makes nobody who shows it do anything."""
    return escape(result[0]), written_out(result[1])


def refused(error: MaildirIPCError) -> str:
    """Return in a line why nothing was done, and what to call: what a person would type is for somebody else."""
    what = error.next
    if not what or "mipc " in what or "--" in what:
        what = f"your user can mend that: {what}" if error.name == "misconfigured" else _NEXT.get(error.name, what)
    what = f": {escape(what, line=True)}" if what else ""
    said, room = escape(error.message, line=True), MAX_RESULT - len(what)
    return (said if len(said) <= room else f"{said[: room - 3]}...") + what


def written_out(value: Any, *, line: bool = False) -> Any:
    """Return a JSON value whose texts are escaped; with *line*, each on one line. What is escaped stays as it is."""
    if isinstance(value, str):
        return escape(value, line=line)
    if isinstance(value, list):
        return [written_out(item, line=line) for item in value]
    if isinstance(value, dict):
        found = {escape(key, line=True): written_out(item, line=line) for key, item in value.items()}
        return found if len(found) == len(value) else escape(to_json(value))  # two keys would be one
    return value


def _size(value: object) -> int:
    import json

    return len(json.dumps(value, ensure_ascii=False))


def checked(batch: Batch, bound: Both) -> Result:
    """Return what a check answers."""
    name, named, count = batch.mailbox.name, rejections(batch, "call read with ref="), len(batch.messages)
    head = f"{count} new for {name}" if count else f"no new messages for {name}"
    text = f"{head}\n{receipt_lines(batch)}{''.join(map(bound.text, batch.messages))}"
    found: dict[str, Any] = {"identity": name, "messages": [bound.object(r) for r in batch.messages]}
    if batch.receipts:
        found["receipts"] = [receipt_object(r.receipt) for r in batch.receipts if r.receipt is not None]
    if named:
        text, found["rejected"] = "\n".join([text.rstrip("\n"), *named, ""]), named
    return text, found


def with_unread(mailbox: Mailbox, result: Result) -> Result:
    """Return a result that says, when there is mail, how much: every call is a doorbell."""
    try:
        unread = len(mailbox.maildir.unread(mailbox.host.runs, mailbox.spool.clock()))
    except Misconfigured:
        unread = 0  # what was asked for is done; that there is no new/ is for `check` to say
    if not unread:
        return result
    return f"{result[0].rstrip()}\n{unread} unread: call check\n", {**result[1], "unread": unread}


def registered(done: Registered) -> Result:
    """Return what taking a name answers."""
    name, lines = done.session.name, [f"you are {done.session.name}"]
    found: dict[str, Any] = {"identity": name}
    if done.ended:
        found["ended"] = done.ended
        lines.append(f"no longer registered here: {', '.join(done.ended)}")
    if done.unread:
        found["unread"] = done.unread
        lines.append(f"{done.unread} unread: call check")
    return "\n".join(lines), found


def renamed(old: str, new: str, until: float) -> Result:
    """Return what taking another name answers."""
    return f"you are {new}; mail to {old} reaches you until {minute(until)}", {
        "identity": new,
        "former": old,
        "until": iso(until),
    }


def page(mailbox: Mailbox, found: Sequence[Received], offset: int, bound: Both, saved: Sequence[str] | None) -> Result:
    """Return what reading one message again answers: its text from *offset* on, as far as it fits."""
    text, object, left = _part(mailbox, found[0], offset, bound)
    object.pop("truncated", None)
    if left:
        message = found[0].message
        object["next_offset"] = 0 if message is None else len(message.body) - left
        text += f"{left} more characters: call read with offset={object['next_offset']}\n"
    if len(found) > 1:
        object["others"] = len(found) - 1
        text += f"{len(found) - 1} more have that ref: give more of its characters\n"
    if saved is not None:
        object["saved"] = list(saved)
        text += "".join(f"saved: {escape(path, line=True)}\n" for path in saved) or "no attachment to save\n"
    return text, object


def _part(mailbox: Mailbox, received: Received, offset: int, bound: Both) -> tuple[str, dict[str, Any], int]:
    """Return as much of a message as fits, as text and as an object, and how many characters are left."""
    if received.message is None:
        return bound.text(received), bound.object(received), 0
    body, size = received.message.body, _PAGE
    if offset and offset >= len(body):
        raise Usage(f"offset {offset} is behind the end", f"the text has {len(body)} characters")
    if offset or not bound.takes(received):
        mailbox.convert(received, always=True)
        while size > 1:
            received.summary = body[offset : offset + size]  # in place of the summary: the part that was asked for
            if bound.takes(received):
                break
            size //= 2
        return bound.text(received), bound.object(received), max(0, len(body) - offset - size)
    return bound.text(received), bound.object(received), 0


def sent(done: Sent) -> Result:
    """Return what a send answers, when all of it was delivered."""
    deliveries = _worth_saying(done)
    found: dict[str, Any] = {
        "ref": done.ref,
        "deliveries": [
            {"to": d.to, "state": d.state, **({"delivered_to": d.delivered_to} if d.delivered_to != d.to else {})}
            for d in deliveries
        ],
    }
    lines = [f"{done.ref} {_outcome(d)}" for d in deliveries] or ["nobody else has registered"]
    if len(deliveries) < len(done.deliveries):
        found["more"] = len(done.deliveries) - len(deliveries)
        lines.append(f"{done.ref} delivered to {found['more']} more")
    return "\n".join(lines), found


def not_sent(done: Sent) -> str:
    """Return what is said when not all of it was delivered: to whom it was not, to whom it was, and how to go on."""
    said = _worth_saying(done)
    more = [f"and {len(done.deliveries) - len(said)} more"] if len(said) < len(done.deliveries) else []
    return "; ".join([*map(_outcome, said), *more, f"to complete it, send the same again with id={done.retry}"])


def _worth_saying(done: Sent) -> list[Delivery]:
    """Return the deliveries that are told one by one: of many, first those that a sender does not expect."""
    if len(done.deliveries) <= _MAX_ROWS:
        return list(done.deliveries)
    return sorted(done.deliveries, key=lambda d: (d.error is None, not d.surprise))[:_MAX_ROWS]


def _outcome(delivery: Delivery) -> str:
    return delivery.surprise or f"delivered to {delivery.to}"


def listed(rows: Sequence[Row], match: str, now: float) -> Result:
    """Return what a list of names answers."""
    found = [row for row in rows if match in row.name]
    shown = found[:_MAX_ROWS]
    part = f" as *{escape(match[:_MAX_ECHO], line=True)}*" if match else ""
    lines = [row_line(row, now) for row in shown] or [f"nobody has registered{part}"]
    object: dict[str, Any] = {"identities": [row_object(row) for row in shown]}
    if len(found) > len(shown):
        object["more"] = len(found) - len(shown)
        lines.append(f"{object['more']} more: call list with a part of the name")
    return "\n".join(lines), object


def auto_checked(status: Status) -> Result:
    """Return what is said about auto-check."""
    check = status.check
    if check is None:
        ended = f": {status.ended}" if status.ended else ""
        return f"auto-check is off{ended}", {"on": False, **({"ended": status.ended} if ended else {})}
    found: dict[str, Any] = {"on": True, "instant": check.instant, "means": [word for word, _ in status.means]}
    if check.minutes:
        found["minutes"] = check.minutes
    if not found["means"]:
        found["needs"] = "your user runs mipc setup"
    by = ", ".join(found["means"]) or f"nothing yet: {found['needs']}"
    text = f"auto-check is on, {check.interval}, by {by}"
    for name, second in (("last", status.last), ("next", status.next)):
        if second:
            found[name] = iso(second)
            text += f"; {name} {found[name]}"
    return text, found

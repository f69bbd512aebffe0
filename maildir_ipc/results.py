"""What a server's tools answer: a text, and the same as an object, each complete without the other.

Some agents see only the one, some only the other. docs/reference/mcp.md lists them.
"""

from __future__ import annotations

from .both import written_out
from .delivery import Delivery
from .directory import row_line, row_object
from .errors import Misconfigured, Usage
from .render import MAX_CHARS, escape, iso, minute, receipt_object, rejections

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from .account import Registered
    from .autocheck import Status
    from .batch import Batch
    from .both import Both
    from .delivery import Sent
    from .directory import Row
    from .errors import MaildirIPCError
    from .mailbox import Mailbox
    from .received import Received

    Result = tuple[str, dict[str, Any]]

MAX_RESULT = 2 * MAX_CHARS  # characters of either form
_PAGE = MAX_RESULT - 4000  # characters of one message's text
_MAX_ROWS = 80  # names in one result
_MAX_ECHO = 40  # characters of an argument that are said back
_RING = 40  # characters that a refusal leaves for how much is unread
_NEXT = {
    "name-taken": "call list to see who is here, and choose another name",
    "no-such-message": "give a ref that check or read showed",
    "no-such-name": "with queue=true it waits for that name; list shows the names",
}
CHECK_SCHEMA = {
    "type": "object",
    "properties": {
        "identity": {"type": "string"},
        "messages": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    name: {"type": "string"} for name in ("ref", "from", "subject", "body", "date", "verdict")
                },
                "required": ["verdict"],
            },
        },
        "unread": {"type": "integer"},
    },
    "required": ["identity", "messages"],
}


def safe(result: Result) -> Result:
    """Return a result whose every text can be sent, and makes nobody who shows it do anything."""
    return escape(result[0]), written_out(result[1])


def refused(error: MaildirIPCError) -> str:
    """Return in a line why nothing was done, and what to call: what a person would type is for somebody else."""
    what = error.next
    if error.name == "misconfigured":
        what = f"your user can mend that{f': {what}' if what else ''}"
    elif what.startswith("mipc register "):
        name = what.split(" ")[2].strip(",")
        what = "call register with " + ("a name of your own" if name == "NAME" else f"name={name}")
    elif not what or "mipc " in what or "--" in what:
        what = _NEXT.get(error.name, what)
    what = f": {escape(what, line=True)}" if what else ""
    said, room = escape(error.message, line=True), MAX_RESULT - _RING - len(what)
    return (said if len(said) <= room else f"{said[: room - 3]}...") + what


def checked(batch: Batch, bound: Both) -> Result:
    """Return what a check answers."""
    name, named, count = batch.mailbox.name, rejections(batch, "call read with ref="), len(batch.messages)
    head = f"{count} new for {name}" if count else f"no new messages for {name}"
    receipts = [received.receipt for received in batch.receipts if received.receipt is not None]
    lines = [f"{receipt} · {minute(receipt.date)}\n" for receipt in receipts]
    text = f"{head}\n{''.join(lines)}{''.join(map(bound.text, batch.messages))}"
    found: dict[str, Any] = {"identity": name, "messages": [bound.object(r) for r in batch.messages]}
    if receipts:
        facts = map(receipt_object, receipts)
        found["receipts"] = [{k: v for k, v in fact.items() if k != "id"} for fact in facts]  # the ref says it
    if named:
        text, found["rejected"] = "\n".join([text.rstrip("\n"), *named, ""]), named
    return text, found


def with_unread(mailbox: Mailbox, result: Result) -> Result:
    """Return a result that says, when there is mail, how much: every call is a doorbell."""
    count = unread(mailbox)
    if not count:
        return result
    return f"{result[0].rstrip()}\n{rings(count)}\n", {**result[1], "unread": count}


def unread(mailbox: Mailbox) -> int:
    """Return how much mail is unread, and not being read by another at this moment."""
    try:
        return len(mailbox.maildir.unread(mailbox.host.runs, mailbox.spool.clock()))
    except Misconfigured:
        return 0  # what was asked for is done; that there is no new/ is for `check` to say


def rings(count: int) -> str:
    """Return what is said of unread mail."""
    return f"{count} unread: call check"


def registered(done: Registered) -> Result:
    """Return what taking a name answers."""
    name, lines = done.session.name, [f"you are {done.session.name}"]
    found: dict[str, Any] = {"identity": name}
    if done.ended:
        found["ended"] = done.ended
        lines.append(f"no longer registered here: {', '.join(done.ended)}")
    if done.unread:
        found["unread"] = done.unread
        lines.append(rings(done.unread))
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
    more = _more(done, deliveries)
    if more:
        found["more"] = more
        lines += [f"{done.ref} {line}" for line in _more_lines(more)]
    return "\n".join(lines), found


def not_sent(done: Sent) -> str:
    """Return what is said when not all of it was delivered: to whom it was not, to whom it was, and how to go on."""
    said = _worth_saying(done)
    more = _more_lines(_more(done, said))
    return "; ".join([*map(_outcome, said), *more, f"to complete it, send the same again with id={done.retry}"])


def _worth_saying(done: Sent) -> list[Delivery]:
    """Return the deliveries that are told one by one: of many, first those that a sender does not expect."""
    if len(done.deliveries) <= _MAX_ROWS:
        return list(done.deliveries)
    return sorted(done.deliveries, key=lambda d: (d.error is None, not d.surprise))[:_MAX_ROWS]


def _outcome(delivery: Delivery) -> str:
    return delivery.surprise or f"delivered to {delivery.to}"


def _more(done: Sent, said: Sequence[Delivery]) -> dict[str, int]:
    """Return how many deliveries, of each state, are not among those *said* one by one."""
    found: dict[str, int] = {}
    told = set(map(id, said))
    for delivery in done.deliveries:
        if id(delivery) not in told:
            found[delivery.state] = found.get(delivery.state, 0) + 1
    return found


def _more_lines(more: dict[str, int]) -> list[str]:
    found = [Delivery(f"{count} more", "new names", state) for state, count in more.items()]
    return [f"not delivered to {d.to}" if d.state == "failed" else _outcome(d) for d in found]


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

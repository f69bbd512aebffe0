"""Receipts: that a message was seen, or its work done; sent after the fact, so possibly missing and never false.

A receipt is a signed message like any other, with `IPC-Kind: receipt`. Whoever meets one writes a line
into `records/receipts/`, where a waiting sender looks. protocol.md, section 8.
"""

from __future__ import annotations

import time

from . import records
from .address import is_name
from .draft import Draft
from .errors import MaildirIPCError, NoSuchName
from .message import REF_LENGTH
from .signing import fingerprint, reference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .delivery import Sent
    from .entry import Entry
    from .mailbox import Mailbox
    from .maildir import Maildir
    from .message import Message
    from .received import Received

SEEN, DONE = "seen", "done"
KIND = "receipt"
_FOLDER = "records/receipts"
_POLL = 0.05  # seconds


class Receipt:
    """What a receipt says: *by* has seen or done the message *id*. Its text is the line that is shown. A value."""

    __slots__ = ("by", "date", "id", "state")

    def __init__(self, state: str, id: str, by: str, date: float) -> None:
        self.state, self.id, self.by, self.date = state, id, by, date

    @property
    def ref(self) -> str:
        """The short reference of the message that it is about."""
        return reference(self.id)[:REF_LENGTH]

    def __str__(self) -> str:
        return f"{self.state} {self.ref} by {self.by}"


def receipt_in(message: Message) -> Receipt | None:
    """Return what a verified message says as a receipt; None when it is none that can be read."""
    data = message.data
    if message.kind != KIND or not isinstance(data, dict) or not is_name(message.from_):
        return None
    state, id = data.get("receipt"), data.get("id")
    if state not in (SEEN, DONE) or not isinstance(id, str) or id != message.in_reply_to:
        return None
    return Receipt(state, id, message.from_, message.date)


def answer(mailbox: Mailbox, received: Received, state: str) -> None:
    """Send the receipt that *received* asks for, if it does. To be called after the commit; it never fails.

    Not for automatic mail, so that two programs cannot answer each other for ever.
    """
    message = received.message
    if message is None or not message.wants_receipt or message.auto or message.kind != "message":
        return
    import json

    data = json.dumps({"receipt": state, "id": message.id})
    text = f"{state} {message.ref}"
    try:
        to = writer_of(mailbox, received)
        if to is None:
            return
        mailbox.send([to], Draft(text, data=data, references=(message.id,), auto="auto-generated", kind=KIND))
    except (MaildirIPCError, OSError):
        pass  # it is missing then: the message was read all the same


def writer_of(mailbox: Mailbox, received: Received) -> str | None:
    """Return the writer's name if it still leads to the writer's mailbox: nobody else is to be told."""
    message, signature, spool = received.message, received.signature, mailbox.spool
    assert message is not None
    if not is_name(message.from_) or (signature is not None and signature.spool != spool.id):
        return None
    try:
        record = spool.record(spool.lead(message.from_))
    except NoSuchName:
        return None
    t = int(message.date) if signature is None else signature.t
    return message.from_ if record is not None and record.led_here(message.from_, t) else None


def record(maildir: Maildir, receipt: Receipt) -> None:
    """Write a receipt down where `wait_for` looks. Raises: OSError."""
    records.make_directory(f"{maildir.path}/{_FOLDER}")
    maildir.at(_FOLDER)  # never through a link in its place
    # Appended, not replaced: two readers may each have one for the same message.
    records.append(_path(maildir, receipt.id), f"{receipt.state} {int(receipt.date)} {receipt.by}")


def recorded(maildir: Maildir, id: str) -> list[tuple[str, str]]:
    """Return (state, by) of every receipt that was met for the message *id*."""
    lines = [line.split(" ") for line in (records.read(_path(maildir, id)) or "").split("\n")]
    return [(parts[0], parts[2]) for parts in lines if len(parts) == 3]


def _path(maildir: Maildir, id: str) -> str:
    return f"{maildir.path}/{_FOLDER}/{fingerprint(id)}"


def wait_for(
    mailbox: Mailbox, sent: Sent, state: str, seconds: float, sleep: Callable[[float], None] = time.sleep
) -> bool:
    """Return True as soon as every recipient's receipt is there, or False after *seconds*.

    Looks at what was recorded, and at what is unread; of that it takes nothing but receipts for this message.
    """
    end, looked_at = time.monotonic() + seconds, set[str]()
    while not _complete(mailbox, sent, state):
        if _collect(mailbox, sent.message_id, looked_at):
            continue
        left = end - time.monotonic()
        if left <= 0:
            return False
        sleep(min(_POLL, left))
    return True


def _complete(mailbox: Mailbox, sent: Sent, state: str) -> bool:
    by = {who for what, who in recorded(mailbox.maildir, sent.message_id) if what in (state, DONE)}
    return all(d.delivered_to in by or _lead(mailbox, d.delivered_to) in by for d in sent.deliveries)


def _lead(mailbox: Mailbox, name: str) -> str:
    """Return the name that *name* has now: who was renamed answers under the new one."""
    try:
        return mailbox.spool.lead(name)
    except NoSuchName:
        return name


def _collect(mailbox: Mailbox, id: str, looked_at: set[str]) -> bool:
    """Consume the unread receipts for the message *id*, and return whether there was one."""
    found = False
    for entry in mailbox.maildir.unread(mailbox.host.runs, mailbox.spool.clock()):
        if entry.key in looked_at:
            continue
        try:
            if _is_for(mailbox, entry, id) is not None:
                found = _take(mailbox, entry, id) or found
            else:
                looked_at.add(entry.key)
        except FileNotFoundError:
            continue  # a check has it, and will record it or give it back
    return found


def _is_for(mailbox: Mailbox, entry: Entry, id: str) -> Received | None:
    """Return what lies at *entry* if it is a receipt for the message *id*. Raises: FileNotFoundError."""
    received = mailbox.judge(entry, first=True)
    if received.message is None or not mailbox.shows(received.verdict):
        return None
    received.receipt = receipt_in(received.message)
    return received if received.receipt is not None and received.receipt.id == id else None


def _take(mailbox: Mailbox, entry: Entry, id: str) -> bool:
    maildir, fresh = mailbox.maildir, mailbox.namer.unique
    claimed = maildir.claim(entry, mailbox.namer.owner(), fresh)
    if claimed is None:
        return False
    try:
        # Judged again under the claim: only now can nobody else have accepted it.
        received = _is_for(mailbox, claimed, id)
        if received is None or received.receipt is None:
            return False
        record(maildir, received.receipt)
        if mailbox.seen.add(received.key, claimed.key, received.digest):
            mailbox.gate().commit(claimed, fresh)
        return True
    finally:
        maildir.release(claimed, fresh)

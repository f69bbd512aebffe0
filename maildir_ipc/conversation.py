"""Answering a message and passing it on: what the new message says about the old one, and what becomes of that.

Only mail can be answered or passed on: what was set aside, or was never meant for this mailbox, is not mail.
"""

from __future__ import annotations

from .address import is_name
from .draft import MAX_FILE_NAME, Attachment, Draft
from .errors import NoSuchMessage
from .finding import LAST
from .maildir import SENT
from .message import subject_of
from .render import attribution, escape, to_json
from .signing import MISDIRECTED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .delivery import Sent
    from .mailbox import Mailbox
    from .message import Message
    from .received import Received

ANSWERED, PASSED = "R", "P"  # maildir(5)
_OPAQUE = "application/octet-stream"
_TYPE = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-+._/")


def original(mailbox: Mailbox, ref: str) -> Received:
    """Return the mail that *ref* names. Raises: NoSuchMessage, also when what is there is not mail."""
    found = [received for received in mailbox.find(ref) if accepted(mailbox, received)]
    if len({received.message.id for received in found if received.message is not None}) > 1:
        raise NoSuchMessage(f"{ref} names more than one message", "give more characters of the reference")
    if found:
        return found[0]
    raise NoSuchMessage(f"{ref} is not verified mail to you or from you", "mipc read shows it, with its verdict")


def to_answer(mailbox: Mailbox, ref: str) -> tuple[Received, bool]:
    """Return the mail that *ref* asks to answer, and whether a notice was shown after it.

    `@` is the last one shown that can be answered. Raises: NoSuchMessage.
    """
    gate = mailbox.gate() if ref == LAST else None
    if gate is None or gate.answerable in ("", gate.last):
        return original(mailbox, ref), False
    return original(mailbox, gate.answerable), True


def look_up(mailbox: Mailbox, ref: str) -> list[Received]:
    """Return what *ref* names, to be shown: mail first, then what is not, with its verdict. Raises: NoSuchMessage."""
    found = mailbox.find(ref)
    for received in found:
        if mailbox.shows(received.verdict) and not accepted(mailbox, received):
            received.verdict = MISDIRECTED  # somebody put a copy of another's mail here
    return found


def accepted(mailbox: Mailbox, received: Received) -> bool:
    """Return whether this is mail: verified, and accepted here before, or acceptable now, or sent from here.

    Whoever can put a file into the mailbox can put it among what was read or sent: a copy of another's mail, too.
    """
    message, signature, entry = received.message, received.signature, received.entry
    if message is None or entry.verdict or not mailbox.shows(received.verdict):
        return False
    if entry.folder.startswith(SENT):
        return mailbox.names is not None and mailbox.names.led_here(message.from_, int(message.date))
    known = mailbox.seen.find(received.key)
    if known is not None:
        return known[1] == received.digest
    return signature is None or mailbox.addressed(message.to, signature.t)


def answer_to(received: Received) -> tuple[str, tuple[str, ...]]:
    """Return whom to answer, and the Message-IDs to refer to, oldest first. Raises: NoSuchMessage."""
    message = _message(received)
    if not is_name(message.from_):
        raise NoSuchMessage(f"{message.ref} cannot be answered", "nobody here has the name that it is from")
    return message.from_, message.thread


def forward(received: Received, draft: Draft) -> Draft:
    """Return *draft* grown to one that passes a message on: quoted, with its data and attachments, in its thread.

    What is quoted has its control and bidirectional characters written out: it goes out in another's name now.
    """
    message = _message(received)
    kept = [
        Attachment(_named(a.name), a.type if _is_plain(a.type) else _OPAQUE, a.content) for a in message.attachments
    ]
    title = message.subject if message.subject.startswith("Fwd: ") else f"Fwd: {message.subject}"
    return Draft(
        "\n".join([*([draft.text, ""] if draft.text else []), *quoted(received)]),
        subject=subject_of(escape(title, line=True)) if draft.subject is None else draft.subject,
        data=None if message.data is None else to_json(message.data),
        attachments=[*draft.attachments, *kept],
        importance=draft.importance,
        expires=draft.expires,
        references=message.thread,
    )


def quoted(received: Received) -> list[str]:
    """Return the lines that quote a message: who, when, with which verdict, then each of its lines after `> `."""
    message = _message(received)
    lines = [f"Forwarded {attribution(received)}"]
    if message.titled:
        lines.append(f"> Subject: {subject_of(message.subject)}")
    body = escape(message.body.replace("\r\n", "\n").encode("utf-8", "backslashreplace").decode())
    return [*lines, *(f"> {line}".rstrip(" ") for line in body.split("\n"))]


def note(mailbox: Mailbox, received: Received, flag: str, sent: Sent) -> None:
    """Flag the original as answered or passed on, once that has reached anybody."""
    if any(delivery.state != "failed" for delivery in sent.deliveries):
        mailbox.mark(received, flag)


def _message(received: Received) -> Message:
    assert received.message is not None
    return received.message


def _is_plain(type: str) -> bool:
    """Return whether a type may be written into a header as it is, for one entity that is not taken apart."""
    kind, _, name = type.partition("/")
    return bool(kind and name) and _TYPE.issuperset(type) and "/" not in name and kind not in ("multipart", "message")


def _named(name: str) -> str:
    """Return a name that may be sent; what came is its sender's word, and may be none."""
    return name.encode("utf-8", "backslashreplace").decode().replace("\0", "_")[:MAX_FILE_NAME] or "unnamed"

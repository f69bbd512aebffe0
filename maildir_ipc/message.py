"""What a message is as a file: composing one, and reading one back.

Pure: no clock, no randomness, no file. `compose` emits fields whose values are already in the
canonical form that `signing` covers, so composing and signing are one pass. `split` is the only
place where a header block is taken apart. The rules of the format are protocol.md, section 4.
"""

from __future__ import annotations

from .address import address_of, is_name, local_part, message_id
from .errors import BadData
from .signing import Malformed, content_digest, reference
from .wire import (
    IMPORTANCE,
    base64_blocks,
    decode_text,
    decode_words,
    encode_text,
    encode_words,
    format_date,
    parse_date,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from .draft import Attachment, Draft

MAX_HEADER = 65536  # bytes
MAX_FIELDS = 200
MAX_SUBJECT = 72  # characters, of a subject taken from the text
REF_LENGTH = 5

_TEXT = "text/plain; charset=utf-8"


class Message:
    """A message as a reader sees it; every field came from what its signature covers."""

    __slots__ = (
        "attachments", "auto", "body", "data", "date", "expires", "from_", "hops", "id", "importance",
        "in_reply_to", "kind", "references", "size", "subject", "to", "wants_receipt",
    )  # fmt: skip

    def __init__(
        self, fields: dict[str, str], body: str, data: Any, attachments: Sequence[Attachment], size: int
    ) -> None:
        self.id = fields.get("message-id", "").strip("<>")
        self.from_ = local_part(_bare(fields.get("from", "")))
        self.to = tuple(local_part(_bare(a)) for a in fields.get("to", "").split(",") if a.strip())
        self.subject = decode_words(fields.get("subject", ""))
        self.date = parse_date(fields.get("date", ""))
        self.expires = parse_date(fields["expires"]) if "expires" in fields else None
        self.kind = fields.get("ipc-kind", "message")
        self.auto = fields.get("auto-submitted", "no").lower() != "no"
        self.wants_receipt = fields.get("ipc-receipt") == "seen"
        importance = fields.get("importance", "").lower()
        self.importance = importance if importance in IMPORTANCE else None
        self.auto = fields.get("auto-submitted", "no").lower() != "no"
        self.hops = _small(fields.get("ipc-hops", "0"))
        self.in_reply_to = fields.get("in-reply-to", "").strip("<>") or None
        self.references = tuple(r.strip("<>") for r in fields.get("references", "").split())
        self.body, self.data, self.attachments, self.size = body, data, tuple(attachments), size

    @property
    def ref(self) -> str:
        """The short reference that a person types."""
        return reference(self.id)[:REF_LENGTH]

    @property
    def thread(self) -> tuple[str, ...]:
        """The Message-IDs that an answer refers to, oldest first; its last is this message's own."""
        known = self.references or (self.in_reply_to or "").split()
        # A foreign program's may be no word that can stand in a header.
        return tuple(id for id in (*known, self.id) if id.isascii() and id.isprintable() and " " not in id)

    @property
    def answerable(self) -> bool:
        """Whether somebody wrote it who can be answered: nobody answers the system, and a receipt is no question."""
        return self.kind == "message" and is_name(self.from_)

    @property
    def titled(self) -> bool:
        """Whether the subject says anything that the text's first line does not."""
        return self.subject not in ("", subject_of(self.body))


def compose(draft: Draft, *, sender: str, to: Sequence[str], id: str, t: int) -> tuple[list[tuple[str, str]], bytes]:
    """Return the fields, canonical and in file order, and the body but its final LF: the same for the same arguments.

    *id* is the Message-ID's local part; *t* the Unix second of the Date. Add IPC-Signature, then `join`.
    """
    subject = subject_of(draft.text) if draft.subject is None else draft.subject
    fields = [
        ("Date", format_date(t)),
        ("From", address_of(sender)),
        ("To", ", ".join(map(address_of, to))),
        ("Message-ID", f"<{message_id(id)}>"),
        ("Subject", encode_words(subject)),
    ]
    if draft.references:
        # RFC 5322, 3.6.4; the first and the last 19 are enough to thread by.
        chain = draft.references if len(draft.references) <= 20 else (draft.references[0], *draft.references[-19:])
        fields.append(("In-Reply-To", f"<{chain[-1]}>"))
        fields.append(("References", " ".join(f"<{r}>" for r in chain)))
    if draft.importance is not None:
        fields.append(("Importance", draft.importance))
    if draft.expires is not None:
        fields.append(("Expires", format_date(t + int(draft.expires))))
    if draft.auto is not None:
        fields.append(("Auto-Submitted", draft.auto))
        if draft.hops:
            fields.append(("IPC-Hops", str(draft.hops)))
    fields.append(("IPC-Kind", draft.kind))
    if draft.receipt:
        fields.append(("IPC-Receipt", "seen"))
    fields.append(("MIME-Version", "1.0"))
    if draft.data is None and not draft.attachments:
        encoding, body = encode_text(draft.text)
        fields += [("Content-Type", _TEXT), ("Content-Transfer-Encoding", encoding)]
    else:
        boundary, body = _multipart(draft, content_digest(id.encode())[:24])
        fields += [
            ("Content-Type", f'multipart/mixed; boundary="{boundary}"'),
            ("Content-Transfer-Encoding", "8bit"),
        ]
    return fields, body


def join(fields: Sequence[tuple[str, str]], body: bytes) -> bytes:
    """Return the bytes of the file; a value over 78 characters is folded at its spaces. Raises: BadData."""
    lines = [f"{n}: {v}" if len(n) + len(v) < 77 or "\n" in v else _fold(n, v) for n, v in fields]
    head = "\n".join([*lines, "\n"]).encode("ascii")
    if len(head) > MAX_HEADER:
        raise BadData(f"the header is {len(head)} bytes, the limit is {MAX_HEADER}", "fewer names")
    return b"%b%b\n" % (head, body)


def split(raw: bytes) -> tuple[list[tuple[str, bytes]], bytes]:
    """Return the header as (lower-case name, value in RFC 6376 relaxed form) in file order, and the body as it is.

    Raises: Malformed.
    """
    if raw.startswith((b"\n", b"\r\n")):
        return [], raw.partition(b"\n")[2]  # the first line is the empty one
    end = raw.find(b"\n\n") + 1
    crlf = raw.find(b"\n\r\n", 0, end or len(raw)) + 1
    head, body = (raw[:crlf], raw[crlf + 2 :]) if crlf else (raw[:end], raw[end + 1 :]) if end else (raw, b"")
    if len(head) > MAX_HEADER:
        raise Malformed("the header is too large")
    if b"\r" in head:
        head = head.replace(b"\r\n", b"\n")
    if b"\r" in head or b"\0" in head or not head.isascii():
        raise Malformed("the header has a NUL, a stray CR, or a byte over 127")
    fields: list[tuple[str, bytes]] = []
    if not head.strip(b"\n"):
        return [], body
    for line in head.removesuffix(b"\n").replace(b"\n ", b" ").replace(b"\n\t", b" ").split(b"\n"):
        octets, colon, value = line.partition(b":")
        name = octets.decode("ascii")
        if not colon or not name or not name.isprintable() or " " in name:
            raise Malformed("a line of the header is not a field")
        if b"\t" in value or b"  " in value:
            value = b" ".join([word for word in value.replace(b"\t", b" ").split(b" ") if word])
        fields.append((name.lower(), value.strip(b" ")))
    if len(fields) > MAX_FIELDS:
        raise Malformed("the header has too many fields")
    return fields, body


def parse(
    fields: Sequence[tuple[str, bytes]],
    body: bytes,
    *,
    size: int,
    covered: frozenset[str] | None,
    shallow: bool = False,
) -> Message:
    """Return the message. Fields outside *covered* (None: all may be used) are as if they were not there.

    *shallow*: its MIME parts are left alone, for mail that is not going to be shown.

    Raises: Malformed.
    """
    known: dict[str, str] = {}
    for name, value in fields:
        if covered is None or name in covered:
            known.setdefault(name, value.decode("utf-8", "backslashreplace"))
    if not known.get("from"):
        raise Malformed("no From")
    if "message-id" not in known:
        # Of what is covered, in its canonical form, so that no transport makes another message of it.
        content = repr(sorted(known.items())).encode() + body.replace(b"\r\n", b"\n").rstrip(b"\n")
        known["message-id"] = f"<{content_digest(content)[:32]}@unknown.invalid>"
    encoding = known.get("content-transfer-encoding", "7bit").lower()
    kind = known.get("content-type", "text/plain").lower()
    if kind in (_TEXT, "text/plain", "text/plain; charset=us-ascii"):
        return Message(known, decode_text(encoding, body), None, (), size)
    if shallow:
        return Message(known, "", None, (), size)
    from .mime import read_parts  # the email package: half a command's start, needed by few messages

    text, data, attachments = read_parts(known, body)
    return Message(known, text, data, attachments, size)


def subject_of(text: str) -> str:
    """Return the subject of a text that was given none: its first line that is not blank, cut."""
    for line in text[:4096].split("\n"):
        shown = line if line.isprintable() else "".join(c if c.isprintable() else " " for c in line)
        words = " ".join(shown.split())
        if words:
            return words if len(words) <= MAX_SUBJECT else words[: MAX_SUBJECT - 3] + "..."
    return "(no text)"


def _small(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0


def _bare(address: str) -> str:
    """Return the address in `Name <address>`."""
    start, end = address.rfind("<"), address.rfind(">")
    return address[start + 1 : end].strip() if 0 <= start < end else address.strip()


def _fold(name: str, value: str) -> str:
    lines, line = [], f"{name}:"
    for word in value.split(" "):
        if len(line) + len(word) > 77 and line.strip(" ") and line != f"{name}:":
            lines.append(line)
            line = ""
        line += f" {word}"
    return "\n".join([*lines, line])


def _multipart(draft: Draft, seed: str) -> tuple[str, bytes]:
    encoding, text = encode_text(draft.text)
    parts = [[f"Content-Type: {_TEXT}\nContent-Transfer-Encoding: {encoding}\n".encode(), text]]
    if draft.data is not None:
        head = "Content-Type: application/json\nContent-Disposition: inline; filename=data.json\n"
        parts.append([f"{head}Content-Transfer-Encoding: base64\n".encode(), *base64_blocks(draft.data.encode())])
    for file in draft.attachments:
        head = f"Content-Type: {file.type}\nContent-Disposition: attachment; {_filename(file.name)}\n"
        parts.append([f"{head}Content-Transfer-Encoding: base64\n".encode(), *base64_blocks(file.content)])
    boundary = "=_" + seed
    while any(boundary.encode() in piece for part in parts for piece in part):
        boundary = "=_" + content_digest(boundary.encode())[:24]
    mark = f"--{boundary}".encode()
    # In one go: a file of megabytes is not copied from part to part.
    return boundary, b"\n".join([*(piece for part in parts for piece in (mark, *part)), mark + b"--"])


def _filename(name: str) -> str:
    """Return the filename parameter. Source: RFC 2231, 4, for all but the plainest names."""
    safe = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"
    if name and all(c in safe for c in name) and len(name) < 60:
        return f'filename="{name}"'
    octets = name.encode("utf-8", "surrogateescape")
    return "filename*=utf-8''" + "".join(chr(b) if chr(b) in safe else f"%{b:02X}" for b in octets)

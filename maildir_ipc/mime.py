"""The messages and headers that need the email package: several parts, foreign charsets, foreign dates.

Loaded only when such a message is met, so that the usual check does not pay for it.
"""

from __future__ import annotations

import email.header
import email.message
import email.parser
import email.policy
import email.utils
import json

from .message import Attachment
from .signing import Malformed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_MIME = ("content-type", "content-transfer-encoding", "content-disposition")


def read_parts(fields: dict[str, str], body: bytes) -> tuple[str, Any, list[Attachment]]:
    """Return the text, the data object (None if there is none) and the attachments of a message.

    Only the MIME fields in *fields* are used. Raises: Malformed.
    """
    head = "".join(f"{name}: {fields[name]}\n" for name in _MIME if name in fields)
    try:
        root = email.parser.BytesParser(policy=email.policy.default).parsebytes(
            head.encode() + b"\n" + body.replace(b"\r\n", b"\n")
        )
        return _walk(root)
    except (ValueError, LookupError, AttributeError, TypeError, IndexError, RecursionError) as error:
        # The email package is not total over hostile input; whatever it trips over is not a message.
        raise Malformed("its MIME structure cannot be read") from error


def _walk(root: email.message.Message) -> tuple[str, Any, list[Attachment]]:
    text: str | None = None
    data: Any = None
    attachments: list[Attachment] = []
    for part in root.walk():
        if part.is_multipart():
            continue
        kind, name = part.get_content_type(), part.get_filename()
        content = part.get_payload(decode=True)
        content = content if isinstance(content, bytes) else b""
        if text is None and name is None and part.get_content_maintype() == "text":
            text = _text(part, content, alone=part is root)
        elif data is None and kind == "application/json" and name == "data.json":
            data = json.loads(content)
        else:
            attachments.append(Attachment(str(name or "unnamed"), kind, content))
    return text or "", data, attachments


def _text(part: email.message.Message, content: bytes, *, alone: bool) -> str:
    if alone and str(part.get("content-transfer-encoding", "")).lower() not in ("quoted-printable", "base64"):
        content = content.rstrip(b"\n")
    charset = part.get_content_charset("utf-8")
    return content.decode(charset, "backslashreplace")


def decode_header(value: str) -> str:
    """Return the text of any RFC 2047 header value."""
    try:
        return str(email.header.make_header(email.header.decode_header(value)))
    except (ValueError, LookupError):
        return value


def parse_any_date(text: str) -> float:
    """Return the Unix time of any date that the email package can read, else 0."""
    try:
        return email.utils.parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return 0.0


def is_object(text: str) -> bool:
    """Return whether *text* is a JSON object that every JSON reader takes: no NaN, no infinity, not too deep."""
    try:
        return isinstance(value := json.loads(text), dict) and bool(json.dumps(value, allow_nan=False).encode())
    except (ValueError, RecursionError):
        return False

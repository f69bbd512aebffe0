"""The messages and headers that need the email package: several parts, foreign charsets, foreign dates.

Loaded only when such a message is met, so that the usual check does not pay for it.
"""

from __future__ import annotations

import email.errors
import email.header
import email.message
import email.parser
import email.policy
import email.utils
import json

from .draft import Attachment
from .signing import Malformed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MAX_PARTS = 10_000  # lines that may begin a part; the parser needs 0.1 ms for each
_MIME = ("content-type", "content-transfer-encoding", "content-disposition")


def read_parts(fields: dict[str, str], body: bytes) -> tuple[str, Any, list[Attachment]]:
    """Return the text, the data object (None if there is none) and the attachments of a message.

    Only the MIME fields in *fields* are used. Raises: Malformed.
    """
    head = "".join(f"{name}: {fields[name]}\n" for name in _MIME if name in fields)
    try:
        # As in decode_text: what a signature does not cover, empty lines at the end, is not shown.
        content = body.replace(b"\r\n", b"\n").rstrip(b"\n")
        if content.count(b"\n--") > MAX_PARTS:
            raise Malformed("it has too many parts")
        return _walk(email.parser.BytesParser(policy=email.policy.compat32).parsebytes(head.encode() + b"\n" + content))
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
        kind, name = part.get_content_type(), _name(part)
        content = part.get_payload(decode=True)
        content = content if isinstance(content, bytes) else b""
        if text is None and name is None and part.get_content_maintype() == "text":
            text = _decode(content, part.get_content_charset("utf-8"))
        elif data is None and kind == "application/json" and part.get_content_disposition() == "inline":
            data = json.loads(content)
            if not isinstance(data, dict):
                raise Malformed("its data is not an object")
        else:
            attachments.append(Attachment(str(name or "unnamed"), kind, content))
    return text or "", data, attachments


def _name(part: email.message.Message) -> str | None:
    """Return the name of a file exactly as it was written: get_filename() strips blanks, quotes and brackets."""
    value = part.get_param("filename", header="content-disposition", unquote=False)
    if isinstance(value, tuple):
        charset, _, text = value
        plain = text[1:-1].replace("\\\\", "\0").replace('\\"', '"').replace("\0", "\\")
        return plain.encode("latin-1").decode(charset or "utf-8", "surrogateescape")
    return part.get_filename()


def _decode(content: bytes, charset: str) -> str:
    """Return text that can be written anywhere: UTF-7, for one, can hold a lone surrogate."""
    return content.decode(charset, "backslashreplace").encode("utf-8", "backslashreplace").decode()


def decode_header(value: str) -> str:
    """Return the text of any RFC 2047 header value."""
    try:
        text = str(email.header.make_header(email.header.decode_header(value)))
    except (ValueError, LookupError, email.errors.HeaderParseError):
        return value
    return text.encode("utf-8", "backslashreplace").decode()


def parse_any_date(text: str) -> float:
    """Return the Unix time of any date that the email package can read, else 0."""
    try:
        return email.utils.parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError, OSError):
        return 0.0


def is_object(text: str) -> bool:
    """Return whether *text* is a JSON object that every JSON reader takes: no NaN, no infinity, not too deep."""
    try:
        return isinstance(value := json.loads(text), dict) and bool(json.dumps(value, allow_nan=False).encode())
    except (ValueError, RecursionError):
        return False

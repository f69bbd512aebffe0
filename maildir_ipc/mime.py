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
MAX_LEVELS = 64  # of objects and lists in data, itself one; readers of JSON end at depths of their own
NO_OBJECT = "is not a JSON object"
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
            fault = fault_of(content)
            if fault == NO_OBJECT:
                raise Malformed("its data is not an object")
            if fault is None:
                data = json.loads(content)
            else:  # members write what they like: what would harm who shows it is a file
                attachments.append(Attachment(str(name or "unnamed"), kind, content))
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


def fault_of(data: str | bytes) -> str | None:
    """Return why not every JSON reader takes *data* as an object, or None.

    Raises: ValueError when it is no JSON at all.
    """
    try:
        value = json.loads(data)
        if not isinstance(value, dict):
            return NO_OBJECT
        if _is_deep(value):
            return f"is over {MAX_LEVELS} levels deep"
    except RecursionError:
        return f"is over {MAX_LEVELS} levels deep"
    try:
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except UnicodeEncodeError:
        return "has half a character in it, a lone surrogate"
    except ValueError:
        return "has a number in it that JSON does not know"
    return None


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(MAX_LEVELS):
        inner = [item for holder in level for item in (holder.values() if isinstance(holder, dict) else holder)]
        level = [item for item in inner if isinstance(item, (dict, list))]
    return bool(level)

"""The messages and headers that need the email package: several parts, foreign charsets, foreign dates.

Loaded only when such a message is met, so that the usual check does not pay for it.
"""

from __future__ import annotations

import binascii
import email.errors
import email.header
import email.message
import email.parser
import email.policy
import email.utils
import json

from .draft import Attachment
from .signing import Malformed
from .wire import without_ends

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

MAX_PARTS = 10_000  # lines that may begin a part; the parser needs 0.1 ms for each
MAX_LEVELS = 64  # of objects and lists in data, itself one; readers of JSON end at depths of their own
NO_OBJECT = "is not a JSON object"
_MIME = ("content-type", "content-transfer-encoding", "content-disposition")
_WRITTEN = (b"Content-Type: ", b"Content-Transfer-Encoding: ", b"Content-Disposition: ")


def read_parts(fields: dict[str, str], body: bytes) -> tuple[str, Any, list[Attachment]]:
    """Return the text, the data object (None if there is none) and the attachments of a message.

    Only the MIME fields in *fields* are used. Raises: Malformed.
    """
    head = "".join(f"{name}: {fields[name]}\n" for name in _MIME if name in fields).encode() + b"\n"
    try:
        if b"\r\n" in body:
            body = body.replace(b"\r\n", b"\n")
        # As in decode_text: what a signature does not cover, empty lines at the end, is not shown.
        content = without_ends(body)
        if body.count(b"\n--") > MAX_PARTS:
            raise Malformed("it has too many parts")
        parts = _plain_parts(_parse(head), body, len(content))
        return _read(parts if parts is not None else _leaves(_parse(head + content)))
    except (ValueError, LookupError, AttributeError, TypeError, IndexError, RecursionError) as error:
        # The email package is not total over hostile input; whatever it trips over is not a message.
        raise Malformed("its MIME structure cannot be read") from error


def _parse(text: bytes) -> email.message.Message:
    return email.parser.BytesParser(policy=email.policy.compat32).parsebytes(text)


def _leaves(root: email.message.Message) -> Iterator[tuple[email.message.Message, bytes]]:
    """Yield each part that has content, as a header and its content."""
    for part in root.walk():
        if not part.is_multipart():
            content = part.get_payload(decode=True)
            yield part, content if isinstance(content, bytes) else b""


def _plain_parts(
    root: email.message.Message, body: bytes, end: int
) -> list[tuple[email.message.Message, bytes]] | None:
    """Return what `_leaves` would of a message with this header and *body* up to *end*, if it is written as ours are.

    None for any other. The email package takes ten times what a file takes: it holds each line by itself.
    """
    boundary = root.get_boundary("")
    if root.get_content_type() != "multipart/mixed" or not (boundary.isascii() and boundary[2:].isalnum()):
        return None
    opening, closing = f"--{boundary}\n".encode(), f"\n--{boundary}--".encode()
    if b"\r" in body or not (body.startswith(opening) and body.endswith(closing, 0, end)):
        return None
    found, start, stop, last = [], len(opening), -1, end - len(closing)
    while stop != last:
        stop = body.find(closing[:-2], start - 1)
        gap = body.find(b"\n\n", start, stop)
        header = body[start : gap + 2]
        if gap < 0 or not _is_plain(header) or not (stop == last or body.startswith(opening, stop + 1)):
            return None
        part = _parse(header)
        if part.get_content_maintype() in ("multipart", "message"):
            return None
        found.append((part, _decoded(part, body, gap + 2, stop)))
        start = stop + 1 + len(opening)
    return found


def _is_plain(header: bytes) -> bool:
    """Return whether each line is a whole MIME field, so that nobody can take it for anything else."""
    return all(line.startswith(_WRITTEN) for line in header.removesuffix(b"\n\n").split(b"\n"))


def _decoded(part: email.message.Message, body: bytes, start: int, stop: int) -> bytes:
    """Return the content of a part as `get_payload` would, without a copy of it for each step."""
    encoding = str(part.get("content-transfer-encoding", "")).lower()
    try:
        if encoding == "base64":
            return binascii.a2b_base64(memoryview(body)[start:stop])
    except binascii.Error:
        pass  # the email package has ways with it
    if encoding != "8bit":
        part.set_payload(body[start:stop].decode("ascii", "surrogateescape"))
        content = part.get_payload(decode=True)
        return content if isinstance(content, bytes) else b""
    return body[start:stop]


def _read(parts: Iterable[tuple[email.message.Message, bytes]]) -> tuple[str, Any, list[Attachment]]:
    text: str | None = None
    data: Any = None
    attachments: list[Attachment] = []
    for part, content in parts:
        kind, name = part.get_content_type(), _name(part)
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

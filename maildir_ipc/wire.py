"""How texts, words and dates are written in a message, and read back exactly.

Source: RFC 2045 (transfer encodings), RFC 2047 (encoded words), RFC 5322, 3.3 (dates). Pure.
"""

from __future__ import annotations

import binascii
import time

from .signing import Malformed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_LINE = 998  # octets; RFC 5322, 2.1.1
IMPORTANCE = ("low", "normal", "high")  # RFC 2156
_LINE = 57  # octets in a line of base64
_BLOCK = 1024 * _LINE  # octets encoded at a time

_FIRST_SECOND, _LAST_SECOND = -62135596800, 253402300799  # of the years 1 to 9999
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def encode_text(text: str) -> tuple[str, bytes]:
    """Return the transfer encoding and the encoded text, without the LF that ends it in a file.

    `decode_text` gives exactly *text* back, with that LF or without.
    """
    data = text.encode()
    if not (b"\r" in data or b"\0" in data or data.endswith(b"\n") or _has_long_line(data)):
        return "8bit", data
    specials = len(data) - len(data.translate(None, bytes((0, 13, *range(128, 256)))))
    if specials * 6 > len(data):
        return "base64", base64_lines(data)
    return "quoted-printable", _quoted_printable(data)


def decode_text(encoding: str, body: bytes) -> str:
    """Return the text of a body; bytes that are not UTF-8 (never ours) become backslash escapes.

    Raises: Malformed.
    """
    if b"\r\n" in body:
        body = body.replace(b"\r\n", b"\n")  # a transport's line ends: a text's own CR is never written 8bit
    text: bytes | memoryview = without_ends(body)
    try:
        if encoding == "quoted-printable":
            text = binascii.a2b_qp(text)
        elif encoding == "base64":
            text = binascii.a2b_base64(text)
        elif encoding not in ("7bit", "8bit", "binary"):
            raise Malformed("unknown transfer encoding")
    except binascii.Error:
        raise Malformed("the body cannot be decoded") from None
    return str(text, "utf-8", "backslashreplace")


def without_ends(body: bytes) -> memoryview:
    """Return *body*, not copied, without the LFs at its end.

    All of them: a signature does not cover empty lines at the end, so none of them may be shown.
    """
    return memoryview(body)[: len(body.rstrip(b"\n"))]


def base64_lines(data: bytes) -> bytes:
    """Return *data* in base64, in lines of 76, no LF at its end. Source: RFC 2045, 6.8."""
    return b"\n".join(base64_blocks(data))


def base64_blocks(data: bytes) -> Iterator[bytes]:
    """Yield the lines, many at a time: all in one list take several times what they hold."""
    for start in range(0, len(data) or 1, _BLOCK):
        block = data[start : start + _BLOCK]
        yield b"".join([binascii.b2a_base64(block[i : i + _LINE]) for i in range(0, len(block), _LINE)])[:-1]


def encode_words(text: str) -> str:
    """Return *text* as a canonical header value: as it is, or as RFC 2047 encoded words."""
    plain = text.isascii() and text.isprintable() and "=?" not in text and "  " not in text
    if plain and text == text.strip() and not any(len(w) > 70 for w in text.split(" ")):
        return text
    words, chunk = [], b""
    for char in text:
        octets = char.encode("utf-8", "replace")
        if len(chunk) + len(octets) > 39:
            words.append(chunk)
            chunk = b""
        chunk += octets
    return " ".join(f"=?utf-8?b?{binascii.b2a_base64(w, newline=False).decode()}?=" for w in [*words, chunk])


def decode_words(value: str) -> str:
    """Return a header value as text; what is not RFC 2047 stays as it is."""
    if "=?" not in value:
        return value
    octets = b""
    for word in value.split(" "):
        if not (word[:10].lower() == "=?utf-8?b?" and word.endswith("?=")):
            from .mime import decode_header  # somebody else's encoded words

            return decode_header(value)
        try:
            octets += binascii.a2b_base64(word[10:-2])
        except (binascii.Error, ValueError):
            return value
    return octets.decode("utf-8", "backslashreplace")


def format_date(t: float) -> str:
    """Return an RFC 5322 date, in UTC, whatever the locale."""
    g = time.gmtime(t)
    day, month = _DAYS[g.tm_wday], _MONTHS[g.tm_mon - 1]
    return f"{day}, {g.tm_mday:02} {month} {g.tm_year} {g.tm_hour:02}:{g.tm_min:02}:{g.tm_sec:02} +0000"


def parse_date(text: str) -> float:
    """Return the Unix time of an RFC 5322 date; 0 when it is none."""
    try:
        _, day, month, year, clock, zone = text.split(" ")
        hours, minutes, seconds = (int(x) for x in clock.split(":"))
        days = _days_from_civil(int(year), _MONTHS.index(month) + 1, int(day))
        offset = int(zone[1:3]) * 3600 + int(zone[3:5]) * 60
        if not (1 <= int(year) <= 9999 and 1 <= int(day) <= 31 and hours < 24 and minutes < 60 and seconds < 61):
            return 0.0  # no calendar has it, and no output could write it
        date = days * 86400 + hours * 3600 + minutes * 60 + seconds - (offset if zone[0] == "+" else -offset)
        return date if _FIRST_SECOND <= date <= _LAST_SECOND else 0.0
    except (ValueError, IndexError):
        from .mime import parse_any_date  # a form that we do not write

        return parse_any_date(text)


def _days_from_civil(year: int, month: int, day: int) -> int:
    """Return the days since 1970-01-01 (calendar.timegm would load datetime)."""
    year -= month <= 2
    of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return year * 365 + year // 4 - year // 100 + year // 400 + of_year - 719468


def _has_long_line(data: bytes) -> bool:
    start = 0
    while len(data) - start > MAX_LINE:
        start = data.rfind(b"\n", start, start + MAX_LINE + 1) + 1
        if not start:
            return True
    return False


def _quoted_printable(data: bytes) -> bytes:
    """Return *data* so that its lines stay lines, and what a signature does not cover (final LFs) is spelled out."""
    text = data.rstrip(b"\n")
    blocks = [_quoted_lines(block) for block in _blocks(text)]
    ends = b"=0A" * (len(data) - len(text))
    if len(blocks[-1].rpartition(b"\n")[2]) + len(ends) > 76:
        ends = b"=\n" + b"=\n".join([ends[i : i + 72] for i in range(0, len(ends), 72)])
    return b"\n".join(blocks) + ends


def _quoted_lines(data: bytes) -> bytes:
    return b"\n".join([binascii.b2a_qp(line, istext=False) for line in data.split(b"\n")])


def _blocks(data: bytes) -> Iterator[bytes]:
    """Yield *data* in pieces of whole lines, without the LF between them."""
    start = 0
    while len(data) - start > _BLOCK:
        end = data.find(b"\n", start + _BLOCK)
        if end < 0:
            break
        yield data[start:end]
        start = end + 1
    yield data[start:]

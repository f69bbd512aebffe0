"""Texts, words and dates in a message: RFC 2045, 2047, 5322."""

from __future__ import annotations

import base64
import quopri

import pytest

from maildir_ipc.signing import Malformed
from maildir_ipc.wire import base64_lines, decode_text, decode_words, encode_text, encode_words, format_date, parse_date


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("", "8bit"),
        ("plain", "8bit"),
        ("é 世界 🎉", "8bit"),
        (" blanks \t", "8bit"),
        ("From here\n.\n--\n x", "8bit"),
        ("x" * 998, "8bit"),
        ("é" * 499, "8bit"),
        ("x" * 999, "quoted-printable"),
        ("é" * 500, "base64"),
        ("ends in LF\n", "quoted-printable"),
        ("a long enough line\rwith CR", "quoted-printable"),
        ("a long enough line\r\nwith CRLF", "quoted-printable"),
        ("a long enough line\0with NUL", "quoted-printable"),
        ("\0\r\0", "base64"),
        ("\n", "quoted-printable"),
    ],
)
def test_the_plainest_encoding_that_holds_the_text_is_used(text: str, encoding: str) -> None:
    """protocol.md, 4; G7: `cat` and `grep` work on nearly all mail."""
    used, body = encode_text(text)
    assert used == encoding
    assert decode_text(used, body) == decode_text(used, body + b"\n") == text


@pytest.mark.parametrize(
    "text",
    [
        "y\n" * 100_000,
        "x" * 200_000 + "\n",
        "a line\rof text\n" * 9000,
        "\n" * 200_000,
        "\0\r" * 90_000,
        "é\r\n" * 50_000,
    ],
)
def test_a_text_of_many_blocks_comes_back_in_lines_that_are_short_enough(text: str) -> None:
    """G9; RFC 2045, 6.7 and 6.8: it is encoded piece by piece."""
    encoding, body = encode_text(text)
    assert encoding != "8bit"
    assert max(map(len, body.split(b"\n"))) <= 76
    assert decode_text(encoding, body) == text
    decoded = quopri.decodestring(body) if encoding == "quoted-printable" else base64.b64decode(body)
    assert decoded.decode() in (text, text + "\n")


def test_the_protocols_examples_of_quoted_printable() -> None:
    """protocol.md, 4: CR is =0D, each LF that ends the text is =0A."""
    assert encode_text("one line\r\ntwo lines\n\n") == ("quoted-printable", b"one line=0D\ntwo lines=0A=0A")


@pytest.mark.parametrize(
    "text", ["a line with CR\r", "x" * 3000, "tab \t\nblank \n", "=20 =\n", "é and a\rlong enough ascii line"]
)
def test_standard_decoders_agree(text: str) -> None:
    """RFC 2045: G7."""
    encoding, body = encode_text(text)
    decoded = quopri.decodestring(body) if encoding == "quoted-printable" else base64.b64decode(body)
    assert decoded.decode() in (text, text + "\n")
    assert max(map(len, body.split(b"\n"))) <= 76


@pytest.mark.parametrize(
    ("encoding", "body"), [("base64", b"a"), ("base64", b"abcde"), ("x-other", b"a"), ("", b"a"), ("7 bit", b"")]
)
def test_a_body_that_cannot_be_decoded_is_malformed(encoding: str, body: bytes) -> None:
    """G12: never a text that nobody wrote."""
    with pytest.raises(Malformed):
        decode_text(encoding, body)


@pytest.mark.parametrize("encoding", ["7bit", "8bit", "binary"])
def test_bytes_that_are_not_utf_8_are_shown_as_escapes(encoding: str) -> None:
    """Ours: they are seen, and the text can be written anywhere."""
    assert decode_text(encoding, b"caf\xe9 \xc3\xa9\n") == "caf\\xe9 é"


def test_line_ends_of_a_transport_are_one() -> None:
    """RFC 6376, 3.4.3: what the signature does not tell apart, the reader must not either."""
    assert (
        decode_text("8bit", b"a\r\nb\r\n")
        == decode_text("8bit", b"a\nb\n")
        == decode_text("8bit", b"a\nb\n\n\r\n")
        == "a\nb"
    )


def test_base64_is_in_lines_of_76() -> None:
    """RFC 2045, 6.8."""
    for data in (b"", b"x" * 57, b"x" * 58, bytes(range(256)), b"x" * 57 * 1024, b"x" * 58369, b"x" * 200_000):
        assert base64_lines(data) == base64.encodebytes(data)[:-1]


@pytest.mark.parametrize("text", ["", "a", "a b", "Re: a question", "x" * 70])
def test_a_plain_subject_stays_as_it_is(text: str) -> None:
    """G7: grep finds it."""
    assert encode_words(text) == text


@pytest.mark.parametrize("text", ["é", " a", "a ", "a  b", "=?x", "a\tb", "\x7f", "x" * 71, "a\x0bb", "\u2028"])
def test_any_other_is_encoded(text: str) -> None:
    """RFC 2047: a canonical header value has no two spaces, and none at its ends."""
    assert encode_words(text).startswith("=?utf-8?b?")
    assert decode_words(encode_words(text)) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain", "plain"),
        ("=?UTF-8?B?w6k=?=", "é"),
        ("=?utf-8?q?caf=C3=A9_x?=", "café x"),
        ("=?iso-8859-1?q?caf=E9?= end", "café end"),
        ("=?utf-8?b?w6k=?= =?iso-8859-1?q?=E9?=", "éé"),
        ("=?utf-8?b?w6k=?= =?utf-8?b?w6k=?=", "éé"),
        ("=?utf-8?b?w6k=?", "=?utf-8?b?w6k=?"),
        ("=?utf-8?b?a?=", "=?utf-8?b?a?="),
        ("=?nonsense?q?x?=", "=?nonsense?q?x?="),
        ("=?", "=?"),
    ],
)
def test_encoded_words_of_others_are_read_or_left(value: str, text: str) -> None:
    """RFC 2047, 6."""
    assert decode_words(value) == text


@pytest.mark.parametrize(
    ("t", "text"),
    [
        (0, "Thu, 01 Jan 1970 00:00:00 +0000"),
        (1767709822, "Tue, 06 Jan 2026 14:30:22 +0000"),
        (951782400, "Tue, 29 Feb 2000 00:00:00 +0000"),
        (4107542399, "Sun, 28 Feb 2100 23:59:59 +0000"),
        (253402300799, "Fri, 31 Dec 9999 23:59:59 +0000"),
    ],
)
def test_dates_are_those_of_rfc_5322(t: int, text: str) -> None:
    """RFC 5322, 3.3; leap years too."""
    assert format_date(t) == text
    assert parse_date(text) == t


@pytest.mark.parametrize(
    ("text", "t"),
    [
        ("Tue, 06 Jan 2026 15:30:22 +0100", 1767709822),
        ("Tue, 06 Jan 2026 09:00:22 -0530", 1767709822),
        ("6 Jan 2026 14:30:22 GMT", 1767709822),
        ("Tue, 6 Jan 2026 14:30 +0000", 1767709800),
        ("Tue, 06 Jan 2026 14:30:22 +0000 (UTC)", 1767709822),
        ("", 0),
        ("yesterday", 0),
        ("Tue, 06 Foo 2026 14:30:22 +0000", 0),
        ("Tue, 06 Jan 99999 14:30:22 +0000", 0),
        ("Tue, 99 Jan 2026 14:30:22 +0000", 0),
        ("Tue, 06 Jan 2026 99:30:22 +0000", 0),
    ],
)
def test_dates_of_others_are_read_or_are_zero(text: str, t: int) -> None:
    """RFC 5322, 4.3: obsolete forms; what no calendar has is none."""
    assert parse_date(text) == t

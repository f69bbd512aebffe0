"""G12: whatever bytes lie in a mailbox, reading them ends in a message or in Malformed, and rendering them in text.

Ours: one hostile file must never stop a check.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import example, given
from hypothesis import strategies as st

from maildir_ipc.draft import Attachment, Draft
from maildir_ipc.large import file_name, summary_of
from maildir_ipc.message import parse, split
from maildir_ipc.render import Bound, escape, fenced, message_object, to_json
from maildir_ipc.signing import Malformed, verify
from maildir_ipc.wire import decode_text, decode_words, parse_date
from tests.unit.making import SPOOL, T, key_of, named, received, signed

if TYPE_CHECKING:
    from maildir_ipc.message import Message

MULTIPART = signed(
    Draft(
        "text é\n",
        subject="Grüße",
        data='{"a": 1}',
        attachments=[Attachment("à.txt", "text/plain", b"content" * 20)],
        references=["a@b"],
        expires=60,
    )
)


def _read(raw: bytes) -> Message | None:
    """Do all that a check and a read do with a file's bytes; anything but Malformed is a failure."""
    try:
        fields, body = split(raw)
        verdict, signature = verify(fields, body, key_of, [SPOOL])
        message = parse(fields, body, size=len(raw), covered=signature.covers if signature else None)
    except Malformed:
        return None
    found = received(message, verdict)
    for full in (False, True):
        assert fenced(found, "c41f", T, full=full).endswith("#c41f\n")
        to_json(message_object(found, full=full)).encode()
    assert "\n" not in named(found)
    assert len(file_name(message, "barney", "key").encode()) < 200
    message.body.encode()
    summary_of(message.body)
    Bound(8000, T, "c41f").takes(found)
    return message


NAMES = st.sampled_from(
    ["From", "To", "Subject", "Date", "Expires", "Message-ID", "References", "IPC-Kind", "IPC-Signature",
    "Content-Type",
     "Content-Transfer-Encoding", "Content-Disposition", "MIME-Version", "In-Reply-To", "X"]
)  # fmt: skip
PIECES = st.sampled_from(
    [" ", ";", "=", '"', "'", "*", "%", "=?utf-8?b?", "=?utf-8?q?", "=?x?q?", "?=", "<", ">", "@", ",",
    "boundary=", "charset=",
     "utf-7", "utf-16", "unicode_escape", "idna", "hex", "punycode", "multipart/mixed", "message/rfc822",
     "message/partial",
     "message/external-body", "text/plain", "name*0*=", "filename*=", "''", "utf-8''%ff", "base64",
     "quoted-printable", "uuencode",
     "x-uuencode", "8bit", "\n ", "\n\t", "Mon, 01 Jan 2026 00:00:00 +0000", "99999999999", "-0000", "b", ":",
     "(", ")", "\\", "[", "]"]
)  # fmt: skip
VALUES = st.lists(st.one_of(PIECES, st.text(st.characters(codec="ascii"), max_size=6)), max_size=8).map("".join)
BODIES = st.lists(
    st.one_of(
        st.sampled_from(
            [
                b"\n",
                b"\r\n",
                b"--b\n",
                b"--b--\n",
                b"=",
                b"=?",
                b"+2AA-",
                b"\\ud800",
                b"begin 644 x\n",
                b"Content-Type: ",
            ]
        ),
        st.binary(max_size=20),
    ),
    max_size=20,
).map(b"".join)


@given(st.binary(max_size=2000))
@example(b"")
@example(b"\n")
@example(b"\n\n")
@example(b"\r\n\r\n")
@example(b": \n\n")
@example(b" folded\n\n")
def test_no_bytes_raise_anything_but_malformed(raw: bytes) -> None:
    """G12."""
    _read(raw)


@given(st.lists(st.tuples(NAMES, VALUES), max_size=12), BODIES)
@example([("Subject", "=?utf-8?B?a?=")], b"")
@example([("Subject", "x =?utf-8?B?aaaaa?=")], b"")
@example([("Subject", "=?utf-7?q?+2AA-?=")], b"")
@example([("Date", "Mon, 01 Jan 999999999999 00:00:00 +0000")], b"")
@example([("Date", "Mon, 01 Jan 9999999 00:00:00 +0000")], b"")
@example([("Date", "Mon, 01 Jan 0000 00:00:00 +0000")], b"")
@example([("Date", "Mon, 01 Jan -99999999999 00:00:00 +0000")], b"")
@example([("Date", "99 Jan 9999 99:99:99")], b"")
@example([("Content-Type", "text/plain; charset=utf-7")], b"+2AA-")
@example([("Content-Type", "text/plain; charset=unicode_escape")], b"\\ud800")
@example([("Content-Type", "text/plain; charset=utf-16")], b"\xd8")
@example([("Content-Type", "application/json; name=data.json")], b"[" * 100_000)
@example([("Content-Type", "application/json; name=data.json")], b"9" * 5000)
@example([("Content-Type", "application/json; name=data.json")], b'"\\ud800"')
@example([("Content-Type", "application/json; name=data.json")], b"NaN")
@example(
    [("Content-Type", "multipart/mixed; boundary=b")], b"--b\nContent-Type: multipart/mixed; boundary=b\n\n" * 2000
)
@example([("Content-Type", "multipart/mixed; boundary=b")], b"--b\nContent-Type: message/rfc822\n\n" * 500)
@example([("Content-Type", "message/external-body")], b"")
@example([("Content-Type", "text/plain; charset*=x'y'%ff")], b"x")
@example([("Content-Disposition", "attachment; filename*0*=x''%00; filename*1=y")], b"x")
@example([("Content-Transfer-Encoding", "uuencode"), ("Content-Type", "text/html")], b"begin 644 x\n!\n")
def test_no_header_and_body_raise_anything_but_malformed(fields: list[tuple[str, str]], body: bytes) -> None:
    """G12: what the standard library's email package trips over is not a message."""
    head = "".join(f"{name}: {value}\n" for name, value in [("From", "mallory@example.org"), *fields])
    _read(head.encode() + b"\n" + body)


@given(
    st.lists(
        st.tuples(st.floats(0, 1), st.integers(0, 40), st.binary(max_size=12) | PIECES.map(str.encode)), max_size=6
    )
)
def test_no_mutation_of_a_multipart_message_raises_anything_but_malformed(cuts: list[tuple[float, int, bytes]]) -> None:
    """G12."""
    raw = MULTIPART
    for at, length, put in cuts:
        start = int(at * len(raw))
        raw = raw[:start] + put + raw[start + length :]
    _read(raw)


@given(
    st.sampled_from([" ", "v=1;", "a=hmac-sha256;", "c=relaxed/simple;", "d=ipc.invalid;", "h=from;", "b=x"]),
    st.text(),
    st.data(),
)
def test_no_signature_value_raises_anything(piece: str, text: str, data: st.DataObject) -> None:
    """G12 and protocol.md, 5.4: whatever stands in IPC-Signature, there is a verdict."""
    tags = data.draw(
        st.lists(
            st.sampled_from(
                ["v=1", "a=hmac-sha256", "c=relaxed/simple", "d=ipc.invalid", f"sp={SPOOL}", "s=x", "i=é", "t=1",
                "t=x", "x=1",
                 "h=from:to", "h=", "h=é", "bh=x", "l=1", "b=", "b=é", "", "=", piece, text]
            ),
            max_size=14,
        )
    )  # fmt: skip
    verdict, _ = verify([("ipc-signature", "; ".join(tags).encode("utf-8", "replace"))], b"", key_of, [SPOOL])
    assert verdict in ("malformed", "unknown-key", "misdirected", "bad")


@given(st.sampled_from(["7bit", "8bit", "binary", "base64", "quoted-printable", "x"]), st.binary())
def test_decoding_gives_a_text_that_can_be_written_or_malformed(encoding: str, body: bytes) -> None:
    """G12."""
    try:
        decode_text(encoding, body).encode()
    except Malformed:
        return


@given(VALUES | st.text())
@example("=?utf-8?b?a?=")
@example("x =?utf-8?b?aaaaa?=")
@example("=?utf-8?b?gA==?=")
@example("=?utf-8?b?YQ==?= =?iso-8859-1?q?=E9?=")
@example("=?unknown?q?x?=")
def test_any_subject_of_others_becomes_text_on_one_line(value: str) -> None:
    """G12: and never a lone surrogate, which no output takes."""
    words = decode_words(" ".join(value.split()))
    assert "\n" not in escape(words, line=True)


@given(VALUES | st.text() | st.lists(st.integers(-(10**12), 10**12).map(str), min_size=3, max_size=7).map(" ".join))
@example("Mon, 01 Jan 999999999999 00:00:00 +0000")
@example("Mon, 01 Jan -99999 00:00:00 +0000")
@example("Mon, 01 Jan 9999 00:00:00 -9999")
@example("Mon, 99999999999 Jan 2026 00:00:00 +0000")
def test_any_date_of_others_is_a_time(value: str) -> None:
    """G12: 0 when it is none; else within the years 1 to 9999, which every output can write."""
    assert -62135596800 <= parse_date(value) < 253402300800

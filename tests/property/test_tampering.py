"""G4: every change of a signed file either fails, or leaves all that is shown as it was.

Ours; the canonical forms are RFC 6376's relaxed/simple. The file's size is not part of what is shown:
a transport that writes CRLF changes it, and changes nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maildir_ipc.draft import Attachment, Draft
from maildir_ipc.signing import PASS, Malformed
from tests.unit.making import genuine, judged, shown, signed, signed_fields

if TYPE_CHECKING:
    from collections.abc import Callable

_HEAD = [
    ("Date", "Tue, 06 Jan 2026 14:30:22 +0000"),
    ("From", "nessa@ipc.invalid"),
    ("To", "barney@ipc.invalid"),
    ("Message-ID", "<x@ipc.invalid>"),
    ("Subject", "from another program"),
]


def _foreign(body: bytes, *mime: tuple[str, str], leave_out: str = "") -> bytes:
    head = [field for field in _HEAD if field[0] != leave_out]
    return signed_fields([*head, ("MIME-Version", "1.0"), *mime], body)


_OPEN_PART = b"--b\nContent-Type: text/plain\n\ntext\n--b\nContent-Disposition: attachment\n\nfile\n"
MESSAGES = {
    "plain": signed(Draft("Welcome to the team!\n\n  two lines: é")),
    "quoted-printable": signed(Draft("a = b\r\n\tc \nends in LF\n\n")),
    "base64": signed(Draft("\0é\r" * 30)),
    "empty": signed(Draft("")),
    "everything": signed(
        Draft(
            "text",
            subject="Grüße an alle, die das hier lesen, und noch einige Wörter mehr",
            data='{"a": [1, null]}',
            attachments=[Attachment("à b.txt", "text/plain", b"a\r\nb\n"), Attachment("c", "image/png", b"\0" * 99)],
            importance="high",
            expires=7200,
            references=[f"{n}@ipc.invalid" for n in range(5)],
            auto="auto-replied",
        ),
        to=[f"name-{n}" for n in range(20)],
    ),
    # A member may sign what we never write; the promise is the same.
    "foreign charset": _foreign(
        b"caf\xe9\n", ("Content-Type", "text/plain; charset=iso-8859-1"), ("Content-Transfer-Encoding", "8bit")
    ),
    "foreign quoted-printable": _foreign(
        b"caf=E9\n",
        ("Content-Type", "text/plain; charset=iso-8859-1"),
        ("Content-Transfer-Encoding", "quoted-printable"),
    ),
    "html": _foreign(b"<p>\nx", ("Content-Type", "text/html")),
    "unclosed multipart": _foreign(_OPEN_PART, ("Content-Type", "multipart/mixed; boundary=b")),
    "unclosed quoted-printable part": _foreign(
        b"--b\nContent-Type: text/plain\nContent-Transfer-Encoding: quoted-printable\n\ntext=\n",
        ("Content-Type", "multipart/mixed; boundary=b"),
    ),
    "message in a message": _foreign(b"Subject: x\n\ninner\n", ("Content-Type", "message/rfc822")),
    "application": _foreign(b"bytes\n\n", ("Content-Type", "application/octet-stream")),
    "no MIME": _foreign(b"text\r\nmixed\n ends\n"),
    "no Message-ID": _foreign(b"text\n", leave_out="Message-ID"),
}
messages = st.sampled_from(sorted(MESSAGES))


def _same_or_refused(name: str, changed: bytes) -> None:
    original = genuine(MESSAGES[name])
    try:
        verdict, message = judged(changed)
    except Malformed:
        return
    if verdict == PASS:
        assert shown(message) == shown(original)


@given(messages, st.data())
def test_one_flipped_bit_is_refused_or_shows_nothing_new(name: str, data: st.DataObject) -> None:
    """G4."""
    raw = bytearray(MESSAGES[name])
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    _same_or_refused(name, bytes(raw))


def test_every_flipped_bit_of_a_plain_message_is_refused_or_shows_nothing_new() -> None:
    """G4: all of them, not a sample; and all but a few are refused."""
    raw = MESSAGES["plain"]
    accepted = 0
    for at in range(len(raw) * 8):
        changed = bytearray(raw)
        changed[at // 8] ^= 1 << at % 8
        _same_or_refused("plain", bytes(changed))
        try:
            accepted += judged(bytes(changed))[0] == PASS
        except Malformed:
            continue
    # Case of field names, spaces at folds, and bits of base64 that mean nothing: no more than these may pass.
    assert accepted < len(raw), f"{accepted} of {len(raw) * 8} flips were accepted"


@given(messages, st.data())
def test_bytes_put_in_taken_out_or_replaced_are_refused_or_show_nothing_new(name: str, data: st.DataObject) -> None:
    """G4."""
    raw = MESSAGES[name]
    start = data.draw(st.integers(0, len(raw)))
    stop = data.draw(st.integers(start, min(len(raw), start + 80)))
    pieces = st.sampled_from(
        [b"", b"\n", b"\r", b"\r\n", b" ", b"\t", b"\n\n", b"\n ", b"\n\t", b"=", b"=\n", b"=0A", b"--"]
    )
    put = data.draw(st.one_of(pieces, st.binary(max_size=20)))
    _same_or_refused(name, raw[:start] + put + raw[stop:])


_NEW_LINES = (
    b"Cc: mallory@ipc.invalid", b"From: mallory@ipc.invalid", b"Subject: other", b"IPC-Kind: notice", b"IPC-New: 1",
    b"Reply-To: mallory@ipc.invalid", b"Expires: Tue, 06 Jan 2026 14:30:22 +0000", b"X-Foreign: 1", b" folded",
    b"\tfolded",
    b"Content-Length: 5", b"Status: RO", b"Content-Type: text/html", b"Content-Transfer-Encoding: base64", b"no colon",
    b"IPC-Signature: v=1", b"Importance: high", b"From : mallory@ipc.invalid", b"FROM:mallory@ipc.invalid", b"", b"\r",
    b"Content-Disposition: attachment", b"In-Reply-To: <x@y>", b"Auto-Submitted: no", b"Message-ID: <other@x>",
)  # fmt: skip


@pytest.mark.parametrize("name", sorted(MESSAGES))
def test_a_line_added_anywhere_is_refused_or_shows_nothing_new(name: str) -> None:
    """G4: each of the lines above before each line of the header, and after the last."""
    head, gap, body = MESSAGES[name].partition(b"\n\n")
    lines = head.split(b"\n")
    for at in range(len(lines) + 1):
        for new in _NEW_LINES:
            _same_or_refused(name, b"\n".join([*lines[:at], new, *lines[at:]]) + gap + body)


@pytest.mark.parametrize("name", sorted(MESSAGES))
def test_a_line_taken_out_doubled_or_moved_is_refused_or_shows_nothing_new(name: str) -> None:
    """G4: each line of the file; each line doubled; each line of the header moved behind each other one."""
    lines = MESSAGES[name].split(b"\n")
    header = MESSAGES[name].partition(b"\n\n")[0].count(b"\n") + 1
    for at, line in enumerate(lines):
        _same_or_refused(name, b"\n".join(lines[:at] + lines[at + 1 :]))
        _same_or_refused(name, b"\n".join([*lines[:at], line, *lines[at:]]))
    for at in range(header):
        rest = lines[:at] + lines[at + 1 :]
        for to in range(header):
            _same_or_refused(name, b"\n".join([*rest[:to], lines[at], *rest[to:]]))


def _refold(raw: bytes) -> bytes:
    head, gap, body = raw.partition(b"\n\n")
    return head.replace(b"\n ", b" ").replace(b": ", b":\t\n ").replace(b"; ", b";\n\t  ") + gap + body


def _upper(raw: bytes) -> bytes:
    head, gap, body = raw.partition(b"\n\n")
    return b"\n".join(map(_upper_name, head.split(b"\n"))) + gap + body


def _upper_name(line: bytes) -> bytes:
    name, colon, value = line.partition(b":")
    return line if line[:1] in b" \t" else name.upper() + colon + value


def _reverse(raw: bytes) -> bytes:
    head, gap, body = raw.partition(b"\n\n")
    fields = head.replace(b"\n ", b"\0").split(b"\n")
    return b"\n".join(reversed(fields)).replace(b"\0", b"\n ") + gap + body


_HARMLESS: dict[str, Callable[[bytes], bytes]] = {
    "CRLF line ends": lambda raw: raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"),
    "empty lines at the end": lambda raw: raw + b"\n\n\n",
    "empty CRLF lines at the end": lambda raw: raw + b"\r\n\r\n",
    "the last LF taken away": lambda raw: raw.removesuffix(b"\n"),
    "folded otherwise": _refold,
    "names in capitals": _upper,
    "fields in the reverse order": _reverse,
    "what mutt adds": lambda raw: b"Status: RO\nContent-Length: 99\nLines: 3\n" + raw,
    "what a transport adds": lambda raw: b"Return-Path: <x@y>\nReceived: from a by b;\n\tnow\nX-UID: 1\n" + raw,
}


@pytest.mark.parametrize("change", sorted(_HARMLESS))
@pytest.mark.parametrize("name", sorted(MESSAGES))
def test_what_transports_do_keeps_the_signature_and_all_that_is_shown(name: str, change: str) -> None:
    """G4 and G7: RFC 6376, 3.4.2 and 3.4.3; the change passes, it is not merely harmless."""
    changed = _HARMLESS[change](MESSAGES[name])
    assert changed != MESSAGES[name] or change in ("the last LF taken away", "CRLF line ends")
    verdict, message = judged(changed)
    assert verdict == PASS
    assert shown(message) == shown(genuine(MESSAGES[name]))


@given(messages, st.lists(st.sampled_from(sorted(_HARMLESS)), max_size=5))
def test_any_series_of_them_is_refused_or_shows_nothing_new(name: str, changes: list[str]) -> None:
    """G4."""
    raw = MESSAGES[name]
    for change in changes:
        raw = _HARMLESS[change](raw)
    _same_or_refused(name, raw)


@given(messages, st.sampled_from([b" ", b"  ", b"\t", b"\n", b"x"]), st.data())
def test_a_change_of_the_text_itself_is_never_accepted(name: str, put: bytes, data: st.DataObject) -> None:
    """RFC 6376, 3.4.3: *simple* for the body, since indentation is code; only empty lines at the end are free."""
    head, gap, body = MESSAGES[name].partition(b"\n\n")
    text = body.rstrip(b"\r\n")
    if not text:
        return
    at = data.draw(st.integers(0, len(text) - 1))
    assert judged_quietly(head + gap + text[:at] + put + text[at:] + b"\n") != PASS


def judged_quietly(raw: bytes) -> str:
    """Return the verdict, `malformed` too."""
    try:
        return judged(raw)[0]
    except Malformed:
        return "malformed"

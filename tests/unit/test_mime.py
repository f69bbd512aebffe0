"""Messages of several parts and of other programs: RFC 2045 to 2047, 2231."""

from __future__ import annotations

import email.parser
import json
from typing import Any
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maildir_ipc import mime
from maildir_ipc.draft import Attachment, Draft
from maildir_ipc.message import Message, compose, parse, split
from maildir_ipc.signing import Malformed
from tests.unit.making import SERIAL, T, genuine, signed


def _read(text: bytes) -> Message:
    raw = b"From: x@example.org\nMIME-Version: 1.0\n" + text
    fields, body = split(raw)
    return parse(fields, body, size=len(raw), covered=None)


NAMES = (
    "a.txt", "with space.txt", " leading", "trailing ", "é.txt", "Grüße 🎉", 'quo"te', "back\\slash",
    "semi;colon", "per%cent", "a'b''c",
    "x" * 255, "é" * 120, "../../etc/passwd", "/etc/passwd", "a\nb", "a\tb", "\x1b[0m", "\u202egpj.exe",
    "\udcff.bin", "=?utf-8?b?w6k=?=", "data.json", ".", "CON", "a,b", "<a>", "utf-8''x", "a*0*=b",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_any_name_of_a_file_comes_back_exactly(name: str) -> None:
    """G9; RFC 2231. It is data: never a path here."""
    files = genuine(
        signed(Draft("x", attachments=[Attachment(name, "application/octet-stream", b"content")]))
    ).attachments
    assert [(file.name, file.type, file.content) for file in files] == [(name, "application/octet-stream", b"content")]


def test_a_file_that_is_called_data_json_is_a_file() -> None:
    """protocol.md, 4: data is inline, a file is an attachment."""
    file = Attachment("data.json", "application/json", b"not even JSON")
    message = genuine(signed(Draft("x", attachments=[file])))
    assert message.data is None
    assert [a.content for a in message.attachments] == [b"not even JSON"]
    both = genuine(signed(Draft("x", data='{"a": 1}', attachments=[file])))
    assert both.data == {"a": 1}
    assert len(both.attachments) == 1


def test_a_text_file_first_is_not_the_text() -> None:
    """An empty text stays empty."""
    message = genuine(signed(Draft("", attachments=[Attachment("a.txt", "text/plain", b"file")])))
    assert message.body == ""
    assert len(message.attachments) == 1


@pytest.mark.parametrize(
    ("text", "body"),
    [
        (b"Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: 8bit\n\ncaf\xe9\n", "café"),
        (b"Content-Type: text/plain; charset=us-ascii\n\ncafe\n", "cafe"),
        (b"Content-Type: TEXT/PLAIN; CHARSET=UTF-8\n\ncaf\xc3\xa9\n", "café"),
        (b'Content-Type: text/plain; charset="utf-8"; format=flowed\n\ncaf\xc3\xa9\n', "café"),
        (b"Content-Type: text/html\n\n<p>hi\n", "<p>hi"),
        (b"Content-Type: text/plain; charset=unknown-8bit\n\nx\n", None),
        (
            b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b\nContent-Type: text/html\n\n2\n--b--\n",
            "one",
        ),
        (b"Content-Type: multipart/mixed; boundary=b\n\nno parts\n", ""),
        (b"\njust text\n", "just text"),
    ],
)
def test_mail_of_other_programs_is_read(text: bytes, body: str | None) -> None:
    """G7: or it is malformed; nothing in between."""
    if body is None:
        with pytest.raises(Malformed):
            _read(text)
    else:
        assert _read(text).body == body


@pytest.mark.parametrize("content", [b"x", b"", b"9" * 10_000, b"[1]", b"1", b"null"])
def test_data_that_is_no_object_is_malformed(content: bytes) -> None:
    """protocol.md, 4: data is a JSON object."""
    head = b"Content-Type: application/json\nContent-Disposition: inline; filename=data.json\n\n"
    with pytest.raises(Malformed):
        _read(head + content)


def test_data_of_every_kind_comes_back() -> None:
    """G9."""
    value = {
        "é": [1, -1.5, True, None, "\x1b\U0001f600", {"": []}],
        "big": 10**40,
        "deep": json.loads("[" * 63 + "]" * 63),
    }
    assert genuine(signed(Draft("", data=json.dumps(value)))).data == value


@pytest.mark.parametrize(
    "content",
    [
        b'{"a": "\\ud83d"}',
        b'{"\\udcff": 1}',
        b'{"a": NaN, "b": 1e999}',
        b'{"a": ' + b"[" * 64 + b"]" * 64 + b"}",
        b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
)
def test_data_that_would_harm_who_shows_it_is_a_file(content: bytes) -> None:
    """G12: members write what they like; the text is shown, and every octet of the data can be saved."""
    head = b"Content-Type: application/json\nContent-Disposition: inline; filename=data.json\n\n"
    message = _read(
        b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\nthe text\n--b\n" + head + content + b"\n--b--\n"
    )
    assert (message.body, message.data) == ("the text", None)
    assert [(a.name, a.content) for a in message.attachments] == [("data.json", content)]


def test_a_message_of_very_many_parts_is_refused_at_once() -> None:
    """G12: one hostile file must not hold up a check for minutes; the email package needs 0.1 ms a part."""
    with pytest.raises(Malformed):
        _read(b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\n\n" * 20_000)


# Parts that are written as ours are, read without the email package: the same, or nothing of it.

_BOUNDARY = "=_0123456789abcdef01234567"
_HEAD = {"content-type": f'multipart/mixed; boundary="{_BOUNDARY}"', "content-transfer-encoding": "8bit"}
_FIELDS = st.sampled_from(
    [
        *("Content-Type: text/plain; charset=utf-8\n", "Content-Type: application/json\n", "Content-Type: x\n"),
        *("Content-Type: multipart/mixed; boundary=b\n", "Content-Type: message/rfc822\n", "Subject: hi\n", ": x\n"),
        *(f"Content-Transfer-Encoding: {e}\n" for e in ("base64", "BASE64 ", "8bit", "quoted-printable", "x-uuencode")),
        *("Content-Disposition: inline; filename=data.json\n", 'Content-Disposition: attachment; filename="a.b"\n'),
        "Content-Disposition: attachment;\n filename*=utf-8''%C3%A9\n",
    ]
)
_PIECES = st.sampled_from(
    [
        *(f"{before}--{_BOUNDARY}{after}" for before in ("", "\n") for after in ("\n", "--\n", " \n", "x\n", "--", "")),
        *("\n", "\n\n", "\r", "\r\n", " ", "--", "text", "é", '{"a": 1}', "YWJj\n", "YWJ\n", "YQ==YQ==", "=C3=A9=\n"),
    ]
)
_PARTS = st.tuples(
    st.lists(_FIELDS, min_size=1, max_size=2).map("".join),
    st.sampled_from(["\n"] * 7 + [""]),
    st.lists(_PIECES, max_size=2).map("".join),
).map("".join)


def _outcome(fields: dict[str, str], body: bytes) -> Any:
    try:
        text, data, files = mime.read_parts(fields, body)
    except Malformed as error:
        return str(error)
    return text, data, [(file.name, file.type, file.content) for file in files]


def _by_the_email_package(fields: dict[str, str], body: bytes) -> Any:
    with mock.patch.object(mime, "_plain_parts", return_value=None):
        return _outcome(fields, body)


@given(st.lists(_PARTS, min_size=1, max_size=3), st.sampled_from(["\n", "\n\n", "", " \n", "\nmore\n"]))
def test_whatever_looks_like_ours_reads_as_with_the_email_package(parts: list[str], end: str) -> None:
    """G4: there is one meaning of a message, whichever way it is read."""
    mark = f"--{_BOUNDARY}"
    body = f"{mark}\n{f'{chr(10)}{mark}{chr(10)}'.join(parts)}\n{mark}--{end}".encode()
    assert _outcome(_HEAD, body) == _by_the_email_package(_HEAD, body)


@given(st.binary(max_size=400), st.binary(max_size=9), st.text(max_size=50), st.integers(0, 999), st.binary(max_size=6))
def test_a_changed_message_of_ours_reads_as_with_the_email_package(
    one: bytes, two: bytes, text: str, at: int, put: bytes
) -> None:
    """G4."""
    files = [Attachment("a", "text/plain", one), Attachment("é b", "application/octet-stream", two)]
    fields, body = compose(Draft(text, data='{"a": [1]}', attachments=files), sender="a", to=["b"], id=SERIAL, t=T)
    known = {name.lower(): value for name, value in fields}
    assert _outcome(known, body) == _by_the_email_package(known, body) == (
        text, {"a": [1]}, [(file.name, file.type, file.content) for file in files]
    )  # fmt: skip
    changed = body[:at] + put + body[at + len(put) :]
    assert _outcome(known, changed) == _by_the_email_package(known, changed)


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("more", [b"", b"\n\n"])
def test_a_message_of_ours_is_read_without_its_lines_in_a_list(
    line_end: bytes, more: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Issue 3, 4: bounded memory: the email package sees headers alone, whatever a transport did."""
    seen = []
    real = email.parser.BytesParser.parsebytes

    def parsing(self: Any, text: bytes, *rest: Any) -> Any:
        seen.append(len(text))
        return real(self, text, *rest)

    monkeypatch.setattr(email.parser.BytesParser, "parsebytes", parsing)
    file = Attachment("a.bin", "application/octet-stream", bytes(range(256)) * 1000)
    fields, body = compose(Draft("x", data="{}", attachments=[file]), sender="a", to=["b"], id=SERIAL, t=T)
    known = {name.lower(): value for name, value in fields}
    text, data, (read,) = mime.read_parts(known, (body + more).replace(b"\n", line_end))
    assert (text, data, read.content) == ("x", {}, file.content)
    assert max(seen) < 300

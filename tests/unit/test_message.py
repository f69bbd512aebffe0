"""A message as a file, and back: protocol.md, 4; RFC 5322."""

from __future__ import annotations

from typing import Any

import pytest

from maildir_ipc.draft import Attachment, Draft
from maildir_ipc.errors import BadData
from maildir_ipc.message import MAX_FIELDS, MAX_HEADER, Message, compose, parse, split, subject_of
from maildir_ipc.signing import Malformed
from tests.unit.making import SERIAL, T, genuine, signed

ALWAYS = ["Date", "From", "To", "Message-ID", "Subject", "MIME-Version", "Content-Type", "Content-Transfer-Encoding"]


def _composed(draft: Draft, to: tuple[str, ...] = ("barney",)) -> dict[str, str]:
    fields, _ = compose(draft, sender="nessa", to=to, id=SERIAL, t=T)
    names = [name for name, _ in fields]
    assert len(set(names)) == len(names)
    return dict(fields)


def _read(raw: bytes) -> Message:
    fields, body = split(raw)
    return parse(fields, body, size=len(raw), covered=None)


def test_the_fields_that_are_always_there() -> None:
    """protocol.md, 4: each exactly once."""
    fields = _composed(Draft("hello"))
    assert set(ALWAYS) <= set(fields)
    assert fields["From"] == "nessa@ipc.invalid"
    assert fields["To"] == "barney@ipc.invalid"
    assert fields["Message-ID"] == f"<{SERIAL}@ipc.invalid>"
    assert fields["Date"] == "Tue, 06 Jan 2026 14:30:22 +0000"
    assert fields["IPC-Kind"] == "message"
    assert not {"Importance", "Expires", "In-Reply-To", "References", "Auto-Submitted"} & set(fields)


def test_the_fields_that_a_draft_asks_for() -> None:
    """protocol.md, 4: registered names before our own."""
    draft = Draft("x", importance="high", expires=60.9, references=["a@b", "c@d"], auto="auto-replied", kind="receipt")
    fields = _composed(draft, ("barney", "fred"))
    assert fields["To"] == "barney@ipc.invalid, fred@ipc.invalid"
    assert (fields["Importance"], fields["Auto-Submitted"], fields["IPC-Kind"]) == ("high", "auto-replied", "receipt")
    assert fields["Expires"] == "Tue, 06 Jan 2026 14:31:22 +0000"
    assert (fields["In-Reply-To"], fields["References"]) == ("<c@d>", "<a@b> <c@d>")
    message = genuine(signed(draft))
    assert (message.in_reply_to, message.references, message.expires) == ("c@d", ("a@b", "c@d"), T + 60)


@pytest.mark.parametrize(
    ("what", "values"),
    [
        ("text with a lone surrogate", {"text": "\ud800"}),
        ("text of bytes that are not UTF-8", {"text": "\udcff"}),
        ("subject with LF", {"subject": "a\nBcc: x"}),
        ("subject with CR", {"subject": "a\rb"}),
        ("subject with NUL", {"subject": "a\0b"}),
        ("subject with a lone surrogate", {"subject": "a\udcffb"}),
        ("subject larger than a header", {"subject": "x" * MAX_HEADER}),
        ("importance", {"importance": "urgent"}),
        ("importance with LF", {"importance": "high\nX: y"}),
        ("kind with LF", {"kind": "message\nX: y"}),
        ("auto with LF", {"auto": "no\nX: y"}),
        ("auto that is not ASCII", {"auto": "é"}),
        ("reference with LF", {"references": ["a\nX: y"]}),
        ("reference with a space", {"references": ["a b"]}),
        ("reference that is not ASCII", {"references": ["é"]}),
        ("data that is no JSON", {"data": "x"}),
        ("data that is no object", {"data": "[]"}),
        ("data with a lone surrogate", {"data": '{"a": "\ud800"}'}),
        ("data with half of an emoji", {"data": '{"a": ["\\ud83d"]}'}),
        ("data with half of an emoji as a key", {"data": '{"\\ud83d": 1}'}),
        ("data over 64 levels deep", {"data": '{"a": ' + "[" * 64 + "]" * 64 + "}"}),
        ("data with a number that is none", {"data": '{"a": 1e999}'}),
        ("type with LF", {"attachments": [Attachment("a", "text/plain\nX: y", b"")]}),
        ("type that is not ASCII", {"attachments": [Attachment("a", "é", b"")]}),
        ("file name with a lone surrogate", {"attachments": [Attachment("\ud800", "text/plain", b"")]}),
        ("file without a name", {"attachments": [Attachment("", "text/plain", b"")]}),
        ("expiry in the past", {"expires": -1.0}),
        ("expiry that is no time", {"expires": float("nan")}),
        ("expiry beyond the calendar", {"expires": 1e300}),
    ],
)
def test_what_cannot_be_sent_as_it_is_is_refused(what: str, values: dict[str, Any]) -> None:
    """G12: 65, before anything is made. The library's callers are programs: nothing is silently changed."""
    with pytest.raises(BadData) as refusal:
        Draft(**{"text": "text", **values})
    assert refusal.value.exit_code == 65, what
    assert str(refusal.value).isprintable()


def test_more_names_than_a_header_holds_are_refused() -> None:
    """G2, G12: the file would be malformed for every reader; a broadcast is the way."""
    names = [f"{n:032}" for n in range(2000)]
    with pytest.raises(BadData):
        split(signed(Draft("x"), to=names))


def test_long_values_are_folded_at_their_spaces() -> None:
    """RFC 5322, 2.1.1 and 2.2.3: 78 characters where a space allows it."""
    names = [f"name-{n}" for n in range(50)]
    raw = signed(Draft("x", subject="word " * 60 + "end"), to=names)
    head = raw.partition(b"\n\n")[0]
    assert max(map(len, head.split(b"\n"))) <= 78
    assert not any(line.strip() == b"" for line in head.split(b"\n"))
    assert list(genuine(raw).to) == names
    assert genuine(raw).subject == "word " * 60 + "end"


def test_a_thread_keeps_its_first_and_its_last_nineteen() -> None:
    """RFC 5322, 3.6.4: cut in the middle."""
    chain = [f"{n}@x" for n in range(50)]
    assert genuine(signed(Draft("x", references=chain))).references == ("0@x", *chain[-19:])


@pytest.mark.parametrize(
    ("text", "subject"),
    [
        ("", "(no text)"),
        ("\n \n\t\n", "(no text)"),
        ("\n\n  second line  \nthird", "second line"),
        ("a\tb\x1b[0mc", "a b [0mc"),
        ("x" * 72, "x" * 72),
        ("x" * 73, "x" * 69 + "..."),
        ("\n" * 5000 + "late", "(no text)"),
        ("a\u202eb", "a b"),
    ],
)
def test_the_subject_of_a_text_is_its_first_line(text: str, subject: str) -> None:
    """Design, 3."""
    assert subject_of(text) == subject
    assert genuine(signed(Draft(text))).subject == subject
    assert not genuine(signed(Draft(text))).titled


def test_a_subject_of_its_own_is_a_title() -> None:
    """Only such a one is shown."""
    assert genuine(signed(Draft("text", subject="title"))).titled
    assert not genuine(signed(Draft("text", subject=""))).titled


def test_a_text_that_holds_the_boundary_gets_another() -> None:
    """RFC 2046, 5.1.1."""
    draft = Draft("x", data="{}")
    boundary = _composed(draft)["Content-Type"].partition('"')[2].rstrip('"')
    text = f"--{boundary}--\n--{boundary}"
    assert genuine(signed(Draft(text, data="{}"))).body == text
    assert boundary not in _composed(Draft(text, data="{}"))["Content-Type"]


@pytest.mark.parametrize(
    "raw",
    [
        b"no colon\n\n",
        b": no name\n\n",
        b" folded at once\n\n",
        b"A b: x\n\n",
        b"A\tb: x\n\n",
        b"A: x\n\rB: y\n\n",
        b"A: x\rB: y\n\n",
        b"A: \0\n\n",
        b"A: \xff\n\n",
        b"\xe9: x\n\n",
        b"A\x07: x\n\n",
        b"A: " + b"x" * MAX_HEADER + b"\n\n",
        b"A: x\n" * (MAX_FIELDS + 1) + b"\n",
    ],
)
def test_a_header_that_is_none_is_malformed(raw: bytes) -> None:
    """protocol.md, 4 and 5.4."""
    with pytest.raises(Malformed):
        split(raw)


@pytest.mark.parametrize(
    ("raw", "fields", "body"),
    [
        (b"A: x\n\nb\n", [("a", b"x")], b"b\n"),
        (b"A: x\r\n\r\nb\r\n", [("a", b"x")], b"b\r\n"),
        (b"A: x\n\n\r\n\r\nb", [("a", b"x")], b"\r\n\r\nb"),
        (b"A: x\r\n\r\n\n\nb", [("a", b"x")], b"\n\nb"),
        (b"A: x\n", [("a", b"x")], b""),
        (b"A: x", [("a", b"x")], b""),
        (b"A:x\nB:\n\n", [("a", b"x"), ("b", b"")], b""),
        (b"A: x\n y\n\tz\n\n", [("a", b"x y z")], b""),
        (b"A:  x \t  y  \n\n", [("a", b"x y")], b""),
        (b"A: x\n  \n y\n\n", [("a", b"x y")], b""),
        (b"A: x: y\nA: 2\n\n", [("a", b"x: y"), ("a", b"2")], b""),
        (b"A: x\n" * MAX_FIELDS + b"\n", [("a", b"x")] * MAX_FIELDS, b""),
    ],
)
def test_a_header_is_split_once_for_signature_and_reader(
    raw: bytes, fields: list[tuple[str, bytes]], body: bytes
) -> None:
    """RFC 6376, 3.4.2; RFC 5322, 2.2.3."""
    assert split(raw) == (fields, body)


def test_only_covered_fields_are_read() -> None:
    """protocol.md, 5.3: a field that is not covered must not be shown or acted upon."""
    fields = [("from", b"a@ipc.invalid"), ("subject", b"x"), ("importance", b"high"), ("to", b"b@ipc.invalid")]
    message = parse(fields, b"text", size=4, covered=frozenset(("from", "to")))
    assert (message.from_, message.to, message.subject, message.importance) == ("a", ("b",), "", None)


@pytest.mark.parametrize(
    ("value", "read"), [(b"High", "high"), (b"low", "low"), (b"urgent", None), (b"x" * 60_000, None)]
)
def test_an_importance_is_one_of_three(value: bytes, read: str | None) -> None:
    """RFC 2156; what else somebody writes there, no program has to show."""
    fields = [("from", b"a@ipc.invalid"), ("message-id", b"<a@b>"), ("importance", value)]
    assert parse(fields, b"x\n", size=1, covered=None).importance == read
    with pytest.raises(Malformed):
        parse(fields, b"text", size=4, covered=frozenset(("to",)))


@pytest.mark.parametrize(
    ("field", "sender"),
    [
        ("barney@ipc.invalid", "barney"),
        ("Barney R. <barney@ipc.invalid>", "barney"),
        ('"<evil@ipc.invalid>" <x@example.org>', "x@example.org"),
        ("x@example.org", "x@example.org"),
        ("barney@ipc.invalid (x)", "barney@ipc.invalid (x)"),
        ("<>", ""),
    ],
)
def test_a_sender_is_a_name_or_a_foreign_address(field: str, sender: str) -> None:
    """G4."""
    assert _read(f"From: {field}\n\nx\n".encode()).from_ == sender


def test_a_message_without_an_id_gets_one_that_stays() -> None:
    """Mail of other programs can be named too; another text has another."""
    raw = b"From: x@example.org\n\ntext\n"
    assert _read(raw).id == _read(raw).id != _read(raw + b"more\n").id
    assert _read(raw).id.endswith("@unknown.invalid")
    assert len(_read(raw).ref) == 5


def test_a_file_without_a_sender_is_no_message() -> None:
    """RFC 5322, 3.6."""
    for raw in (b"", b"\n", b"\n\nbody", b"To: x\n\n", b"From:\n\n", b"From: \n \n\n"):
        with pytest.raises(Malformed):
            _read(raw)


def test_two_drafts_are_told_apart_by_anything_that_is_sent() -> None:
    """G3: --id with another message is refused."""
    file = Attachment("a", "text/plain", b"x")
    drafts = [
        Draft("x"), Draft("y"), Draft("x", subject="s"), Draft("x", data="{}"), Draft("x", importance="low"),
        Draft("x", expires=1),
        Draft("x", references=["r"]), Draft("x", auto="no"), Draft("x", kind="notice"), Draft("x", attachments=[file]),
        Draft("x", attachments=[Attachment("b", "text/plain", b"x")]), Draft("x", attachments=[Attachment("a",
        "text/plain", b"y")]),
        Draft("x", attachments=[Attachment("a", "text/html", b"x")]), Draft("x", attachments=[file, file]),
    ]  # fmt: skip
    digests = [draft.digest(["barney"]) for draft in drafts]
    assert len(set(digests)) == len(drafts)
    assert Draft("x").digest(["barney"]) == digests[0]
    assert Draft("x").digest(["barney", "fred"]) != digests[0]

"""G9: what was sent is what is read, exactly; proven by search. Ours, on top of RFC 2045, 2047 and 2231."""

from __future__ import annotations

import email
import email.policy
import json

from hypothesis import example, given
from hypothesis import strategies as st

from maildir_ipc.draft import Attachment, Draft
from maildir_ipc.errors import BadData
from maildir_ipc.message import compose, join, split, subject_of
from maildir_ipc.wire import decode_text, decode_words, encode_text, encode_words, format_date, parse_date
from tests.unit.making import KEY, SERIAL, SPOOL, T, genuine, signed

LINES = st.sampled_from(
    ["\n", "\r", "\r\n", " ", "\t", ".", "=", "From ", "--", "=20", "é", "\0", "\x0b", "\x85", "\u2028"]
)
TEXTS = st.one_of(
    st.text(),
    st.lists(st.one_of(LINES, st.text(max_size=8)), max_size=40).map("".join),
    st.tuples(st.text(max_size=3), st.integers(0, 3000)).map(lambda pair: pair[0] * pair[1]),
)
SUBJECTS = st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]), max_size=300)
# What a file can be called: no NUL, no slash; bytes that are not UTF-8 arrive as surrogate escapes.
FILE_NAMES = st.one_of(
    st.text(st.characters(exclude_characters="\0/", exclude_categories=["Cs"]), min_size=1, max_size=80),
    st.binary(min_size=1, max_size=80)
    .filter(lambda b: not set(b) & {0, 47})
    .map(lambda b: b.decode("utf-8", "surrogateescape")),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(TEXTS)
@example("")
@example("\n")
@example("\r")
@example("a\n\n\n")
@example(" \t ")
@example("\0")
@example("From here\n.\n..\n--\n")
@example("x" * 20_000)
@example("a" + "\n" * 5000)
@example("é" * 499 + "\n" + "é" * 500)
@example("=\n" * 700 + "\r")
def test_any_text_comes_back_exactly(text: str) -> None:
    """G9."""
    raw = signed(Draft(text))
    message = genuine(raw)
    assert message.body == text
    assert message.subject == subject_of(text)


@given(TEXTS)
@example("a" + "\n" * 5000)
@example("\r" + "\n" * 400)
@example("é\r" * 600)
def test_no_line_of_any_message_is_longer_than_rfc_5322_allows(text: str) -> None:
    """RFC 5322, 2.1.1: 998 octets; other programs cut or refuse longer ones."""
    assert max(map(len, signed(Draft(text)).split(b"\n"))) <= 998


@given(TEXTS)
def test_a_text_reads_the_same_with_the_email_package(text: str) -> None:
    """G7: a standard tool decodes the same text; the one LF that ends the file is all that it sees besides."""
    raw = signed(Draft(text))
    content = email.message_from_bytes(raw, policy=email.policy.default).get_payload(decode=True)
    assert isinstance(content, bytes)
    assert content.decode() in (text, text + "\n")


@given(TEXTS)
def test_an_encoded_text_holds_nothing_that_a_signature_does_not_cover(text: str) -> None:
    """RFC 6376, 3.4.3: empty lines at the end are not signed, so no text may need them."""
    encoding, body = encode_text(text)
    assert decode_text(encoding, body) == text
    assert decode_text(encoding, body.rstrip(b"\n")) == text
    assert decode_text(encoding, body + b"\n\n\r\n") == text
    assert decode_text(encoding, body.replace(b"\n", b"\r\n")) == text


@given(SUBJECTS)
@example("=?utf-8?b?aGk=?=")
@example("x" * 300)
@example("a  b")
@example(" a ")
@example("\x85")
@example("\t")
@example("é" * 41 + "x")
def test_any_subject_comes_back_exactly(subject: str) -> None:
    """G9, by RFC 2047."""
    assert decode_words(encode_words(subject)) == subject
    assert genuine(signed(Draft("text", subject=subject))).subject == subject


@given(SUBJECTS)
def test_every_encoded_word_stands_alone(subject: str) -> None:
    """RFC 2047, 2 and 5: at most 75 characters, and no character split between two words."""
    value = encode_words(subject)
    assert value.isascii()
    assert value.isprintable()
    if value != subject:
        assert all(len(word) <= 75 for word in value.split(" "))
        assert "".join(decode_words(word) for word in value.split(" ")) == subject


@given(
    TEXTS,
    st.none() | st.dictionaries(st.text(), JSON, max_size=4),
    st.lists(st.tuples(FILE_NAMES, st.binary()), max_size=3),
)
@example("", {}, [])
@example("\n", None, [(" a ", b"\n")])
@example("--=_\n", {"": "\x1b\U0001f600"}, [("data.json", b"{}")])
@example("x", None, [("é" * 80, b""), ("%41", b"\r\n"), ("a\nb", b"\0" * 60), ("\udcff", b"x")])
@example("x", None, [("data.json", b"not an object")])
@example("x", {"a": 1}, [("data.json", b"[]")])
def test_data_and_files_of_any_bytes_and_names_come_back_exactly(
    text: str, data: dict[str, object] | None, files: list[tuple[str, bytes]]
) -> None:
    """G9: the text, the object, and each file in its order, with its name."""
    draft = Draft(
        text,
        data=None if data is None else json.dumps(data),
        attachments=[Attachment(name, "application/octet-stream", content) for name, content in files],
    )
    message = genuine(signed(draft))
    assert message.body == text
    assert message.data == data
    assert [(a.name, a.content) for a in message.attachments] == files


@given(st.lists(st.from_regex(r"[a-z0-9_][a-z0-9_-]{0,31}", fullmatch=True), min_size=1, max_size=60, unique=True))
def test_any_number_of_names_comes_back_in_order(names: list[str]) -> None:
    """G9: a folded To unfolds to the same names."""
    assert list(genuine(signed(Draft("x"), to=names)).to) == names


@given(st.lists(st.from_regex(r"[!-;=?-~]{1,60}", fullmatch=True), max_size=30))
def test_references_come_back_short_enough_to_thread_by(chain: list[str]) -> None:
    """RFC 5322, 3.6.4: the first, and the last that fit; the parent is the last."""
    message = genuine(signed(Draft("x", references=chain)))
    assert message.references == tuple(chain if len(chain) <= 20 else [chain[0], *chain[-19:]])
    assert message.in_reply_to == (chain[-1] if chain else None)


@given(st.integers(0, 253402300799))
def test_dates_come_back_to_the_second(t: int) -> None:
    """RFC 5322, 3.3."""
    assert parse_date(format_date(t)) == t


ANY = st.text(max_size=30)


@given(ANY, ANY, ANY, ANY, st.lists(ANY, max_size=3), ANY, ANY, st.floats())
@example("", "x", "x", "x", [], "x\ny", "x", 1.0)
@example("", "x", "x", "x\nBcc: a", [], "x", "x", 1.0)
@example("x" * 70000, "x", "message", "auto-replied", [], "x", "x/x", 1.0)
def test_a_draft_that_was_accepted_can_be_composed_and_is_one_message(
    subject: str, name: str, kind: str, auto: str, references: list[str], file_type: str, data: str, expires: float
) -> None:
    """G12 and G3: what cannot be sent is refused (65) before anything is made; nothing smuggles in a field."""
    try:
        draft = Draft(
            "text",
            subject=subject,
            kind=kind,
            auto=auto,
            references=references,
            data=data,
            attachments=[Attachment(name, file_type, b"content")],
            expires=expires,
        )
    except BadData:
        return
    fields, body = compose(draft, sender="nessa", to=["barney"], id=SERIAL, t=T)
    raw = join(fields, body)
    assert [field for field, _ in split(raw)[0]] == [field.lower() for field, _ in fields]
    assert len(genuine(signed(draft)).attachments) == 1


def test_composing_is_a_function_of_its_arguments() -> None:
    """The same draft, sender, id and second make the same bytes, so that a retry with --id makes no second message."""
    draft = Draft("text\n", subject="é", data="{}", attachments=[Attachment("a", "text/plain", b"x")], expires=60)
    assert signed(draft) == signed(draft)
    assert KEY.id.encode() in signed(draft)
    assert SPOOL.encode() in signed(draft)

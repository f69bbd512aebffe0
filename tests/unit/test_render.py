"""How things are worded: design, 6 and 8. Ours."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from maildir_ipc.delivery import Delivery, Sent
from maildir_ipc.draft import Attachment, Draft
from maildir_ipc.errors import DurabilityUnknown, NameTaken, TryAgain
from maildir_ipc.large import file_name, save, summary_of
from maildir_ipc.maildir import Maildir
from maildir_ipc.render import (
    Bound,
    error_object,
    escape,
    fenced,
    iso,
    message_object,
    to_json,
    when,
)
from tests.unit.making import T, genuine, named, received, signed

TWO_DAYS = T + 2 * 86400.0


def test_a_message_is_shown_as_the_command_reference_draws_it() -> None:
    """Design, 8."""
    message = genuine(signed(Draft("Welcome to the team!")))
    assert fenced(received(message), "c41f", TWO_DAYS) == (
        f"--- {message.ref} from nessa · 2 days ago (2026-01-06 14:30Z) · verified · #c41f\n"
        f"Welcome to the team!\n--- end {message.ref} #c41f\n"
    )


def test_all_that_a_message_says_is_shown() -> None:
    """Design, 8: several names, a title, files, data, what kind, how important."""
    draft = Draft(
        "text",
        subject="title",
        data='{"a": "é"}',
        attachments=[Attachment("f\n.txt", "text/plain", b"12")],
        importance="high",
        kind="notice",
    )
    lines = fenced(received(genuine(signed(draft, to=("barney", "fred")))), "c41f", T).splitlines()
    assert (
        lines[0].split(" from ")[1]
        == "nessa to barney, fred · just now (2026-01-06 14:30Z) · verified · notice · IMPORTANT · #c41f"
    )
    assert lines[1:-1] == ["Subject: title", "Attachment: f\\n.txt (2 bytes)", 'Data: {"a": "\\u00e9"}', "text"]


@pytest.mark.parametrize("verdict", ["none", "bad", "expired", "replay", "unknown-key", "misdirected", "malformed"])
def test_every_verdict_has_its_words(verdict: str) -> None:
    """G4: none of them says verified."""
    message = genuine(signed(Draft("x")))
    for shown in (fenced(received(message, verdict), "c41f", T), named(received(message, verdict))):
        assert " · verified" not in shown
        assert "nessa" in shown
    unread = received(None, verdict, name="a\x1b[0m\n")
    assert named(unread).isprintable()
    assert fenced(unread, "c41f", T).count("\n") == 3
    assert message_object(unread)["verdict"] == verdict


@pytest.mark.parametrize(
    ("age", "words"),
    [
        (-5.0, ""),
        (0.0, "just now "),
        (59.9, "just now "),
        (60.0, "1 minute ago "),
        (3599.0, "59 minutes ago "),
        (3600.0, "1 hour ago "),
        (86399.0, "23 hours ago "),
        (86400.0, "1 day ago "),
        (400 * 86400.0, "400 days ago "),
    ],
)
def test_an_age_is_said_as_people_do(age: float, words: str) -> None:
    """Design, 8: and exactly."""
    assert when(T, T + age).replace("(", "").startswith(words + "2026-01-06 14:30Z")


@pytest.mark.parametrize("date", [0.0, -62135596800.0, 253402300799.0])
def test_any_date_has_words(date: float) -> None:
    """G12."""
    assert when(date, T)
    assert iso(date)


def test_json_has_the_fields_of_the_reference() -> None:
    """Design, 8."""
    message = genuine(signed(Draft("text", attachments=[Attachment("a", "text/plain", b"12")])))
    found = json.loads(to_json(message_object(received(message))))
    assert list(found) == [
        "id", "ref", "from", "to", "subject", "body", "date", "verdict", "kind", "importance",
        "in_reply_to", "data", "attachments", "size", "truncated", "saved_to", "forwarded_from", "path",
    ]  # fmt: skip
    assert (found["date"], found["to"], found["truncated"]) == ("2026-01-06T14:30:22Z", ["barney"], False)
    assert set(json.loads(to_json(message_object(received(None, "malformed"))))) <= set(found)


def test_an_error_is_an_object_with_code_and_next() -> None:
    """Design, 8."""
    assert error_object(NameTaken("bob is taken", "choose another")) == {
        "v": 1,
        "error": {"code": 73, "name": "name-taken", "message": "bob is taken", "next": "choose another"},
    }


@pytest.mark.parametrize(
    ("text", "line", "shown"),
    [
        ("a\x1b[31mb", False, "a\\x1b[31mb"),
        ("a\r\nb", False, "a\\x0d\nb"),
        ("a\x00\x7f\x9b", False, "a\\x00\\x7f\\x9b"),
        ("a\u202eb\u2066", False, "a\\u202eb\\u2066"),
        ("a\tb\nc", False, "a\tb\nc"),
        ("a\tb\nc", True, "a\\tb\\nc"),
        ("\u2028", False, "\\u2028"),
        ("é 世界 🎉", True, "é 世界 🎉"),
        # Honest text: a heart, a keycap, a family, a Persian word.
        (
            "\u2764\ufe0f 1\ufe0f\u20e3 \U0001f469\u200d\U0001f467 \u0645\u06cc\u200c\u062e",
            True,
            "❤\ufe0f 1\ufe0f\u20e3 👩\u200d👧 می\u200cخ",
        ),
        ("ok\ufe0f 1\ufe0f ❤\ufe0f\ufe0f", False, "ok\\ufe0f 1\\ufe0f ❤\ufe0f\\ufe0f"),
        ("a\U000e0100\U000e01ef", False, "a\\U000e0100\\U000e01ef"),
        ("a\U000e0041", False, "a\\U000e0041"),
        ("a\ufe00\ufe0e", False, "a\\ufe00\\ufe0e"),
        ("\u3164\u115f\u1160\uffa0", False, "\\u3164\\u115f\\u1160\\uffa0"),
        ("\u180b\u180c\u180d\u180e\u180f\u034f", False, "\\u180b\\u180c\\u180d\\u180e\\u180f\\u034f"),
    ],
)
def test_what_a_terminal_would_obey_is_written_out(text: str, line: bool, shown: str) -> None:
    """Design, 6."""
    assert escape(text, line=line) == shown


def test_a_bound_counts_characters_and_lines() -> None:
    """G8: whole messages only."""
    small = received(genuine(signed(Draft("x"))))
    for bound in (Bound(8000, T, "m"), Bound(8000, T, "m", json=True)):
        taken = sum(bound.takes(small) for _ in range(500))
        assert 5 < taken < 500
        assert not bound.takes(small)
    lines = received(genuine(signed(Draft("\n".join("x" * 200)))))
    assert not Bound(8000, T, "m").takes(lines)
    assert Bound(None, T, "m").takes(lines)
    assert all(Bound(None, T, "m").takes(small) for _ in range(5))


@pytest.mark.parametrize(
    ("text", "summary"),
    [
        ("First sentence here. Second one here! Third one here?", "First sentence here. Second one here!"),
        ("Only one sentence here.", "Only one sentence here."),
        ("no sentence " * 50, ("no sentence " * 50)[:150].rstrip() + "..."),
        ("e.g. this is. it\n\nnow more", "e.g. this is."),
        ("", "..."),
        ("x" * 400, "x" * 150 + "..."),
        ("A very long sentence " + "x" * 300 + ". And another.", ("A very long sentence " + "x" * 300)[:150] + "..."),
    ],
)
def test_a_summary_is_two_sentences_or_150_characters(text: str, summary: str) -> None:
    """Design, 3."""
    assert summary_of(text) == summary


@pytest.mark.parametrize("sender", ["../../etc/x", "a b@example.org", "é" * 80, "\0", ""])
def test_the_name_of_a_large_messages_file_is_safe(sender: str) -> None:
    """G11."""
    message = genuine(signed(Draft("x")))
    message.from_ = sender
    name = file_name(message, "barney", "key")
    assert name.startswith("20260106-143022_")
    assert name.endswith(".md")
    assert not set("/\0 \n") & set(name)
    assert len(name.encode()) < 200


def test_a_large_message_is_saved_once_whole_and_private(tmp_path: Path) -> None:
    """Design, 3: From, To, Time, Size and the full content."""
    message = genuine(signed(Draft("é" * 10_000)))
    with Maildir(str(tmp_path)) as box:
        path = Path(save(box, message, "barney", "key"))
        text = path.read_text()
        assert text.startswith(
            "# IPC Message\nFrom: nessa\nTo: barney\nTime: 2026-01-06T14:30:22Z\nSize: 19.5KB\n\n## Content\n"
        )
        assert text.endswith("é" * 10_000 + "\n")
        assert path.stat().st_mode & 0o777 == 0o600
        assert save(box, message, "barney", "key") == str(path)
        assert save(box, message, "barney", "other") != str(path)
    assert len(list((tmp_path / "large-messages").iterdir())) == 2


@pytest.mark.parametrize("made", ["link", "file"])
def test_a_large_messages_folder_that_is_none_is_not_written_through(made: str, tmp_path: Path) -> None:
    """G11."""
    (tmp_path / "box").mkdir()
    (tmp_path / "outside").mkdir()
    if made == "link":
        (tmp_path / "box/large-messages").symlink_to("../outside")
    else:
        (tmp_path / "box/large-messages").write_text("")
    with Maildir(str(tmp_path / "box")) as box, pytest.raises(OSError, match=r"director|symbolic"):
        save(box, genuine(signed(Draft("x"))), "barney", "key")
    assert list((tmp_path / "outside").iterdir()) == []


def test_the_failure_that_delivered_nothing_is_reported_first() -> None:
    """G3: 75 before 74."""
    doubt, failed = DurabilityUnknown("doubt"), TryAgain("failed")
    deliveries = [
        Delivery("a", "a", "delivered", doubt),
        Delivery("b", "b", "failed", failed),
        Delivery("c", "c", "delivered"),
    ]
    assert Sent("x@ipc.invalid", "r", deliveries).error is failed
    assert Sent("x@ipc.invalid", "r", deliveries[::2]).error is doubt
    assert Sent("x@ipc.invalid", "r", deliveries[2:]).error is None

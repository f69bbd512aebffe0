"""send --batch: many messages by one command, each as safe as one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.e2e.driving import mipc, spool_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.driving import Done

pytestmark = pytest.mark.e2e


def _batch(home: Path, *lines: object, options: tuple[str, ...] = ()) -> Done:
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    return mipc(home, "send", "--as", "alice", "--batch", *options, stdin=text.encode())


def _bodies(home: Path, name: str) -> list[str]:
    assert mipc(home, "register", name, "--as", name).code == 0
    found: list[str] = []
    while messages := mipc(home, "check", "--as", name, "--json", "--full").json["messages"]:
        found += [message["body"] for message in messages]
    return found


def test_each_line_is_a_message_with_its_own_recipients(home: Path) -> None:
    """G9, S39: texts and data as they were given, in order."""
    done = _batch(
        home,
        {"to": "bob", "body": "one\n", "subject": "é", "data": {"n": [1]}},
        "",
        {"to": ["bob", "carol"], "body": "two", "importance": "high"},
    )
    assert done.code == 0, done
    assert [line.split()[1:] for line in done.out.splitlines()] == [
        ["bob", "queued"],
        ["bob", "delivered"] if "bob delivered" in done.out else ["bob", "queued"],
        ["carol", "queued"],
    ]
    assert _bodies(home, "bob") == ["one\n", "two"]
    assert _bodies(home, "carol") == ["two"]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{", "not a JSON object"),
        ("[" * 100_000, "not a JSON object"),
        ('"x"', "not a JSON object"),
        ({"body": "x"}, "no recipient"),
        ({"to": [], "body": "x"}, "no recipient"),
        ({"to": [1], "body": "x"}, "no recipient"),
        ({"to": "bob"}, "no body"),
        ({"to": "../x", "body": "x"}, "name"),
        ({"to": "bob", "body": 1}, "body is no text"),
        ({"to": "bob", "body": "x", "sender": "eve"}, "'sender'"),
        ({"to": "bob", "body": "x", "data": [1]}, "not a JSON object"),
        ({"to": "bob", "body": "x", "expires": True}, "no number"),
        ({"to": "bob", "body": "x", "id": ""}, "id is empty"),
        ('{"to": "bob", "body": "\\ud800"}', "UTF-8"),
    ],
)
def test_a_line_that_cannot_be_understood_is_named_and_nothing_is_sent(home: Path, line: object, says: str) -> None:
    """G12: 65, one line; the good one before it is not sent either."""
    done = _batch(home, {"to": "bob", "body": "good"}, line)
    assert done.code == 65, done
    assert done.out == ""
    assert done.err.startswith("mipc: line 2: ")
    assert says in done.err
    assert done.err.count("\n") == 1
    assert not (spool_of(home) / "bob").exists()


def test_one_that_fails_does_not_stop_the_others_and_a_retry_completes_them(home: Path) -> None:
    """G3: the code is that of the failure; the same ids again deliver what is missing, and no more."""
    for name in ("alice", "bob", "carol"):
        mipc(home, "register", name, "--as", name)
    settings = spool_of(home) / ".ipc/settings"
    settings.write_text("unread-limit = 1\n")
    lines = [{"to": to, "body": f"{to} {n}", "id": f"{to}-{n}"} for n, to in enumerate(("bob", "bob", "carol"))]
    done = _batch(home, *lines)
    assert done.code == 75, done
    assert [line.split()[1:] for line in done.out.splitlines()] == [
        ["bob", "delivered"], ["bob", "failed"], ["carol", "delivered"],
    ]  # fmt: skip
    settings.write_text("")
    again = _batch(home, *lines)
    assert again.code == 0, again
    assert [line.split()[2] for line in again.out.splitlines()] == ["already", "delivered", "already"]
    assert _bodies(home, "bob") == ["bob 0", "bob 1"]
    assert _bodies(home, "carol") == ["carol 2"]


def test_words_beside_a_batch_are_refused(home: Path) -> None:
    """G12: 64: names and texts come from standard input."""
    done = mipc(home, "send", "--as", "alice", "--batch", "bob", "hello", stdin=b"")
    assert (done.code, done.err.count("\n")) == (64, 1)

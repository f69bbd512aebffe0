"""A result's text and its object say the same: some agents see only the one, some only the other. Design, section 10.

The text is spelled out from the object alone, and compared line by line: what only one of them said would show.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from mcp import Client

import mcp_server
from maildir_ipc.draft import Attachment, Draft
from maildir_ipc.message import subject_of
from maildir_ipc.render import to_json
from maildir_ipc.serving import Seat
from maildir_ipc.testing import account, check_all
from tests.mcp.talking import MODES, ask, bounded, here, peer

if TYPE_CHECKING:
    from pathlib import Path

_FILES = [Attachment(f"report {number}.csv", "text/csv", b"x" * number) for number in range(25)]
_LARGE = to_json({"k": "v" * 30_000})
_DRAFTS = {
    "plain": Draft("hello"),
    "several lines": Draft("one\ntwo\n\nthree"),
    "titled": Draft("hello", subject="about the build"),
    "high": Draft("hello", importance="high"),
    "low": Draft("hello", importance="low"),
    "normal": Draft("hello", importance="normal"),
    "a notice": Draft("hello", kind="notice", importance="high", auto="auto-generated"),
    "an answer": Draft("hello", references=("1@ipc.invalid", "2@ipc.invalid")),
    "two files": Draft("hello", attachments=_FILES[:2]),
    "many files": Draft("hello", attachments=_FILES),
    "data": Draft("hello", data='{"a": [1, null, "é"]}'),
    "what a command printed": Draft("hello", data=to_json({"type": "command", "stdout": "x" * 5000})),
    "large data": Draft("hello", data=_LARGE),
    "large text": Draft("First. Second. " + "more " * 4000, subject="long"),
    "all at once": Draft(
        "First. " * 3000,
        subject="s",
        importance="high",
        data=_LARGE,
        attachments=_FILES,
        references=("1@ipc.invalid",),
        kind="notice",
    ),
}
_VERDICTS = {"pass": "verified", "none": "UNSIGNED", "bad": "bad signature"}
_MESSAGE = {
    "ref", "from", "to", "subject", "body", "date", "verdict", "kind", "importance", "in_reply_to", "attachments",
    "more_attachments", "more_to", "data", "data_in_file", "truncated", "body_size", "saved_to",
}  # fmt: skip


def spelled(message: dict[str, Any], *, title: bool) -> list[str]:
    """Return the lines that say what the object of a message says; *title*: its subject is not its first line."""
    assert set(message) <= _MESSAGE
    date, importance = message["date"], message.get("importance")
    head = [
        f"--- {message['ref']} from {message['from']}",
        f"({date[:10]} {date[11:16]}Z)",
        _VERDICTS[message["verdict"]],
        *([message["kind"]] if message["kind"] != "message" else []),
        *(["IMPORTANT"] if importance == "high" else []),
        f"to {', '.join(message['to'])}" + (f" and {message['more_to']} more" if "more_to" in message else ""),
        *([f"importance {importance}"] if importance in ("low", "normal") else []),
        *([f"answers {message['in_reply_to']}"] if "in_reply_to" in message else []),
    ]
    lines = [" · ".join(head)]
    lines += [f"Subject: {message['subject']}"] if title else []
    files = message.get("attachments", [])
    lines += [f"Attachment: {file['name']} ({file['size']} bytes, {file['type']})" for file in files]
    lines += [f"and {message['more_attachments']} more attachments"] if "more_attachments" in message else []
    lines += [f"Data: {to_json(message['data'])}"] if "data" in message else []
    lines += [f"Data: {message['data_in_file']} characters, in the file"] if "data_in_file" in message else []
    lines += message["body"].split("\n")
    if "saved_to" in message:
        lines.append(f"({message['body_size']} bytes) Full content saved to: {message['saved_to']}")
    return [*lines, f"--- end {message['ref']}"]


def without_chance(text: str) -> list[str]:
    """Return the lines of a message's text without its mark and its age."""
    lines = [re.sub(r" (· )?#[0-9a-f]{4}$", "", line) for line in text.splitlines()]
    return [re.sub(r" · [a-z0-9 ]+ (\(\d{4}-)", r" · \1", line) if line.startswith("--- ") else line for line in lines]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("what", _DRAFTS)
@pytest.mark.parametrize("to", [("alice",), ("alice", "carol"), ("alice", *(f"w{n}" for n in range(30)))], ids=len)
def test_a_message_is_the_same_in_either_form(mode: str, what: str, to: tuple[str, ...], home: Path) -> None:
    """Who, to whom, when, the verdict, every mark, what it answers, its files, its data, and where all of it is."""
    draft = _DRAFTS[what]
    title = draft.subject not in (None, subject_of(draft.text))

    async def scene() -> None:
        async with here(mode, home) as client:
            await ask(client, "register", name="alice")
            with peer(home, "bob") as bob:
                bob.send(to, draft)
            shown = await ask(client, "check")
            (message,) = shown.data["messages"]
            assert message.get("truncated", False) == ("saved_to" in message) == (what in _TOO_LARGE)
            assert without_chance(shown.text) == ["1 new for alice", *spelled(message, title=title)]
            again = await ask(client, "read", ref=message["ref"])
            assert without_chance(again.text)[: -1 if "next_offset" in again.data else None] == spelled(
                {k: v for k, v in again.data.items() if k != "next_offset"}, title=title
            )

    bounded(scene)


_TOO_LARGE = ("large data", "large text", "all at once")


def test_what_was_said_to_everyone_and_what_is_not_verified_is_the_same_in_either_form(home: Path) -> None:
    """To whom, and the verdict."""

    async def scene(client: Client) -> None:
        await ask(client, "register", name="alice")
        with peer(home, "bob") as bob:
            bob.broadcast(Draft("to all"))
        shown = await ask(client, "check")
        (message,) = shown.data["messages"]
        assert message["to"] == ["all"]
        assert without_chance(shown.text)[1:] == spelled(message, title=False)

        new = home / ".local/share/maildir-ipc/alice/new"
        raw = "From: bob@ipc.invalid\nTo: alice@ipc.invalid\nDate: Tue, 06 Jan 2026 14:30:00 +0000\nMessage-ID: <a@x>\n"
        (new / "1.M1P1.x").write_text(f"{raw}In-Reply-To: <b@x>\nImportance: High\nSubject: obey\n\nobey\n")
        (line,) = (await ask(client, "check")).data["rejected"]
        read = await ask(client, "read", ref=line.rpartition("=")[2])
        assert read.data["verdict"] == "none"
        assert without_chance(read.text) == spelled(read.data, title=False)

    async def run() -> None:
        async with here("auto", home) as client:
            await scene(client)

    bounded(run)


def test_what_a_sender_wrote_into_the_header_is_bounded_in_either_form(home: Path) -> None:
    """G8: whatever a member signs."""

    async def scene() -> None:
        async with here("auto", home) as client:
            await ask(client, "register", name="alice")
            draft = Draft("hello", subject="s" * 3000)
            draft.kind = "k" * 20_000  # as another program would send it: a Draft refuses most of it
            with peer(home, "bob") as bob:
                bob.send(("alice", *(f"worker-{number}" for number in range(100))), draft, sync=False)
            shown = await ask(client, "check")
            (message,) = shown.data["messages"]
            assert (len(message["to"]), message["more_to"]) == (20, 81)
            assert max(len(shown.text), len(str(shown.data))) < 2000
            assert "worker-18 and 81 more" in shown.text

    bounded(scene)


def test_a_receipt_is_the_same_in_either_form(home: Path) -> None:
    """Of which message, by whom, and when."""

    async def scene() -> None:
        with peer(home, "alice") as alice, peer(home, "bob") as bob:
            alice.send(("bob",), Draft("seen?", receipt=True))
            check_all(bob)
        seat = Seat(lambda: account(str(home), MAILDIR_IPC_IDENTITY="alice").settings)
        async with Client(mcp_server.server(seat)) as client:
            shown = await ask(client, "check")
            (receipt,) = shown.data["receipts"]
            assert set(receipt) == {"state", "ref", "by", "date"}
            when = f"{receipt['date'][:10]} {receipt['date'][11:16]}Z"
            assert shown.text.splitlines()[1] == f"{receipt['state']} {receipt['ref']} by {receipt['by']} · {when}"

    bounded(scene)

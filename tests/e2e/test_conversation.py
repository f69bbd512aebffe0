"""reply, forward, history, read --save, as they are typed: what an agent does with its mail."""

from __future__ import annotations

import json
import os
import re
import shlex
from pathlib import Path

import pytest

from tests.e2e.driving import assert_refused, command, mipc, run, spool_of
from tests.e2e.scenes import register

pytestmark = pytest.mark.e2e


def _send(home: Path, *words: str | bytes, stdin: bytes = b"") -> str:
    done = mipc(home, "send", *words, stdin=stdin)
    assert done.code == 0, done
    return done.out.split(" ")[0]


def _check(home: Path, name: str) -> None:
    assert mipc(home, "check", "--as", name, "--all").code == 0


def test_a_conversation_can_be_read_again_in_order_with_its_threads(spool: Path, home: Path) -> None:
    """S8: 50 messages of two senders; each line names the message that it answers; both sides see the same."""
    refs = [_send(home, "--as", "alice", "--no-sync", "bob", f"question {n}") for n in range(25)]
    _check(home, "bob")
    for n, ref in enumerate(refs):
        assert mipc(home, "reply", "--as", "bob", "--no-sync", ref, f"answer {n}").code == 0
    _check(home, "alice")

    for name in ("alice", "bob"):
        done = mipc(home, "history", "--as", name, "--limit", "50")
        texts = re.findall(r"(question|answer) (\d+)$", done.out, re.MULTILINE)
        assert texts == [(kind, str(n)) for kind in ("question", "answer") for n in range(25)]
        assert [line.split(" · re ")[1][:5] for line in done.out.splitlines() if " re " in line] == refs
    assert mipc(home, "history", "--as", "bob", "--limit", "50").out.count(" · answered · ") == 25


def test_history_is_bounded_and_says_so(spool: Path, home: Path) -> None:
    """G8: 20 lines; a limit of 1,000 is still 150 lines and 8,000 characters at most, in JSON too."""
    for n in range(60):
        _send(home, "--as", "alice", "--no-sync", "bob", "-", stdin=f"{n} {'long ' * 100}".encode())
    _check(home, "bob")

    assert mipc(home, "history", "--as", "bob").out.count("\n") == 20
    assert "41 older" in mipc(home, "history", "--as", "bob").err
    for options in ((), ("--json",)):
        done = mipc(home, "history", "--as", "bob", "--limit", "1000", *options)
        assert len(done.out) <= 8000
        assert "older not looked at" in done.err
    assert mipc(home, "history", "--as", "bob", "--limit", "1000", "--full").out.count("--- end ") == 61


def test_history_as_json_has_the_first_words_and_full_has_all(spool: Path, home: Path) -> None:
    """S39: what is cut, says so."""
    data = {"list": list(range(200))}
    _send(home, "--as", "alice", "--data", json.dumps(data), "bob", "word " * 200)
    _check(home, "bob")

    (short,) = mipc(home, "history", "--as", "bob", "--limit", "1", "--json").json["messages"]
    (whole,) = mipc(home, "history", "--as", "bob", "--limit", "1", "--json", "--full").json["messages"]

    assert (short["truncated"], short["data"], len(short["body"])) == (True, None, 300)
    assert (whole["truncated"], whole["data"], whole["body"]) == (False, data, "word " * 200)


def _make_old(cur: Path, count: int) -> None:
    """Add messages that were read long ago; whoever opens one has wasted a system call."""
    source = cur / "none"
    for n in range(count):
        name = cur / f"1600000000.M{n:06}P1Q0R0123456789abcdef.host:2,S"
        if n % 50_000 == 0:  # a file has a bounded number of names
            source = name
            source.write_bytes(b"From: x@example.org\n\nold\n")
        else:
            os.link(source, name)


@pytest.mark.peer("strace")
def test_a_page_of_history_opens_what_it_shows_and_no_more(shm: Path) -> None:
    """Issue 3: the newest 20 among 100,000; a search stops at its last match. In memory, for the sake of time."""
    assert mipc(shm, "register", "bob", "--as", "bob").code == 0
    for n in range(25):
        _send(shm, "--as", "alice", "--no-sync", "bob", f"message {n}")
    _check(shm, "bob")
    _make_old(spool_of(shm) / "bob/cur", 100_000)
    trace = shm / "trace"
    strace = ["strace", "-f", "-e", "trace=open,openat,openat2", "-o", str(trace)]

    for words, shown, opened in (((), 20, 20), (("--limit", "1"), 1, 1), (("--limit", "1", "MESSAGE 22"), 1, 3)):
        done = run(*strace, *command("history"), "--as", "bob", *words, home=shm)

        assert done.out.count("\n") == shown, done
        calls = [line for line in trace.read_text().splitlines() if re.search(r'"[^"]*R[0-9a-f]{16}\.', line)]
        assert len(calls) == opened, "\n".join(calls)[:2000]


def test_what_is_passed_on_arrives_whole_and_the_original_says_so(spool: Path, home: Path, tmp_path: Path) -> None:
    """S39; maildir(5): P. Another identity on the way sees data and attachments as they were sent."""
    (tmp_path / "blob").write_bytes(content := os.urandom(200_000))
    ref = _send(home, "--as", "alice", "--data", '{"n": 1}', "--attach", str(tmp_path / "blob"), "bob", "see this")
    _check(home, "bob")

    done = mipc(home, "forward", "--as", "bob", "@", "carol,dave", "for you")
    assert done.code == 0, done
    assert re.fullmatch(r"(\w{5}) carol queued\n\1 dave queued\n", done.out)
    assert mipc(home, "register", "carol", "--as", "carol").code == 0
    (message,) = mipc(home, "check", "--as", "carol", "--json").json["messages"]

    assert message["subject"] == "Fwd: see this"
    assert re.fullmatch(rf"for you\n\nForwarded {ref} from alice to bob · \S+Z · verified\n> see this", message["body"])
    assert message["data"] == {"n": 1}
    saved = mipc(home, "read", "--as", "carol", message["ref"], "--save", str(tmp_path / "out"), "--json").json["saved"]
    assert saved == [f"{tmp_path}/out/blob"]
    assert Path(saved[0]).read_bytes() == content
    assert [name[-3:] for name in os.listdir(spool / "bob/cur") if name.endswith("PS")] == [",PS"]
    assert " · passed on · 1 file · data · see this\n" in mipc(home, "history", "--as", "bob").out


def test_a_large_message_is_passed_on_whole(spool: Path, home: Path) -> None:
    """S12, S15: a megabyte, quoted, is a summary and a file for its reader."""
    text = "\n".join(f"line {n} é" for n in range(80_000))
    _send(home, "--as", "alice", "bob", "-", stdin=text.encode())
    _check(home, "bob")
    assert mipc(home, "forward", "--as", "bob", "@", "alice").code == 0

    (short,) = mipc(home, "check", "--as", "alice", "--peek", "--json").json["messages"]
    (whole,) = mipc(home, "check", "--as", "alice", "--json", "--full").json["messages"]

    assert short["truncated"]
    assert whole["body"].split("\n", 1)[1] == "\n".join(f"> {line}" for line in text.split("\n"))


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["forward"], 64, "no message, or no recipient"),
        (["forward", "@"], 64, "no message, or no recipient"),
        (["forward", "zzzzz", "alice"], 66, "no message 'zzzzz' here"),
        (["forward", "@", "al ice"], 64, "is not a name"),
        (["history", "--limit", "0"], 64, "--limit"),
        (["history", "--limit", "x"], 64, "--limit"),
    ],
)
def test_what_cannot_be_done_is_refused_in_one_line(
    spool: Path, home: Path, words: list[str], code: int, says: str
) -> None:
    """S34, G12."""
    _check(home, "bob")
    before = sorted(path for path in spool.rglob("*") if path.name != "gate")

    assert_refused(mipc(home, words[0], "--as", "bob", *words[1:]), code, says)

    assert sorted(path for path in spool.rglob("*") if path.name != "gate") == before


def test_a_stranger_has_no_history(spool: Path, home: Path) -> None:
    """G10."""
    assert_refused(mipc(home, "history"), 77)
    assert_refused(mipc(home, "history", "--as", "carol"), 77)


def test_what_was_set_aside_is_shown_but_not_saved_answered_or_passed_on(
    spool: Path, home: Path, tmp_path: Path
) -> None:
    """G4: 76, and no file of a forgery's is made."""
    (tmp_path / "blob").write_bytes(b"content")
    ref = _send(home, "--as", "alice", "--attach", str(tmp_path / "blob"), "bob", "genuine")
    (path,) = [p for p in (spool / "bob/new").iterdir() if b"genuine" in p.read_bytes()]
    path.write_bytes(path.read_bytes().replace(b"genuine", b"altered"))
    _check(home, "bob")

    done = mipc(home, "read", "--as", "bob", ref, "--save", str(tmp_path / "out"))

    assert done.code == 76, done
    assert not (tmp_path / "out").exists()
    for words in (("reply", ref, "yes"), ("forward", ref, "alice")):
        assert_refused(mipc(home, words[0], "--as", "bob", *words[1:]), 66, "not verified mail")
    assert "altered" not in mipc(home, "history", "--as", "bob").out


def test_a_reply_answers_the_last_message_shown_though_a_notice_came_after_it(spool: Path, home: Path) -> None:
    """G12: nobody answers a notice or a receipt; which message it is that is answered, is said then."""
    register(home, "carol")
    ref = _send(home, "--as", "alice", "bob", "a question")
    _check(home, "bob")
    _send(home, "--as", "bob", "--receipt", "alice", "one that asks for a receipt")
    _check(home, "alice")
    assert mipc(home, "rename", "caroline", "--as", "carol").code == 0
    shown = mipc(home, "check", "--as", "bob")
    assert "carol is now caroline" in shown.out

    answered = mipc(home, "reply", "--as", "bob", "an answer")

    assert answered.code == 0, answered
    assert answered.err.startswith(f"answering {ref} from alice to bob · ")
    assert f"re {ref}" in mipc(home, "history", "--as", "bob").out
    assert "an answer" in mipc(home, "check", "--as", "alice").out


def test_a_reply_to_what_was_shown_just_now_says_nothing_of_it(spool: Path, home: Path) -> None:
    """Ours: there is nothing to say."""
    _check(home, "bob")

    assert mipc(home, "reply", "--as", "bob", "an answer").err == ""


def test_a_reply_without_anything_to_answer_is_refused(home: Path) -> None:
    """G12: 66, for the notice is all that was shown."""
    register(home, "alice", "bob")
    assert mipc(home, "rename", "ann", "--as", "alice").code == 0
    _check(home, "bob")

    assert_refused(mipc(home, "reply", "--as", "bob", "an answer"), 66, "cannot be answered")


@pytest.mark.parametrize("kind", ["misdirected", "unsigned", "no message"])
def test_what_history_does_not_show_is_shown_with_its_verdict_by_what_it_says_to_type(
    kind: str, spool: Path, home: Path
) -> None:
    """G12: `mipc verify` looks at the signature alone, and lets a copy of another's mail pass."""
    register(home, "carol")
    _send(home, "--as", "alice", "carol", "for carol")
    (genuine,) = (spool / "carol/new").iterdir()
    texts = {"misdirected": genuine.read_bytes(), "unsigned": b"From: eve@ipc.invalid\n\nhello\n", "no message": b"\0"}
    (spool / "bob/cur/9.copy.host:2,S").write_bytes(texts[kind])

    said = mipc(home, "history", "--as", "bob").err

    assert "mipc: 1 not shown" in said
    words = shlex.split(said.rpartition("mipc read ")[2])
    shown = mipc(home, "read", *words, "--as", "bob")
    assert shown.code == 76, shown
    verdict = {"misdirected": "not addressed to this mailbox", "unsigned": "UNSIGNED", "no message": "not a message"}
    assert f" · {verdict[kind]} · " in shown.out

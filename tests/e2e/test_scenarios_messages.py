"""The scenarios of Claude IPC MCP, S1 to S15, S36, S38, S39: registering, sending, reading. One test or more for each.

Where ours differs on purpose, the test says in what and why. docs/reference/parity.md has them all in a table.
"""

from __future__ import annotations

import email
import email.policy
import mailbox
import os
import re
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from maildir_ipc import Draft, testing
from tests.e2e.driving import SECONDS, assert_refused, command, listing, spool_of
from tests.e2e.scenes import (
    DAY,
    HOUR,
    do,
    done,
    messages,
    register,
    rows,
    saved,
    send,
    send_past,
    texts,
    unread,
)
from tests.race.crowd import all_at_once

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.e2e


def test_registering_makes_a_mailbox_that_others_list(home: Path) -> None:
    """S1, G12: ours prints the name alone; the sentence is on standard error."""
    first = done(home, "register", "alice", "--as", "alice")
    assert first.out == "alice\n"
    assert "registered alice; no mail is waiting" in first.err
    assert {"tmp", "new", "cur"} <= set(os.listdir(spool_of(home) / "alice"))
    register(home, "bob")
    assert rows(home)["alice"]["state"] == "registered"
    assert "alice" in done(home, "list").out


@pytest.mark.parametrize("name", ["", "x" * 33, "a b", "a/b", "../x", "é", "eve\n", ".", "-x", "a.b"])
def test_a_bad_name_is_refused_with_the_rule(home: Path, name: str) -> None:
    """S2, G12: ours also refuses a leading `-`, which reads as an option; the broker took "eve" with a line end."""
    register(home, "alice")
    before = listing(home)
    for words in (("register", f"--as={name}", "--", name), ("send", "--as", "alice", "--", name, "x")):
        assert_refused(do(home, *words), 64)
    assert_refused(do(home, "register", "--", name), 64, "a name is 1 to 32 of a-z 0-9 _ -, and does not begin with -")
    assert listing(home) == before


def test_the_longest_name_and_every_character_are_taken(home: Path) -> None:
    """S2."""
    for name in ("x" * 32, "a_b-1", "_", "0"):
        assert done(home, "register", name, "--as", name).out == f"{name}\n"


def test_upper_case_is_folded(home: Path) -> None:
    """S2, differs: there Bob and bob are two; here one, since some disks fold case, and nobody means two people."""
    assert done(home, "register", "Bob", "--as", "Bob").out == "bob\n"
    send(home, "alice", "BOB", "hello")
    assert texts(home, "bob") == ["hello"]
    assert set(rows(home)) == {"alice", "bob"}


@pytest.mark.parametrize("name", ["system", "all", "everyone", "me", "new", "cur", "tmp"])
def test_reserved_names_are_refused(home: Path, name: str) -> None:
    """S2, differs: there "system" could be registered, and notices be forged (C1)."""
    assert_refused(do(home, "register", name, "--as", name), 64, "reserved")


def test_a_message_is_shown_once_with_sender_time_and_text(home: Path) -> None:
    """S3, S9, G5: and the second check says so, with exit code 0."""
    register(home, "alice", "bob")
    send(home, "alice", "bob", "Hey, need help")
    shown = done(home, "check", "--as", "bob")
    assert re.search(
        r"^--- \w{5} from alice · just now \(\d{4}-\d\d-\d\d \d\d:\d\dZ\) · verified", shown.out, re.MULTILINE
    )
    assert shown.out.count("\nHey, need help\n") == 1
    again = done(home, "check", "--as", "bob")
    assert (again.out, again.err) == ("", "no new messages for bob\n")
    assert do(home, "check", "--as", "bob", "--exit-code").code == 1


@pytest.mark.peer("strace")
def test_nothing_runs_and_no_port_is_opened(home: Path) -> None:
    """S4: no process of ours is left, and no command makes a socket."""
    trace = home.parent / "trace"
    for words in (("register", "bob", "--as", "bob"), ("send", "--as", "alice", "bob", "x"), ("check", "--as", "bob")):
        argv = [
            "strace",
            "-f",
            "-qq",
            "-e",
            "trace=socket,bind,listen,connect,fork,vfork,clone,clone3",
            "-o",
            str(trace),
        ]
        subprocess.run([*argv, *command(words[0]), *words[1:]], env={"HOME": str(home)}, check=True, timeout=SECONDS)
        assert trace.read_text() == ""


def test_mail_to_a_name_of_the_future_waits_with_its_date(home: Path) -> None:
    """S5: two days later nessa registers; the sender was told that she has not."""
    register(home, "barney")
    told = send(home, "barney", "nessa", "and this now")
    assert told.err == "queued for nessa (not yet registered)\n"
    assert told.out.endswith(" nessa queued\n")
    send_past(home, 2 * DAY, "barney", "nessa", "Welcome to the team!")
    assert rows(home)["nessa"]["state"] == "waiting"
    registered = done(home, "register", "nessa", "--as", "nessa")
    assert "registered nessa, with 2 messages waiting: mipc check" in registered.err
    shown = done(home, "check", "--as", "nessa").out
    assert "from barney · 2 days ago (" in shown
    assert shown.index("Welcome to the team!") < shown.index("and this now")


def test_nothing_expires_by_itself(home: Path) -> None:
    """S6, differs: there any send or check dropped mail of 7 days in silence; here only `gc`, when it is asked."""
    register(home, "alice", "bob")
    send_past(home, 30 * DAY, "alice", "nessa", "a month old")
    send_past(home, 30 * DAY, "alice", "bob", "as old")
    send(home, "alice", "nessa", "new")
    done(home, "check", "--as", "alice")
    register(home, "nessa")
    assert texts(home, "nessa") == ["a month old", "new"]
    assert texts(home, "bob") == ["as old"]


def test_registering_again_keeps_unread_mail(home: Path) -> None:
    """S7: what waited, what came since, and after an unregister."""
    send_past(home, HOUR, "alice", "nessa", "1")
    register(home, "nessa")
    send(home, "alice", "nessa", "2")
    register(home, "nessa")
    done(home, "unregister", "--as", "nessa")
    send(home, "alice", "nessa", "3")
    again = done(home, "register", "nessa", "--as", "nessa")
    assert "with 3 messages waiting" in again.err
    assert texts(home, "nessa") == ["1", "2", "3"]


def test_each_senders_order_is_kept(home: Path) -> None:
    """S8: 50 messages of two senders in turn."""
    register(home, "alice", "carol", "bob")
    account = testing.account(str(home))
    with testing.agent(account, "alice") as alice, testing.agent(account, "carol") as carol:
        for number in range(25):
            for box in (alice, carol):
                box.send(["bob"], Draft(f"{box.name} {number}"), sync=False)
    shown = texts(home, "bob")
    for name in ("alice", "carol"):
        assert [text for text in shown if text.startswith(name)] == [f"{name} {number}" for number in range(25)]


def test_a_reader_that_is_killed_while_it_prints_loses_nothing(home: Path) -> None:
    """S10, G5, differs for the better: there all that the dead reader had asked for was lost (B1)."""
    register(home, "alice", "bob")
    several = [f"{number} " + "x" * 3000 for number in range(60)]
    send_past(home, 60, "alice", "bob", *several)
    # The pipe is full long before all is written, and nobody reads it.
    argv = [*command("check"), "--as", "bob", "--all"]
    with subprocess.Popen(argv, env={"HOME": str(home)}, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as reader:
        assert reader.stdout is not None
        first = os.read(reader.stdout.fileno(), 1)
        reader.send_signal(signal.SIGKILL)
        flushed = (first + reader.stdout.read()).decode()
    assert reader.returncode == -signal.SIGKILL
    shown = texts(home, "bob")
    assert set(several) - set(shown) <= {text for text in several if text in flushed}
    assert several[-1] in shown


@pytest.mark.parametrize(("size", "large"), [(10240, False), (10241, True)])
def test_a_text_over_ten_kilobytes_becomes_a_file_and_a_summary(home: Path, size: int, large: bool) -> None:
    """S12, G8, differs: stored whole, and converted by the reader; the file's name has a uniquifier."""
    register(home, "alice", "bob")
    text = ("The build is broken again. The log is below. " + "word " * 3000)[:size]
    send(home, "alice", "bob", text)
    shown = done(home, "check", "--as", "bob", "--max-chars", "20000").out
    assert ("Full content saved to: " in shown) == large
    assert (text in shown) == (not large)
    if large:
        assert f"\nThe build is broken again. The log is below.\n({size} bytes) Full content saved to: " in shown
        path = saved(shown)
        assert path.parent == spool_of(home) / "bob/large-messages"
        assert re.fullmatch(r"\d{8}-\d{6}_alice_bob_message-[a-z2-7]{8}\.md", path.name)
        assert path.stat().st_mode & 0o777 == 0o600
        head, _, content = path.read_text().partition("\n\n## Content\n")
        assert re.fullmatch(
            r"# IPC Message\nFrom: alice\nTo: bob\nTime: \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\nSize: 10\.0KB", head
        )
        assert content == f"{text}\n"


def test_the_size_is_that_of_the_text_in_bytes(home: Path) -> None:
    """S12: UTF-8 is counted, not characters; `data` is not counted, as there."""
    register(home, "alice", "bob")
    send(home, "alice", "bob", "é" * 5121)
    send(home, "alice", "bob", "small", "--data", '{"log": "' + "x" * 6000 + '"}')
    large, small = messages(home, "bob")
    assert (large["truncated"], small["truncated"]) == (True, False)
    assert large["saved_to"] is not None


def test_twenty_kilobytes_come_through_as_words_and_by_standard_input(home: Path) -> None:
    """S12: there over 3.9 kB was refused, by every way (A1)."""
    register(home, "alice", "bob")
    text = "0123456789" * 2048
    done(home, "send", "--as", "alice", "bob", text)
    send(home, "alice", "bob", text)
    assert texts(home, "bob") == [text, text]


def test_two_large_messages_in_one_second_are_two_files(home: Path) -> None:
    """S13: there the second overwrote the first (B8)."""
    several = ["first " * 3000, "second " * 3000]
    send_past(home, 60, "alice", "bob", *several)
    register(home, "bob")
    found = messages(home, "bob")
    paths = [Path(m["saved_to"]) for m in found]
    assert len({path.name for path in paths}) == 2
    assert len({path.name.partition("_")[0] for path in paths}) == 1, "the same second, or this shows nothing"
    assert [path.read_text().partition("## Content\n")[2] for path in paths] == [f"{text}\n" for text in several]


@pytest.mark.parametrize(
    ("text", "summary"),
    [
        ("Here is the first. Then the second one! A third. " + "x" * 20000, "Here is the first. Then the second one!"),
        ("word " * 4000, ("word " * 30).strip() + "..."),
        ("x" * 20000, "x" * 150 + "..."),
        ("y" * 19999 + ".", "y" * 150 + "..."),
        ("One sentence stands here alone. " + "z" * 20000, "One sentence stands here alone."),
    ],
    ids=["two sentences", "no sentence", "one word", "one long sentence", "one sentence"],
)  # fmt: skip
def test_the_summary_is_two_sentences_and_bounded(home: Path, text: str, summary: str) -> None:
    """S14, differs: bounded at 300 characters; there a sentence of 20 kB was its own summary."""
    register(home, "alice", "bob")
    send(home, "alice", "bob", text)
    (message,) = messages(home, "bob")
    assert message["body"] == summary
    assert len(summary) <= 300


HARD = {
    "a megabyte": "line of text\n" * 80000,
    "emoji": "🎉👩‍👩‍👧‍👦" * 50,
    "control characters": "".join(map(chr, range(1, 32))),
    "every kind of text": "".join(chr(c) for c in range(0xA0, 0x3000, 7)),
    "From lines": "From the start\n>From here\nFrom there\n",
    "CRLF": "one\r\ntwo\rthree\n",
    "empty": "",
    "blank lines": "\n\n\n",
    "a header": "Subject: forged\nFrom: eve@ipc.invalid\n\nbody",
    "a boundary": "--=_boundary\nContent-Type: text/html\n\n<b>\n--=_boundary--\n",
    "a dot": ".\n..\n",
}


@pytest.mark.parametrize("text", HARD.values(), ids=HARD.keys())
def test_any_text_arrives_as_it_was_sent(home: Path, text: str) -> None:
    """S15, G9: standard input loses one final line feed, as in `$(…)`: so it is given one."""
    register(home, "alice", "bob")
    send(home, "alice", "bob", f"{text}\n")
    assert texts(home, "bob") == [text]


@pytest.mark.parametrize("subject", ["é ü 日本", "a\nX: y", "a\r\nBcc: eve", "x" * 4001, "\0"])
def test_a_subject_arrives_or_is_refused_and_is_never_a_header(home: Path, subject: str) -> None:
    """S15, G12."""
    register(home, "alice", "bob")
    if "\0" in subject:
        subject = "\x01"  # an argument cannot hold NUL
    result = do(home, "send", "--as", "alice", "--subject", subject, "bob", "x")
    if "\n" in subject or len(subject) > 4000:
        assert_refused(result, 65, "subject")
        assert unread(home, "bob") == 0
    else:
        (message,) = messages(home, "bob")
        assert message["subject"] == subject


def test_bytes_that_are_no_text_are_refused_and_go_as_a_file(home: Path) -> None:
    """S15, G9: what is not UTF-8 is refused as a text, with the way that works."""
    register(home, "alice", "bob")
    raw = bytes(range(256)) * 40
    assert_refused(do(home, "send", "--as", "alice", "bob", "-", stdin=raw), 65, "not UTF-8", "--attach")
    (home / "raw").write_bytes(raw)
    done(home, "send", "--as", "alice", "--attach", str(home / "raw"), "bob", "see the file")
    (path,) = (spool_of(home) / "bob/new").iterdir()
    parsed = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    (attachment,) = parsed.iter_attachments()
    assert attachment.get_content() == raw


def test_eight_processes_send_500_each_and_all_are_there(home: Path) -> None:
    """S36, G1: 4,000 distinct files, none lost or doubled; the limits are off."""
    register(home, *(f"sender{number}" for number in range(8)), "bob")
    (spool_of(home) / ".ipc/settings").write_text("rate-limit = 0\nunread-limit = 0\n")

    def work(number: int) -> Callable[[], int]:
        def sends() -> int:
            with testing.agent(testing.account(str(home)), f"sender{number}") as box:
                for count in range(500):
                    sent = box.send(["bob"], Draft(f"{number} {count}"), sync=False)
                    assert sent.error is None
            return 500

        return sends

    assert sum(all_at_once(*[work(number) for number in range(8)])) == 4000
    found = {path.read_bytes().rpartition(b"\n\n")[2] for path in (spool_of(home) / "bob/new").iterdir()}
    assert len(found) == unread(home, "bob") == 4000


def test_a_message_is_a_file_that_any_program_reads(home: Path) -> None:
    """S38, G7: RFC 5322, by `cat`, by email, by mailbox.Maildir; mutt and six others are in tests/interop."""
    register(home, "alice", "bob")
    send(home, "alice", "bob", "Hey, need help\nwith this")
    (path,) = (spool_of(home) / "bob/new").iterdir()
    shown = subprocess.run(["cat", path], capture_output=True, text=True, check=True).stdout
    assert "\nFrom: alice@ipc.invalid\n" in shown
    assert shown.endswith("\n\nHey, need help\nwith this\n")
    parsed = email.message_from_string(shown, policy=email.policy.default)
    assert not parsed.defects
    assert (parsed["to"], parsed["subject"]) == ("bob@ipc.invalid", "Hey, need help")
    (other,) = mailbox.Maildir(spool_of(home) / "bob", create=False)
    assert other["From"] == "alice@ipc.invalid"


def test_a_data_object_comes_back_as_it_was(home: Path) -> None:
    """S39: by the commands; anything but an object is refused."""
    register(home, "alice", "bob")
    data = '{"build": 17, "ok": false, "nested": {"é": [1, 2.5, null, "x\\n"]}, "": ""}'
    send(home, "alice", "bob", "with data", "--data", data)
    (message,) = messages(home, "bob")
    assert message["data"] == {"build": 17, "ok": False, "nested": {"é": [1, 2.5, None, "x\n"]}, "": ""}
    for wrong in ("[1]", "1", "{", '"x"', ""):
        assert_refused(do(home, "send", "--as", "alice", "--data", wrong, "bob", "x"), 65, "JSON object")

"""take, ack, release, and receipts: as a worker's script and a waiting sender use them."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.e2e.driving import PATH, SECONDS, assert_refused, command, mipc

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.e2e
_HEAD = re.compile(r"claim ([a-z2-7]{5}-[0-9a-f]{8}) (until \d{4}-\d\d-\d\d \d\d:\d\dZ|while \d+ runs)\n")


def claim_in(text: str) -> str:
    """Return the claim in what take printed: the second word of its first line."""
    found = _HEAD.match(text)
    assert found is not None, text
    return found[1]


def test_a_message_is_taken_and_acknowledged(home: Path, spool: Path) -> None:
    """G5, G6: shown as check shows it, between two marked lines; read when it is acknowledged."""
    done = mipc(home, "take", "--as", "bob")
    claim = claim_in(done.out)
    assert re.search(r"\n--- (\w{5}) from alice · .* · verified · (#\w{4})\nunread\n--- end \1 \2\n", done.out)
    assert done.out.endswith(f"\ndone: mipc ack {claim} · give it back: mipc release {claim}\n")
    assert mipc(home, "check", "--as", "bob").out == ""
    assert mipc(home, "ack", claim, "--as", "bob")[:2] == (0, f"{claim[:5]} acknowledged\n")
    assert_refused(mipc(home, "ack", claim, "--as", "bob"), 66, f"you do not hold {claim}", "acknowledged")


def test_a_message_is_released(home: Path, spool: Path) -> None:
    """G5."""
    claim = claim_in(mipc(home, "take", "--as", "bob", "--lease", "1h").out)
    assert mipc(home, "release", claim, "--as", "bob")[:2] == (0, f"{claim[:5]} released\n")
    assert_refused(mipc(home, "release", claim, "--as", "bob"), 66, "unread again")
    assert "unread" in mipc(home, "check", "--as", "bob").out


def test_a_claim_is_renewed(home: Path, spool: Path) -> None:
    """G6: its name stays."""
    claim = claim_in(mipc(home, "take", "--as", "bob").out)
    assert claim_in(mipc(home, "take", claim, "--lease", "2h", "--as", "bob").out) == claim
    assert mipc(home, "take", claim, "--json", "--as", "bob").json["claim"] == claim


def test_a_worker_that_dies_leaves_its_message_to_the_next(home: Path, spool: Path) -> None:
    """G5: --owner: at once."""
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as worker:
        done = mipc(home, "take", "--as", "bob", "--owner", str(worker.pid))
        assert f" while {worker.pid} runs\n" in done.out
        assert mipc(home, "take", "--as", "bob").out == ""
        worker.kill()
    assert claim_in(mipc(home, "take", "--as", "bob").out) != claim_in(done.out)


def test_a_worker_that_cannot_write_holds_nothing(home: Path, spool: Path) -> None:
    """G5: /dev/full: what was not shown is unread."""
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [*command("take"), "--as", "bob"],
            stdout=full, stderr=subprocess.PIPE, env={"PATH": PATH, "HOME": str(home)}, timeout=SECONDS, check=False,
        )  # fmt: skip
    assert done.returncode == 75
    assert "unread" in mipc(home, "check", "--as", "bob").out


def test_nothing_to_take_is_no_failure(home: Path, bob: Path) -> None:
    """Design, 8: as check: standard output is empty, and --exit-code says it."""
    assert mipc(home, "take", "--as", "bob") == (0, "", "no new messages for bob\n")
    assert mipc(home, "take", "--as", "bob", "--exit-code").code == 1
    empty = mipc(home, "take", "--as", "bob", "--json").json
    assert (empty["messages"], empty["claim"], empty["until"], empty["owner"]) == ([], None, None, None)


def test_take_waits_for_work(home: Path, bob: Path) -> None:
    """Design, 8."""
    waiting = subprocess.Popen(
        [*command("take"), "--as", "bob", "--wait", "20"],
        stdout=subprocess.PIPE, text=True, env={"PATH": PATH, "HOME": str(home)},
    )  # fmt: skip
    assert mipc(home, "send", "--as", "alice", "bob", "a job").code == 0
    out, _ = waiting.communicate(timeout=SECONDS)
    assert waiting.returncode == 0
    assert claim_in(out)
    assert "\na job\n" in out


@pytest.mark.parametrize(
    ("verb", "arguments", "says"),
    [
        ("take", ("--lease", "0"), "not a time"),
        ("take", ("--lease", "2d"), "a lease of 172800 s"),
        ("take", ("--owner", "4194304"), "no process"),
        ("take", ("--owner", "me"), "whole number"),
        ("take", ("a", "b"), "too many words"),
        ("take", ("--peek",), "no option"),
        ("ack", (), "no claim"),
        ("release", ("a", "b"), "too many words"),
        ("send", ("--wait", "read", "alice", "x"), "--wait seen"),
        ("send", ("--timeout", "5", "alice", "x"), "--timeout without --wait"),
        ("send", ("--wait", "seen", "--timeout", "soon", "alice", "x"), "not a time"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    home: Path, bob: Path, verb: str, arguments: tuple[str, ...], says: str
) -> None:
    """G12."""
    assert_refused(mipc(home, verb, "--as", "bob", *arguments), 64, says)


def test_a_sender_waits_until_its_message_was_seen(home: Path, spool: Path) -> None:
    """Design, 8: the message is reported first; the exit code is the answer."""
    waiting = subprocess.Popen(
        [*command("send"), "--as", "alice", "--wait", "seen", "--timeout", "20", "bob", "look"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={"PATH": PATH, "HOME": str(home)},
    )  # fmt: skip
    assert waiting.stdout is not None
    assert waiting.stdout.readline().endswith(" bob delivered\n")
    assert "look" in mipc(home, "check", "--as", "bob").out
    _, err = waiting.communicate(timeout=SECONDS)
    assert (waiting.returncode, err) == (0, "seen by bob\n")


def test_a_sender_that_waited_in_vain_is_told_that_it_was_sent(home: Path, spool: Path) -> None:
    """Design, 8: exit 1, and nothing to be repeated; a seen message is not a done one."""
    done = mipc(home, "send", "--as", "alice", "--wait", "done", "--timeout", "1", "bob", "work")
    assert (done.code, done.out.split(" ", 1)[1]) == (1, "bob delivered\n")
    assert "it was sent" in done.err


def test_a_receipt_is_a_line_of_the_next_check(home: Path, spool: Path) -> None:
    """Ours: on standard output, and in the document; the mailbox has no new message."""
    ref = mipc(home, "send", "--as", "alice", "--receipt", "bob", "look").out[:5]
    claim = claim_in(mipc(home, "take", "--as", "bob").out)
    mipc(home, "check", "--as", "bob")
    mipc(home, "ack", claim, "--as", "bob")
    assert mipc(home, "check", "--as", "alice", "--peek").out == f"seen {ref} by bob\n"
    (receipt,) = mipc(home, "check", "--as", "alice", "--json", "--peek").json["receipts"]
    assert (receipt["state"], receipt["ref"], receipt["by"]) == ("seen", ref, "bob")
    done = mipc(home, "check", "--as", "alice")
    assert done[1:] == (f"seen {ref} by bob\n", "no new messages for alice\n")
    assert mipc(home, "check", "--as", "alice", "--exit-code")[:2] == (1, "")


def test_a_reply_can_ask_for_a_receipt_too(home: Path, spool: Path) -> None:
    """Ours: it takes the options of send."""
    mipc(home, "check", "--as", "bob")
    ref = mipc(home, "reply", "--as", "bob", "--receipt", "understood").out[:5]
    mipc(home, "check", "--as", "alice")
    assert mipc(home, "check", "--as", "bob").out == f"seen {ref} by alice\n"

"""The scenarios of Claude IPC MCP, S25 to S29, S34, S35, S37: secrets, limits, exit codes, several at once, restarts.

Where ours differs on purpose, the test says in what and why. docs/reference/parity.md has them all in a table.
"""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from maildir_ipc import Draft, testing
from tests.e2e.driving import PATH, SECONDS, Done, assert_refused, command, listing, spool_of, terminals, words
from tests.e2e.scenes import (
    HOUR,
    do,
    done,
    messages,
    past,
    register,
    rows,
    send,
    send_past,
    settings,
    texts,
    unread,
)

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.e2e
SECRET, OTHER = "the secret that all of us share", "quite another secret than that"


def test_a_wrong_or_missing_secret_registers_nobody(home: Path) -> None:
    """S25, differs: "Invalid auth token" says what; here the line says which key is wanted and which was given."""
    root = home / "spool"
    done(home, "init", MAILDIR_IPC_ROOT=str(root), IPC_SHARED_SECRET=SECRET)
    before = listing(root)
    other = home.parent / "other"
    other.mkdir()
    for secret in ("", OTHER):  # an empty variable is none
        eve = ("register", "eve", "--as", "eve")
        refused = do(other, *eve, MAILDIR_IPC_ROOT=str(root), IPC_SHARED_SECRET=secret)
        assert_refused(refused, 78, "key")
        assert SECRET not in refused.err
        assert OTHER not in refused.err
    assert listing(root) == before
    done(other, "register", "bob", "--as", "bob", MAILDIR_IPC_ROOT=str(root), IPC_SHARED_SECRET=SECRET)


def _file(home: Path, name: str) -> Path:
    (path,) = (spool_of(home) / name / "new").iterdir()
    return path


@pytest.mark.parametrize("change", ["unsigned", "another signature", "body", "From", "Subject", "copied", "old copy"])
def test_what_was_not_sent_by_a_member_is_never_shown_as_mail(home: Path, change: str) -> None:
    """S25, G4: named, set aside, readable with its verdict; a copy of an old message is not delivered twice."""
    register(home, "alice", "bob")
    send(home, "alice", "bob", "the truth")
    path = _file(home, "bob")
    raw, new = path.read_bytes(), path.parent
    verdict = {"unsigned": "UNSIGNED", "copied": "", "old copy": "a copy of an older message"}.get(
        change, "bad signature"
    )
    if change == "old copy":
        assert texts(home, "bob") == ["the truth"]
        (new / "1.copy.host").write_bytes(raw)
    elif change == "copied":
        (new / "1.copy.host").write_bytes(raw)  # beside the first: one of the two is shown
    elif change == "unsigned":
        path.write_bytes(b"From: alice@ipc.invalid\nTo: bob@ipc.invalid\nSubject: x\n\nthe truth\n")
    elif change == "another signature":
        forged = re.sub(rb"(?<![a-z])b=\S{4}", b"b=AAAA", raw)
        assert forged != raw
        path.write_bytes(forged)
    else:
        was, now = {
            "body": (b"the truth\n", b"the lie..\n"),
            "From": (b"From: alice@", b"From: carol@"),
            "Subject": (b"Subject: the", b"Subject: The"),
        }[change]
        assert was in raw
        path.write_bytes(raw.replace(was, now))
    shown = done(home, "check", "--as", "bob")
    if change == "copied":
        assert shown.out.count("the truth") == 1
        assert shown.out.startswith("1 new for bob\n")
    else:
        assert shown.out == ""
        assert verdict in shown.err
        assert "set aside 1" in shown.err
    assert texts(home, "bob") == []


def test_open_mode_works_and_says_so(home: Path) -> None:
    """S26, differs: only `init --open` makes it; there a missing variable did, without a word."""
    said = done(home, "init", "--open")
    assert "unsigned" in said.err
    register(home, "alice", "bob")
    send(home, "alice", "bob", "hello")
    assert "UNSIGNED" in done(home, "check", "--as", "bob").out


def test_mixing_the_modes_is_said(home: Path) -> None:
    """S26, G12: a signed spool is not opened by a secret less, nor by a changed record; an open one stays open."""
    register(home, "alice", "bob")
    send(home, "alice", "bob", "hello")
    assert_refused(do(home, "init", "--open"), 78, "is there already, and signed")
    record = spool_of(home) / ".ipc/spool"
    record.write_text(record.read_text().replace("mode signed", "mode open"))
    assert_refused(do(home, "check", "--as", "bob"), 78, "was signed and now says it is open")


def test_nobody_can_send_in_another_name(home: Path) -> None:
    """S27, G10: the sender is no parameter; there it was one, overwritten in silence."""
    register(home, "alice", "bob", "carol")
    words = ("send", "--as", "bob", "carol", "from bob")
    assert_refused(do(home, *words, MAILDIR_IPC_STATE=str(home / "stranger")), 77)
    assert_refused(do(home, "send", "--from", "bob", "--as", "alice", "carol", "x"), 64)
    send(home, "alice", "carol", "From: bob@ipc.invalid\n\nI am bob", "--data", '{"from_id": "bob"}')
    (message,) = messages(home, "carol")
    assert message["from"] == "alice"
    with terminals(1, home) as (alice,):
        alice.mipc("register", "dora")
        alice.mipc("send", "carol", "'--as bob'")
    assert [m["from"] for m in messages(home, "carol")] == ["dora"]


def test_the_message_after_the_last_that_fits_is_refused(home: Path) -> None:
    """S28, G3, differs: 1,000 unread is the default, not 100, and a broadcast counts; a read frees room."""
    register(home, "alice", "bob")
    settings(home, unread_limit=100, rate_limit=0)
    send_past(home, 60, "alice", "bob", *(f"{number}" for number in range(99)))
    done(home, "broadcast", "--as", "alice", "the hundredth")
    refused = do(home, "send", "--as", "alice", "bob", "one more")
    assert_refused(refused, 75, "bob: queue full (100 message limit)", "--id", lines=2)
    assert refused.out.endswith(" bob failed\n")
    refused = do(home, "broadcast", "--as", "alice", "one more")
    assert_refused(refused, 75, "queue full", lines=2)
    assert unread(home, "bob") == 100
    done(home, "check", "--as", "bob", "--limit", "1")
    send(home, "alice", "bob", "there is room")
    assert_refused(do(home, "send", "--as", "alice", "bob", "no more"), 75, "queue full", lines=2)
    assert len(texts(home, "bob")) == 100


def test_by_default_a_thousand_wait(home: Path) -> None:
    """S28: also for a name of the future."""
    register(home, "alice")
    settings(home, rate_limit=0)
    send_past(home, 60, "alice", "nessa", *["x"] * 1000)
    assert_refused(do(home, "send", "--as", "alice", "nessa", "x"), 75, "queue full (1000 message limit)", lines=2)


def test_a_refused_message_is_completed_by_its_id_once_there_is_room(home: Path) -> None:
    """S28, G3: the line that refuses says how."""
    register(home, "alice", "bob", "carol")
    settings(home, unread_limit=1)
    send(home, "alice", "bob", "first")
    refused = do(home, "send", "--as", "alice", "bob,carol", "second")
    assert_refused(refused, 75, "queue full", lines=2)
    assert refused.out.splitlines()[1].endswith(" carol delivered")
    found = re.search(r"--id (\S+)", refused.err)
    assert found is not None
    assert texts(home, "bob") == ["first"]
    again = done(home, "send", "--as", "alice", "--id", found[1], "bob,carol", "second")
    assert [line.split()[2] for line in again.out.splitlines()] == ["delivered", "already"]
    assert (texts(home, "bob"), texts(home, "carol")) == (["second"], ["second"])


def test_the_hundred_and_first_send_in_a_minute_is_refused(home: Path) -> None:
    """S29, differs: sends are counted, not checks and lists; a broadcast and a send to many count once."""
    register(home, "alice", "bob", "carol")
    done(home, "broadcast", "--as", "alice", "one")
    done(home, "send", "--as", "alice", "bob,carol", "one")
    with testing.agent(testing.account(str(home)), "alice") as alice:
        for _ in range(98):
            alice.send(["bob"], Draft("x"), sync=False)
    assert_refused(do(home, "send", "--as", "alice", "bob", "x"), 75, "rate limit: 100 sends in 60 s", "try again in")
    assert_refused(do(home, "broadcast", "--as", "alice", "x"), 75, "rate limit")
    assert unread(home, "bob") == 100
    done(home, "check", "--as", "alice")
    done(home, "list", "--as", "alice")
    send(home, "bob", "carol", "others are not concerned")
    settings(home, rate_limit=0)
    send(home, "alice", "bob", "and it can be switched off")


def test_after_a_minute_it_goes_on(home: Path) -> None:
    """S29."""
    register(home, "alice", "bob")
    send_past(home, 61, "alice", "bob", *["x"] * 100)
    send(home, "alice", "bob", "a minute later")


def test_an_outsider_cannot_lock_a_name_out(home: Path) -> None:
    """S29: there 100 attempts without the secret did (section 2); here nothing is counted before it is known who."""
    register(home, "alice", "bob")
    other = home.parent / "other"
    other.mkdir()
    root = str(spool_of(home))
    settings(home, rate_limit=3)
    for _ in range(4):
        assert do(other, "register", "bob", "--as", "bob", MAILDIR_IPC_ROOT=root, IPC_SHARED_SECRET=OTHER).code == 78
        assert do(other, "send", "--as", "bob", "alice", "x", MAILDIR_IPC_ROOT=root).code == 78
        stranger = do(home, "send", "--as", "bob", "alice", "x", MAILDIR_IPC_STATE=str(home / "stranger"))
        assert stranger.code == 77
    send(home, "bob", "alice", "not concerned")
    register(home, "bob")


REFUSALS = [
    (64, "register --as bob -- a/b"), (64, "frobnicate"), (64, "send --as bob bob"), (64, "send --nope --as bob bob x"),
    (65, "send --as bob --data [1] bob x"), (66, "read --as bob zzzzz"), (73, "rename --as bob carol"),
    (75, "send --as bob full x"), (77, "check --as nobody"), (77, "check"), (78, "init --open"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "line"), REFUSALS, ids=[line for _, line in REFUSALS])
def test_every_refusal_has_its_exit_code_and_a_line_on_standard_error(home: Path, code: int, line: str) -> None:
    """S34, G12: there every refusal was 0 and on standard output; with nothing in the environment, as from cron."""
    register(home, "bob", "carol")
    settings(home, unread_limit=1)
    send(home, "bob", "full", "x")
    verb, *rest = line.split()
    argv = [*command(verb), *rest]
    result = subprocess.run(
        ["env", "-i", f"HOME={home}", f"PATH={PATH}", "sh", "-c", 'exec "$@"', "cron", *argv],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS, check=False, cwd="/",
    )  # fmt: skip
    said = Done(result.returncode, result.stdout, result.stderr)
    assert_refused(said, code, lines=2 if code == 75 else 1)
    assert said.out == "" or code == 75


def test_two_identities_under_one_home_are_two(home: Path) -> None:
    """S35, G10: there the second overwrote the first (D1)."""
    with terminals(2, home) as (alice, bob):
        alice.mipc("register", "alice")
        bob.mipc("register", "bob")
        alice.mipc("send", "bob", "'from alice'")
        bob.mipc("send", "alice", "'from bob'")
        assert "from bob" in alice.mipc("check").out
        assert "from alice" in bob.mipc("check").out
        assert (alice.mipc("whoami").out, bob.mipc("whoami").out) == ("alice\n", "bob\n")


def test_two_checks_at_once_show_each_message_once(home: Path) -> None:
    """S35, G6."""
    register(home, "alice", "bob")
    several = [f"<{number}>" for number in range(60)]
    send_past(home, 60, "alice", "bob", *several)
    argv = [*command("check"), "--as", "bob", "--all"]
    readers = [
        subprocess.Popen(argv, env={"HOME": str(home), "PATH": PATH}, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(4)
    ]
    shown = "".join(reader.communicate(timeout=SECONDS)[0].decode() for reader in readers)
    assert [reader.returncode for reader in readers] == [0, 0, 0, 0]
    assert sorted(re.findall(r"^<\d+>$", shown, re.MULTILINE)) == sorted(several)
    assert texts(home, "bob") == []


def test_after_everything_was_ended_all_is_as_it_was(home: Path) -> None:
    """S37, G2: unread mail, forward, cooldown, names; there a restart lost rename, forward and mail (B4)."""
    with terminals(2, home) as (fred, alice):
        fred.mipc("register", "fred")
        alice.mipc("register", "alice")
        alice.mipc("send", "fred", "before")
        assert fred.mipc("rename", "fred2").code == 0
        alice.mipc("send", "nessa", "waits")
    # Both terminals are gone, and with them every process there was; whoever comes now has other pids.
    shown = rows(home)
    assert {name: row["state"] for name, row in shown.items()} == {
        "alice": "registered", "fred": "forward", "fred2": "registered", "nessa": "waiting"
    }  # fmt: skip
    with terminals(2, home) as (fred, alice):
        assert_refused(fred.mipc("register", "fred"), 73, "fred forwards to fred2")
        assert fred.mipc("register", "fred2").code == 0
        assert alice.mipc("register", "alice").code == 0
        assert alice.mipc("send", "fred", "after").err == "forwarded from fred to fred2\n"
        refused = fred.run(words("rename", "fred3"))
        assert_refused(refused, 75, "can rename again in 60 minutes")
        got = fred.mipc("check").out
        assert got.index("\nbefore\n") < got.index("\nafter\n")


def test_a_token_that_lies_on_the_disk_needs_no_renewal(home: Path) -> None:
    """S37, differs: there a session ended after 24 hours, and with the broker; a standing one here does not."""
    past(home, 100 * HOUR).register("bob", said="bob")
    send_past(home, 50 * HOUR, "bob", "bob", "two days ago")
    assert texts(home, "bob") == ["two days ago"]

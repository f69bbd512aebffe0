"""Names change hands only by what somebody typed, and everybody concerned is told."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.e2e.driving import assert_refused, command, listing, mipc, run, spool_of, terminals
from tests.e2e.scenes import done, register, send

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.e2e


def test_registering_again_changes_nothing(home: Path) -> None:
    """Ours: register is idempotent."""
    with terminals(1, home) as (alice,):
        assert alice.mipc("register", "alice").code == 0
        before = listing(home)
        again = alice.mipc("register", "Alice")
        assert (again.code, again.out) == (0, "alice\n")
        assert listing(home) == before


def test_registering_another_name_switches_and_says_so(home: Path) -> None:
    """Ours: one terminal is one person, unless --also says otherwise."""
    with terminals(1, home) as (alice,):
        alice.mipc("register", "alice")
        done = alice.mipc("register", "carol")
        assert (done.code, done.out) == (0, "carol\n")
        assert "alice is no longer registered here\n" in done.err
        assert alice.mipc("whoami").out == "carol\n"
        assert_refused(alice.mipc("check", "--as", "alice"), 77, "mipc register alice")


def test_two_names_in_one_terminal_are_chosen_by_as(home: Path) -> None:
    """Ours: --also keeps both; then nothing but --as can say which is meant."""
    with terminals(1, home) as (both,):
        both.mipc("register", "alice")
        done = both.mipc("register", "bob", "--also")
        assert done.code == 0
        assert "no longer" not in done.err
        refused = both.mipc("check")
        assert_refused(refused, 77, "--as alice", "--as bob")
        assert "nobody has registered" not in refused.err, "two have: it should say so"
        assert both.mipc("send", "--as", "alice", "bob", "to myself").code == 0
        got = both.mipc("check", "--as", "bob", "--json").json
        assert [m["from"] for m in got["messages"]] == ["alice"]


def test_a_live_name_is_refused_to_another_terminal(home: Path) -> None:
    """G10, ours: who has it, where, since when, and what to type."""
    with terminals(2, home) as (alice, bob):
        alice.mipc("register", "alice")
        bob.mipc("register", "bob")
        pid, before = alice.run("echo $$").out.strip(), listing(home)
        assert_refused(bob.mipc("register", "alice"), 73, f"bash {pid}", "since", "--takeover")
        assert listing(home) == before
        assert bob.mipc("whoami").out == "bob\n"
        assert alice.mipc("check").err == "no new messages for alice\n"


def test_a_takeover_is_told_to_the_loser_at_the_next_command(home: Path) -> None:
    """G10, ours: --takeover is explicit, and whoever lost the name hears by whom."""
    with terminals(2, home) as (alice, bob):
        alice.mipc("register", "alice")
        bob.mipc("send", "--as", "helper", "alice", "for whoever is alice")
        taken = bob.mipc("register", "alice", "--takeover")
        assert taken.code == 0
        assert "2 messages waiting" in taken.err
        winner = bob.run("echo $$").out.strip()
        for verb in (("check",), ("send", "alice", "x"), ("whoami",)):
            assert_refused(alice.mipc(*verb), 77, "alice", f"bash {winner}", "mipc register")
        assert "for whoever is alice" in bob.mipc("check").out
        # The loser goes on under another name, and nothing of the old one is in the way.
        assert alice.mipc("register", "alice2").code == 0
        assert alice.mipc("whoami").out == "alice2\n"


def test_a_name_whose_terminal_is_gone_gives_way_silently(home: Path) -> None:
    """Ours: a dead session needs no --takeover and no waiting."""
    with terminals(1, home) as (alice,):
        alice.mipc("register", "alice")
    with terminals(1, home) as (another,):
        assert_refused(another.mipc("check"), 77)
        done = another.mipc("register", "alice")
        assert (done.code, done.out) == (0, "alice\n")
        assert "taken" not in done.err
        assert another.mipc("whoami").out == "alice\n"


def test_unregister_ends_the_session_and_keeps_mailbox_and_mail(home: Path) -> None:
    """Ours: mail keeps coming, and goes to the next one who registers."""
    with terminals(2, home) as (alice, bob):
        alice.mipc("register", "alice")
        bob.mipc("register", "bob")
        assert alice.mipc("unregister").out == "alice\n"
        assert_refused(alice.mipc("check"), 77, "mipc register NAME")
        assert bob.mipc("send", "alice", "later").out.endswith(" alice delivered\n")
        done = bob.mipc("register", "alice", "--also")
        assert "1 message waiting" in done.err
        assert "later" in bob.mipc("check", "--as", "alice").out
        assert not [path for path in listing(spool_of(home)) if path.endswith("/session") and "/bob/" not in path][1:]


def test_as_works_from_an_empty_environment(home: Path) -> None:
    """G10, ours: cron, CI and `docker exec` have no terminal and no variables."""
    clean = ["env", "-i", f"HOME={home}"]

    def bare(verb: str, *arguments: str) -> tuple[int, str]:
        done = run(*clean, *command(verb), *arguments, home=home)
        return done.code, done.out

    assert bare("register", "nightly", "--as", "nightly") == (0, "nightly\n")
    code, out = bare("send", "--as", "nightly", "nightly", "hello")
    assert (code, out.split()[1:]) == (0, ["nightly", "delivered"])
    code, out = bare("check", "--as", "nightly")
    assert code == 0
    assert "hello" in out
    assert bare("check")[0] == 77
    assert bare("check", "--peek") == (0, "")  # the only session of this account may look


def test_sending_as_a_free_name_registers_it_once_and_says_so(home: Path) -> None:
    """Ours: a cron job needs no command before its first send."""
    first = mipc(home, "send", "--as", "nightly", "alice", "one")
    assert first.code == 0
    assert "registered nightly" in first.err
    second = mipc(home, "send", "alice", "two", MAILDIR_IPC_IDENTITY="nightly")
    assert (second.code, second.err) == (0, "queued for alice (not yet registered)\n")
    assert_refused(mipc(home, "check", "--as", "alice"), 77, "alice")
    assert mipc(home, "unregister", "--as", "nightly").code == 0
    assert_refused(mipc(home, "check", "--as", "nightly"), 77, "mipc register nightly --as nightly")


def test_the_variable_says_who_as_the_option_does_and_the_option_wins(home: Path) -> None:
    """G10, ours: --as, then MAILDIR_IPC_IDENTITY, then the process tree."""
    with terminals(1, home) as (alice,):
        alice.mipc("register", "alice")
        mipc(home, "register", "first", MAILDIR_IPC_IDENTITY="first")
        mipc(home, "register", "second", "--as", "second")
        assert alice.run("export MAILDIR_IPC_IDENTITY=first; " + " ".join(command("whoami"))).out == "first\n"
        assert alice.mipc("whoami", "--as", "second").out == "second\n"
        assert_refused(alice.mipc("register", "third"), 64, "MAILDIR_IPC_IDENTITY", "first")
        assert alice.run("unset MAILDIR_IPC_IDENTITY; " + " ".join(command("whoami"))).out == "alice\n"


def test_nobody_acts_in_a_name_whose_token_is_not_theirs(home: Path, tmp_path: Path) -> None:
    """G10, ours: another account on the same spool and key cannot be alice by saying so."""
    root = str(spool_of(home))
    mipc(home, "register", "alice", "--as", "alice")
    other = tmp_path / "other"
    other.mkdir()
    key = mipc(home, "key", "export").out
    assert mipc(other, "key", "import", stdin=key.encode(), MAILDIR_IPC_ROOT=root).code == 0
    before = listing(spool_of(home))
    for verb in (("check",), ("send", "bob", "x"), ("unregister",)):
        refused = mipc(other, verb[0], "--as", "alice", *verb[1:], MAILDIR_IPC_ROOT=root)
        assert_refused(refused, 77, "alice", "token")
    assert_refused(mipc(other, "register", "alice", "--as", "alice", MAILDIR_IPC_ROOT=root), 73, "--takeover")
    assert listing(spool_of(home)) == before


@pytest.mark.parametrize("verb", ["whoami", "history", "read"])
def test_after_a_renamer_that_was_killed_one_is_who_one_is_now(verb: str, home: Path, tmp_path: Path) -> None:
    """G10: killed before it moved its token, it is still known by the former name, and is told the present one."""
    register(home, "alice", "fred")
    ref = send(home, "alice", "fred", "hello").out.split()[0]
    done(home, "check", "--as", "fred")
    tokens = home / ".local/state"
    shutil.copytree(tokens, tmp_path / "before")
    done(home, "rename", "fd", "--as", "fred")
    shutil.rmtree(tokens)
    shutil.copytree(tmp_path / "before", tokens)

    found = done(home, verb, *([ref] if verb == "read" else []), "--as", "fred", "--json").json

    assert found["name" if verb == "whoami" else "identity"] == "fd"
    assert done(home, "whoami", "--as", "fd").out == "fd\n"

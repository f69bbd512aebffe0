"""The scenarios of Claude IPC MCP, S16 to S24: renaming, forwards, broadcasts, the list. One test or more for each.

Hours pass by making the past with a clock; what is then typed is typed now.
Where ours differs on purpose, the test says in what and why. docs/reference/parity.md has them all in a table.
"""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import pytest

from tests.e2e.driving import assert_refused, listing, spool_of, terminals
from tests.e2e.scenes import (
    HOUR,
    RECORDS,
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

pytestmark = pytest.mark.e2e


def rename(home: Path, old: str, new: str) -> None:
    done(home, "rename", new, "--as", old)


def renamed_ago(home: Path, ago: float, *names: str) -> None:
    """Rename the first name to each of the others in turn, the first time *ago* seconds ago, then an hour later."""
    for count, (old, new) in enumerate(itertools.pairwise(names)):
        past(home, ago - count * HOUR).rename(new, old)


def test_after_a_rename_all_mail_goes_on_to_the_new_name(home: Path) -> None:
    """S16, G1: unread mail moves, mail to the old name arrives, the sender is told, From is the new name."""
    register(home, "alice", "fred")
    send(home, "alice", "fred", "before")
    said = done(home, "rename", "fred-debugging", "--as", "fred")
    assert said.out == "fred-debugging\n"
    assert said.err == "renamed fred to fred-debugging; mail to fred reaches you for 2 hours\n"
    told = send(home, "alice", "fred", "after")
    assert told.err == "forwarded from fred to fred-debugging\n"
    assert told.out.endswith(" fred forwarded\n")
    assert texts(home, "fred-debugging") == ["before", "after"]
    send(home, "fred-debugging", "alice", "hello")
    assert [(m["from"], m["kind"]) for m in messages(home, "alice")] == [
        ("system", "notice"), ("fred-debugging", "message")
    ]  # fmt: skip


def test_everyone_registered_gets_one_notice_that_nobody_could_forge(home: Path) -> None:
    """S16, differs: signed, from a name that cannot be registered; a waiting name and the renamed one get none."""
    register(home, "alice", "bob", "fred")
    send(home, "alice", "nessa", "for the future")
    rename(home, "fred", "fred-debugging")
    for name in ("alice", "bob"):
        (notice,) = messages(home, name)
        assert notice["from"] == "system"
        assert notice["verdict"] == "pass"
        assert notice["body"].startswith("fred is now fred-debugging.")
    register(home, "nessa")
    assert texts(home, "nessa") == ["for the future"]
    assert messages(home, "fred-debugging") == []


def test_a_terminal_that_was_renamed_is_still_the_same_person(home: Path) -> None:
    """S16, G10: there, after two hours, it read nothing of its own mail (B5)."""
    with terminals(2, home) as (fred, alice):
        fred.mipc("register", "fred")
        alice.mipc("register", "alice")
        assert fred.mipc("rename", "fred-debugging").out == "fred-debugging\n"
        assert fred.mipc("whoami").out == "fred-debugging\n"
        alice.mipc("send", "fred", "'to the old name'")
        alice.mipc("send", "fred-debugging", "'to the new name'")
        shown = fred.mipc("check").out
        assert "to the old name" in shown
        assert "to the new name" in shown
        fred.mipc("send", "alice", "hello")
        assert "from fred-debugging" in alice.mipc("check").out


def test_after_two_hours_the_old_name_is_free(home: Path) -> None:
    """S17: mail to it waits for the next fred; who was renamed is not concerned, and has its mail."""
    register(home, "alice")
    send_past(home, 4 * HOUR, "alice", "fred", "long ago")
    past(home, 3 * HOUR).register("fred", said="fred")
    renamed_ago(home, 2 * HOUR + 5, "fred", "fred-debugging")
    told = send(home, "alice", "fred", "for the next fred")
    assert told.err == "queued for fred (not yet registered)\n"
    send(home, "alice", "fred-debugging", "for the first")
    assert texts(home, "fred-debugging") == ["long ago", "for the first"]
    register(home, "fred")
    assert texts(home, "fred") == ["for the next fred"]
    assert_refused(do(home, "check", "--as", "fred-bugging"), 77)


def test_within_two_hours_it_still_forwards(home: Path) -> None:
    """S17: a minute before the end."""
    register(home, "alice")
    past(home, 3 * HOUR).register("fred", said="fred")
    renamed_ago(home, 2 * HOUR - 60, "fred", "fred-debugging")
    assert send(home, "alice", "fred", "just in time").err == "forwarded from fred to fred-debugging\n"


def test_the_second_rename_within_the_hour_is_refused(home: Path) -> None:
    """S18: each command is a process of its own, so the cooldown lies on the disk; there a restart forgot it."""
    past(home, HOUR).register("fred", said="fred")
    renamed_ago(home, 0.5 * HOUR, "fred", "fred2")
    before = listing(spool_of(home) / "fred2" / "new")
    for name in ("fred2", "fred"):
        assert_refused(do(home, "rename", "fred3", "--as", name), 75, "can rename again in 30 minutes")
    assert listing(spool_of(home) / "fred2" / "new") == before
    assert "fred3" not in rows(home)


def test_after_an_hour_it_is_allowed(home: Path) -> None:
    """S18."""
    past(home, 2 * HOUR).register("fred", said="fred")
    renamed_ago(home, HOUR + 1, "fred", "fred2")
    rename(home, "fred2", "fred3")
    assert rows(home)["fred"]["forward_to"] == rows(home)["fred2"]["forward_to"] == "fred3"


def test_a_chain_reaches_its_end(home: Path) -> None:
    """S19: there mail to the first name went to a dead queue (B6)."""
    register(home, "alice")
    past(home, 3 * HOUR).register("a", said="a")
    renamed_ago(home, HOUR + 60, "a", "b", "c")
    for name in ("a", "b", "c"):
        send(home, "alice", name, f"to {name}")
    assert texts(home, "c") == ["to a", "to b", "to c"]


def test_there_and_back_makes_no_loop(home: Path) -> None:
    """S19: A to B to A."""
    register(home, "alice", "a")
    settings(home, rename_cooldown=0)
    for old, new in (("a", "b"), ("b", "a"), ("a", "b"), ("b", "a")):
        rename(home, old, new)
    for name in ("a", "b"):
        send(home, "alice", name, f"to {name}")
    assert texts(home, "a") == ["to a", "to b"]
    assert rows(home)["b"]["forward_to"] == "a"


def test_a_taken_name_oneself_and_what_is_no_name_are_refused(home: Path) -> None:
    """S20, G12: and nothing is changed."""
    register(home, "fred", "bob")
    names = sorted(os.listdir(spool_of(home)))
    assert_refused(do(home, "rename", "bob", "--as", "fred"), 73, "bob is taken")
    assert_refused(do(home, "rename", "fred", "--as", "fred"), 64, "you are fred already")
    assert_refused(do(home, "rename", "a b", "--as", "fred"), 64, "not a name")
    assert_refused(do(home, "rename", "system", "--as", "fred"), 64, "reserved")
    assert sorted(os.listdir(spool_of(home))) == names
    rename(home, "fred", "fred2")  # a refusal is no renaming: no cooldown


def test_onto_a_name_with_waiting_mail_both_are_merged(home: Path) -> None:
    """S20, G1: there the waiting mail was overwritten (B3)."""
    register(home, "alice", "fred")
    send(home, "alice", "nessa", "for nessa")
    send(home, "alice", "fred", "for fred")
    rename(home, "fred", "nessa")
    send(home, "alice", "nessa", "later")
    assert sorted(texts(home, "nessa")) == ["for fred", "for nessa", "later"]


def test_a_name_that_forwards_cannot_be_registered(home: Path) -> None:
    """S21, G10: refused until the forward ends, differs: there it was allowed, and read the other's mail (B7)."""
    register(home, "alice", "fred")
    rename(home, "fred", "fred-debugging")
    send(home, "alice", "fred", "for the renamed one")
    refused = do(home, "register", "fred", "--as", "fred", MAILDIR_IPC_STATE=str(home / "stranger"))
    assert_refused(refused, 73, "fred forwards to fred-debugging")
    refused = do(home, "register", "fred", "--takeover", "--as", "fred", MAILDIR_IPC_STATE=str(home / "stranger"))
    assert_refused(refused, 73, "fred forwards to fred-debugging")
    assert_refused(do(home, "check", "--as", "fred", MAILDIR_IPC_STATE=str(home / "stranger")), 77)
    assert texts(home, "fred-debugging") == ["for the renamed one"]


def test_only_its_owner_can_rename_a_name(home: Path) -> None:
    """S22, G10: there any session could rename any other (C1)."""
    register(home, "fred")
    before = listing(spool_of(home) / "fred" / RECORDS)
    assert_refused(do(home, "rename", "mine", "--as", "fred", MAILDIR_IPC_STATE=str(home / "stranger")), 77)
    with terminals(1, home) as (eve,):
        eve.mipc("register", "eve")
        assert_refused(eve.mipc("rename", "fred"), 73, "fred is taken")
        assert eve.mipc("rename", "fred", "mine").code == 64
    assert listing(spool_of(home) / "fred" / RECORDS) == before


def test_a_broadcast_reaches_everyone_registered_once(home: Path) -> None:
    """S23, differs: a name of the future gets none: it would fill a mailbox that nobody may ever open."""
    register(home, "a", "b", "c")
    send(home, "a", "d", "so that d waits")
    told = done(home, "broadcast", "--as", "a", "hello", "everyone")
    ref = told.out.split()[0]
    assert told.out == f"{ref} b delivered\n{ref} c delivered\n"
    for name in ("b", "c"):
        (message,) = messages(home, name)
        assert (message["from"], message["to"], message["body"]) == ("a", ["all"], "hello everyone")
    assert messages(home, "a") == []
    register(home, "d")
    assert texts(home, "d") == ["so that d waits"]


def test_a_broadcast_may_include_names_of_the_future(home: Path) -> None:
    """S23: as there, when it is asked for; --json counts them."""
    register(home, "a", "b")
    send(home, "a", "d", "so that d waits")
    told = done(home, "broadcast", "--as", "a", "--include-waiting", "--json", "hello").json
    assert [(d["to"], d["state"]) for d in told["deliveries"]] == [("b", "delivered"), ("d", "queued")]
    register(home, "d")
    assert texts(home, "d") == ["so that d waits", "hello"]


def test_a_broadcast_reaches_a_renamed_one_once(home: Path) -> None:
    """S23: a forward is no recipient."""
    register(home, "a", "b")
    rename(home, "b", "b2")
    assert done(home, "broadcast", "--as", "a", "hello").out.split()[1:] == ["b2", "delivered"]
    assert texts(home, "b2") == ["hello"]


def test_a_large_broadcast_is_stored_once_and_shown_as_a_file(home: Path) -> None:
    """S23, S12: there broadcasts were never converted, and over 3.9 kB were refused."""
    register(home, "a", "b", "c")
    text = "It is long. It is very long. " + "word " * 4000
    done(home, "broadcast", "--as", "a", "-", stdin=text.encode())
    files = [next((spool_of(home) / name / "new").iterdir()) for name in ("b", "c")]
    assert files[0].stat().st_ino == files[1].stat().st_ino
    for name in ("b", "c"):
        (message,) = messages(home, name)
        assert message["body"] == "It is long. It is very long."
        assert text in Path(message["saved_to"]).read_text()


def test_a_broadcast_to_nobody_says_so(home: Path) -> None:
    """S23."""
    register(home, "a")
    told = done(home, "broadcast", "--as", "a", "hello")
    assert (told.out, told.err) == ("", "nobody else has registered\n")


def test_the_list_shows_who_was_seen_when(home: Path) -> None:
    """S24: there last seen was the time of registering; here it moves with every send and check."""
    for name in ("alice", "bob", "fred"):
        register(home, name)
        past(home, 5 * HOUR).identify(name)
    assert "5 hours ago" in done(home, "list").out
    before = {name: row["last_seen"] for name, row in rows(home).items()}
    send(home, "alice", "bob", "x")
    done(home, "check", "--as", "bob")
    after = {name: row["last_seen"] for name, row in rows(home).items()}
    assert {name for name in after if after[name] > before[name]} == {"alice", "bob"}


def test_the_list_shows_forwards_unread_and_waiting_and_so_does_ls(home: Path) -> None:
    """S24, G7: by the command, and by `ls`; there the list of the MCP tool was an error, always (A2)."""
    register(home, "alice", "fred")
    send(home, "alice", "fred", "x")
    send(home, "alice", "nessa", "x")
    rename(home, "fred", "fred-debugging")
    shown = rows(home)
    assert (shown["fred"]["state"], shown["fred"]["forward_to"]) == ("forward", "fred-debugging")
    assert (shown["fred-debugging"]["state"], shown["fred-debugging"]["unread"]) == ("registered", 1)
    assert (shown["nessa"]["state"], shown["nessa"]["unread"]) == ("waiting", 1)
    assert "fred            forwards to fred-debugging\n" in done(home, "list").out
    assert {name for name in os.listdir(spool_of(home)) if not name.startswith(".")} == set(shown)
    assert (spool_of(home) / "fred").readlink().name == "fred-debugging"
    assert unread(home, "fred-debugging") == 1

"""mutt and neomutt are opened and quit while checks go on: nothing is hidden, no flag is lost."""

from __future__ import annotations

import os

import pytest

from maildir_ipc import testing
from maildir_ipc.entry import Entry
from maildir_ipc.gate import LIST_GAP
from tests.interop.support import SECRET, Pair, mutt, shown

pytestmark = pytest.mark.interop

muttlike = pytest.mark.parametrize(
    "program", [pytest.param(program, marks=pytest.mark.peer(program)) for program in ("mutt", "neomutt")]
)


def open_and_quit(pair: Pair, program: str, keys: str = "") -> None:
    mutt(program, pair.bob.maildir.path, pair.environment(), f"{keys}<quit>")


def flags(pair: Pair) -> list[str]:
    return [path.rpartition(":2,")[2] for path in testing.files(pair.bob)]


@muttlike
def test_opened_and_quit_between_checks_it_hides_nothing(pair: Pair, program: str) -> None:
    """G7: ours. Merely opened, mutt moves all new mail to cur/; the next check shows it, once."""
    pair.send("first")
    open_and_quit(pair, program)
    assert pair.names() == set()
    pair.send("second")
    assert shown(pair.bob) == ["first", "second"]
    open_and_quit(pair, program)
    assert shown(pair.bob) == []
    pair.send("third")
    open_and_quit(pair, program)
    pair.send("fourth")
    assert shown(pair.bob) == ["third", "fourth"]
    assert shown(pair.bob) == []
    assert flags(pair) == ["S"] * 4


@muttlike
def test_what_was_read_in_it_is_read(pair: Pair, program: str) -> None:
    """G7: ours. A message that a person opened there has the flag S, and is not shown again."""
    pair.send("opened")
    pair.send("not opened")
    open_and_quit(pair, program, "<first-entry><display-message><exit>")
    assert shown(pair.bob) == ["not opened"]


@muttlike
def test_a_check_keeps_the_flags_set_in_it(pair: Pair, program: str) -> None:
    """G7: ours. Flagged, never opened: shown once, and still flagged."""
    pair.send("important")
    open_and_quit(pair, program, "<first-entry><flag-message>")
    assert flags(pair) == ["F"]
    with pair.bob.check(lambda _: True) as batch:
        assert [Entry("", os.path.basename(path)).flags for path in testing.files(pair.bob, "new")] == ["F"]
        assert len(batch.messages) == 1
    assert [Entry("", os.path.basename(path)).flags for path in testing.files(pair.bob, "new")] == ["F"]
    assert shown(pair.bob) == ["important"]
    assert flags(pair) == ["FS"]


def test_claim_commit_and_release_keep_every_flag_and_keyword(pair: Pair) -> None:
    """G7: ours. Lower-case letters are the keywords of Dovecot; unknown ones are not ours to drop."""
    for given in ("F", "FR", "Pab", "Dz"):
        name = pair.send(given)
        os.rename(f"{pair.bob.maildir.path}/new/{name}", f"{pair.bob.maildir.path}/cur/{name}:2,{given}")
    with pair.bob.check(lambda _: True):
        pass
    released = sorted(Entry("", name).flags for name in pair.names())
    assert released == sorted(["F", "FR", "Pab", "Dz"])
    assert shown(pair.bob) == ["F", "FR", "Pab", "Dz"]
    assert sorted(flags(pair)) == sorted(["FS", "FRS", "PSab", "DSz"])


@muttlike
def test_opened_in_the_middle_of_a_check_it_hides_nothing(pair: Pair, program: str) -> None:
    """G5, G7: ours. It moves what the check holds, and what came meanwhile; the next check shows the rest."""
    for text in ("first", "second", "third"):
        pair.send(text)
    with pair.bob.check(lambda _: True, limit=2) as batch:
        seen = [received.message and received.message.body for received in batch.messages]
        pair.send("meanwhile")
        open_and_quit(pair, program)
        batch.commit(batch.messages[0])
        batch.finish()
    assert seen == ["first", "second"]
    assert shown(pair.bob) == ["second", "third", "meanwhile"]
    assert shown(pair.bob) == []


@muttlike
def test_opened_after_the_last_message_was_shown_it_hides_nothing(pair: Pair, program: str) -> None:
    """G7: ours. The moves of the check itself must not cover up those of another."""
    pair.send("first")
    with pair.bob.check(lambda _: True) as batch:
        batch.commit(batch.messages[0])
        pair.send("meanwhile")
        open_and_quit(pair, program)
        batch.finish()
    assert shown(pair.bob) == ["meanwhile"]


def test_what_a_running_check_holds_is_not_shown_by_another_when_it_was_moved(pair: Pair) -> None:
    """G6, G7: ours. A reader moved a claimed message to cur/: the claim is still in its name, and counts."""
    pair.send("held")
    with pair.bob.check(lambda _: True) as batch:
        (held,) = pair.names()
        os.rename(f"{pair.bob.maildir.path}/new/{held}", f"{pair.bob.maildir.path}/cur/{held}:2,")
        with pair.account.mailbox(pair.account.register("bob", said="bob").session) as second:
            assert shown(second) == []
        batch.commit(batch.messages[0])
        batch.finish()
    assert shown(pair.bob) == []


def test_a_message_marked_unread_by_a_person_is_neither_trashed_nor_passed_over(pair: Pair) -> None:
    """G7, protocol 6.1: ours. In cur/ without S it is unread; flagged T, the next expunge would remove it."""
    pair.send("read, then marked unread")
    assert shown(pair.bob) == ["read, then marked unread"]
    (read,) = testing.files(pair.bob)
    os.rename(read, read.removesuffix("S"))
    checked = pair.mipc("check")
    assert "T" not in "".join(flags(pair))
    assert "read, then marked unread" in checked.stdout or "set aside" in checked.stderr


def test_what_moves_while_a_large_folder_is_not_listed_is_shown_later(pair: Pair) -> None:
    """G7: ours. A large cur/ is listed once a minute at most; what moved in between is put off, not forgotten."""
    for i in range(2001):
        with open(f"{pair.bob.maildir.path}/cur/{1000000000 + i}.old:2,S", "wb"):
            pass
    now = [pair.account.clock()]
    later = testing.account(str(pair.home), clock=lambda: now[0], IPC_SHARED_SECRET=SECRET)
    with later.mailbox(later.register("bob", said="bob").session) as bob:
        assert shown(bob) == []
        moved = pair.send("moved")
        os.rename(f"{bob.maildir.path}/new/{moved}", f"{bob.maildir.path}/cur/{moved}:2,")
        pair.send("came")
        now[0] += 1
        assert shown(bob) == ["came"]
    now[0] += LIST_GAP + 1
    later = testing.account(str(pair.home), clock=lambda: now[0], IPC_SHARED_SECRET=SECRET)
    with later.mailbox(later.register("bob", said="bob").session) as bob:
        assert shown(bob) == ["moved"]

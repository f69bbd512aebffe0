"""Reading: what is unread, in which order, how much, and when it counts as read. G5, G6, G8; design, 6. Ours."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from maildir_ipc.draft import Attachment
from maildir_ipc.errors import NoSuchMessage
from maildir_ipc.testing import agent, check_all, drop, files
from tests.unit.making import everything, spool_files
from tests.unit.world import World, bodies, raw_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from maildir_ipc.received import Received


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Give a signed world."""
    world = World(tmp_path)
    yield world
    world.close()


@pytest.fixture
def unsigned(tmp_path: Path) -> Iterator[World]:
    """Give an open world."""
    world = World(tmp_path, "open")
    yield world
    world.close()


def test_a_message_is_shown_once_and_kept(world: World) -> None:
    """G5, G9: shown, committed, and still there to be found."""
    world.send("hello\n")
    found = check_all(world.bob)
    assert bodies(found) == ["hello\n"]
    assert [received.verdict for received in found] == ["pass"]
    assert check_all(world.bob) == []
    assert [path.rpartition(":")[2] for path in files(world.bob)] == ["2,S"]
    assert os.path.exists(found[0].path)


def test_messages_come_in_the_order_in_which_they_were_sent(world: World) -> None:
    """Design, 6."""
    texts = [f"message {n}" for n in range(20)]
    for text in texts:
        world.send(text)
    assert bodies(check_all(world.bob)) == texts


def test_what_was_not_committed_is_unread_again(world: World) -> None:
    """G5: also when the reader raises."""
    for n in range(3):
        world.send(f"{n}")
    with world.bob.check(everything) as batch:
        batch.commit(batch.messages[0])
    with pytest.raises(ZeroDivisionError), world.bob.check(everything):
        _ = 1 / 0
    with pytest.raises(ZeroDivisionError):
        world.bob.check(lambda _: 1 / 0 > 1)
    assert bodies(check_all(world.bob)) == ["1", "2"]


def test_a_batch_that_is_held_is_nobody_elses(world: World) -> None:
    """G6."""
    world.send("one")
    with world.bob.check(everything) as batch, agent(world.owner, "bob") as other:
        assert len(batch.messages) == 1
        assert check_all(other) == []
    assert bodies(check_all(world.bob)) == ["one"]


def test_a_peek_changes_nothing(world: World) -> None:
    """Design, 8."""
    world.send("one")
    drop(world.bob, b"From: x@example.org\n\nunsigned\n")
    before = spool_files(world.owner.spool().root)
    with world.bob.check(everything, peek=True) as batch:
        assert bodies(batch.messages) == ["one"]
        assert [received.verdict for received in batch.rejected] == ["none"]
        batch.commit(batch.messages[0])
        batch.finish()
    assert spool_files(world.owner.spool().root) == before


@pytest.mark.parametrize("limit", [1, 2, 3, 9])
def test_a_limit_leaves_the_rest_unread_and_counts_it(limit: int, world: World) -> None:
    """G8."""
    for n in range(3):
        world.send(f"{n}")
    with world.bob.check(everything, limit=limit) as batch:
        assert (len(batch.messages), batch.remaining) == (min(limit, 3), max(0, 3 - limit))
        for received in batch.messages:
            batch.commit(received)
        batch.finish()
    assert len(check_all(world.bob)) == max(0, 3 - limit)


def test_what_has_no_room_stays_unread_but_one_always_comes(world: World) -> None:
    """G8: a message that fits nowhere is shown as a large one."""
    for n in range(3):
        world.send(f"{n}" * 100)
    asked = []

    def room(received: Received) -> bool:
        asked.append(received)
        return False

    with world.bob.check(room) as batch:
        assert (len(batch.messages), batch.remaining) == (1, 2)
        assert batch.messages[0].saved_to is not None
        assert "0" * 100 in raw_of(batch.messages[0].saved_to).decode()
    assert len(check_all(world.bob)) == 3


def test_a_large_message_is_a_summary_and_a_file(world: World) -> None:
    """Design, 3: over 10,240 bytes; the file is used again."""
    world.send("x" * 10_240)
    world.send("A first sentence. " * 1000)
    small, large = check_all(world.bob)
    assert small.saved_to is None
    assert large.summary == "A first sentence. A first sentence."
    assert large.saved_to is not None
    assert large.saved_to.startswith(f"{world.bob.maildir.path}/large-messages/")
    assert "A first sentence. " * 1000 in raw_of(large.saved_to).decode()
    assert os.stat(large.saved_to).st_mode & 0o777 == 0o600
    assert large.message is not None
    again = world.bob.find(large.message.ref)[0]
    world.bob.convert(again)
    assert again.saved_to == large.saved_to
    assert len(os.listdir(f"{world.bob.maildir.path}/large-messages")) == 1


def test_unread_mail_that_mutt_moved_is_shown(world: World) -> None:
    """G7."""
    check_all(world.bob)
    path = world.send("moved")
    os.rename(path, path.replace("/new/", "/cur/") + ":2,")
    assert bodies(check_all(world.bob)) == ["moved"]
    assert check_all(world.bob) == []


@pytest.mark.parametrize("limit", [1, None])
def test_moved_mail_that_did_not_fit_is_shown_next_time(limit: int | None, world: World) -> None:
    """G7, G8: the listing of cur/ is done again while something unread was left there."""
    for n in range(3):
        path = world.send(f"{n}")
        os.rename(path, path.replace("/new/", "/cur/") + ":2,F")
    found: list[str] = []
    for _ in range(4):
        with world.bob.check(everything, limit=limit) as batch:
            for received in batch.messages:
                batch.commit(received)
            batch.finish()
            found += bodies(batch.messages)
    assert found == ["0", "1", "2"]


def test_moved_mail_that_was_not_committed_is_shown_again(world: World) -> None:
    """G5, G7."""
    path = world.send("moved")
    os.rename(path, path.replace("/new/", "/cur/") + ":2,")
    with world.bob.check(everything) as batch:
        assert len(batch.messages) == 1
    assert bodies(check_all(world.bob)) == ["moved"]


@pytest.mark.parametrize(
    "text", ["", "mtime x\nlisted x\ncount x\n", "listed nan\ncount 1\n", "\0", "listed inf\n", "count ²\n"]
)
def test_a_damaged_cache_costs_one_listing_and_no_mail(text: str, world: World) -> None:
    """G7, G12: records/gate is a cache."""
    check_all(world.bob)
    path = world.send("moved")
    os.rename(path, path.replace("/new/", "/cur/") + ":2,")
    with open(f"{world.bob.maildir.path}/records/gate", "w") as file:
        file.write(text)
    assert bodies(check_all(world.bob)) == ["moved"]


def test_a_message_is_found_by_reference_id_path_and_as_the_last(world: World) -> None:
    """Design, 8: REF."""
    world.send("first")
    world.send("second", attachments=[Attachment("a", "text/plain", b"x")])
    first, second = check_all(world.bob)
    assert first.message is not None
    assert second.message is not None
    for ref in (
        second.message.ref,
        second.message.ref.upper(),
        second.message.id,
        f"<{second.message.id}>",
        "@",
        second.path,
    ):
        assert bodies(world.bob.find(ref)) == ["second"], ref
    assert bodies(world.bob.find(first.message.ref)) == ["first"]


@pytest.mark.parametrize(
    "ref",
    ["", "a", "abcd", "@@", "zzzzzzzz", "x@ipc.invalid", "/etc/passwd", "../../x", "new/../../x", "\0", "é", "*" * 9],
)
def test_what_names_no_message_is_refused(ref: str, world: World) -> None:
    """G11, G12: 66; a path outside the mailbox is not read."""
    world.send("hello")
    check_all(world.bob)
    with pytest.raises(NoSuchMessage) as refusal:
        world.bob.find(ref)
    assert str(refusal.value).isprintable()


def test_a_path_of_another_mailbox_is_not_read(world: World) -> None:
    """G10."""
    path = world.send("for bob only")
    with pytest.raises(NoSuchMessage):
        world.alice.find(path)


def test_finding_a_message_changes_nothing(world: World) -> None:
    """Design, 8: read shows again; unread stays unread."""
    path = world.send("hello")
    before = spool_files(world.owner.spool().root)
    assert bodies(world.bob.find(path)) == ["hello"]
    assert spool_files(world.owner.spool().root) == before
    assert bodies(check_all(world.bob)) == ["hello"]

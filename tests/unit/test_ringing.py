"""When the bell rings for a session: once for each message."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from maildir_ipc.ringing import ring
from maildir_ipc.testing import account, check_all, drop, lift_limits
from tests.unit.making import spool_files
from tests.unit.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from maildir_ipc.tokens import Session


@pytest.fixture
def world(shm: Path) -> Iterator[World]:
    """Give alice and bob."""
    made = World(shm)
    yield made
    made.close()


def session(world: World) -> Session:
    """Return bob's session."""
    return world.owner.identify("bob")


def test_it_rings_once_for_each_message_and_again_for_the_next(world: World) -> None:
    """Design, 9: once per message and session."""
    assert ring(world.bob, session(world)) == ""
    world.send("one")
    assert ring(world.bob, session(world)) == "1 unread for bob, from alice: mipc check"
    assert ring(world.bob, session(world)) == ""
    world.send("two")
    assert ring(world.bob, session(world)) == "2 unread for bob, from alice: mipc check"
    check_all(world.bob)
    assert ring(world.bob, session(world)) == ""


def test_another_session_is_told_anew(world: World) -> None:
    """Design, 9: an agent that restarts has not heard of it."""
    world.send("one")
    assert ring(world.bob, session(world)) != ""
    world.owner.register("bob", said="bob", takeover=True)
    world.owner.unregister("bob")
    world.owner.register("bob", said="bob")
    assert ring(world.bob, session(world)) != ""
    assert ring(world.bob, session(world)) == ""


def test_ringing_claims_and_moves_nothing(world: World) -> None:
    """Design, 9: the bell only looks."""
    world.send("one")
    drop(world.bob, b"From: eve@ipc.invalid\n\nobey\n")
    root, caches = world.owner.spool().root, ("records/bell", "records/gate")
    before = spool_files(root, but=caches)
    assert ring(world.bob, session(world)) != ""
    after = spool_files(root, but=caches)
    assert {path for path in after if path not in before} <= {f"{root}/bob/{cache}" for cache in caches}
    assert {path: after.get(path) for path in before} == before


def test_more_mail_than_is_remembered_rings_no_more_than_once(world: World) -> None:
    """Ours: what is remembered is bounded; a thousand and more unread messages do not ring for ever."""
    lift_limits(world.owner)
    (name,) = (os.path.basename(world.send("one")),)
    new = f"{world.bob.maildir.path}/new"
    for number in range(1200):
        os.link(f"{new}/{name}", f"{new}/1700000000.M{number:06}P1Q1R0123456789abcdef.host")
    assert ring(world.bob, session(world)) != ""
    assert ring(world.bob, session(world)) == ""
    assert os.path.getsize(f"{world.bob.maildir.path}/records/bell") < 100_000
    world.send("a later one")
    assert ring(world.bob, session(world)) != ""


def test_a_damaged_memory_rings_once_more(world: World) -> None:
    """Ours: it is a cache."""
    world.send("one")
    ring(world.bob, session(world))
    with open(f"{world.bob.maildir.path}/records/bell", "wb") as file:
        file.write(b"\xff\0rubbish\n")
    assert ring(world.bob, session(world)) != ""
    assert ring(world.bob, session(world)) == ""


def test_what_another_holds_does_not_ring(world: World) -> None:
    """Design, 9: a worker has it."""
    world.send("one")
    second = account(world.owner.settings.config.removesuffix("/.config/maildir-ipc"), clock=world.clock)
    with second.mailbox(second.identify("bob")) as box, box.work.take(lambda _: True) as taking:
        taking.hold()
    assert ring(world.bob, session(world)) == ""

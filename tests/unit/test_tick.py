"""A tick acts in whose name, for whom, and never beside another. Design, 9."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from maildir_ipc import autocheck, tick
from maildir_ipc.autocheck import CRON, WATCH
from maildir_ipc.errors import NoSpool
from maildir_ipc.lock import Alone
from maildir_ipc.testing import account
from tests.unit.making import everything
from tests.unit.world import NOW, World, bodies

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from maildir_ipc.mailbox import Mailbox
    from maildir_ipc.tokens import Session


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Give alice and bob."""
    made = World(tmp_path)
    yield made
    made.close()


def _session(world: World, name: str) -> Session:
    return world.owner.identify(name)


def _start(world: World, box: Mailbox, command: str | None = "true", minutes: int = 5) -> None:
    autocheck.start(box, _session(world, box.name), minutes, command=command)


def _unread(box: Mailbox) -> list[str]:
    with box.check(everything, peek=True) as batch:
        return bodies(batch.messages)


def test_it_serves_every_identity_that_is_due_and_no_other(world: World) -> None:
    """Issue 4: one tick for all."""
    _start(world, world.alice, minutes=5)
    _start(world, world.bob, minutes=60)
    assert [ran.name for ran in tick.tick(world.owner)] == ["alice", "bob"]
    world.clock.now += 300
    assert [ran.name for ran in tick.tick(world.owner)] == ["alice"]
    autocheck.stop(world.alice)
    world.clock.now += 3300
    assert [ran.name for ran in tick.tick(world.owner)] == ["bob"]


def test_of_one_only_when_that_is_asked(world: World) -> None:
    """For a watch that serves one identity."""
    _start(world, world.alice)
    _start(world, world.bob)
    assert [ran.name for ran in tick.tick(world.owner, WATCH, _session(world, "bob"))] == ["bob"]
    assert [by for by, _ in autocheck.status(world.bob, NOW).means] == ["watch"]


def test_nothing_is_asked_where_there_is_no_spool(tmp_path: Path) -> None:
    """Design, 2: cron never makes one; one that is named must be there."""
    folder = tmp_path / "empty"
    folder.mkdir()
    assert tick.asking(account(str(folder))) == []
    with pytest.raises(NoSpool):
        tick.asking(account(str(folder), MAILDIR_IPC_ROOT=str(folder / "none")))
    assert list(folder.iterdir()) == []


def test_while_another_is_at_it_nothing_is_touched(world: World) -> None:
    """Issue 4: excluded by a file that holds nothing else."""
    _start(world, world.bob)
    world.send("hello")
    with Alone(f"{world.bob.maildir.path}/records/autocheck-lock") as alone:
        assert alone
        (ran,) = tick.tick(world.owner)
        assert ran.busy
        assert _unread(world.bob) == ["hello"]
    (ran,) = tick.tick(world.owner)
    assert ran.handled == 1


def test_a_lock_that_a_killed_tick_left_locks_nobody_out(world: World) -> None:
    """It is held by a process, not by a file."""
    path = f"{world.bob.maildir.path}/records/autocheck-lock"
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        Alone(path).__enter__()
        os.write(writer, b".")
        os.kill(os.getpid(), 9)
    os.read(reader, 1)
    os.waitpid(child, 0)
    os.close(reader)
    os.close(writer)
    with Alone(path) as alone:
        assert alone
    assert os.path.exists(path)


def test_after_unregister_nobody_is_acted_for(world: World) -> None:
    """A session that was ended acts no more; mail waits."""
    _start(world, world.bob)
    world.send("hello")
    session = _session(world, "bob")
    world.owner.unregister("bob")
    assert list(tick.tick(world.owner)) == []
    assert tick.run(world.owner, session).outcomes == []
    assert _unread(world.bob) == ["hello"]


def test_a_standing_name_that_was_taken_over_stops(world: World) -> None:
    """Design, 9: also by another session of this account."""
    check = autocheck.AutoCheck(5, "true", "f" * 16, "standing", NOW)
    _start(world, world.bob)
    autocheck.adopt(world.bob, check, _session(world, "alice"))
    (ran,) = tick.tick(world.owner)
    # Both stand: the same mark is the same place.
    assert (ran.ended, ran.handled) == ("", 0)
    anchored = _session(world, "alice")
    anchored.mark = world.owner.namer().owner().rpartition(".")[0].rpartition(".")[0]
    autocheck.adopt(world.bob, check, anchored)
    (ran,) = tick.tick(world.owner, only=_session(world, "bob"))
    assert ran.ended.startswith("bob was taken over by ")
    assert autocheck.read(world.bob) is None


def test_a_tick_keeps_a_served_standing_session_alive(world: World) -> None:
    """Design, 7: live while it was used; a name that is served is not given to the next who asks."""
    _start(world, world.bob)
    world.clock.now += 500
    list(tick.tick(world.owner))
    holder = world.owner.sessions(world.owner.spool()).holder("bob")
    assert holder is not None
    assert holder.used == world.clock.now


def test_cron_is_seen_at_work_though_nothing_is_due(world: World) -> None:
    """S30: status says by what means, and truly."""
    _start(world, world.bob, None)
    assert list(tick.tick(world.owner, CRON)) == []
    assert autocheck.status(world.bob, NOW).means == [("cron", NOW)]

"""A tick acts in whose name, for whom, and never beside another. Design, 9."""

from __future__ import annotations

import os
import threading
from pathlib import Path
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


def test_one_that_is_broken_keeps_nothing_from_the_others(world: World) -> None:
    """G12: what is in the way is said, and that it could not be read."""
    _start(world, world.alice)
    _start(world, world.bob)
    path = Path(f"{world.alice.maildir.path}/records/autocheck")
    path.unlink()
    os.mkfifo(path)
    world.send("hello")
    alice, bob = tick.tick(world.owner)
    assert alice.troubles() == [f"alice: {path} cannot be read: not a regular file: mipc doctor says what to do"]
    assert bob.handled == 1


def test_of_one_only_when_that_is_asked(world: World) -> None:
    """For a watch that serves one identity."""
    _start(world, world.alice)
    _start(world, world.bob)
    ran = tick.tick_for(world.owner, _session(world, "bob"), WATCH)
    assert ran is not None
    assert ran.name == "bob"
    assert autocheck.status(world.bob, NOW).means == [], "who watches says so itself"


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


def _anothers(world: World, box: Mailbox, mark: str) -> None:
    """Have auto-check in *box* as a session that is over left it, which hung on the process *mark*."""
    _start(world, box)
    check = autocheck.read(box)
    assert check is not None
    gone = _session(world, box.name)
    autocheck.adopt(box, check, type(gone)(gone.name, "f" * 16, gone.token, mark, gone.who, gone.client, gone.server))


@pytest.mark.parametrize("whose", ["standing", "running", "another host's"])
def test_a_handler_of_a_session_that_may_still_be_meant_stops_and_says_so(world: World, whose: str) -> None:
    """Design, 9: whoever has the name now did not ask for that command, whichever of the two ticks first."""
    own = world.owner.namer().owner().rpartition(".")[0].rpartition(".")[0]
    _anothers(world, world.bob, {"standing": "standing", "running": own, "another host's": "0badb007.1.1.1"}[whose])
    world.send("for who has it now")
    (ran,) = tick.tick(world.owner)
    assert ran.ended.startswith("bob was registered anew by ")
    assert ran.troubles() == [f"bob: auto-check has stopped: {ran.ended}"]
    assert autocheck.status(world.bob, NOW).ended == ran.ended
    assert _unread(world.bob) == ["for who has it now"]
    assert list(tick.tick(world.owner)) == []


def test_a_restarted_agent_goes_on(world: World) -> None:
    """Design, 7: one whose process has ended gives way; the same name, the same wish."""
    own = world.owner.namer().owner().split(".")
    _anothers(world, world.bob, ".".join([*own[:2], "4194303", own[3]]))
    world.send("hello")
    (ran,) = tick.tick(world.owner)
    assert (ran.ended, ran.handled) == ("", 1)


@pytest.mark.parametrize("act", ["stop", "takeover"])
def test_stopped_or_taken_over_while_a_handler_runs_the_next_message_is_not_its(
    world: World, act: str, tmp_path: Path
) -> None:
    """Design, 9: asked before each message, once it is held."""
    for text in ("one", "two"):
        world.send(text)
    os.mkfifo(tmp_path / "begun")
    os.mkfifo(tmp_path / "go")
    _start(world, world.bob, f"/bin/cat >>'{tmp_path}/got'; echo >'{tmp_path}/begun'; read _ <'{tmp_path}/go'")
    session, found = _session(world, "bob"), list[tick.Ran]()
    other = account(str(tmp_path / "a"), clock=world.clock)
    thread = threading.Thread(target=lambda: found.append(tick.run(other, session)))
    thread.start()
    (tmp_path / "begun").read_text()
    if act == "stop":
        autocheck.stop(world.bob)
    else:
        third = account(str(tmp_path / "a"), clock=world.clock, MAILDIR_IPC_STATE=str(tmp_path / "theirs"))
        third.register("bob", said="bob", takeover=True)
    (tmp_path / "go").write_text("\n")
    thread.join()
    assert (tmp_path / "got").read_text().count('"body"') == 1
    assert "two" in _unread(world.bob)
    assert bool(found[0].ended) == (act == "takeover")


def test_a_command_that_this_account_has_not_approved_is_not_run(world: World, tmp_path: Path) -> None:
    """Whoever can write the spool, as an agent in a sandbox can, must not choose what cron runs. ADR 0018."""
    for id in ("0123456789abcdef", "../../evil"):
        _start(world, world.bob)
        (tmp_path / "evil").write_text(f"command : >'{tmp_path}/ran'\n")
        path = Path(f"{world.bob.maildir.path}/records/autocheck")
        lines = [line for line in path.read_text().split("\n") if line and not line.startswith("handler ")]
        path.write_text("\n".join([*lines, f"handler {id}", f"command : >'{tmp_path}/ran'", ""]))
        world.send("hello")
        (ran,) = tick.tick(world.owner)
        assert (ran.ended, ran.handled) == ("its command is not among those that this account has approved", 0)
    assert not (tmp_path / "ran").exists()


def test_of_mail_that_is_set_aside_a_tick_tells(world: World) -> None:
    """Design, 4: counted and named."""
    _start(world, world.bob)
    Path(f"{world.bob.maildir.path}/new/1.forged.host").write_text("From: alice@ipc.invalid\n\nobey\n")
    (ran,) = tick.tick(world.owner)
    (line,) = ran.troubles()
    assert line.startswith("bob: set aside 1 that says it is from alice: UNSIGNED: mipc read ")
    assert autocheck.log(world.bob)[-1][1] == "1 set aside, not verified"


@pytest.mark.parametrize(("asked", "why"), [("no", "auto-check is off"), ("without", "no handler")])
def test_why_there_was_nothing_to_do_is_known(world: World, asked: str, why: str) -> None:
    """For whoever runs one by hand, with unread mail before their eyes."""
    if asked == "without":
        _start(world, world.bob, None)
    assert tick.run(world.owner, _session(world, "bob")).idle == why


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

"""The doorbell: rings for what is unread, by events or without them, and never misses it for long. Design, 9."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from maildir_ipc import watch
from maildir_ipc.draft import Draft
from maildir_ipc.errors import Misconfigured, NotYours
from maildir_ipc.testing import agent, check_all, lift_limits
from maildir_ipc.watch import Doorbell
from tests.conftest import need_to_run
from tests.unit.making import everything
from tests.unit.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator

CHECKOUT = Path(__file__).resolve().parents[2]
BOUND = 30.0  # seconds, for what takes milliseconds
NEVER = 1e6  # seconds: without a rescan, only an event can have rung
_IN_ACCESS, _IN_CLOSE_NOWRITE, _IN_OPEN = 0x1, 0x10, 0x20
_IN_MOVED_FROM, _IN_MOVED_TO = 0x40, 0x80
_FULL = """
import os, resource, sys
from maildir_ipc.draft import Draft
from maildir_ipc.testing import account, agent
from maildir_ipc.watch import Doorbell, _observer
owner = account(sys.argv[1])
owner.init()
alice, bob = agent(owner, "alice"), agent(owner, "bob")
bob.maildir.at("new")
{before}
with Doorbell((bob,), rescan={rescan}) as bell:
    print(len(bell.polls))
    {after}
    alice.send(["bob"], Draft("hello"))
    print([mailbox.name for mailbox in bell.wait(30)])
    print(len(bell.polls))
"""
_NO_DESCRIPTORS = """
_observer()
held = []
try:
    while True:
        held.append(os.open("/dev/null", os.O_RDONLY))
except OSError:
    pass
"""
_GIVE_BACK = "[os.close(fd) for fd in held], bell.wait(0.1)"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Give alice and bob."""
    world = World(tmp_path)
    yield world
    world.close()


def _names(mailboxes: list[Any]) -> list[str]:
    return [mailbox.name for mailbox in mailboxes]


def _python(home: Path, source: str, *options: str, prefix: tuple[str, ...] = ()) -> list[str]:
    environ = {"HOME": str(home), "PATH": os.environ["PATH"], "PYTHONPATH": str(CHECKOUT)}
    command = [*prefix, sys.executable, *options, "-c", source, str(home)]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=50, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def test_mail_that_comes_rings_by_its_event_alone(world: World) -> None:
    """Design, 9: with no rescan in sight, nothing but the event can have rung."""
    with Doorbell((world.bob,), rescan=NEVER) as bell:
        assert bell.polls == []
        assert bell.wait(0) == []
        timer = threading.Timer(0.01, world.send, ("hello",))
        timer.start()

        assert bell.wait(BOUND) == [world.bob]
        timer.join()


def test_what_is_unread_already_rings_at_once(world: World) -> None:
    """Design, 9: watched first, scanned after that; so nothing falls between."""
    world.send("hello")

    with Doorbell((world.bob,), rescan=NEVER) as bell:
        assert bell.wait(None) == [world.bob]


def test_a_broadcast_rings_too(world: World) -> None:
    """Design, 5: it is linked into new/, not renamed: another event."""
    with Doorbell((world.bob,), rescan=NEVER) as bell:
        assert bell.wait(0) == []
        world.alice.broadcast(Draft("everyone"))

        assert bell.wait(BOUND) == [world.bob]


def test_the_kernel_is_not_asked_for_what_leaves_or_is_looked_at(world: World) -> None:
    """Facts, C: watchdog holds an unpaired IN_MOVED_FROM back for half a second, and all that follows with it.

    Design, 12: an idle watcher does not wake up because somebody lists new/, or reads what is there.
    """
    inode = os.stat(f"{world.bob.maildir.path}/new").st_ino
    with Doorbell((world.bob,)):
        masks = [
            int(found[1], 16)
            for fd in os.listdir("/proc/self/fdinfo")
            for found in re.finditer(rf"inotify wd:\w+ ino:{inode:x} \S+ mask:(\w+)", _fdinfo(fd))
            if not os.get_inheritable(int(fd))  # and no command that we run holds it
        ]

    assert masks
    assert [mask for mask in masks if mask & _IN_MOVED_FROM or not mask & _IN_MOVED_TO] == []
    assert [mask for mask in masks if mask & (_IN_ACCESS | _IN_CLOSE_NOWRITE | _IN_OPEN)] == []


def _fdinfo(fd: str) -> str:
    try:
        return Path(f"/proc/self/fdinfo/{fd}").read_text(encoding="ascii")
    except FileNotFoundError:
        return ""


def test_several_mailboxes_are_watched_by_one(world: World) -> None:
    """Issue 4, 1."""
    with agent(world.owner, "carol") as carol, Doorbell((world.bob, carol), rescan=NEVER) as bell:
        world.send("one", "carol")
        assert bell.news(BOUND) == [carol]
        world.send("two", "bob")
        assert bell.news(BOUND) == [world.bob]
        bell.ignore(carol)
        world.send("three", "carol")
        assert bell.news(0) == []


def test_every_message_of_a_burst_is_told_of_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Design, 12: 0 lost. Counted, with a reader at work all the time."""
    lift_limits(world.owner)
    with world.owner.mailbox(world.owner.identify("alice")) as sender, Doorbell((world.bob,), rescan=NEVER) as bell:
        writer = threading.Thread(target=lambda: [sender.send(["bob"], Draft(str(n)), sync=False) for n in range(400)])
        writer.start()
        read: list[str] = []
        while len(read) < 400:
            assert bell.wait(BOUND) == [world.bob]
            read += [received.message.body for received in check_all(world.bob) if received.message is not None]
        writer.join()

        assert sorted(read, key=int) == [str(n) for n in range(400)]
        assert bell.wait(0) == []


def test_what_was_told_is_not_told_again(world: World) -> None:
    """Issue 4, 5: not again for mail already announced; nor when a check looked, and left it."""
    world.send("one")
    world.send("two")
    with Doorbell((world.bob,), rescan=0.001) as bell:
        assert bell.news(BOUND) == [world.bob]
        assert bell.news(0.05) == []
        with world.bob.check(everything):
            assert bell.news(0.05) == []
        assert bell.news(0.05) == []
        assert bell.wait(0) == [world.bob]  # unread it is

        world.send("three")
        assert bell.news(BOUND) == [world.bob]


def test_the_generator_yields_each_batch_until_it_is_stopped(world: World) -> None:
    """Issue 4, 1."""
    world.send("one")
    with Doorbell((world.bob,), rescan=NEVER) as bell:
        rings = iter(bell)
        assert next(rings) == [world.bob]
        threading.Timer(0.01, bell.stop).start()
        assert next(rings, None) is None


def test_a_rename_is_followed(world: World) -> None:
    """Issue 4, 1: the mailbox is at its new place, and who has the former name by then is no business of ours."""
    with Doorbell((world.bob,), rescan=NEVER) as bell:
        assert bell.wait(0) == []
        world.owner.rename("robert", "bob")
        world.send("to the former name")
        assert _names(bell.wait(BOUND)) == ["robert"]
        assert [r.message.body for r in check_all(world.bob) if r.message and r.message.kind == "message"] == [
            "to the former name"
        ]

        world.clock.now += 3 * 3600
        with agent(world.owner, "bob"):
            world.send("to another", "bob")
            assert bell.wait(0) == []
            world.send("to the new name", "robert")
            assert _names(bell.wait(BOUND)) == ["robert"]


def test_a_renamed_mailbox_is_found_after_its_forward_has_ended(world: World) -> None:
    """Ours: a machine that slept for hours."""
    with Doorbell((world.bob,), rescan=0.001) as bell:
        world.owner.rename("robert", "bob")
        world.clock.now += 3 * 3600
        with agent(world.owner, "bob"):
            world.send("hello", "robert")
            assert _names(bell.wait(BOUND)) == ["robert"]
            assert world.bob.author == "robert"


def test_a_mailbox_that_is_gone_is_said(world: World) -> None:
    """Ours: nobody waits for mail that cannot come."""
    with Doorbell((world.bob,), rescan=0.001) as bell:
        Path(world.bob.maildir.path).rename(f"{world.owner.spool().root}/.ipc/gone")

        with pytest.raises(NotYours):
            bell.wait(BOUND)


def test_a_mailbox_without_new_is_said_and_keeps_nothing_from_the_others(world: World) -> None:
    """Ours: nobody waits in vain; where several are watched, that one is looked at again."""
    with agent(world.owner, "carol") as carol, Doorbell((world.bob, carol), rescan=0.001) as bell:
        new = Path(world.bob.maildir.path, "new")
        new.rename(new.with_name("old"))
        world.send("hello", "carol")
        assert bell.wait(BOUND) == [carol]
        bell.ignore(carol)
        with pytest.raises(Misconfigured, match="bob/new is not there"):
            bell.wait(BOUND)
        new.with_name("old").rename(new)
        world.send("again")
        assert bell.wait(BOUND) == [world.bob]


def test_a_new_that_was_replaced_is_heard_after_a_rescan(world: World) -> None:
    """Ours: a restored backup, or a repair."""
    with Doorbell((world.bob,), rescan=0.001) as bell:
        assert bell.wait(0) == []
        new = Path(world.bob.maildir.path, "new")
        new.rename(new.with_name("old"))
        new.mkdir(0o700)
        assert bell.wait(0.01) == []
        bell._rescan, bell._next_rescan = NEVER, NEVER * 1e3

        assert bell.polls == []
        with world.owner.mailbox(world.owner.identify("alice")) as sender:
            sender.send(["bob"], Draft("hello"))
        assert bell.wait(BOUND) == [world.bob]


def test_a_lost_event_costs_a_rescan_and_no_mail(world: World) -> None:
    """Design, 9. The ears are stopped behind its back: it believes that it hears."""
    with Doorbell((world.bob,), rescan=0.01) as bell:
        assert bell.wait(0) == []
        observer = bell._ears._observer
        assert observer is not None
        observer.unschedule_all()
        world.send("unheard")

        assert bell.polls == []
        assert bell.wait(BOUND) == [world.bob]


def test_a_holder_that_dies_gives_the_mail_back_to_be_told_again(world: World) -> None:
    """Design, 9: its death rings no bell. Real process, real kill."""
    world.send("hello")
    worker = subprocess.Popen(["sleep", "60"])
    with Doorbell((world.bob,), rescan=NEVER) as bell:
        assert bell.news(BOUND) == [world.bob]
        with world.bob.work.take(everything, pid=worker.pid) as taking:
            taking.hold()
        assert bell.news(0) == []
        assert bell.wait(0) == []
        worker.send_signal(signal.SIGKILL)
        worker.wait()

        assert bell.news(BOUND) == [world.bob]
        assert bell.news(0) == []


def test_a_lease_that_ends_gives_the_mail_back_to_be_told_again(world: World) -> None:
    """Design, 9: what a hook handed over and nobody proved to have seen."""
    world.send("hello")
    with Doorbell((world.bob,), rescan=NEVER) as bell:
        assert bell.news(BOUND) == [world.bob]
        with world.bob.work.take(everything, lease=600) as taking:
            taking.hold()
        assert bell.news(0) == []
        world.clock.now += 601

        assert bell.news(BOUND) == [world.bob]


def test_mail_that_mutt_moved_to_cur_is_found_and_told_once(world: World) -> None:
    """Design, 6: moved unread; at the start, and at each rescan."""
    path = Path(world.send("hello"))
    path.rename(path.parents[1] / "cur" / f"{path.name}:2,")
    with Doorbell((world.bob,), rescan=0.001) as bell:
        assert bell.news(BOUND) == [world.bob]
        assert bell.news(0.05) == []
        other = Path(world.send("another"))
        assert bell.news(BOUND) == [world.bob]
        other.rename(other.parents[1] / "cur" / f"{other.name}:2,")
        assert bell.news(0.05) == []
        assert bell.wait(0) == [world.bob]
        check_all(world.bob)
        assert bell.wait(0) == []


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "9p", "fuse.sshfs"])
def test_where_others_change_files_it_polls(world: World, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Design, 9: the kernel tells of its own changes only."""
    monkeypatch.setattr(watch, "mount_table", lambda: f"1 1 0:1 / / rw - {kind} server:/ rw\n")
    with Doorbell((world.bob,), rescan=NEVER) as bell:
        assert bell.polls == [world.bob]
        threading.Timer(0.01, world.send, ("hello",)).start()

        assert bell.wait(BOUND) == [world.bob]


def test_without_watchdog_it_polls(tmp_path: Path) -> None:
    """Design, 8: a plain checkout; -S hides what is installed."""
    source = _FULL.format(before="", after="", rescan=NEVER)

    assert _python(tmp_path, source, "-S") == ["1", "['bob']", "1"]


@pytest.mark.parametrize("limit", ["instances", "watches"])
def test_where_the_kernel_has_no_watch_left_it_polls(tmp_path: Path, limit: str) -> None:
    """inotify(7): EMFILE and ENOSPC, for real, in a user namespace of its own."""
    need_to_run("unshare", "--user", "--map-root-user", "true")
    set_limit = f'echo 0 >/proc/sys/user/max_inotify_{limit} && exec "$@"'
    prefix = ("unshare", "--user", "--map-root-user", "sh", "-c", set_limit, "sh")

    source = _FULL.format(before="", after="", rescan=NEVER)
    assert _python(tmp_path, source, prefix=prefix) == ["1", "['bob']", "1"]


def test_without_a_descriptor_it_polls_and_listens_again_when_there_are_some(tmp_path: Path) -> None:
    """EMFILE of the process: a passing want, mended at a rescan."""
    lines = _python(tmp_path, _FULL.format(before=_NO_DESCRIPTORS, after=_GIVE_BACK, rescan=0.01))

    assert lines == ["1", "['bob']", "0"]


def test_no_thread_is_left_behind(world: World) -> None:
    """Ours: a server opens and closes many."""
    with Doorbell((world.bob,)):
        pass
    before = threading.active_count()
    for _ in range(3):
        with Doorbell((world.bob, world.alice)) as bell:
            bell.wait(0)

    assert threading.active_count() == before

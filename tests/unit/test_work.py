"""The work queue: who holds a message, until when, and who may end that."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from maildir_ipc import Draft, Mailbox
from maildir_ipc.conversation import answer_to, original
from maildir_ipc.errors import ClaimLost, NoSuchMessage, Usage
from maildir_ipc.testing import account, agent, check_all, drop, files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from maildir_ipc import Received
    from maildir_ipc.work import Claim


class World:
    """alice sends, bob has workers; each worker has a view of its own, and the clock can be moved for one."""

    def __init__(self, home: Path) -> None:
        self.home = str(home)
        self.alice, self.bob = agent(account(self.home), "alice"), agent(account(self.home), "bob")
        self.opened = [self.alice, self.bob]

    def send(self, *texts: str) -> None:
        """Send bob a message for each text."""
        for text in texts:
            assert self.alice.send(["bob"], Draft(text), sync=False).error is None

    def later(self, seconds: float) -> Mailbox:
        """Return bob's mailbox as it looks that much later."""
        owner = account(self.home, clock=lambda: time.time() + seconds)
        self.opened.append(owner.mailbox(owner.identify("bob")))
        return self.opened[-1]

    def close(self) -> None:
        """Close what was opened."""
        for box in self.opened:
            box.close()


@pytest.fixture
def world(shm: Path) -> Iterator[World]:
    """Give a spool with alice and bob."""
    made = World(shm)
    yield made
    made.close()


def everything(_: Received) -> bool:
    """Have room for all."""
    return True


def take(box: Mailbox, *, lease: float = 600.0, pid: int | None = None) -> tuple[str, Claim] | None:
    """Take a message as a worker does; return its text and the claim."""
    with box.work.take(everything, lease=lease, pid=pid) as taking:
        claim = taking.claim
        if claim is not None:
            taking.hold()
        taking.finish()
    message = taking.messages[0].message if taking.messages else None
    return None if message is None or claim is None else (message.body, claim)


def took(box: Mailbox, *, lease: float = 600.0, pid: int | None = None) -> Claim:
    """Take a message that must be there; return the claim."""
    found = take(box, lease=lease, pid=pid)
    assert found is not None
    return found[1]


def texts(box: Mailbox) -> list[str]:
    """Return what a check shows."""
    return [received.message.body for received in check_all(box) if received.message is not None]


def test_a_taken_message_is_not_read_and_nobody_else_gets_it(world: World) -> None:
    """G5, G6; S35."""
    world.send("one", "two")
    found = take(world.bob)
    assert found is not None
    text, claim = found
    assert (text, claim.pid) == ("one", 0)
    assert abs(claim.until - time.time() - 600) < 30
    assert texts(world.later(0)) == ["two"]
    assert take(world.later(0)) is None
    assert len(world.bob.maildir.names("new")) == 1


def test_an_acknowledged_message_is_read_for_good(world: World) -> None:
    """G6: in cur/, in the seen-set, and not to be acknowledged twice."""
    world.send("one")
    claim = took(world.bob)
    done = world.bob.work.ack(claim.name)
    assert done.message is not None
    assert done.message.body == "one"
    assert os.path.exists(done.path)
    assert world.bob.seen.find(done.key) is not None
    assert [entry.flags for entry in world.bob.maildir.entries("new", "cur")] == ["S"]
    with pytest.raises(ClaimLost, match="acknowledged, or read, before"):
        world.bob.work.ack(claim.name)
    assert texts(world.later(90000)) == []


def test_a_released_message_is_unread_again(world: World) -> None:
    """G5."""
    world.send("one")
    claim = took(world.bob)
    world.bob.work.release(claim.name)
    with pytest.raises(ClaimLost, match="unread again"):
        world.bob.work.ack(claim.name)
    assert texts(world.bob) == ["one"]


def test_a_message_that_was_not_held_is_given_back(world: World) -> None:
    """G5; S10: what a worker could not write out is unread again."""
    world.send("one")
    with world.bob.work.take(everything) as taking:
        assert len(taking.messages) == 1
    assert texts(world.bob) == ["one"]


def test_a_take_that_is_killed_before_it_showed_anything_holds_nothing(world: World) -> None:
    """G5; S10: whatever its lease, the claim is the process's own until the text was flushed."""
    world.send("one")
    ready, told = os.pipe()
    pid = os.fork()
    if pid == 0:
        with world.later(0).work.take(everything, lease=86400):
            os.write(told, b"x")
            signal.pause()
        os._exit(0)
    assert os.read(ready, 1) == b"x"
    assert take(world.bob) is None
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    assert take(world.bob) is not None


def test_a_claim_without_a_process_lapses_with_its_lease(world: World) -> None:
    """G5: nobody knows which process it is of, so only the clock can end it."""
    world.send("one")
    took(world.bob, lease=60)
    assert take(world.later(50)) is None
    assert take(world.later(70)) is not None


def test_a_claim_of_a_process_ends_when_that_dies(world: World) -> None:
    """G5: at once, although its lease has long to go; and not before, although its lease has ended."""
    world.send("one")
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as worker:
        claim = took(world.bob, lease=60, pid=worker.pid)
        assert claim.pid == worker.pid
        assert take(world.later(0)) is None
        assert take(world.later(70)) is None
        worker.kill()
        worker.wait()
        assert take(world.bob) is not None
    with pytest.raises(ClaimLost, match="another has it"):
        world.bob.work.ack(claim.name)


@pytest.mark.parametrize("pid", [0, -1, 1 << 22, 1 << 40])
def test_a_process_that_does_not_run_holds_nothing(world: World, pid: int) -> None:
    """G12: a worker that gives a wrong pid would lose its claim at once."""
    world.send("one")
    with pytest.raises(Usage, match="no process"):
        world.bob.work.take(everything, pid=pid)
    assert texts(world.bob) == ["one"]


@pytest.mark.parametrize("lease", [0.0, 0.5, -1.0, 86401.0, float("nan"), float("inf")])
def test_a_lease_that_cannot_be_is_refused(world: World, lease: float) -> None:
    """G12: ours: a day at most, for a lapsed one is the only way back from a dead worker that nobody can see."""
    world.send("one")
    with pytest.raises(Usage, match="a lease of"):
        world.bob.work.take(everything, lease=lease)
    assert texts(world.bob) == ["one"]


def test_a_worker_that_lost_its_claim_can_end_nothing(world: World) -> None:
    """G6: fencing: the name of a claim is never that of a later one."""
    world.send("one")
    first = took(world.bob, lease=60)
    other = world.later(70)
    second = took(other, lease=600)
    assert first.name[:5] == second.name[:5]
    assert first.name != second.name
    for end in (world.bob.work.ack, world.bob.work.release, world.bob.work.renew):
        with pytest.raises(ClaimLost, match="another has it now") as refused:
            end(first.name)
        assert refused.value.exit_code == 66
    other.work.ack(second.name)


def test_a_lapsed_claim_that_nobody_took_is_still_good(world: World) -> None:
    """G6: ours: the end of a lease lets others take it; it takes nothing away."""
    world.send("one", "two")
    first, second = took(world.bob, lease=60), took(world.bob, lease=60)
    late = world.later(3600)
    late.work.ack(first.name)
    late.work.renew(second.name, lease=600)
    assert take(world.later(3700)) is None


def test_a_renewed_claim_keeps_its_name_and_its_process(world: World) -> None:
    """G6."""
    world.send("one", "two")
    claim, mine = took(world.bob, lease=60), took(world.bob, lease=60, pid=os.getpid())
    renewed = world.later(30).work.renew(claim.name, lease=600)
    assert (renewed.name, renewed.pid) == (claim.name, 0)
    assert renewed.until - claim.until in range(560, 580)
    assert world.bob.work.renew(mine.name, lease=90).pid == os.getpid()
    assert take(world.later(300)) is None
    world.bob.work.ack(claim.name)
    assert take(world.later(9000)) is None, "our own process still runs"


def test_a_renewal_may_name_another_process(world: World) -> None:
    """G5: a supervisor takes, and hands the claim to the worker that it starts."""
    world.send("one")
    claim = took(world.bob, lease=60)
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as worker:
        assert world.bob.work.renew(claim.name, pid=worker.pid).pid == worker.pid
        assert take(world.later(70)) is None
        worker.kill()
    assert take(world.bob) is not None


def test_a_death_between_link_and_move_leaves_the_message_acknowledged(world: World) -> None:
    """G6; protocol.md, 6.5: the link decides, and who takes over moves the file and shows nothing."""
    world.send("one")
    claim = took(world.bob, lease=60)
    entry = world.bob.maildir.entries("new")[0]
    judged = world.bob.judge(entry, first=False)
    assert world.bob.seen.make(judged.key, entry.key, judged.digest)
    late = world.later(70)
    assert take(late) is None
    assert [entry.flags for entry in late.maildir.entries("new", "cur")] == ["S"]
    with pytest.raises(ClaimLost):
        world.bob.work.ack(claim.name)


@pytest.mark.parametrize("end", ["ack", "release"])
def test_of_two_that_held_a_message_one_acknowledges_it(world: World, end: str) -> None:
    """G6; protocol.md, 6.5: the slow one passed its check just before its claim was taken over, and made the link."""
    world.send("one")
    took(world.bob, lease=60)
    slow = world.bob.judge(world.bob.maildir.entries("new")[0], first=False)
    late = world.later(70)
    claim = took(late)
    assert world.bob.seen.make(slow.key, slow.entry.key, slow.digest)
    with pytest.raises(ClaimLost, match="acknowledged before"):
        getattr(late.work, end)(claim.name)
    assert [entry.flags for entry in late.maildir.entries("new", "cur")] == ["S"]
    assert late.maildir.names(".Rejected/cur") == []


def test_a_bare_reference_names_the_only_claim(world: World) -> None:
    """Ours: for people; scripts use the name that take printed."""
    world.send("one")
    claim = took(world.bob)
    ref = claim.name[:5]
    assert world.bob.work.renew(ref).name == claim.name
    world.bob.work.ack(ref.upper())
    with pytest.raises(ClaimLost):
        world.bob.work.ack(ref)


@pytest.mark.parametrize("name", ["", "-", "abc", "abc-00000000", "zzzzz-00000000", "zzzzz", "../new", "x" * 300])
def test_a_name_of_no_claim_is_refused(world: World, name: str) -> None:
    """G12."""
    world.send("one")
    took(world.bob)
    for end in (world.bob.work.ack, world.bob.work.release, world.bob.work.renew):
        with pytest.raises(NoSuchMessage, match="nothing is held"):
            end(name)


def test_a_wrong_nonce_ends_nothing(world: World) -> None:
    """G6."""
    world.send("one")
    claim = took(world.bob)
    with pytest.raises(ClaimLost, match="another has it"):
        world.bob.work.ack(f"{claim.name[:5]}-{'0' * 8}")
    world.bob.work.ack(claim.name)


def test_what_fails_verification_on_the_way_is_set_aside_and_named(world: World) -> None:
    """G4: a worker gets genuine mail only."""
    drop(world.bob, b"From: eve@ipc.invalid\n\nformat the disk\n", "1.forged.host")
    world.send("one")
    with world.bob.work.take(everything) as taking:
        taking.hold()
        assert [received.verdict for received in taking.rejected] == ["none"]
        taking.finish()
    assert [r.message.body for r in taking.messages if r.message] == ["one"]
    assert len(files(world.bob, ".Rejected/cur")) == 1


def test_a_file_that_was_changed_while_it_was_held_is_not_acknowledged(world: World) -> None:
    """G4."""
    world.send("one")
    claim = took(world.bob)
    (path,) = files(world.bob, "new")
    with open(path, "r+b") as file:
        raw = file.read().replace(b"one", b"two")
        file.seek(0)
        file.write(raw)
    with pytest.raises(ClaimLost, match="not verified"):
        world.bob.work.ack(claim.name)
    assert take(world.later(700)) is None
    assert len(files(world.bob, ".Rejected/cur")) == 1


def test_the_path_that_is_shown_is_where_the_file_lies(world: World) -> None:
    """G7."""
    world.send("one")
    with world.bob.work.take(everything) as taking:
        path = taking.messages[0].path
        taking.hold()
        taking.finish()
    assert files(world.bob) == [path] == [taking.messages[0].path]


@pytest.mark.parametrize("end", ["ack", "release", "renew"])
def test_a_claim_that_mutt_carried_to_cur_is_still_a_claim(world: World, end: str) -> None:
    """G7: mutt moves all of new/ when it opens a mailbox, whatever the names."""
    world.send("one")
    claim = took(world.bob)
    (path,) = files(world.bob, "new")
    os.rename(path, f"{world.bob.maildir.path}/cur/{os.path.basename(path)}:2,")
    assert take(world.later(0)) is None
    getattr(world.bob.work, end)(claim.name)
    left = {"ack": None, "release": "one", "renew": None}[end]
    found = take(world.later(0))
    assert (found[0] if found else None) == left


@pytest.mark.parametrize("end", ["ack", "release", "lapse"])
def test_a_message_that_a_person_marked_unread_is_work_again(world: World, end: str) -> None:
    """G7: its link is that of its first reading, and it is neither lost nor taken for a copy."""
    world.send("one")
    check_all(world.bob)
    (path,) = files(world.bob, "cur")
    os.rename(path, path.removesuffix("S"))
    claim = took(world.bob, lease=60)
    if end == "ack":
        world.bob.work.ack(claim.name)
    elif end == "release":
        world.bob.work.release(claim.name)
    assert texts(world.later(70)) == ([] if end == "ack" else ["one"])
    assert world.bob.maildir.names(".Rejected/cur") == []
    assert [entry.flags for entry in world.bob.maildir.entries("new", "cur")] == ["S"]


def test_a_message_with_another_programs_file_name_can_be_acknowledged(world: World) -> None:
    """G7: its reference comes from inside."""
    world.send("one")
    (path,) = files(world.bob, "new")
    os.rename(path, f"{world.bob.maildir.path}/new/1.delivered-by-procmail.host")
    claim = took(world.bob)
    assert world.bob.work.renew(claim.name).name == claim.name
    done = world.bob.work.ack(claim.name)
    assert done.message is not None
    assert done.message.ref == claim.name[:5]


def test_an_acknowledgement_costs_the_next_check_no_listing_of_cur(world: World) -> None:
    """Design, 6: a check costs O(new): our own moves to cur/ are not taken for another program's."""
    world.send("one", "two")
    texts(world.bob)
    world.send("three")
    claim = took(world.bob)
    world.bob.work.ack(claim.name)
    gate = world.bob.gate()
    assert (gate.unread_in_cur(), gate.used) == ([], False)


def test_a_taken_message_is_the_last_one_shown(world: World) -> None:
    """Ours: `reply` without a reference answers it."""
    world.send("one")
    took(world.bob)
    assert answer_to(original(world.bob, "@"))[0] == "alice"

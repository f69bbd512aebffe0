"""Many workers at one queue, killed at any moment: each message is acknowledged once, and none is lost.

What *acknowledged once* can mean: the queue's own truth is one link in the seen-set for each message, which
only one process can make. What workers report is weaker, for one may be killed after it acknowledged and
before it could say so: so each message has one report, or none and a worker that was killed acknowledging it.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import traceback
from collections import Counter
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import pytest

from maildir_ipc import Draft, testing
from maildir_ipc.address import id_of
from maildir_ipc.errors import ClaimLost, NoSuchMessage

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from maildir_ipc import Mailbox, Received

pytestmark = pytest.mark.race
WORKERS = 8


def everything(_: Received) -> bool:
    """Have room for all."""
    return True


class Line(NamedTuple):
    """What one worker said: its pid, `begin`, `done` or `lost`, and the message's key."""

    pid: int
    what: str
    key: str


def make_queue(home: Path, count: int) -> set[str]:
    """Send bob so many messages and return their keys."""
    testing.account(str(home)).init()
    testing.lift_limits(testing.account(str(home)))
    with testing.agent(testing.account(str(home)), "bob"):
        pass
    with testing.agent(testing.account(str(home)), "alice") as alice:
        sent = [alice.send(["bob"], Draft(f"job {number}"), sync=False) for number in range(count)]
    keys = {one.message_id.partition("@")[0] for one in sent if one.error is None}
    assert len(keys) == count
    return keys


def open_bob(home: Path) -> Mailbox:
    """Open bob's mailbox for this process."""
    owner = testing.account(str(home))
    return owner.mailbox(owner.identify("bob"))


def key_of(received: Received) -> str:
    """Return what `make_queue` called the message."""
    assert received.message is not None
    return received.message.id.partition("@")[0]


def start(work: Callable[[], None]) -> int:
    """Run *work* in a process of its own and return its pid."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work()
            code = 0
        except BaseException:  # noqa: BLE001 - the child must never get back into the parent's frames
            traceback.print_exc(file=sys.__stderr__)
        finally:
            os._exit(code)
    return pid


def work_off(home: Path, log: int, told: int) -> None:
    """Take and acknowledge until the queue is empty; say so before and after each acknowledgement."""
    with open_bob(home) as box:
        while True:
            with box.work.take(everything, pid=os.getpid()) as taking:
                claim = taking.claim
                if claim is not None:
                    taking.hold()
                taking.finish()
            if claim is None:
                if not box.maildir.names("new"):
                    return
                os.sched_yield()  # others hold the rest, and may die
                continue
            key = key_of(taking.messages[0])
            os.write(log, f"{os.getpid()} begin {key}\n".encode())
            os.write(told, b".")
            try:
                box.work.ack(claim.name)
                what = "done"
            except ClaimLost:
                what = "lost"
            os.write(log, f"{os.getpid()} {what} {key}\n".encode())
            os.write(told, b".")


def run_and_kill(home: Path, log: Path, seed: int) -> set[int]:
    """Let eight workers empty the queue, killing one every few steps and starting another; return whom we killed."""
    chance, killed = random.Random(seed), set[int]()
    fd = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    ear, told = os.pipe()

    def begin() -> int:
        return start(lambda: work_off(home, fd, told))

    team = [begin() for _ in range(WORKERS)]
    try:
        heard, next_kill = 0, 5
        os.set_blocking(ear, False)
        while team:
            try:
                heard += len(os.read(ear, chance.randint(1, 8)))
            except BlockingIOError:
                os.sched_yield()
            for pid in list(team):
                if os.waitpid(pid, os.WNOHANG)[0]:
                    team.remove(pid)
            if team and heard >= next_kill:
                next_kill = heard + chance.randint(1, 20)
                victim = chance.choice(team)
                os.kill(victim, signal.SIGKILL)
                os.waitpid(victim, 0)
                team.remove(victim)
                killed.add(victim)
                team.append(begin())
    finally:
        for pid in team:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        for end in (ear, told, fd):
            os.close(end)
    return killed


@pytest.mark.proof
@pytest.mark.timeout(180)
@pytest.mark.parametrize("seed", [1])
def test_a_thousand_messages_and_eight_workers_killed_at_random(shm: Path, seed: int) -> None:
    """G5, G6; S10, S36: each is acknowledged once, none is lost, none is set aside."""
    keys = make_queue(shm, 1000)
    log = shm / "log"
    killed = run_and_kill(shm, log, seed)
    lines = [Line(int(pid), what, key) for pid, what, key in map(str.split, log.read_text().splitlines())]
    last = {line.pid: line for line in lines}
    begun = {line.key for line in lines if line.what == "begin"}
    done = Counter(line.key for line in lines if line.what == "done")

    assert begun == keys, "none lost: a worker had each in its hands"
    assert max(done.values()) == 1, "no two workers were told that they acknowledged it"
    unsaid = keys - set(done)
    last_words = {(last[pid].what, last[pid].key) for pid in killed if pid in last}
    assert {("begin", key) for key in unsaid} <= last_words, "only a killed worker leaves one unsaid"
    assert len(killed) > 50
    with open_bob(shm) as box:
        entries = box.maildir.entries("new", "cur", ".Rejected/cur")
        assert {(e.folder, e.flags) for e in entries} == {("cur", "S")}
        assert sorted(".".join(e.key.split(".")[:2]) for e in entries) == sorted(keys)
        assert len(os.listdir(f"{box.maildir.path}/records/seen")) == 1000
        assert testing.check_all(box) == []


def all_say(works: list[Callable[[], list[str]]], shm: Path) -> list[list[str]]:
    """Run all of *works* at once, each in a process; return what each of them says."""

    def say(number: int, work: Callable[[], list[str]]) -> None:
        os.read(gate, 1)
        (shm / f"said-{number}").write_text("\n".join(work()))

    gate, opener = os.pipe()
    pids = [start(partial(say, number, work)) for number, work in enumerate(works)]
    os.write(opener, b"g" * len(pids))
    codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]
    os.close(gate)
    os.close(opener)
    assert codes == [0] * len(pids)
    return [(shm / f"said-{number}").read_text().split() for number in range(len(works))]


def take_all(home: Path, *, ack: bool) -> list[str]:
    """Take until nothing is left, and return the keys of what was taken."""
    found: list[str] = []
    with open_bob(home) as box:
        while True:
            with box.work.take(everything) as taking:
                claim = taking.claim
                if claim is not None:
                    taking.hold()
                taking.finish()
            if claim is None:
                return found
            if ack:
                box.work.ack(claim.name)
            found.append(key_of(taking.messages[0]))


def check_some(home: Path) -> list[str]:
    """Check, three messages at a time, until nothing is left, and return the keys of what was shown."""
    found: list[str] = []
    with open_bob(home) as box:
        while True:
            with box.check(everything, limit=3) as batch:
                for received in batch.messages:
                    batch.commit(received)
                batch.finish()
            if not batch.messages:
                return found
            found += [key_of(received) for received in batch.messages]


def test_two_takers_never_hold_one_message(shm: Path) -> None:
    """G6; S35: eight at once, and none gives anything back: each message is in one hand."""
    keys = make_queue(shm, 200)
    said = all_say([lambda: take_all(shm, ack=False)] * WORKERS, shm)
    assert sorted(key for one in said for key in one) == sorted(keys)
    with open_bob(shm) as box:
        owners = [entry.owner for entry in box.maildir.entries("new")]
    assert len(set(owners)) == 200


def test_takers_and_checkers_mix(shm: Path) -> None:
    """G6; S35: what one of them has shown or acknowledged, no other of either kind gets."""
    keys = make_queue(shm, 300)
    takers: list[Callable[[], list[str]]] = [lambda: take_all(shm, ack=True)] * 4
    checkers: list[Callable[[], list[str]]] = [lambda: check_some(shm)] * 4
    said = all_say([*takers, *checkers], shm)
    assert sorted(key for one in said for key in one) == sorted(keys)
    with open_bob(shm) as box:
        assert {(e.folder, e.flags) for e in box.maildir.entries("new", "cur")} == {("cur", "S")}
        assert box.maildir.names(".Rejected/cur") == []


def test_a_renewal_beside_an_acknowledgement_never_fails_it(shm: Path) -> None:
    """G6: a worker's heartbeat renames the claim while the worker ends it."""
    keys = make_queue(shm, 200)

    def beat() -> list[str]:
        with open_bob(shm) as box:
            while entries := box.maildir.entries("new"):
                for entry in entries:
                    if entry.owner:
                        with suppress(NoSuchMessage):  # ended meanwhile
                            box.work.renew(f"{id_of(entry.key)}-{entry.owner.rpartition('.')[2]}")
        return []

    said = all_say([lambda: take_all(shm, ack=True), beat, beat], shm)
    assert sorted(said[0]) == sorted(keys)
    with open_bob(shm) as box:
        assert {(e.folder, e.flags) for e in box.maildir.entries("new", "cur")} == {("cur", "S")}

"""Whose a message is while it is being read: claims, leases, and owners that are dead or only far away."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from maildir_ipc import Draft, testing
from tests.conftest import need
from tests.race import crowd

if TYPE_CHECKING:
    from collections.abc import Iterator

    from maildir_ipc import Mailbox

pytestmark = pytest.mark.race
REPOSITORY = Path(__file__).resolve().parents[2]
LEASE = 600  # seconds; the design fixes it
CLAIM = """
import sys
sys.path.insert(0, sys.argv[1])
from maildir_ipc import testing
owner = testing.account(sys.argv[2])
with owner.mailbox(owner.identify("bob")) as box, box.check(lambda received: True) as batch:
    print(len(batch.messages), flush=True)
    if sys.stdin.readline() == "commit\\n":
        for received in batch.messages:
            batch.commit(received)
        batch.finish()
"""
TEXTS = [f"message {number}" for number in range(3)]


@pytest.fixture
def waiting(shm: Path) -> Path:
    """Give a home where bob has three messages."""
    crowd.register(shm, "alice", "bob")
    with crowd.open_box(shm, "alice") as alice:
        for text in TEXTS:
            alice.send(["bob"], Draft(text))
    return shm


@pytest.fixture
def bob(waiting: Path) -> Iterator[Mailbox]:
    """Give bob's mailbox, open."""
    with crowd.open_box(waiting, "bob") as box:
        yield box


def _claimer(home: Path, *wrap: str) -> subprocess.Popen[str]:
    command = [*wrap, sys.executable, "-c", CLAIM, str(REPOSITORY), str(home)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def _in_a_namespace() -> tuple[str, ...]:
    need("unshare")
    wrap = ("unshare", *(() if os.geteuid() == 0 else ("-r",)), "-pf", "--kill-child", "--mount-proc")
    tried = subprocess.run([*wrap, "true"], capture_output=True, text=True, timeout=60, check=False)
    if tried.returncode != 0:
        reason = f"no pid namespace is to be had here: {tried.stderr.strip()}"
        if os.environ.get("CI") == "true":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    return wrap


def _later(home: Path, seconds: float) -> list[str]:
    """Return what a check shows whose clock is that much ahead."""
    owner = testing.account(str(home), clock=lambda: time.time() + seconds)
    with owner.mailbox(owner.identify("bob")) as box:
        return crowd.texts(testing.check_all(box))


def test_an_owner_in_another_pid_namespace_is_not_judged_dead(waiting: Path) -> None:
    """G6: ours: its pid means nothing here, so its lease decides; alive it commits, and nothing was shown twice."""
    with _claimer(waiting, *_in_a_namespace()) as inside:
        assert _said(inside) == "3\n"
        assert crowd.next_check(waiting, "bob") == []
        inside.communicate("commit\n", timeout=crowd.LIMIT)
        assert inside.returncode == 0
    assert _later(waiting, LEASE + 5) == []


def test_a_dead_owner_in_another_pid_namespace_is_followed_when_its_lease_ends(waiting: Path) -> None:
    """G5: ours: nobody outside can see that it died: its mail is there again after the lease."""
    with _claimer(waiting, *_in_a_namespace()) as inside:
        assert _said(inside) == "3\n"
        inside.kill()
        assert _said(inside) == "", "the reader in the namespace died with unshare"
    assert crowd.next_check(waiting, "bob") == []
    assert _later(waiting, LEASE - 60) == []
    assert _later(waiting, LEASE + 5) == TEXTS


def test_a_reader_in_a_pid_namespace_does_not_judge_an_outer_owner_dead(waiting: Path) -> None:
    """G6: ours: the same from within: pid and start time of another namespace are never looked up in ours."""
    wrap = _in_a_namespace()
    with _claimer(waiting) as outside:
        assert _said(outside) == "3\n"
        with _claimer(waiting, *wrap) as inside:
            assert _said(inside) == "0\n"
            inside.communicate("", timeout=crowd.LIMIT)
        outside.communicate("commit\n", timeout=crowd.LIMIT)
    assert crowd.next_check(waiting, "bob") == []


def test_what_a_killed_reader_held_is_taken_over_at_once(waiting: Path) -> None:
    """G5: ours: it is dead when no process has its pid and start time, whatever its lease says."""
    with _claimer(waiting) as reader:
        assert _said(reader) == "3\n"
        assert crowd.next_check(waiting, "bob") == []
        reader.kill()
        reader.wait(crowd.LIMIT)
    assert crowd.next_check(waiting, "bob") == TEXTS


def test_a_killed_reader_that_nobody_waited_for_is_dead_too(waiting: Path) -> None:
    """G5: ours: a zombie has a pid and a start time, and reads nothing any more."""
    with _claimer(waiting) as reader:
        assert _said(reader) == "3\n"
        reader.kill()
        os.waitid(os.P_PID, reader.pid, os.WEXITED | os.WNOWAIT)
        assert crowd.next_check(waiting, "bob") == TEXTS


def test_a_lapsed_lease_is_taken_over_and_its_owner_can_commit_no_more(bob: Mailbox) -> None:
    """G6: ours: compare and swap by the exact name: who lost the claim is told, and moves nothing."""
    now = time.time()
    entries = bob.maildir.unread(bob.host.runs, now)
    lapsed = bob.maildir.claim(entries[0], bob.namer.owner(60, process=False), bob.namer.unique)
    assert lapsed is not None
    assert len(bob.maildir.unread(bob.host.runs, now + 30)) == 2
    free = bob.maildir.unread(bob.host.runs, now + 62)
    taken = bob.maildir.claim(free[0], bob.namer.owner(process=True), bob.namer.unique)
    assert taken is not None
    assert taken.key == lapsed.key
    assert bob.maildir.commit(lapsed, bob.namer.unique) is None
    assert bob.maildir.release(lapsed, bob.namer.unique) is None
    assert bob.maildir.commit(taken, bob.namer.unique) is not None


def test_a_lapsed_lease_that_nobody_took_is_still_its_owners(bob: Mailbox) -> None:
    """G6: ours: the end of a lease lets others take it; it takes nothing away."""
    entries = bob.maildir.unread(bob.host.runs, time.time())
    claimed = bob.maildir.claim(entries[0], bob.namer.owner(-60, process=False), bob.namer.unique)
    assert claimed is not None
    done = bob.maildir.commit(claimed, bob.namer.unique)
    assert done is not None
    assert bob.maildir.names("cur") == [done.name] == [f"{entries[0].stem}:2,S"]


def test_of_two_that_take_over_from_a_dead_owner_one_has_it(bob: Mailbox) -> None:
    """G6: ours: both saw the same dead claim; the rename from its exact name lets only the first one through."""
    entries = bob.maildir.unread(bob.host.runs, time.time())
    dead = bob.maildir.claim(entries[0], bob.namer.owner(-60, process=False), bob.namer.unique)
    assert dead is not None
    first = bob.maildir.claim(dead, bob.namer.owner(), bob.namer.unique)
    second = bob.maildir.claim(dead, bob.namer.owner(), bob.namer.unique)
    assert first is not None
    assert second is None
    assert first.name in bob.maildir.names("new")


def test_two_that_claim_the_same_unread_message_get_it_once(bob: Mailbox) -> None:
    """G6: ours: the same for a message that nobody held, in new/ and moved to cur/ by a mail reader."""
    free, moved, _ = bob.maildir.unread(bob.host.runs, time.time())
    os.rename(f"{bob.maildir.path}/new/{moved.name}", f"{bob.maildir.path}/cur/{moved.name}:2,F")
    in_cur = next(entry for entry in bob.maildir.entries("cur") if entry.key == moved.key)
    for entry in (free, in_cur):
        claims = [bob.maildir.claim(entry, bob.namer.owner(), bob.namer.unique) for _ in (1, 2)]
        assert claims[0] is not None
        assert claims[1] is None


@pytest.mark.parametrize("length", [180, 200, 219, 240, 250, 255])
def test_a_name_that_would_exceed_255_bytes_is_claimed_under_a_fresh_one(waiting: Path, length: int) -> None:
    """G5, G7: maildir(5) lets another program choose any name; it is shown, committed and set aside like any other."""
    with crowd.open_box(waiting, "bob") as box:
        (first, *_) = sorted(box.maildir.names("new"))
        long = f"{first}-".ljust(length, "x")
        os.rename(f"{box.maildir.path}/new/{first}", f"{box.maildir.path}/new/{long}")
        testing.drop(box, b"From: eve@ipc.invalid\n\nforged\n", "f".ljust(length, "x"))
        with box.check(lambda _: True) as batch:
            assert sorted(crowd.texts(batch.messages)) == TEXTS
            assert max(map(len, box.maildir.names("new"))) <= 255
        assert len(box.maildir.names("new")) == 4
        assert sorted(crowd.texts(testing.check_all(box))) == TEXTS
        assert testing.check_all(box) == []
        assert len(box.maildir.names("cur")) == 3
        (aside,) = box.maildir.names(".Rejected/cur")
        assert (Path(box.maildir.path) / ".Rejected/cur" / aside).read_bytes() == b"From: eve@ipc.invalid\n\nforged\n"


def test_a_commit_that_fails_gives_the_message_back_while_its_reader_lives_on(bob: Mailbox) -> None:
    """G5: ours: a long-lived reader whose disk is full for a moment does not sit on mail that it did not mark."""
    seen = Path(bob.maildir.path) / "records/seen"
    with bob.check(lambda _: True) as batch:
        seen.rmdir()
        for received in batch.messages:
            with pytest.raises(OSError, match="No such file"):
                batch.commit(received)
    seen.mkdir()
    with crowd.open_box(Path(bob.spool.root).parents[2], "bob") as bob_again:
        assert crowd.texts(testing.check_all(bob_again)) == TEXTS


def test_a_read_message_that_is_copied_back_is_a_replay_also_under_its_own_name(waiting: Path, bob: Mailbox) -> None:
    """G4: ours: a file that was read and is in new/ again is set aside, not dropped as a retry of itself."""
    testing.check_all(bob)
    name = min(bob.maildir.names("cur"))
    path = Path(bob.maildir.path)
    raw = (path / "cur" / name).read_bytes()
    testing.drop(bob, raw, name.partition(":")[0])
    with bob.check(lambda _: True) as batch:
        assert [received.verdict for received in batch.rejected] == ["replay"]
        assert batch.messages == []
        batch.finish()
    (aside,) = bob.maildir.names(".Rejected/cur")
    assert (path / ".Rejected/cur" / aside).read_bytes() == raw
    assert {entry.flags for entry in bob.maildir.entries("new", "cur")} == {"S"}

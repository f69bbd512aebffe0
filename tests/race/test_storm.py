"""Another program renames files all the time, while ours looks for a message."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from maildir_ipc import Draft
from maildir_ipc.maildir import Maildir
from tests.race import crowd

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.race
MESSAGES, SCANS = 2000, 25


@pytest.fixture
def full(shm: Path) -> Path:
    """Give a home where bob has read 2,000 messages; a few are genuine, for `find`."""
    crowd.register(shm, "alice", "bob")
    with crowd.open_box(shm, "alice") as alice, crowd.open_box(shm, "bob") as bob:
        for number in range(10):
            alice.send(["bob"], Draft(f"message {number}"))
        cur = f"{bob.maildir.path}/cur"
        for name in bob.maildir.names("new"):
            os.rename(f"{bob.maildir.path}/new/{name}", f"{cur}/{name}:2,S")
        for _ in range(MESSAGES - 10):
            os.close(os.open(f"{cur}/{bob.namer.unique()}:2,S", os.O_CREAT | os.O_EXCL, 0o600))
    return shm


def _flags(home: Path) -> Callable[[], None]:
    """Set and unset a flag on every message, for ever, as a busy mail reader does."""

    def work() -> None:
        os.chdir(f"{home}/{crowd.SPOOL}/bob/cur")
        while True:
            for name in os.listdir("."):
                base, _, info = name.partition(":2,")
                os.rename(name, f"{base}:2,{'S' if 'F' in info else 'FS'}")

    return work


@pytest.fixture
def storm(full: Path) -> Iterator[Path]:
    """Give that home while the storm is on."""
    member = crowd.Member(_flags(full))
    cur = full / crowd.SPOOL / "bob" / "cur"
    before = cur.stat().st_mtime_ns
    try:
        member.go()
        crowd.until(lambda: cur.stat().st_mtime_ns != before)
        yield full
        assert not member.ended(), "the storm was over too soon"
    finally:
        member.kill()


def test_no_scan_misses_a_message_in_a_flag_storm(storm: Path) -> None:
    """G7: ours: readdir(3) leaves open what it shows of names that change meanwhile; a scan must not."""
    with crowd.open_box(storm, "bob") as bob:
        counts = [len(bob.maildir.entries("new", "cur")) for _ in range(SCANS)]
    assert counts == [MESSAGES] * SCANS


def test_find_finds_each_message_in_a_flag_storm(storm: Path) -> None:
    """G7: ours: `read REF` finds and reads the message, though its file has another name every millisecond."""
    with crowd.open_box(storm, "bob") as bob:
        ids = sorted(entry.key for entry in bob.maildir.entries("cur"))[:5]
        for key in ids:
            wanted = f"{'.'.join(key.split('.')[:2])}@ipc.invalid"
            for _ in range(2):
                found = bob.find(wanted)
                assert [(received.verdict, received.message is not None) for received in found] == [("pass", True)]


class _Meanwhile(Maildir):
    """A Maildir where something happens right before one directory is read: the schedule of a race."""

    def __init__(self, path: str, before: str, then: Callable[[], object]) -> None:
        super().__init__(path)
        self.before, self.then = before, [then]

    def names(self, folder: str) -> list[str]:
        if folder == self.before and self.then:
            self.then.pop()()
        return super().names(folder)


def test_a_message_that_is_claimed_back_from_cur_in_the_middle_of_a_scan_is_not_missed(shm: Path) -> None:
    """G7: ours: unread mail in cur/ is claimed into new/, against the direction of the scan."""
    crowd.register(shm, "alice", "bob")
    with crowd.open_box(shm, "alice") as alice, crowd.open_box(shm, "bob") as bob:
        alice.send(["bob"], Draft("text"))
        (name,) = bob.maildir.names("new")
        path = bob.maildir.path
        os.rename(f"{path}/new/{name}", f"{path}/cur/{name}:2,")

        def claim() -> None:
            (entry,) = bob.maildir.entries("cur")
            assert bob.maildir.claim(entry, bob.namer.owner(), bob.namer.unique)

        with _Meanwhile(path, "cur", claim) as maildir:
            assert [entry.key for entry in maildir.entries("new", "cur")] == [name]


def test_a_retry_in_the_middle_of_a_claim_does_not_double(shm: Path) -> None:
    """G3: ours: the retry looks into new/ while a reader claims and commits: `already`, by the seen-set or cur/."""
    crowd.register(shm, "alice", "bob")
    with crowd.open_box(shm, "alice") as alice:
        alice.send(["bob"], Draft("text"), id="job-7")

        def reader() -> list[str]:
            return crowd.next_check(shm, "bob")

        def retry() -> list[str]:
            with crowd.open_box(shm, "alice") as box:
                return [d.state for _ in range(200) for d in box.send(["bob"], Draft("text"), id="job-7").deliveries]

        shown, states, more = crowd.all_at_once(reader, retry, reader)
    assert set(states) == {"already"}
    assert shown + more == ["text"]

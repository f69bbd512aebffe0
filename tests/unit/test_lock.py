"""The spool's lock while another holds it: who waits is told, and does not wait for ever. Ours."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import IO, TYPE_CHECKING

import pytest

from maildir_ipc import Draft, lock
from maildir_ipc.doctor import examine
from maildir_ipc.errors import TryAgain
from maildir_ipc.testing import account, agent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from maildir_ipc import Account


@pytest.fixture(params=["filelock", "flock"])
def owner(home: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Account:
    """Give an account where alice has registered, that waits for the lock in either way, and not for long."""
    if request.param == "flock":
        monkeypatch.setattr(lock, "_by_filelock", lambda _: None)
    monkeypatch.setattr(lock, "SAY_AFTER", 0.05)
    monkeypatch.setattr(lock, "GIVE_UP", 0.2)
    found = account(str(home))
    agent(found, "alice").close()
    found.notes.clear()
    return found


@pytest.fixture
def held(owner: Account) -> Iterator[IO[bytes]]:
    """Give the file that this process holds the lock of."""
    with open(f"{owner.spool().root}/.ipc/lock", "rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file


def _lists_locks(file: IO[bytes]) -> bool:
    """Return whether /proc/locks is there, and knows this lock by the device that stat(2) names."""
    try:
        lines = Path("/proc/locks").read_text(encoding="ascii")
    except OSError:
        return False
    status = os.fstat(file.fileno())
    return f" {os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino} " in lines


def test_whoever_waits_is_told_once_and_gives_up_in_the_end(owner: Account, held: IO[bytes]) -> None:
    """G12: 75, who holds it, and nothing was changed."""
    before = sorted(os.listdir(owner.spool().root))

    with pytest.raises(TryAgain, match=r"\.ipc/lock is held") as refused:
        owner.register("bob", said="bob")

    assert refused.value.next == "nothing was changed; try again"
    assert sorted(os.listdir(owner.spool().root)) == before
    assert len(owner.notes) == 1
    assert owner.notes[0].endswith(": waiting for it")
    if _lists_locks(held):
        for said in (refused.value.message, owner.notes[0]):
            assert f"({os.getpid()})" in said


def test_a_send_to_several_new_names_waits_once(owner: Account, held: IO[bytes]) -> None:
    """G3: each is said to have failed, and who has a mailbox has it."""
    with owner.mailbox(owner.identify("alice")) as alice:
        sent = alice.send(["nessa", "alice", "vera", "walt"], Draft("hello"))

    assert {d.to: d.state for d in sent.deliveries} == {
        "nessa": "failed", "alice": "delivered", "vera": "failed", "walt": "failed",
    }  # fmt: skip
    assert sent.error is not None
    assert sent.error.exit_code == 75
    assert len(owner.notes) == 1


def test_when_it_is_free_again_nothing_is_left_of_the_waiting(owner: Account, held: IO[bytes]) -> None:
    """G12: the same process tries again, and would wait as long as before."""
    with pytest.raises(TryAgain):
        owner.register("bob", said="bob")
    fcntl.flock(held, fcntl.LOCK_UN)

    owner.register("bob", said="bob")
    fcntl.flock(held, fcntl.LOCK_EX)

    with pytest.raises(TryAgain):
        owner.register("carol", said="carol")
    assert len(owner.notes) == 2


def test_doctor_says_that_the_lock_is_held_and_mends_nothing_meanwhile(owner: Account, held: IO[bytes]) -> None:
    """Ours: what it mends, it mends under the lock."""
    mailbox = Path(owner.spool().root, "alice")
    mailbox.chmod(0o755)

    found = [finding for finding in examine(owner, fix=True).findings if finding.check != "file-system"]

    assert [finding.check for finding in found] == ["mode", "lock"]
    assert "is held" in found[1].what
    fcntl.flock(held, fcntl.LOCK_UN)
    assert [f.check for f in examine(owner, fix=True).findings if f.check != "file-system"] == []

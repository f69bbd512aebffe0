"""Names and spools that several processes make at the same moment."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from filelock import FileLock, Timeout

from maildir_ipc import Draft, MaildirIPCError, testing
from maildir_ipc.errors import NotYours
from maildir_ipc.lock import _by_filelock, _by_flock
from tests.race import crowd

if TYPE_CHECKING:
    from collections.abc import Callable

    from maildir_ipc import Account

pytestmark = pytest.mark.race
REPOSITORY = Path(__file__).resolve().parents[2]
ROUNDS = 8
HOLD = """
import sys, time
sys.path.insert(0, sys.argv[1])
from maildir_ipc.lock import _by_filelock, _by_flock
attempt = {"filelock": _by_filelock, "flock": _by_flock}[sys.argv[2]](sys.argv[3])
while (release := attempt()) is None:
    time.sleep(0.001)
print("held", flush=True)
sys.stdin.readline()
release()
"""


def _send(home: Path, to: str, text: str) -> Callable[[], str]:
    def work() -> str:
        with crowd.open_box(home, "alice") as box:
            (delivery,) = box.send([to], Draft(text)).deliveries
        assert delivery.error is None, delivery.error
        return delivery.state

    return work


def _register(home: Path, name: str, root: str = "", config: str = "") -> Callable[[], Any]:
    def work() -> Any:
        try:
            return _account(home, root, config).register(name, said=name).session.id
        except MaildirIPCError as error:
            return error.exit_code

    return work


def _account(home: Path, root: str, config: str) -> Account:
    """Return an account with a home of its own, in the spool of another, with the same keyring."""
    if not root:
        return crowd.account(home)
    return testing.account(str(home), MAILDIR_IPC_ROOT=root, XDG_CONFIG_HOME=config)


def _may_act(home: Path, name: str, root: str, config: str) -> bool:
    try:
        _account(home, root, config).identify(name)
    except NotYours:
        return False
    return True


def test_8_senders_and_a_register_to_a_new_name_meet_in_one_mailbox(shm: Path) -> None:
    """G2: ours: first contact is made once, whoever comes first; nothing lies in a mailbox that nobody reads."""
    crowd.register(shm, "alice")
    for round_ in range(ROUNDS):
        name = f"new-{round_}"
        texts = [f"{round_} from {number}" for number in range(8)]
        works = [_send(shm, name, text) for text in texts]
        works.insert(round_, _register(shm, name))
        answers = crowd.all_at_once(*works)
        assert isinstance(answers.pop(round_), str)
        assert set(answers) <= {"delivered", "queued"}
        assert sorted(crowd.next_check(shm, name)) == texts
    spool = shm / crowd.SPOOL
    assert sorted(path.name for path in spool.iterdir()) == [".ipc", "alice", *(f"new-{n}" for n in range(ROUNDS))]
    assert not list((spool / ".ipc").glob("build-*"))


def test_senders_that_all_wait_for_the_lock_deliver_to_the_mailbox_that_the_first_one_made(shm: Path) -> None:
    """G2: ours: the schedule itself: all have found no mailbox, all stand at the lock, then it is let go."""
    crowd.register(shm, "alice")
    lock = shm / crowd.SPOOL / ".ipc" / "lock"
    environ = {"HOME": str(shm), "TMPDIR": str(shm), "PATH": os.environ.get("PATH", os.defpath)}
    holder = os.open(lock, os.O_RDWR)
    fcntl.flock(holder, fcntl.LOCK_EX)
    commands = [[f"{REPOSITORY}/bin/ipc-send", "--as", "alice", "nessa", f"from {number}"] for number in range(4)]
    commands.append([f"{REPOSITORY}/bin/ipc-register", "nessa", "--as", "nessa"])
    processes = [
        subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for command in commands
    ]  # fmt: skip
    try:
        for process in processes:
            assert process.stderr is not None
            assert b"waiting for it" in process.stderr.readline()
        os.close(holder)
        for process in processes:
            _, err = process.communicate(timeout=crowd.LIMIT)
            assert process.returncode == 0, err
    finally:
        for process in processes:
            process.kill()
            process.communicate()
    assert sorted(crowd.next_check(shm, "nessa")) == [f"from {number}" for number in range(4)]


def test_of_two_registers_of_one_name_exactly_one_wins(shm: Path) -> None:
    """G10: ours: the other is refused (73), and holds no token for the name."""
    crowd.register(shm, "alice")
    root = str(shm / crowd.SPOOL)
    config = str(shm / ".config")
    for round_ in range(ROUNDS):
        homes = [shm / f"caller-{round_}-{number}" for number in range(4)]
        for home in homes:
            home.mkdir()
        answers = crowd.all_at_once(*(_register(home, f"name-{round_}", root, config) for home in homes))
        assert answers.count(73) == 3, answers
        assert sum(isinstance(answer, str) for answer in answers) == 1, answers
        may = [_may_act(home, f"name-{round_}", root, config) for home in homes]
        assert may == [isinstance(answer, str) for answer in answers]


def test_two_inits_of_one_place_make_one_spool_that_both_can_use(shm: Path) -> None:
    """G12: ours: one id; its key is in the keyring; who came second has the same spool."""
    for round_ in range(ROUNDS):
        home = shm / f"home-{round_}"
        home.mkdir()

        def init(home: Path = home) -> str:
            owner = crowd.account(home)
            return owner.init().id

        ids = crowd.all_at_once(init, init, init, init)
        assert len(set(ids)) == 1
        owner = crowd.account(home)
        assert owner.spool().id == ids[0]
        assert owner.keyring.key(ids[0], owner.spool().signing_key()) is not None
        assert sorted(os.listdir(home / crowd.SPOOL)) == [".ipc"]
        crowd.register(home, "alice")
        assert _send(home, "alice", "to myself")() == "delivered"
        assert crowd.next_check(home, "alice") == ["to myself"]


@pytest.mark.parametrize("holder", ["filelock", "flock"])
def test_filelock_and_flock_exclude_each_other(shm: Path, holder: str) -> None:
    """G12: ours: a command of bin/ has no filelock, an installed one has; the lock is the same one."""
    crowd.register(shm, "alice")
    path = shm / crowd.SPOOL / ".ipc" / "lock"
    inode = path.stat().st_ino
    command = [sys.executable, "-c", HOLD, str(REPOSITORY), holder, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == "held\n"
        with pytest.raises(Timeout):
            FileLock(path, timeout=0, preserve_lock_file=True).acquire()
        with path.open("rb") as file, pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for take in (_by_filelock, _by_flock):
            attempt = take(str(path))
            assert attempt is not None
            assert attempt() is None
        process.stdin.write("let go\n")
        process.stdin.flush()
        assert process.wait(crowd.LIMIT) == 0
    assert path.stat().st_ino == inode, "the lock file was replaced: two processes could hold two locks"
    for take in (_by_filelock, _by_flock):
        attempt = take(str(path))
        assert attempt is not None
        release = attempt()
        assert release is not None
        release()
    assert path.stat().st_ino == inode


def test_a_lock_on_a_file_that_was_removed_meanwhile_does_not_count(shm: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """G12: ours: the lock is the file at that path: a lock on one without a link would keep nobody out."""
    crowd.register(shm, "alice")
    path = shm / crowd.SPOOL / ".ipc" / "lock"
    flock, attempt = fcntl.flock, _by_flock(str(path))

    def removing(fd: int, how: int) -> None:
        path.unlink()
        flock(fd, how)

    monkeypatch.setattr(fcntl, "flock", removing)
    assert attempt() is None
    monkeypatch.undo()

    release = attempt()
    assert release is not None
    with path.open("rb") as now, pytest.raises(BlockingIOError):
        fcntl.flock(now, fcntl.LOCK_EX | fcntl.LOCK_NB)
    release()

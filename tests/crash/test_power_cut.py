"""The power is cut, on a real ext4 and a real xfs: what `ipc-send` said is true afterwards."""

from __future__ import annotations

import mailbox
import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from maildir_ipc import Draft
from tests.conftest import need
from tests.crash import strike
from tests.crash.disk import Disk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = [pytest.mark.crash, pytest.mark.peer("strace")]
TEXT = "whole, " * 900 + "to its end"
RAW = b"From: a@example.org\nTo: b@example.org\nSubject: s\n\n" + b"x" * 5000 + b"\n"


@pytest.fixture(scope="module", params=["ext4", "xfs"])
def disk(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Disk]:
    """Give a mounted file system, gone after the tests."""
    with Disk(tmp_path_factory.mktemp("disk"), request.param) as disk:
        yield disk


@pytest.fixture
def home(disk: Disk, tmp_path: Path) -> Path:
    """Give an empty home on that file system, already durable."""
    home = disk.root / tmp_path.name
    home.mkdir()
    disk.settle()
    return home


@pytest.fixture
def two(disk: Disk, home: Path) -> Path:
    """Give a home with alice and bob in it, already durable."""
    strike.register(home, "alice", "bob")
    disk.settle()
    return home


def _sent(home: Path, *words: str) -> None:
    done = strike.run(home, "send", *words)
    assert done.code == 0, done


def test_what_was_sent_is_there_whole_and_genuine(disk: Disk, two: Path) -> None:
    """G2: ours: after exit 0 the message survives; five times, since luck would hide a missing fsync."""
    for number in range(5):
        _sent(two, "--as", "alice", "bob", f"{number} {TEXT}")
        disk.cut()
        assert strike.partial(two, "bob") == []
        assert strike.texts(strike.next_check(two, "bob")) == [f"{number} {TEXT}"]


def test_first_contact_is_durable(disk: Disk, two: Path) -> None:
    """G2: ours: the mailbox that send made is there too, and whoever registers it has the message."""
    _sent(two, "--as", "alice", "nessa", TEXT)
    disk.cut()
    strike.register(two, "nessa")
    assert strike.texts(strike.next_check(two, "nessa")) == [TEXT]


def test_the_first_send_of_all_is_durable(disk: Disk, home: Path) -> None:
    """G2: ours: spool, key, session, both mailboxes and the message, all made by one command."""
    _sent(home, "--as", "alice", "nessa", TEXT)
    disk.cut()
    _sent(home, "--as", "alice", "nessa", "again")
    strike.register(home, "nessa")
    assert strike.texts(strike.next_check(home, "nessa")) == [TEXT, "again"]


def test_a_name_and_its_session_survive(disk: Disk, home: Path) -> None:
    """G2, G10: ours: after register's exit 0 the name, the spool's key and the token are there."""
    done = strike.run(home, "register", "nessa", "--as", "nessa")
    assert done.code == 0, done
    disk.cut()
    with strike.open_box(home, "nessa") as box:
        assert box.send(["nessa"], Draft("to myself")).error is None
    assert strike.texts(strike.next_check(home, "nessa")) == ["to myself"]


def test_every_recipient_of_one_send_has_it(disk: Disk, two: Path) -> None:
    """G2: ours: one command, six recipients, two of them new."""
    strike.register(two, "carol", "dave", "erin")
    disk.settle()
    _sent(two, "--as", "alice", "bob,carol,dave,erin,new-one,new-two", TEXT)
    disk.cut()
    strike.register(two, "new-one", "new-two")
    for name in ("bob", "carol", "dave", "erin", "new-one", "new-two"):
        assert strike.texts(strike.next_check(two, name)) == [TEXT], name


def test_a_retry_after_the_cut_knows_what_was_sent(disk: Disk, two: Path) -> None:
    """G3: ours: the record of an --id is durable before the message is."""
    _sent(two, "--as", "alice", "--id", "job-7", "bob", TEXT)
    disk.cut()
    assert strike.run(two, "send", "--as", "alice", "--id", "job-7", "bob", "other").code == 65
    _sent(two, "--as", "alice", "--id", "job-7", "bob", TEXT)
    assert strike.texts(strike.next_check(two, "bob")) == [TEXT]


def test_cut_anywhere_before_the_end_leaves_nothing_or_the_whole_message(disk: Disk, two: Path) -> None:
    """G1: ours: killed and cut before each call that changes something: never a part of a message."""
    words = ("send", "--as", "alice", "bob", TEXT)
    found = [call for call in strike.calls(two, *words) if call.changes and "/.ipc/" not in call.text]
    disk.settle()
    assert len(found) >= 5
    for call in found:
        strike.kill(two, call, *words)
        disk.cut()
        assert strike.partial(two, "bob") == [], call
        assert strike.texts(strike.next_check(two, "bob")) in ([], [TEXT]), call


def test_without_sync_a_message_may_be_lost_but_is_never_in_part(disk: Disk, two: Path) -> None:
    """G1: ours: --no-sync is allowed to lose; what shows nevertheless is set aside when it is no whole message."""
    _sent(two, "--as", "alice", "--no-sync", "bob", TEXT)
    disk.cut()
    assert strike.texts(strike.next_check(two, "bob")) in ([], [TEXT])
    _sent(two, "--as", "alice", "bob", "after")
    disk.cut()
    assert strike.texts(strike.next_check(two, "bob")) == ["after"]


def test_what_was_read_or_not_is_all_there(disk: Disk, two: Path) -> None:
    """G5: ours: after a cut a message that was read may be unread again; none is gone."""
    for number in range(3):
        _sent(two, "--as", "alice", "bob", f"message {number}")
    done = strike.run(two, "check", "--as", "bob", "--limit", "1")
    assert done.code == 0, done
    disk.cut()
    shown = strike.texts(strike.next_check(two, "bob"))
    assert shown in (["message 0", "message 1", "message 2"], ["message 1", "message 2"])


# Other programs, beside ours: a table, printed with -s.


def _maildir_add(box: Path) -> None:
    mailbox.Maildir(box, create=False).add(RAW)


def _piped(*command: str) -> Callable[[Path], None]:
    def deliver(box: Path) -> None:
        words = [word.format(box=box) for word in command]
        environ = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(box)}
        subprocess.run(words, input=RAW, env=environ, check=True, capture_output=True, timeout=60)

    return deliver


_OTHERS: dict[str, Callable[[Path], None]] = {
    "CPython mailbox": _maildir_add,
    "mblaze mdeliver": _piped("mdeliver", "{box}"),
    "safecat": _piped("safecat", "{box}/tmp", "{box}/new"),
    "maildrop": _piped("maildrop", "{box}/.mailfilter"),
}


def _found(box: Path, size: int) -> str:
    """Return what a cut left of a delivery of *size* bytes."""
    for folder in ("new", "tmp"):
        for path in (box / folder).iterdir():
            whole = "whole" if path.stat().st_size >= size else f"{path.stat().st_size} bytes"
            return f"{whole}, in {folder}/"
    return "nothing"


def test_other_programs_beside_ours(disk: Disk, two: Path) -> None:
    """G2: the table of the guarantees page: who says `delivered` and keeps it. Only our line is asserted."""
    need("mdeliver", "safecat", "maildrop")
    rows = []
    for number, (name, deliver) in enumerate(_OTHERS.items()):
        box = two / f"box{number}"
        for folder in ("", "tmp", "new", "cur"):
            (box / folder).mkdir(mode=0o700)
        (box / ".mailfilter").write_text(f'DEFAULT="{box}"\n')
        (box / ".mailfilter").chmod(0o600)
        disk.settle()
        deliver(box)
        assert _found(box, len(RAW)) == "whole, in new/", name
        disk.cut()
        rows.append((name, _found(box, len(RAW))))
    _sent(two, "--as", "alice", "bob", TEXT)
    disk.cut()
    ours = _found(two / strike.SPOOL / "bob", len(TEXT))
    for name, state in [*rows, ("ipc-send", ours)]:
        print(f"{disk.kind}  {name:16} {state}")
    assert ours == "whole, in new/"

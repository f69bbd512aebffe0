"""One mailbox that is broken, or that cannot be read: everybody else's commands go on, and say which one it is."""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING

import pytest

from tests.conftest import need
from tests.e2e.driving import command, listing, run, spool_of
from tests.e2e.scenes import done, register

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.e2e.driving import Done

pytestmark = pytest.mark.e2e
# Root reads everything, whatever its mode; without these two it is an owner like any other.
ORDINARY = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []


def _folder(spool: Path) -> None:
    (spool / "bob/records/names").unlink()
    (spool / "bob/records/names").mkdir(mode=0o700)


def _fifo(spool: Path) -> None:
    (spool / "bob/records/names").unlink()
    os.mkfifo(spool / "bob/records/names", 0o600)


def _session(spool: Path) -> None:
    (spool / "bob/records/session").unlink()
    (spool / "bob/records/session").mkdir(mode=0o700)


def _noise(spool: Path) -> None:
    (spool / "bob/records/names").write_bytes(random.Random(1).randbytes(300))


def _closed(spool: Path) -> None:
    (spool / "bob").chmod(0)


def _closed_records(spool: Path) -> None:
    (spool / "bob/records").chmod(0)


def _loop(spool: Path) -> None:
    (spool / "loop").symlink_to("loop")


UNREADABLE = {"folder": _folder, "fifo": _fifo, "closed": _closed, "closed-records": _closed_records}
BROKEN = {**UNREADABLE, "session": _session, "noise": _noise, "loop": _loop}


@pytest.fixture
def spool(home: Path) -> Path:
    """Give a spool where alice, bob, carol and dave have registered."""
    register(home, "alice", "bob", "carol", "dave")
    return spool_of(home)


def _do(home: Path, verb: str, *words: str, prefix: Sequence[str] = ORDINARY, **environ: str) -> Done:
    if prefix:
        need(prefix[0])
    return run(*prefix, *command(verb), *words, home=home, env={"PATH": "/usr/bin:/bin", **environ})


@pytest.mark.parametrize("fault", BROKEN)
def test_list_shows_the_others_and_names_the_broken_one(fault: str, home: Path, spool: Path) -> None:
    """G12: a stranger may ask, and gets what there is."""
    BROKEN[fault](spool)

    found = _do(home, "list", "--json")

    assert found.code == 0, found
    names = [row["name"] for row in found.json["identities"]]
    assert [name for name in names if name != "bob"] == ["alice", "carol", "dave"]
    assert ("bob" in names) is (fault == "loop")
    assert found.err.startswith("mipc: not listed: bob: ") is (fault != "loop")
    assert "written" not in found.err


@pytest.mark.parametrize("fault", UNREADABLE)
def test_a_broadcast_reaches_the_others_and_says_who_has_not_got_it_and_why(
    fault: str, home: Path, spool: Path
) -> None:
    """Design, 5: a result for each recipient; the same --id completes it once that is mended."""
    BROKEN[fault](spool)

    sent = _do(home, "broadcast", "--as", "alice", "--json", "--id", "freeze", "Code freeze.")

    assert sent.code == 75, sent
    states = {d["to"]: (d["state"], d["why"] is None) for d in sent.json["deliveries"]}
    assert states == {"bob": ("failed", False), "carol": ("delivered", True), "dave": ("delivered", True)}
    (why,) = [d["why"] for d in sent.json["deliveries"] if d["to"] == "bob"]
    assert f"{spool}/bob" in why
    assert "cannot be read" in why
    assert "Code freeze." in _do(home, "check", "--as", "carol").out


@pytest.mark.parametrize("fault", ["session", "noise", "loop"])
def test_a_broadcast_reaches_whoever_can_be_reached(fault: str, home: Path, spool: Path) -> None:
    """G2: a mailbox that lost its names, or its session, still gets mail."""
    BROKEN[fault](spool)

    sent = _do(home, "broadcast", "--as", "alice", "--json", "Code freeze.")

    assert sent.code == 0, sent
    states = {d["to"]: d["state"] for d in sent.json["deliveries"]}
    assert states == dict.fromkeys(("bob", "carol", "dave"), "delivered")


def _old_id(spool: Path, name: str) -> Path:
    path = spool / name / "records/ids/abcdefghijklmnopqrstuvwxyz"
    path.parent.mkdir(exist_ok=True)
    path.write_text("old\n")
    os.utime(path, (1, 1))
    return path


@pytest.mark.parametrize("fault", ["folder", "fifo", "closed", "closed-records", "noise"])
def test_gc_does_the_others_and_names_what_it_left(fault: str, home: Path, spool: Path) -> None:
    """Ours: housekeeping runs from cron, and nobody looks each day."""
    superfluous = [_old_id(spool, name) for name in ("alice", "dave")]
    BROKEN[fault](spool)

    cleaned = _do(home, "gc", "--apply", "--json")

    assert cleaned.code == 75, cleaned
    left = [(i["kind"], i["path"]) for i in cleaned.json["items"] if i["state"] == "left"]
    assert left == [("mailbox", "bob")] + ([("token", "token of bob")] if "closed" in fault else [])
    assert cleaned.json["failed"] == len(left)
    assert not any(path.exists() for path in superfluous)
    assert "written" not in cleaned.out


def test_gc_takes_nothing_from_a_mailbox_whose_record_says_nothing(home: Path, spool: Path) -> None:
    """Ours: a record that lost what it said of its owner does not say that nobody has registered."""
    done(home, "send", "--as", "alice", "bob", "read long ago")
    done(home, "check", "--as", "bob")
    (message,) = (spool / "bob/cur").iterdir()
    message.write_text("From: x@example.org\n\nold, and not signed\n")
    os.utime(message, (1, 1))
    names = spool / "bob/records/names"
    for damaged in ("", "bob 0 -\n", "garbage\n"):
        names.write_text(damaged)

        _do(home, "gc", "--apply", prefix=())

        assert message.exists(), damaged
        message_and_mailbox = listing(spool / "bob")
        assert str(names) in message_and_mailbox


@pytest.mark.parametrize(
    ("fault", "check", "says"),
    [
        ("folder", "unreadable", "bob/records/names cannot be read: "),
        ("fifo", "unreadable", "bob/records/names cannot be read: "),
        ("session", "unreadable", "bob/records/session cannot be read: "),
        ("noise", "names", "bob/records/names is damaged"),
        ("closed", "mode", "bob has mode 0000"),
        ("closed-records", "mode", "bob/records has mode 0000"),
        ("loop", "forward", "loop leads to loop, which is no mailbox"),
    ],
)
def test_doctor_finds_exactly_that(fault: str, check: str, says: str, home: Path, spool: Path) -> None:
    """Ours: one line, what it is and what to do."""
    BROKEN[fault](spool)

    found = [f for f in _do(home, "doctor", "--json").json["findings"] if f["check"] != "file-system"]

    assert [f["check"] for f in found] == [check], found
    assert says in found[0]["what"]
    assert found[0]["next"]


@pytest.mark.parametrize("fault", ["noise", "closed", "closed-records"])
def test_what_doctor_fixes_is_whole_again(fault: str, home: Path, spool: Path) -> None:
    """G2: mail that was there, and mail that came meanwhile, is read."""
    done(home, "send", "--as", "alice", "bob", "before")
    BROKEN[fault](spool)
    reached = _do(home, "send", "--as", "alice", "bob", "meanwhile").code == 0

    assert _do(home, "doctor", "--fix").code == 0

    shown = _do(home, "check", "--as", "bob").out
    assert "before" in shown
    assert ("meanwhile" in shown) is reached


def test_what_stands_in_the_way_of_the_record_is_moved_by_hand_and_the_rest_fixed(home: Path, spool: Path) -> None:
    """Ours: what doctor says to do is enough."""
    done(home, "send", "--as", "alice", "bob", "before")
    _folder(spool)
    (spool / "bob/records/names").rename(spool.parent / "moved-away")

    assert _do(home, "doctor", "--fix").code == 0

    assert "before" in _do(home, "check", "--as", "bob").out


@pytest.mark.parametrize("fault", ["folder", "closed", "closed-records", "session"])
def test_a_receipt_that_cannot_be_sent_makes_no_failure_of_a_check(fault: str, home: Path, spool: Path) -> None:
    """G13: a receipt may be missing; the message was shown."""
    done(home, "send", "--receipt", "--as", "bob", "carol", "hello")
    BROKEN[fault](spool)

    shown = _do(home, "check", "--as", "carol")

    assert shown.code == 0, shown
    assert "hello" in shown.out


@pytest.mark.parametrize("fault", UNREADABLE)
def test_what_could_not_be_read_is_not_said_to_be_written(fault: str, home: Path, spool: Path) -> None:
    """G12: the words say what failed."""
    BROKEN[fault](spool)

    for act in (("send", "--as", "alice", "bob", "hi"), ("register", "bob", "--as", "bob")):
        refused = _do(home, *act)

        assert refused.code == 78, refused
        assert "cannot be read" in refused.err, refused
        assert "written" not in refused.err, refused


def test_the_name_of_a_damaged_mailbox_cannot_be_taken_by_a_rename(home: Path, spool: Path) -> None:
    """G10: whose mail it has is not known, so it is nobody else's."""
    done(home, "send", "--as", "alice", "bob", "for bob")
    _noise(spool)

    refused = _do(home, "rename", "bob", "--as", "carol")

    assert refused.code == 73, refused
    assert (spool / "carol").is_dir()


# A rename that is done, and one that is not


def _notices(home: Path, name: str) -> int:
    return _do(home, "check", "--as", name).out.count("alice is now ann")


@pytest.mark.parametrize("fault", UNREADABLE)
def test_a_rename_is_done_although_somebody_cannot_be_told(fault: str, home: Path, spool: Path) -> None:
    """G12, S16: what was done is no failure; who missed the notice gets it when it can be read, and nobody twice."""
    names = (spool / "bob/records/names").read_text()
    BROKEN[fault](spool)

    renamed = _do(home, "rename", "ann", "--as", "alice")

    assert (renamed.code, renamed.out) == (0, "ann\n"), renamed
    assert "not told: bob: " in renamed.err
    assert _notices(home, "carol") == 1
    assert _do(home, "gc", "--apply").code == 75
    (spool / "bob").chmod(0o700)
    (spool / "bob/records").chmod(0o700)
    if fault in ("folder", "fifo"):
        (spool / "bob/records/names").rename(spool.parent / "moved-away")
        (spool / "bob/records/names").write_text(names)
    os.utime(spool / "ann/records/untold", (1, 1))  # a renamer has ten minutes to tell everyone himself

    assert _do(home, "gc", "--apply").code == 0

    assert [_notices(home, name) for name in ("bob", "carol", "dave")] == [1, 0, 1]
    assert _do(home, "gc").err == "would remove nothing\n"


def test_a_rename_is_done_although_the_token_cannot_be_moved_yet(home: Path, spool: Path) -> None:
    """G10: the next command that can write moves it."""
    state, nowhere = home / ".local/state/maildir-ipc", home / "nowhere"
    (place,) = state.iterdir()
    nowhere.mkdir(mode=0o500)
    place.chmod(0o500)

    renamed = _do(home, "rename", "ann", "--as", "alice", TMPDIR=str(nowhere))

    assert (renamed.code, renamed.out) == (0, "ann\n"), renamed
    assert "your session was not moved" in renamed.err
    place.chmod(0o700)
    assert _do(home, "send", "--as", "ann", "bob", "hello").code == 0
    assert _do(home, "whoami", "--as", "ann").out == "ann\n"


def test_a_rename_that_cannot_be_carried_out_is_not_begun(home: Path, spool: Path) -> None:
    """G12: refused, it is not done later by whoever takes the lock."""
    before = listing(spool)
    spool.chmod(0o500)

    refused = _do(home, "rename", "ann", "--as", "alice")

    assert refused.code == 78, refused
    spool.chmod(0o700)
    assert listing(spool) == before
    assert _do(home, "register", "erin", "--as", "erin").code == 0
    assert (spool / "alice").is_dir()


@pytest.mark.peer("strace")
def test_a_rename_that_is_stopped_half_way_says_that_it_will_be_finished(home: Path, spool: Path) -> None:
    """G12: and it is, by the next command that needs the lock."""
    failing = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=symlink", "-e", "inject=symlink:error=ENOSPC"]

    stopped = _do(home, "rename", "ann", "--as", "alice", prefix=failing)

    assert stopped.code == 75, stopped
    assert "alice is to be ann, and that is not done yet" in stopped.err
    assert "finishes it" in stopped.err
    assert _do(home, "register", "erin", "--as", "erin").code == 0
    assert (spool / "ann").is_dir()
    assert _do(home, "whoami", "--as", "ann").out == "ann\n"


@pytest.mark.peer("strace")
def test_what_cannot_be_finished_is_said_to_whoever_needs_the_lock(home: Path, spool: Path) -> None:
    """G12: a rename that nobody can finish is named to those whom it stops."""
    failing = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=symlink", "-e", "inject=symlink:error=ENOSPC"]
    _do(home, "rename", "ann", "--as", "alice", prefix=failing)

    stopped = _do(home, "register", "erin", "--as", "erin", prefix=failing)

    assert stopped.code == 75, stopped
    assert "a rename that was begun cannot be finished" in stopped.err

"""Mail that other programs drop into a mailbox gets its verdict like any other."""

from __future__ import annotations

import mailbox as cpython
import os
import shutil
from typing import TYPE_CHECKING

import pytest

from maildir_ipc import testing
from tests.interop.support import Pair, contents, mail_in, make_maildir, run, shown

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.interop

UNSIGNED = (
    b"From: Nessa <nessa@example.org>\nTo: bob@ipc.invalid\nSubject: by hand\n"
    b"Message-ID: <by.hand@example.org>\nDate: Mon, 23 Nov 2026 14:00:00 +0100\n\nwritten by hand\nsecond line\n"
)


def by_mdeliver(pair: Pair, raw: bytes) -> None:
    assert run(["mdeliver", pair.bob.maildir.path], stdin=raw, env=pair.environment()).returncode == 0


def by_mv(pair: Pair, raw: bytes) -> None:
    path = pair.home / "letter.eml"
    path.write_bytes(raw)
    assert run(["mv", str(path), f"{pair.bob.maildir.path}/new/"], env=pair.environment()).returncode == 0


def by_cpython(pair: Pair, raw: bytes) -> None:
    cpython.Maildir(pair.bob.maildir.path, create=False).add(raw)


def by_cpython_flagged(pair: Pair, raw: bytes) -> None:
    message = cpython.MaildirMessage(raw)
    message.set_flags("F")
    cpython.Maildir(pair.bob.maildir.path, create=False).add(message)


def by_cpython_into_cur(pair: Pair, raw: bytes) -> None:
    message = cpython.MaildirMessage(raw)
    message.set_subdir("cur")
    cpython.Maildir(pair.bob.maildir.path, create=False).add(message)


WAYS: dict[str, Callable[[Pair, bytes], None]] = {
    "mdeliver": by_mdeliver,
    "mv": by_mv,
    "CPython": by_cpython,
    "CPython with a flag": by_cpython_flagged,
    "CPython into cur": by_cpython_into_cur,
}
ways = pytest.mark.parametrize(
    "way", [pytest.param(way, marks=pytest.mark.peer("mdeliver") if way == "mdeliver" else ()) for way in WAYS]
)


@ways
def test_unsigned_mail_in_a_signed_spool_is_set_aside_and_named_and_readable(pair: Pair, way: str) -> None:
    """G4: ours."""
    WAYS[way](pair, UNSIGNED)
    checked = pair.mipc("check")
    assert checked.returncode == 0
    assert checked.stdout == ""
    named = [line for line in checked.stderr.splitlines() if "set aside" in line]
    assert len(named) == 1
    assert "UNSIGNED" in named[0]
    assert "nessa" in named[0]
    (aside,) = testing.files(pair.bob, ".Rejected/cur")
    assert ",v=none:2," in aside
    assert contents([aside]) == [UNSIGNED]
    assert testing.files(pair.bob) == []
    ref = named[0].rpartition("mipc read ")[2]
    for name in (ref, "by.hand@example.org", aside):
        read = pair.mipc("read", name)
        assert read.returncode == 76, read
        assert "written by hand\nsecond line\n" in read.stdout
        assert "UNSIGNED" in read.stdout
    again = pair.mipc("check")
    assert (again.returncode, again.stdout, "set aside" in again.stderr) == (0, "", False)


@ways
def test_unsigned_mail_in_an_open_spool_is_shown_as_unsigned(open_pair: Pair, way: str) -> None:
    """G4: ours."""
    WAYS[way](open_pair, UNSIGNED)
    checked = open_pair.mipc("check")
    assert checked.returncode == 0
    assert "UNSIGNED" in checked.stdout
    assert "verified" not in checked.stdout
    assert checked.stdout.count("written by hand\nsecond line\n") == 1
    assert open_pair.mipc("check").stdout == ""
    (file,) = testing.files(open_pair.bob)
    assert "S" in file.rpartition(":2,")[2]


@ways
def test_signed_mail_that_another_program_brings_is_shown_as_any_other(pair: Pair, way: str) -> None:
    """G4, G7: ours. A file need not have a name of ours, or have come by a delivery of ours."""
    raw = pair.taken("brought by hand")
    WAYS[way](pair, raw)
    checked = pair.mipc("check")
    assert checked.stdout.count("brought by hand\n") == 1, checked
    assert "verified" in checked.stdout
    assert pair.mipc("check").stdout == ""
    (file,) = testing.files(pair.bob)
    flags = file.rpartition(":2,")[2]
    assert flags == ("FS" if "flag" in way else "S")


@ways
def test_mail_brought_a_second_time_is_no_mail(pair: Pair, way: str) -> None:
    """G4, protocol 6.4: ours. A message that was read and is brought back is a replay, and kept as it came."""
    pair.send("only once")
    (raw,) = contents(testing.files(pair.bob))
    assert shown(pair.bob) == ["only once"]
    WAYS[way](pair, raw)
    checked = pair.mipc("check")
    assert checked.stdout == ""
    assert "a copy of an older message" in checked.stderr
    (aside,) = testing.files(pair.bob, ".Rejected/cur")
    assert contents([aside]) == [raw]
    assert ",v=replay:2," in aside


def test_a_read_message_copied_back_under_its_own_name_is_a_replay(pair: Pair) -> None:
    """G4, protocol 6.4: ours. `cp cur/B:2,S new/B`: the same name must not make it look like a retry."""
    name = pair.send("only once")
    assert shown(pair.bob) == ["only once"]
    (read,) = testing.files(pair.bob)
    shutil.copy(read, f"{pair.bob.maildir.path}/new/{name}")
    assert shown(pair.bob) == []
    (aside,) = testing.files(pair.bob, ".Rejected/cur")
    assert ",v=replay:2," in aside
    assert testing.files(pair.bob) == [read]


@pytest.mark.peer("mdeliver", "mlist", "minc", "mrefile")
def test_mblaze_carries_unread_mail_from_one_maildir_to_another(pair: Pair) -> None:
    """G7: ours. Refiled out and back in by mblaze, what was never read is shown once."""
    pair.send("there and back")
    elsewhere, box, env = make_maildir(f"{pair.home}/elsewhere"), pair.bob.maildir.path, pair.environment()
    listed = run(["minc", box], env=env).stdout
    assert listed.count("\n") == 1
    assert run(["mrefile", elsewhere], stdin=listed.encode(), env=env).returncode == 0
    assert shown(pair.bob) == []
    assert run(["mrefile", box], stdin="\n".join(mail_in(elsewhere)).encode(), env=env).returncode == 0
    assert shown(pair.bob) == ["there and back"]
    assert shown(pair.bob) == []


def test_what_is_no_message_is_named_and_kept_and_stops_nothing(pair: Pair) -> None:
    """G4, G12: ours. A directory, an empty file, a picture in new/: beside them, mail is shown."""
    new = f"{pair.bob.maildir.path}/new"
    with open(f"{new}/empty", "wb"), open(f"{new}/picture", "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")
    os.symlink("/etc/hostname", f"{new}/link")
    os.mkdir(f"{new}/directory")
    os.mkfifo(f"{new}/fifo")
    pair.send("and one message")
    checked = pair.mipc("check")
    assert checked.returncode == 0, checked
    assert checked.stdout.count("and one message\n") == 1
    assert checked.stderr.count("set aside") == 5
    assert len(os.listdir(f"{pair.bob.maildir.path}/.Rejected/cur")) == 5
    assert os.listdir(new) == []

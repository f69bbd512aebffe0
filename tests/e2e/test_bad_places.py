"""A spool, a keyring or a secret that does not fit is refused with what to do, and nothing is made in its place."""

from __future__ import annotations

import fcntl
import os
import select
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.e2e.driving import PATH, SECONDS, assert_refused, command, listing, mipc, run, spool_of

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.e2e

ACTS = [
    ("check", "--as", "bob"),
    ("send", "--as", "bob", "bob", "hi"),
    ("register", "bob", "--as", "bob"),
    ("whoami", "--as", "bob"),
]


def assert_all_refused(home: Path, code: int, *says: str, **environ: str) -> None:
    """Every act is refused, and nothing changes."""
    before = listing(home)
    for act in ACTS:
        assert_refused(run(*command(act[0]), *act[1:], home=home, env=environ), code, *says)
        assert listing(home) == before, act


def test_a_root_that_does_not_exist_is_refused_and_not_made(home: Path, tmp_path: Path) -> None:
    """G12: the wrong root is the commonest way to lose mail, so it is never made by the way."""
    root = tmp_path / "not/here"
    assert_all_refused(home, 78, str(root), "mipc init", MAILDIR_IPC_ROOT=str(root))
    assert not (tmp_path / "not").exists()
    assert listing(home) == {}


@pytest.mark.parametrize("kind", ["file", "empty folder", "somebody's folder", "dangling link", "device"])
def test_a_root_that_is_no_spool_is_refused_and_not_touched(home: Path, tmp_path: Path, kind: str) -> None:
    """G11, G12."""
    root = tmp_path / "root"
    if kind == "file":
        root.write_text("text")
    elif kind == "dangling link":
        root.symlink_to(tmp_path / "nowhere")
    elif kind == "device":
        root.symlink_to("/dev/null")
    else:
        root.mkdir()
        if kind == "somebody's folder":
            (root / "bob").mkdir()
            (root / "bob/notes").write_text("mine")
    before = listing(tmp_path)
    for act in ACTS:
        assert_refused(mipc(home, *act, MAILDIR_IPC_ROOT=str(root)), 78, str(root), "mipc init")
    assert listing(tmp_path) == before
    if kind in ("file", "device"):
        assert_refused(mipc(home, "init", MAILDIR_IPC_ROOT=str(root)), 78, str(root))
        assert listing(tmp_path) == before, "no key is kept for a spool that could not be made"


def test_reading_never_makes_a_spool(home: Path) -> None:
    """Ours: only init, register and send do, and only once it is known who is acting."""
    for act in (("check",), ("whoami",), ("list",), ("read", "abcde"), ("path",), ("unregister",), ("verify",)):
        assert_refused(mipc(home, *act), 78, "no spool", str(spool_of(home)))
    assert listing(home) == {}
    assert_refused(run("setsid", "-w", *command("register"), "alice", home=home), 77, "--as alice")
    assert listing(home) == {}


def test_a_spool_of_a_newer_format_is_refused(home: Path, spool: Path) -> None:
    """G12: what a newer program wrote is left to it."""
    record = spool / ".ipc/spool"
    old = record.read_text()
    for text in (old.replace("format 1", "format 2"), old.replace("format 1", "format 99999")):
        record.write_text(text)
        assert_all_refused(home, 78, str(spool), "format", "newer")
    record.write_text(old)
    assert "unread" in mipc(home, "check", "--as", "bob").out


@pytest.mark.parametrize("text", ["", "\0\xff", "format 1\n", "format one\nid x\n", "id 0123456789abcdef\n",
                                  "format 1\nid 0123456789abcdef\nmode signed\n", "format 1\nid ../../x\nmode open\n",
                                  "format 1\nid 0123456789abcdef\nmode maybe\nkey 0123456789abcdef 0\n"])  # fmt: skip
def test_a_spool_record_that_makes_no_sense_is_refused(home: Path, spool: Path, text: str) -> None:
    """G4, G12: a damaged record never turns a signed spool into an open one, and is no traceback."""
    (spool / ".ipc/spool").write_text(text)
    assert_all_refused(home, 78, "spool")


def test_a_name_that_is_a_link_or_a_file_leads_nowhere_else(home: Path, spool: Path, tmp_path: Path) -> None:
    """G11: nothing outside the spool is written through it."""
    outside = tmp_path / "outside"
    for part in ("tmp", "new", "cur"):
        (outside / part).mkdir(parents=True)
    (spool / "eve").symlink_to(outside)
    (spool / "mallory").symlink_to("../../../../outside")
    (spool / "trudy").write_text("a file")
    before = listing(outside)
    for name in ("eve", "mallory", "trudy"):
        done = mipc(home, "send", "--as", "bob", name, "hi")
        assert done.code != 0, done
        assert "Traceback" not in done.err, done
        done = mipc(home, "register", name, "--as", name)
        assert done.code != 0, done
        assert "Traceback" not in done.err, done
    assert listing(outside) == before


@pytest.mark.parametrize("folder", ["tmp", "new", "cur", "records", ".Sent", ".Rejected", "large-messages"])
def test_links_inside_a_mailbox_lead_nowhere_else(home: Path, spool: Path, tmp_path: Path, folder: str) -> None:
    """G11: a mailbox's folder, swapped for a link, is not followed out of the spool."""
    outside = tmp_path / "outside"
    for part in ("", "new", "cur", "tmp", "seen"):
        (outside / part).mkdir(exist_ok=True)
    mipc(home, "register", "eve", "--as", "eve")
    mipc(home, "send", "--as", "bob", "eve", "-", stdin=b"large\n" * 5000)
    if (spool / "eve" / folder).exists():
        shutil.move(spool / "eve" / folder, tmp_path / "moved")
    (spool / "eve" / folder).symlink_to(outside)
    forged = spool / "eve/new/1700000000.forged"
    if folder != "new":
        forged.write_text("From: x@ipc.invalid\n\nforged\n")
    before = listing(outside)
    for act in (("send", "--as", "bob", "eve", "hi"), ("send", "--as", "eve", "bob", "hi"), ("check", "--as", "eve")):
        done = mipc(home, *act)
        assert "Traceback" not in done.err, done
    assert listing(outside) == before


def test_a_mailbox_without_new_is_not_said_to_be_empty(home: Path, spool: Path) -> None:
    """G12: 78 and what mends it; what was moved away by hand is unread again when it is back."""
    (spool / "bob/new").rename(spool / "bob/aside")
    for act in (("check",), ("check", "--peek"), ("take",), ("wait", "--timeout", "1")):
        assert_refused(mipc(home, *act, "--as", "bob"), 78, f"{spool}/bob/new is not there", "mipc doctor --fix")
    done = mipc(home, "doctor", "--fix")
    assert f"mended: {spool}/bob has no new\n" in done.out
    assert "no new messages for bob" in mipc(home, "check", "--as", "bob").err
    (spool / "bob/new").rmdir()
    (spool / "bob/aside").rename(spool / "bob/new")
    assert "\nunread\n" in mipc(home, "check", "--as", "bob").out


def test_what_is_no_message_in_new_is_neither_followed_nor_waited_for(home: Path, spool: Path, tmp_path: Path) -> None:
    """G7, G11: a pipe, a device, a link or a folder in new/ hides no mail, and says nothing of what it leads to."""
    new, outside = spool / "bob/new", tmp_path / "outside"
    outside.write_text("From: x\n\nsecret of somebody else\n")
    os.mkfifo(new / "pipe")
    for name, target in (("link", outside), ("device", "/dev/zero"), ("dangling", "nowhere"), ("loop", "loop")):
        (new / name).symlink_to(target)
    (new / "folder").mkdir()
    for name in ("empty", "line\nbreak", "\x1b[31m", ",c=1.2.3", ":2,S", "a:2,", "x" * 250):
        (new / name).write_bytes(b"")
    done = mipc(home, "check", "--as", "bob")
    assert done.code == 0, done
    assert "\nunread\n" in done.out
    assert "secret" not in done.out + done.err
    assert "\x1b" not in done.err
    assert "Traceback" not in done.err
    assert all(line.startswith(("mipc: set aside", "mipc: and ")) for line in done.err.splitlines())
    assert outside.read_text().endswith("secret of somebody else\n")
    again = mipc(home, "check", "--as", "bob")
    assert (again.code, again.out) == (0, "")


def test_home_may_be_missing_or_odd(home: Path, tmp_path: Path) -> None:
    """G12: cron and containers run with HOME unset, empty, relative, or a file."""
    (tmp_path / "file").write_text("")
    for value in (str(tmp_path / "file"), "/dev/null"):
        done = run(*command("register"), "bob", "--as", "bob", home=home, env={"HOME": value, "PATH": PATH})
        assert_refused(done, 78, value)


@pytest.mark.parametrize("act", [("register", "dora", "--as", "dora"), ("send", "--as", "bob", "newname", "hello")])
def test_who_waits_for_the_lock_is_told_by_whom_it_is_held(home: Path, bob: Path, act: tuple[str, ...]) -> None:
    """G12: at once, on standard error; and goes on when it is free."""
    with (spool_of(home) / ".ipc/lock").open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        env = {"PATH": PATH, "HOME": str(home)}
        with subprocess.Popen([*command(act[0]), *act[1:]], env=env, stderr=subprocess.PIPE, text=True) as waiting:
            assert waiting.stderr is not None
            ready = select.select([waiting.stderr], [], [], SECONDS)[0]
            said = waiting.stderr.readline() if ready else ""
            fcntl.flock(held, fcntl.LOCK_UN)
            _, rest = waiting.communicate(timeout=SECONDS)

    assert said.startswith(f"mipc: {spool_of(home)}/.ipc/lock is held"), said
    assert said.endswith(": waiting for it\n")
    assert waiting.returncode == 0, rest

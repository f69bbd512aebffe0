"""Where things may lie: read-only homes, full disks, spools that are not there. Nothing is made by a refusal."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.conftest import need
from tests.e2e.driving import (
    SECONDS,
    Done,
    assert_refused,
    command,
    listing,
    mipc,
    run,
    spool_of,
    terminals,
    words,
)  # fmt: skip

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.e2e

# In a mount namespace of our own; without root also in a user namespace, where we are root of nothing else.
MOUNTER = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-mr"]


@pytest.fixture(autouse=True)
def mounts() -> None:
    """Mounting needs a system that lets us."""
    need("unshare", "mount")
    done = subprocess.run(
        [*MOUNTER, "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, text=True, check=False
    )
    if done.returncode:
        if os.environ.get("CI") == "true":
            pytest.fail(f"cannot mount: {done.stderr}", pytrace=False)
        pytest.skip(f"cannot mount: {done.stderr.strip()}")


def read_only(*paths: Path) -> list[str]:
    """Return the words that run a command where *paths* cannot be written, not even by root."""
    lines = [
        f"mount --bind {path} {path} && mount -o remount,ro,bind {path}" for path in map(shlex.quote, map(str, paths))
    ]
    return [*MOUNTER, "sh", "-c", " && ".join([*lines, 'exec "$@"']), "sh"]


def in_box(box: list[str], verb: str, *arguments: str, home: Path, **environ: str) -> Done:
    """Run a verb behind *box*."""
    return run(*box, *command(verb), *arguments, home=home, env=environ)


def shared_spool(home: Path, tmp_path: Path) -> str:
    """Make a spool outside HOME, with its key in HOME, and one mailbox; return its path."""
    root = tmp_path / "shared"
    assert mipc(home, "init", MAILDIR_IPC_ROOT=str(root)).code == 0
    assert mipc(home, "register", "bob", "--as", "bob", MAILDIR_IPC_ROOT=str(root)).code == 0
    return str(root)


@pytest.mark.parametrize("variable", ["XDG_RUNTIME_DIR", "TMPDIR", "MAILDIR_IPC_STATE"])
def test_with_a_read_only_home_the_token_goes_elsewhere(home: Path, tmp_path: Path, variable: str) -> None:
    """Ours: a sandbox that shuts HOME can register, as long as the spool and one place for the token are open."""
    root, state = shared_spool(home, tmp_path), tmp_path / "state"
    state.mkdir(mode=0o700)
    where = {"MAILDIR_IPC_ROOT": root, variable: str(state)}
    before = listing(home)
    with terminals(2, home, prefix=read_only(home), **where) as (alice, other):
        done = alice.mipc("register", "alice")
        assert (done.code, done.out) == (0, "alice\n")
        assert_refused(other.mipc("check"), 77, "--as alice")
        assert alice.mipc("send", "bob", "hello").out.endswith(" bob delivered\n")
        assert alice.mipc("check").err == "no new messages for alice\n"
    assert listing(home) == before
    kept = listing(state)
    assert len([path for path, (_, content) in kept.items() if b"token " in content]) == 1
    assert {mode for mode, _ in kept.values()} <= {"drwx------", "-rw-------", "lrwxrwxrwx"}
    assert "hello" in mipc(home, "check", "--as", "bob", MAILDIR_IPC_ROOT=root).out


def test_with_no_place_for_a_token_register_is_refused_and_undone(home: Path, tmp_path: Path) -> None:
    """G12: one line, and no mailbox that nobody holds."""
    root, runtime = shared_spool(home, tmp_path), tmp_path / "runtime"
    runtime.mkdir()
    where = {"MAILDIR_IPC_ROOT": root, "XDG_RUNTIME_DIR": str(runtime), "TMPDIR": str(runtime)}
    before = listing(tmp_path)
    done = in_box(read_only(home, runtime), "register", "alice", "--as", "alice", home=home, **where)
    assert_refused(done, 78, "MAILDIR_IPC_STATE", "Read-only")
    assert listing(tmp_path) == before


def test_with_a_read_only_home_no_spool_is_made(home: Path) -> None:
    """G12: the default place cannot be written: one line that says so, from register and from send."""
    before = listing(home)
    for verb in (("register", "alice"), ("send", "bob", "hi")):
        done = in_box(read_only(home), verb[0], "--as", "alice", *verb[1:], home=home)
        assert_refused(done, 78, "Read-only", str(home))
    assert listing(home) == before


def test_a_read_only_spool_refuses_in_one_line_and_loses_nothing(home: Path) -> None:
    """G3, G12: with the spool shut nothing is sent, registered or marked as read; peeking still works."""
    spool = spool_of(home)
    mipc(home, "register", "bob", "--as", "bob")
    mipc(home, "send", "--as", "bob", "bob", "unread")
    box, before = read_only(spool), listing(home)
    for verb in (("send", "bob", "hi"), ("send", "nobody", "hi"), ("check",), ("unregister",)):
        done = in_box(box, verb[0], "--as", "bob", *verb[1:], home=home)
        assert_refused(done, 78, "Read-only", "sandbox")
        assert listing(home) == before, verb
    done = in_box(box, "register", "carol", "--as", "carol", home=home)
    assert_refused(done, 78, "Read-only", "sandbox")
    assert listing(home) == before
    assert "unread" in in_box(box, "check", "--peek", "--as", "bob", home=home).out
    assert in_box(box, "list", home=home).code == 0
    assert "unread" in mipc(home, "check", "--as", "bob").out


def full(size: str, tail: str) -> list[str]:
    """Return the words that run a shell line with a small disk at /mnt as the spool's place, then fill it."""
    return [*MOUNTER, "sh", "-c", f"mount -t tmpfs -o {size} none /mnt && {tail}", "sh"]


@pytest.mark.parametrize(
    ("size", "fill"),
    [
        ("size=200k", "dd if=/dev/zero of=/mnt/fill bs=4k 2>/dev/null; :"),
        ("size=8m,nr_inodes=60", "i=0; while touch /mnt/fill$i; do i=$((i+1)); done 2>/dev/null; :"),
    ],
    ids=["no space", "no inodes"],
)
def test_a_full_disk_refuses_in_one_line_and_loses_nothing(home: Path, size: str, fill: str) -> None:
    """G3, G5, G12: exit 75, nothing was sent, nothing is left over; what was unread is unread."""
    lines = [
        words("init"), words("register", "bob", "--as", "bob"), words("send", "--as", "bob", "bob", "unread"),
        fill, "find /mnt | grep -v fill | sort >$HOME/before",
        words("send", "--as", "bob", "bob", "lost?") + " 2>$HOME/send.err; echo $? >$HOME/send.code",
        words("send", "--as", "bob", "nessa", "lost?") + " 2>$HOME/new.err; echo $? >$HOME/new.code",
        words("register", "carol", "--as", "carol") + " 2>$HOME/register.err; echo $? >$HOME/register.code",
        "find /mnt | grep -v fill | sort >$HOME/after",
        words("check", "--as", "bob") + " >$HOME/check.out 2>$HOME/check.err; echo $? >$HOME/check.code",
        "rm -f /mnt/fill*",
        words("send", "--as", "bob", "bob", "goes") + ">$HOME/again.out",
        words("check", "--as", "bob", "--json") + " >$HOME/check2.out",
    ]  # fmt: skip
    done = run(*full(size, "\n".join(lines)), home=home, env={"MAILDIR_IPC_ROOT": "/mnt/spool"})
    assert done.code == 0, done
    read = {path.name: path.read_text() for path in home.iterdir() if path.is_file()}
    for act in ("send", "new", "register"):
        refused = Done(int(read[f"{act}.code"]), "", read[f"{act}.err"])
        assert_refused(refused, 75, "No space left", "again", lines=1 if act == "register" else 2)
    assert read["after"] == read["before"]
    assert "Traceback" not in read["check.err"], read
    shown = read["check.out"] + read["check2.out"]
    assert "unread" in shown, read
    assert read["again.out"].endswith(" bob delivered\n")
    assert [m["body"] for m in json.loads(read["check2.out"])["messages"]][-1] == "goes"


def test_a_full_disk_at_init_leaves_no_half_spool(home: Path) -> None:
    """G12: what could not be made is not there."""
    lines = [
        "dd if=/dev/zero of=/mnt/fill bs=4k 2>/dev/null",
        words("init"),
        "echo code $?",
        "find /mnt -mindepth 1 | grep -v fill; ls -A $HOME; :",
    ]
    done = run(*full("size=40k,nr_inodes=4", "; ".join(lines)), home=home, env={"MAILDIR_IPC_ROOT": "/mnt/spool"})
    assert_refused(done, 0, "No space left", "/mnt/spool")
    assert done.out.splitlines()[0] in ("code 75", "code 78")
    assert [line for line in done.out.splitlines()[1:] if "spool" in line] == []


@pytest.mark.timeout(SECONDS)
def test_a_dead_readers_claim_in_another_namespace_is_not_lost(home: Path) -> None:
    """G5: a pid of another namespace says nothing here; the mail stays and is listed by every tool."""
    need("unshare")
    mipc(home, "register", "bob", "--as", "bob")
    mipc(home, "send", "--as", "bob", "bob", "unread")
    done = run(
        "unshare", "-pf", "--mount-proc", "sh", "-c", words("check", "--as", "bob") + " >/dev/full; exit $?", home=home
    )
    assert_refused(done, 75, "unread")
    assert "unread" in mipc(home, "check", "--as", "bob").out

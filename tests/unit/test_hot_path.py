"""The hot path, held by counting, never by a clock: modules loaded and system calls made by the real commands.

Design, 6, 11 and 12. Ours. The numbers stand in the assertion messages.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence

CHECKOUT = Path(__file__).resolve().parents[2]
MAIN = CHECKOUT / "maildir_ipc" / "__main__.py"
BIN = CHECKOUT / "bin"
OURS = {
    "account", "address", "bounds", "cli", "cli.arguments", "cli.call", "entry", "errors", "folders", "keyring",
    "mailbox", "maildir", "message", "process", "received", "records", "seen", "session", "settings", "signing",
    "spool", "tokens", "unique", "wire",
}  # fmt: skip
SEND = {"cli.send_", "cli.sending", "delivery", "draft", "limits", "names"}
CHECK = {"cli.check_", "batch", "gate", "render", "unseen"}
SHOWING = CHECK | {"names"}  # whose name it was, when there is mail
# What CPython itself needs for `pass`, and what of the standard library we add to it.
ADDED = {
    "__future__", "_collections_abc", "_operator", "_sha2", "_sha256", "_stat", "abc", "binascii", "errno",
    "fcntl", "gc", "genericpath", "os", "posixpath", "pwd", "stat", "time", "zlib",
}  # fmt: skip
BANNED = {
    "argparse", "ast", "collections", "contextlib", "copyreg", "dataclasses", "datetime", "email", "enum", "functools",
    "glob", "hashlib", "hmac", "inspect", "io_", "json", "keyword", "locale", "logging", "mcp", "operator",
    "pathlib", "platform",
    "random", "re", "secrets", "shutil", "signal", "socket", "string", "struct", "subprocess", "tempfile",
    "textwrap", "threading", "traceback", "types", "typing", "urllib", "uuid", "warnings", "watchdog",
}  # fmt: skip
_IMPORTED = re.compile(r"import time:.*\|\s*(\S+)$", re.MULTILINE)
CALLS_AT_MOST = 10


def _run(home: Path, *argv: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    environment = {"HOME": str(home), "PATH": os.environ["PATH"], "TMPDIR": str(home), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        argv, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60, check=False
    )
    assert done.returncode == code, done
    return done


@pytest.fixture
def spool(home: Path) -> Path:
    """Give alice and bob, registered, with bob's mailbox checked once: caches are as they are in daily use."""
    for name in ("alice", "bob"):
        _run(home, str(BIN / "ipc-register"), name, "--as", name)
    _run(home, str(BIN / "ipc-send"), "--as", "alice", "bob", "first")
    _run(home, str(BIN / "ipc-check"), "--as", "bob")
    _run(home, str(BIN / "ipc-check"), "--as", "bob")
    return home / ".local/share/maildir-ipc"


def _modules(home: Path, *words: str) -> tuple[set[str], set[str]]:
    """Return what a command loads besides what Python itself needs: ours, and others' modules."""
    start = [sys.executable, "-I", "-S", "-X", "importtime"]
    base = set(_IMPORTED.findall(_run(home, *start, "-c", "pass").stderr))
    loaded = set(_IMPORTED.findall(_run(home, *start, str(MAIN), *words).stderr)) - base
    ours = {name.removeprefix("maildir_ipc.") for name in loaded if name.startswith("maildir_ipc.")}
    return ours, {name for name in loaded if not name.startswith("maildir_ipc")}


@pytest.mark.parametrize(
    ("words", "allowed"),
    [
        (("send", "--as", "alice", "bob", "hello"), SEND),
        (("check", "--as", "bob"), CHECK),
    ],
)
def test_the_hot_commands_load_exactly_what_they_need(
    words: tuple[str, ...], allowed: set[str], home: Path, spool: Path
) -> None:
    """Design, 11: a module more is a decision, made here."""
    ours, others = _modules(home, *words)
    assert ours == OURS | allowed, f"{words[0]} loads others of ours: {sorted(ours ^ (OURS | allowed))}"
    assert others <= ADDED, f"{words[0]} loads more of others': {sorted(others - ADDED)}"


def test_a_check_that_shows_mail_loads_no_more(home: Path, spool: Path) -> None:
    """The usual message is parsed without the email package, and shown without json."""
    _run(home, str(BIN / "ipc-send"), "--as", "alice", "bob", "hello, plain text")
    ours, others = _modules(home, "check", "--as", "bob")
    assert ours <= OURS | SHOWING, sorted(ours - OURS - SHOWING)
    assert others <= ADDED, sorted(others - ADDED)


@pytest.mark.parametrize(
    "words", [("register", "carol", "--as", "carol"), ("list",), ("whoami", "--as", "bob"), ("path", "bob")]
)
def test_the_other_quick_commands_load_no_heavy_module(words: tuple[str, ...], home: Path, spool: Path) -> None:
    """Design, 8: they have the fast start too."""
    ours, others = _modules(home, *words)
    heavy = {name for name in others if name.partition(".")[0] in BANNED}
    assert heavy == set(), f"{words[0]} loads {sorted(heavy)}"
    assert "mime" not in ours


@pytest.mark.peer("strace")
@pytest.mark.parametrize(
    "words", [("ipc-send", "--as", "alice", "bob", "hello"), ("ipc-check", "--as", "bob"), ("ipc-list",)]
)
def test_a_script_starts_one_program_and_waits_for_none(words: tuple[str, ...], home: Path, spool: Path) -> None:
    """Design, 8: the shell becomes Python, with -I -S, and starts nothing else."""
    calls = _traced(home, str(BIN / words[0]), *words[1:])
    started = [call for call in calls if call.name == "execve" and call.line.endswith("= 0")]
    born = [call for call in calls if call.name in ("fork", "vfork", "clone", "clone3")]
    assert len(started) == 2, _said(started)
    assert '"-I", "-S", ' in started[1].line, _said(started)
    assert born == [], _said(born)


# --- system calls ---


class Call:
    """One system call, as strace -y writes it, with the paths of its descriptors."""

    def __init__(self, line: str) -> None:
        self.line = re.sub(r"^\d+\s+", "", line)
        self.name = self.line.partition("(")[0]


def _traced(home: Path, *argv: str) -> list[Call]:
    trace = home / "trace"
    _run(home, "strace", "-f", "-y", "-s", "300", "-o", str(trace), *argv)
    lines = trace.read_text(errors="replace").splitlines()
    trace.unlink()
    return [Call(line) for line in lines if not re.match(r"^\d+\s+(\+\+\+|---)", line)]


def _on(calls: Sequence[Call], mailbox: Path) -> list[Call]:
    """Return the calls on the mailbox's paths and descriptors from the first that opens it; close is not counted."""
    start = next(i for i, call in enumerate(calls) if call.name == "openat" and f'"{mailbox}"' in call.line)
    return [call for call in calls[start:] if str(mailbox) in call.line and call.name != "close"]


def _said(calls: Sequence[Call]) -> str:
    return f"{len(calls)} calls:\n" + "\n".join(call.line[:160] for call in calls)


def _fill(mailbox: Path, folder: str, count: int) -> None:
    for n in range(count):
        name = f"1600000000.M{n:06}P1Q1R0123456789abcdef.host" + (":2,S" if folder == "cur" else "")
        (mailbox / folder / name).write_bytes(b"From: x@example.org\n\nold\n")


@pytest.mark.peer("strace")
@pytest.mark.parametrize(("option", "expected"), [((), 2), (("--no-sync",), 0)])
def test_a_send_syncs_the_file_and_its_directory_and_nothing_else(
    option: tuple[str, ...], expected: int, home: Path, spool: Path
) -> None:
    """G2: two fsync for one durable send to a registered name, none with --no-sync."""
    calls = _traced(home, str(BIN / "ipc-send"), *option, "--as", "alice", "bob", "hello")
    synced = [
        call for call in calls if call.name in ("fsync", "fdatasync", "sync", "syncfs", "msync", "sync_file_range")
    ]
    assert len(synced) == expected, _said(synced)
    if expected:
        assert "/bob/tmp/" in synced[0].line, _said(synced)
        assert f"{spool}/bob/new>" in synced[1].line, _said(synced)
        between = calls[calls.index(synced[0]) : calls.index(synced[1])]
        assert any(call.name.startswith("rename") for call in between), _said(between)


@pytest.mark.peer("strace")
def test_a_send_takes_no_spool_lock_and_lists_nothing(home: Path, spool: Path) -> None:
    """Design, 2, 7 and 12: O(1), whatever lies in the mailbox; the limits have small files and locks of their own."""
    calls = _traced(home, str(BIN / "ipc-send"), "--as", "alice", "bob", "hello")
    assert [call.line for call in calls if call.name in ("flock", "fcntl") and "F_SETLK" in call.line] == []
    locked = [call.line for call in calls if call.name == "flock"]
    own = (f"{spool}/alice/records/rate>", f"{spool}/bob/records/room>")
    assert [line for line in locked if not any(path in line for path in own)] == []
    listed = [call for call in calls if call.name.startswith("getdents") and str(spool) in call.line]
    assert listed == [], _said(listed)


@pytest.mark.peer("strace")
def test_a_check_that_finds_nothing_costs_the_same_whatever_was_read_before(home: Path, spool: Path) -> None:
    """Design, 6: at most 10 calls on the mailbox, no listing of cur/; the same with 1,000 files there."""
    found = []
    for count in (0, 1000):
        _fill(spool / "bob", "cur", count)
        _run(home, str(BIN / "ipc-check"), "--as", "bob")  # sees that cur/ changed, and lists it once
        calls = _on(_traced(home, str(BIN / "ipc-check"), "--as", "bob"), spool / "bob")
        listed = [call for call in calls if call.name.startswith("getdents") and f"{spool}/bob/cur>" in call.line]
        assert listed == [], _said(listed)
        assert len(calls) <= CALLS_AT_MOST, _said(calls)
        found.append([call.name for call in calls])
    assert found[0] == found[1], found


@pytest.mark.peer("strace")
@pytest.mark.parametrize("count", [1, 5])
def test_a_check_of_new_mail_lists_new_once_and_cur_never(count: int, home: Path, spool: Path) -> None:
    """Design, 6: O(new); each message costs the same few calls."""
    for n in range(count):
        _run(home, str(BIN / "ipc-send"), "--no-sync", "--as", "alice", "bob", f"message {n}")
    calls = _on(_traced(home, str(BIN / "ipc-check"), "--as", "bob"), spool / "bob")
    listed = [call for call in calls if call.name.startswith("getdents")]
    assert all(f"{spool}/bob/new>" in call.line for call in listed), _said(listed)
    assert sum(call.line.endswith("= 0") for call in listed) == 1, _said(listed)
    named = [call for call in calls if call.name == "openat" and '/records/names"' in call.line]
    assert len(named) == 1, _said(named)
    moved = [call for call in calls if call.name.startswith("rename") and "/gate" not in call.line]
    assert len(moved) == 2 * count, _said(moved)
    assert len(calls) <= CALLS_AT_MOST + 10 + 12 * count, _said(calls)


@pytest.mark.peer("strace")
def test_a_hundred_thousand_messages_in_history_cost_no_call_more(shm: Path) -> None:
    """Issue 3: `check` of one message and `send`, whole processes: the same calls with 0 and 100,000."""
    spool = shm / ".local/share/maildir-ipc"
    for name in ("alice", "bob"):
        _run(shm, str(BIN / "ipc-register"), name, "--as", name)
    found = []
    for count in (0, 100_000):
        _remember(spool / "bob", count)
        for _ in range(2):  # the first one sees that cur/ changed, and lists it once
            _run(shm, str(BIN / "ipc-send"), "--as", "alice", "bob", "before")
            _run(shm, str(BIN / "ipc-check"), "--as", "bob")
        sent = _traced(shm, str(BIN / "ipc-send"), "--as", "alice", "bob", "hello")
        read = _traced(shm, str(BIN / "ipc-check"), "--as", "bob")
        found.append([sorted(call.name for call in calls if str(spool) in call.line) for calls in (sent, read)])
    assert found[0] == found[1]
    assert all(60 > len(calls) > 20 for calls in found[0]), [len(calls) for calls in found[0]]


def _remember(mailbox: Path, count: int) -> None:
    """Add *count* messages that were read long ago, and their links in the seen-set."""
    source = mailbox / "cur/none"
    for n in range(count):
        name = f"1600000000.M{n:06}P1Q0R0123456789abcdef.host"
        if n % 50_000 == 0:  # a file has a bounded number of names
            source = mailbox / f"cur/{name}:2,S"
            source.write_bytes(b"From: x@example.org\n\nold\n")
        else:
            os.link(source, mailbox / f"cur/{name}:2,S")
        os.symlink(f"{name},b=0123456789abcdef", mailbox / f"records/seen/{n:026}")

"""share-file, share-command and read --save, as they are typed. S33."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.driving import PATH, assert_refused, command, mipc

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.e2e


def _next(home: Path) -> dict[str, Any]:
    """Return the message that bob has not read, whole."""
    (message,) = mipc(home, "check", "--as", "bob", "--json", "--full").json["messages"]
    return dict(message)


@pytest.fixture
def read(spool: Path, home: Path) -> Path:
    """Give the spool in which bob has read all."""
    assert mipc(home, "check", "--as", "bob").code == 0
    return spool


@pytest.mark.parametrize("content", [b"a text\n", b"", bytes(range(256)) * 4096], ids=["text", "empty", "binary 1 MB"])
def test_a_file_arrives_with_its_name_size_digest_and_description(
    read: Path, home: Path, tmp_path: Path, content: bytes
) -> None:
    """S33, S15, S39: byte for byte."""
    path = tmp_path / "re port é.bin"
    path.write_bytes(content)

    assert mipc(home, "share-file", "--as", "alice", "bob", str(path), "the", "report").code == 0
    message = _next(home)

    assert message["body"] == "Shared file: re port é.bin\nthe report"
    assert message["data"] == {
        "type": "file",
        "name": "re port é.bin",
        "path": str(path),
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "description": "the report",
    }
    done = mipc(home, "read", "--as", "bob", "@", "--save", str(tmp_path / "out"))
    assert done.out.endswith(f"\nSaved: {tmp_path}/out/re port é.bin\n")
    assert (tmp_path / "out/re port é.bin").read_bytes() == content


@pytest.mark.parametrize(
    "words",
    [
        ["share-file", "--as", "alice", "bob", "FILE"],
        ["send", "--as", "alice", "--attach", "FILE", "bob", "x"],
        ["forward", "--as", "bob", "--attach", "FILE", "@", "alice"],
    ],
)
def test_keys_and_tokens_are_never_sent(read: Path, home: Path, words: list[str]) -> None:
    """Design, 4: whoever has the spool, or a copy of it, must not have the key."""
    kept = [path for place in (".config", ".local/state") for path in (home / place).rglob("*") if path.is_file()]
    assert len(kept) > 2
    for path in kept:
        given = [str(path) if word == "FILE" else word for word in words]
        assert_refused(mipc(home, *given), 65, "may hold a key or a token")


def test_what_has_files_says_how_to_get_them(read: Path, home: Path) -> None:
    """The hint is a command that can be typed."""
    mipc(home, "share-file", "--as", "alice", "bob", "/etc/passwd")
    done = mipc(home, "check", "--as", "bob")

    ref = done.out.split("--- ")[1][:5]
    assert f"its files: mipc read {ref} --save DIR · " in done.out


def test_what_cannot_be_shared_is_refused_and_nothing_is_sent(read: Path, home: Path, tmp_path: Path) -> None:
    """S33, S34, G12: 65; a message holds 12 MB of files by default, and says so."""
    os.mkfifo(tmp_path / "fifo")
    with open(tmp_path / "large", "wb") as file:
        file.truncate(17 << 20)
    for path, says in (
        ("/nothing/there", "No such file"),
        (str(tmp_path), "is a directory"),
        (str(tmp_path / "fifo"), "no regular file"),
        ("/dev/zero", "no regular file"),
        (str(tmp_path / "large"), "too large: 12419497 bytes are the most"),
    ):
        assert_refused(mipc(home, "share-file", "--as", "alice", "bob", path), 65, path, says)
    for words in ((), ("bob",)):
        assert_refused(mipc(home, "share-file", "--as", "alice", *words), 64)
    assert_refused(mipc(home, "share-file", "bob", "/etc/passwd"), 77)
    assert os.listdir(read / "bob/new") == []


def test_the_largest_file_that_is_not_refused_arrives(read: Path, home: Path, tmp_path: Path) -> None:
    """S33: 12 MB."""
    content = os.urandom(12_400_000)
    (tmp_path / "x").write_bytes(content)

    assert mipc(home, "share-file", "--as", "alice", "bob", str(tmp_path / "x")).code == 0
    assert mipc(home, "check", "--as", "bob").code == 0
    assert mipc(home, "read", "--as", "bob", "@", "--save", str(tmp_path / "out")).code == 0
    assert (tmp_path / "out/x").read_bytes() == content


def test_a_commands_output_arrives_and_its_exit_code_is_not_ours(read: Path, home: Path) -> None:
    """S33, S39: no shell; 3 is what the command said."""
    script = r"echo out; printf 'e\377\033[31m' >&2; exit 3"

    done = mipc(home, "share-command", "--as", "alice", "bob", "sh", "-c", script, "--", "a | b")
    message = _next(home)

    assert done.code == 0
    assert message["data"] == {
        "type": "command",
        "command": ["sh", "-c", script, "--", "a | b"],
        "stdout": "out\n",
        "stderr": "e\\xff\x1b[31m",
        "returncode": 3,
        "timed_out": False,
        "stdout_bytes": 4,
        "stderr_bytes": 7,
    }
    assert message["body"] == f"Command output: sh -c {script} -- a | b\n(exit code 3)\nout\nstderr:\ne\\xff\x1b[31m"
    assert "\x1b" not in mipc(home, "read", "--as", "bob", "@").out


def test_a_command_that_takes_too_long_is_ended_and_what_it_printed_is_sent(read: Path, home: Path) -> None:
    """S33: 30 seconds unless told otherwise, 600 at most."""
    done = mipc(home, "share-command", "--as", "alice", "--timeout", "1", "bob", "sh", "-c", "echo first; sleep 100")
    message = _next(home)

    assert done.code == 0
    assert (message["data"]["timed_out"], message["data"]["stdout"]) == (True, "first\n")
    assert message["body"].endswith("\n(timed out after 1 s, and was ended)\nfirst")
    for words in (("--timeout", "601"), ("--timeout", "0"), ("--timeout", "x"), ("--timeout", "11m")):
        assert_refused(mipc(home, "share-command", "--as", "alice", *words, "bob", "true"), 64)


def test_a_flood_of_output_is_bounded_and_counted(read: Path, home: Path) -> None:
    """S12, G8: the text has its beginning and its end, the data a megabyte, and the message is no larger than one."""
    script = "echo first; head -c 20000000 /dev/zero; head -c 3000000 /dev/zero | tr '\\0' x >&2; echo last"

    assert mipc(home, "share-command", "--as", "alice", "bob", "sh", "-c", script).code == 0
    message = _next(home)

    assert message["data"]["stdout_bytes"] == 20_000_011
    assert message["data"]["stdout"].startswith("first\n\0")
    assert message["data"]["stderr"] == "x" * (1 << 20)
    assert len(message["body"]) < 10_000
    assert "20000011 bytes in all" in message["body"]
    assert len(mipc(home, "read", "--as", "bob", "@").out) <= 8000


def test_a_command_that_cannot_run_sends_nothing(read: Path, home: Path) -> None:
    """S34, G12."""
    assert_refused(mipc(home, "share-command", "--as", "alice", "bob", "no such command"), 65, "cannot run", "no shell")
    assert_refused(mipc(home, "share-command", "--as", "alice", "bob"), 64)
    assert_refused(mipc(home, "share-command", "bob", "touch", str(home / "touched")), 77)
    assert_refused(mipc(home, "share-command", "--as", "alice", "../x", "touch", str(home / "touched")), 64)
    assert not (home / "touched").exists()
    assert os.listdir(read / "bob/new") == []


def test_the_shared_secret_is_not_in_what_a_command_can_print(home: Path) -> None:
    """No message holds the key that signs it."""
    secret = "a secret of sufficient length"
    for name in ("alice", "bob"):
        assert mipc(home, "register", name, "--as", name, IPC_SHARED_SECRET=secret).code == 0
    assert mipc(home, "share-command", "--as", "alice", "bob", "env", IPC_SHARED_SECRET=secret).code == 0

    body = _next(home)["body"]

    assert f"HOME={home}" in body
    assert secret not in body


def test_whoever_ends_us_ends_the_command(read: Path, home: Path) -> None:
    """It would not notice: it has a session of its own."""
    script = f"echo $$ > {home}/pid; exec sleep 1000"
    argv = [*command("share-command"), "--as", "alice", "bob", "sh", "-c", script]
    ours = subprocess.Popen(argv, env={"PATH": PATH, "HOME": str(home)}, stderr=subprocess.DEVNULL)
    end = time.monotonic() + 20
    while not ((home / "pid").exists() and (home / "pid").read_text()) and time.monotonic() < end:
        os.sched_yield()
    pid = int((home / "pid").read_text())

    ours.send_signal(signal.SIGTERM)

    assert ours.wait(20) == 130
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert os.listdir(read / "bob/new") == []

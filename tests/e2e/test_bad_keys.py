"""A key or a secret that does not fit is refused with what to do; no other one is made, and none is shown."""

from __future__ import annotations

import os
import string
from pathlib import Path

import pytest

from tests.e2e.driving import assert_refused, command, listing, mipc, run, spool_of

pytestmark = pytest.mark.e2e

NOBODY = 65534
ACTS = [
    ("check", "--as", "bob"),
    ("send", "--as", "bob", "bob", "hi"),
    ("register", "bob", "--as", "bob"),
    ("whoami", "--as", "bob"),
]


def keyring(home: Path) -> Path:
    """Return where the account's keys lie."""
    return home / ".config/maildir-ipc/keyring"


def assert_all_refused(home: Path, code: int, *says: str, **environ: str) -> None:
    """Every act is refused, and nothing changes."""
    before = listing(home)
    for act in ACTS:
        assert_refused(run(*command(act[0]), *act[1:], home=home, env=environ), code, *says)
        assert listing(home) == before, act


@pytest.mark.parametrize("kind", ["gone", "empty", "another spool's", "a wrong secret", "rubbish"])
def test_without_the_spools_key_nothing_is_done_and_no_key_is_made(home: Path, spool: Path, kind: str) -> None:
    """G4, G12: 78, naming key import; it never makes another key for a spool that has one."""
    path = keyring(home)
    id, secret = path.read_text().split()
    contents = {
        "empty": "",
        "another spool's": f"0123456789abcdef {secret}\n",
        "a wrong secret": f"{id} {'0' * 64}\n",
        "rubbish": "\0\n \n=\nabc\n\n",
    }
    if kind == "gone":
        path.unlink()
    else:
        path.write_text(contents[kind])
    assert_all_refused(home, 78, "mipc key import")
    if kind != "gone":
        assert path.read_text() == contents[kind]
    done = mipc(home, "key", "import", stdin=f"{secret}\n".encode())
    assert done.code == 0, done
    assert "unread" in mipc(home, "check", "--as", "bob").out


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666])
def test_a_keyring_that_others_can_touch_is_refused(home: Path, spool: Path, mode: int) -> None:
    """G12: with the command that mends it."""
    keyring(home).chmod(mode)
    assert_all_refused(home, 78, f"chmod 600 {keyring(home)}")
    keyring(home).chmod(0o600)
    assert mipc(home, "check", "--as", "bob").code == 0


@pytest.mark.parametrize("kind", ["folder", "pipe", "link", "link to nothing", "device"])
def test_a_keyring_that_is_no_file_is_refused(home: Path, spool: Path, kind: str, tmp_path: Path) -> None:
    """G11, G12: neither followed nor waited for."""
    path = keyring(home)
    path.rename(tmp_path / "kept")
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path, 0o600)
    else:
        path.symlink_to({"link": str(tmp_path / "kept"), "device": "/dev/zero"}.get(kind, str(tmp_path / "nowhere")))
    assert_all_refused(home, 78, str(path))
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be two users")
@pytest.mark.parametrize("kind", ["unreadable", "somebody else's", "spool"])
def test_what_belongs_to_somebody_else_is_refused(shm: Path, kind: str) -> None:
    """G12: as an ordinary user, for root may read everything."""
    home = shm / "home"  # not below pytest's folder, which no other user may enter
    home.mkdir()
    mipc(home, "register", "bob", "--as", "bob")
    for path in [shm, home, *map(Path, listing(home))]:
        os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
    path, says = keyring(home), "keyring"
    if kind == "unreadable":
        path.chmod(0)
    elif kind == "somebody else's":
        os.chown(path, 0, 0)
        path.chmod(0o604)  # readable, so that only the owner is wrong
        says = "someone else"
    else:
        os.chown(spool_of(home) / ".ipc", 0, 0)
        says = "owner"
    as_nobody, before = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"], listing(home)
    for act in ACTS:
        assert_refused(run(*as_nobody, *command(act[0]), *act[1:], home=home), 78, says)
        assert listing(home) == before, act


def test_a_variable_that_contradicts_the_keyring_is_refused_with_both_key_ids(home: Path, spool: Path) -> None:
    """G12: neither secret is shown, both keys are named, and the keyring stays as it is."""
    held = next(line.split()[1] for line in (spool / ".ipc/spool").read_text().splitlines() if line.startswith("key"))
    secret = "correct horse battery staple, twice over"
    assert_all_refused(home, 78, held, "IPC_SHARED_SECRET", IPC_SHARED_SECRET=secret)
    done = mipc(home, "check", "--as", "bob", IPC_SHARED_SECRET=secret)
    said = {word.strip(",:'") for word in done.err.split()}
    assert len([word for word in said if len(word) == 16 and set(word) <= set(string.hexdigits)]) == 2, done
    assert secret not in done.out + done.err
    assert "unread" in mipc(home, "check", "--as", "bob").out


def test_the_first_use_of_the_variable_keeps_the_secret_and_says_so(home: Path, tmp_path: Path) -> None:
    """Ours: cron and one-off shells never see ~/.bashrc."""
    secret = "correct horse battery staple, twice over"
    assert mipc(home, "register", "bob", "--as", "bob", IPC_SHARED_SECRET=secret).code == 0
    assert mipc(home, "send", "--as", "bob", "bob", "hello").code == 0
    other = tmp_path / "other"
    other.mkdir()
    root = str(spool_of(home))
    done = mipc(other, "register", "carol", "--as", "carol", IPC_SHARED_SECRET=secret, MAILDIR_IPC_ROOT=root)
    assert done.code == 0
    assert "kept the shared secret" in done.err
    assert str(keyring(other)) in done.err
    again = mipc(other, "send", "--as", "carol", "bob", "hi", MAILDIR_IPC_ROOT=root)
    assert (again.code, again.err) == (0, "")
    assert "2 new for bob" in mipc(home, "check", "--as", "bob").out


@pytest.mark.parametrize("value", ["changeme", "short", "your-secret-key-here"])
def test_a_weak_secret_works_and_warns_without_being_shown(home: Path, value: str) -> None:
    """Ours."""
    done = mipc(home, "init", IPC_SHARED_SECRET=value)
    assert done.code == 0
    assert "guess" in done.err
    assert value not in done.err.replace("the shared secret is short", "")


@pytest.mark.parametrize("kind", ["line break", "not UTF-8", "empty file", "missing file", "folder", "binary file"])
def test_a_secret_that_is_no_line_of_text_is_refused(home: Path, tmp_path: Path, kind: str) -> None:
    """G12."""
    file = tmp_path / "secret"
    env = {"IPC_SHARED_SECRET_FILE": str(file)}
    if kind == "line break":
        env = {"IPC_SHARED_SECRET": "one line of secret\nand another"}
    elif kind == "not UTF-8":
        env = {"IPC_SHARED_SECRET": os.fsdecode(b"caf\xe9 caf\xe9 caf\xe9 caf\xe9")}
    elif kind == "empty file":
        file.write_text("\n")
    elif kind == "folder":
        file.mkdir()
    elif kind == "binary file":
        file.write_bytes(b"k\0" * 20)
    done = run(*command("register"), "bob", "--as", "bob", home=home, env=env)
    assert_refused(done, 78)
    assert "caf" not in done.err
    assert "one line of secret" not in done.err
    assert listing(home) == {}

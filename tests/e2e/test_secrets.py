"""The secret is in the keyring and nowhere else: no argument, no output, no traceback, no file of the spool."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import pytest

from tests.conftest import need
from tests.e2e.driving import command, listing, mipc, run, spool_of, words

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.driving import Done

pytestmark = pytest.mark.e2e

SECRET = "wrinkled-otter-7781-moonlit-anvil"


def everything_said(home: Path) -> list[Done]:
    """Run what a day's work runs, and what goes wrong in it."""
    os.makedirs(home.parent / "elsewhere", exist_ok=True)
    lines = [
        "register bob --as bob", "send --as bob bob hello", "check --as bob --json", "read --as bob @", "list --json",
        "whoami --as bob --json", "verify --as bob", "key list", "path bob", "key rotate --now", "init", "key import",
        "send --as bob --frob bob x", "unregister --as bob", "check",
    ]  # fmt: skip
    said = [mipc(home, *line.split()) for line in lines]
    said.append(mipc(home, "key", "import", stdin=b"two\nlines"))
    said.append(mipc(home, "check", "--as", "bob", IPC_SHARED_SECRET="another secret that is long enough"))
    (home / ".config/maildir-ipc/keyring").chmod(0o644)
    said.append(mipc(home, "send", "--as", "bob", "bob", "hello"))
    (home / ".config/maildir-ipc/keyring").chmod(0o600)
    return said


def secrets_of(home: Path) -> list[str]:
    """Return all secrets that the account holds."""
    lines = (home / ".config/maildir-ipc/keyring").read_text().splitlines()
    return [line.split(" ", 1)[1] for line in lines]


@pytest.mark.parametrize("own", [False, True], ids=["random", "given"])
def test_no_output_and_no_file_of_the_spool_holds_the_secret(home: Path, own: bool) -> None:
    """Ours: so the spool can be shared, synced and backed up, and a log can be shown."""
    if own:
        assert mipc(home, "init", IPC_SHARED_SECRET=SECRET).code == 0
    said = everything_said(home)
    secrets = secrets_of(home)
    assert len(secrets) >= 2
    assert (SECRET in secrets) == own
    derived = [bytes.fromhex(s).hex() for s in secrets if re.fullmatch("[0-9a-f]{64}", s)]
    for secret in {*secrets, *derived, "another secret that is long enough"}:
        for done in said:
            assert secret not in done.out + done.err
            assert "Traceback" not in done.err
        for root in (spool_of(home), home / ".local/state"):
            for path, (_, content) in listing(root).items():
                assert secret.encode() not in content, path
                assert secret not in path


def test_only_key_export_prints_the_secret(home: Path) -> None:
    """Ours: by request, on standard output alone."""
    mipc(home, "init", IPC_SHARED_SECRET=SECRET)
    done = mipc(home, "key", "export")
    assert done.out == f"{SECRET}\n"
    assert SECRET not in done.err


def test_no_process_gets_the_secret_as_an_argument(home: Path, tmp_path: Path) -> None:
    """Ours: argv is readable to every user of the machine; seen by strace, of all that is executed."""
    need("strace")
    trace = tmp_path / "trace"
    strace = ["strace", "-f", "-s", "4096", "-v", "-e", "trace=execve", "-o", str(trace)]
    for line in (
        "init",
        "register bob --as bob",
        "send --as bob bob x",
        "check --as bob",
        "key export",
        "key list",
    ):
        verb, *arguments = line.split()
        done = run(*strace, *command(verb), *arguments, home=home, env={"IPC_SHARED_SECRET": SECRET})
        assert done.code == 0, done
        calls = re.findall(r'execve\("[^"]*", (\[.*?\]), ', trace.read_text())
        assert calls
        assert not [call for call in calls if SECRET in call]


def test_keyring_token_and_spool_are_private_whatever_the_umask(home: Path) -> None:
    """Ours: directories 0700, files 0600."""
    verbs = [("register", "bob", "--as", "bob"), ("send", "--as", "bob", "bob", "x"), ("check", "--as", "bob")]
    assert run("sh", "-c", "umask 000; " + " && ".join(words(*verb) for verb in verbs), home=home).code == 0
    private = {path: mode for path, (mode, _) in listing(home).items() if "maildir-ipc" in path}
    assert len(private) > 20
    wrong = {path: mode for path, mode in private.items() if mode not in ("drwx------", "-rw-------", "lrwxrwxrwx")}
    assert not wrong
    assert not [path for path in private if private[path][0] == "l" and "/seen/" not in path]

"""bin/ipc-install: one command from a fresh checkout to an agent with mail, and one back."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.e2e.driving import CHECKOUT, PYTHON, Done, listing

if TYPE_CHECKING:
    from pathlib import Path

_SECONDS = 240  # pip fetches about thirty packages


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    """Give a checkout as it is unpacked: no .venv, nothing compiled."""
    copy = tmp_path / "unpacked here"
    for part in ("bin", "maildir_ipc"):
        shutil.copytree(CHECKOUT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(CHECKOUT / "pyproject.toml", copy)
    return copy


@pytest.fixture
def ready(fresh: Path) -> Path:
    """Give a checkout whose .venv is there, with a pip that installs nothing."""
    python = fresh / ".venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\ncase $* in "-m pip"*) exit 0 ;; esac\nexec "{PYTHON}" "$@"\n')
    python.chmod(0o755)
    return fresh


def _install(checkout: Path, home: Path, *words: str, through: Path | None = None) -> Done:
    """Run the installer with what reaches a package index, and nothing else, in its environment."""
    network = ("PIP_", "SSL_CERT", "http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
    env = {name: value for name, value in os.environ.items() if name.startswith(network)}
    env |= {"HOME": str(home), "PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"}
    script = through or checkout / "bin/ipc-install"
    done = subprocess.run(
        [script, *words], env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.mark.timeout(_SECONDS)
def test_an_empty_home_gets_everything_and_gives_all_of_it_back(fresh: Path, home: Path) -> None:
    """S41; design, section 13: .venv with the three packages, commands, the client's set-up; again; and back."""
    before = listing(fresh.parent)
    first = _install(fresh, home, "claude")
    assert first.code == 0, first
    assert "add this line to ~/.profile" in first.out
    packages = "import filelock, mcp, watchdog"
    assert subprocess.run([fresh / ".venv/bin/python", "-c", packages], check=False).returncode == 0

    installed = listing(home)
    again = _install(fresh, home, "claude", through=home / ".local/bin/ipc-install")
    assert (again.code, listing(home)) == (0, installed)
    assert "linked" not in again.out
    assert "\nchanged" not in again.out

    assert _install(fresh, home, "--uninstall").code == 0
    assert listing(fresh.parent) == before


def test_the_commands_are_links_and_the_client_is_told_of_them(ready: Path, home: Path) -> None:
    """Design, section 13: the hook is named by a path that outlives the checkout's."""
    done = _install(ready, home, "codex", "gemini")
    assert done.code == 0, done
    links = sorted(p.name for p in (home / ".local/bin").iterdir())

    assert links == sorted(["mipc", "maildir-ipc", *(p.name for p in (ready / "bin").glob("ipc-*"))])
    assert all((home / ".local/bin" / name).resolve().parent == ready / "bin" for name in links)
    if "ipc-hook" in links:
        assert f"{home}/.local/bin/ipc-hook codex Stop" in (home / ".codex/hooks.json").read_text()
    version = subprocess.run([home / ".local/bin/maildir-ipc", "--version"], capture_output=True, check=True)
    assert version.stdout.count(b".") == 2


def test_mail_keys_and_everything_else_stay_when_it_is_uninstalled(ready: Path, home: Path) -> None:
    """Issue 5: --uninstall removes exactly what was installed, never mail or keys."""
    (home / ".local/bin").mkdir(parents=True)
    (home / ".local/bin/theirs").symlink_to("/bin/true")
    (home / ".claude").mkdir()
    (home / ".claude/settings.json").write_text('{"theme": "dark"}')
    assert _install(ready, home, "claude", "opencode").code == 0
    mipc = home / ".local/bin/mipc"
    env = {"HOME": str(home), "PATH": "/usr/bin:/bin", "MAILDIR_IPC_IDENTITY": "alice"}
    assert subprocess.run([mipc, "send", "bob", "hello"], env=env, capture_output=True, check=False).returncode == 0
    kept = listing(home / ".local/share", home / ".config/maildir-ipc")
    assert kept

    only_claude = _install(ready, home, "claude", "--uninstall")
    assert (only_claude.code, mipc.is_symlink()) == (0, True)
    assert (home / ".claude/settings.json").read_text() == '{"theme": "dark"}'
    done = _install(ready, home, "--uninstall")

    assert done.code == 0, done
    assert listing(home / ".local/share", home / ".config/maildir-ipc") == kept
    assert [p.name for p in (home / ".local/bin").iterdir()] == ["theirs"]
    assert [p.name for p in (home / ".config").iterdir()] == ["maildir-ipc"]
    assert (ready / ".venv").is_dir()  # it was there before
    assert _install(ready, home, "--uninstall").code == 0


def test_a_command_of_somebody_elses_is_not_replaced(ready: Path, home: Path) -> None:
    """G12: named before anything is done. A link to a checkout that is gone, or to another one, is renewed."""
    theirs = home / ".local/bin/ipc-send"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("#!/bin/sh\n")
    before = listing(home)
    done = _install(ready, home, "claude")
    assert (done.code, listing(home)) == (73, before)
    assert done.err == f"ipc-install: {theirs} is there already, and not ours: move it away, and type this again\n"

    theirs.unlink()
    theirs.symlink_to("/gone/bin/ipc-send")
    assert _install(ready, home).code == 0
    assert theirs.resolve() == ready / "bin/ipc-send"


@pytest.mark.parametrize(("words", "says"), [(("emacs",), "no client emacs"), (("--force",), "no client --force")])
def test_what_it_does_not_know_is_refused_before_anything_is_done(
    words: tuple[str, ...], says: str, ready: Path, home: Path
) -> None:
    """G12."""
    before = listing(home, ready)
    done = _install(ready, home, *words)

    assert (done.code, listing(home, ready)) == (64, before)
    assert says in done.err
    assert done.err.count("\n") == 1


def test_a_pip_that_fails_is_said_and_the_next_try_goes_on(ready: Path, home: Path) -> None:
    """G12: no network today; the same command again tomorrow."""
    python = ready / ".venv/bin/python"
    works = python.read_text()
    python.write_text(works.replace('"-m pip"*) exit 0', '"-m pip install"*) exit 1 ;; "-m pip"*) exit 0'))
    failed = _install(ready, home, "claude")
    assert (failed.code, listing(home)) == (69, {})
    assert "type this again" in failed.err

    python.write_text(works)
    assert _install(ready, home, "claude").code == 0

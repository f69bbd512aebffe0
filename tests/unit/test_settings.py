"""What the environment says. Ours; the XDG base directory specification for the places."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from maildir_ipc.errors import Misconfigured
from maildir_ipc.settings import SHORT_SECRET, Settings, check_secret, from_environment

if TYPE_CHECKING:
    from pathlib import Path


def _settings(**environ: str) -> Settings:
    return Settings({"HOME": "/home/x", **environ}, 1000)


def test_without_variables_everything_lies_below_home() -> None:
    """Design, 2, 4 and 7."""
    settings = _settings()
    assert settings.root == "/home/x/.local/share/maildir-ipc"
    assert not settings.root_given
    assert settings.config == "/home/x/.config/maildir-ipc"
    assert settings.states == ["/home/x/.local/state/maildir-ipc", "/tmp/maildir-ipc-1000"]
    assert (settings.identity, settings.clients, settings.secret, settings.notes) == (None, (), None, [])
    assert settings.color


def test_each_place_can_be_moved() -> None:
    """The closed list of variables."""
    settings = _settings(
        XDG_DATA_HOME="/d",
        XDG_CONFIG_HOME="/c",
        XDG_STATE_HOME="/s",
        XDG_RUNTIME_DIR="/run/user/1000",
        TMPDIR="/var/tmp",
        NO_COLOR="1",
    )
    assert (settings.root, settings.config, settings.color) == ("/d/maildir-ipc", "/c/maildir-ipc", False)
    assert settings.states == ["/s/maildir-ipc", "/run/user/1000/maildir-ipc", "/var/tmp/maildir-ipc-1000"]
    settings = _settings(
        MAILDIR_IPC_ROOT="/spool/", MAILDIR_IPC_STATE="/state", XDG_DATA_HOME="/d", XDG_STATE_HOME="/s"
    )
    assert (settings.root, settings.root_given) == ("/spool", True)
    assert settings.states[0] == "/state"


def test_a_relative_root_is_one_place_whatever_happens_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The wrong root is the commonest way to lose mail."""
    monkeypatch.chdir(tmp_path)
    assert _settings(MAILDIR_IPC_ROOT="spool").root == str(tmp_path / "spool")
    assert _settings(MAILDIR_IPC_STATE="state").states[0] == str(tmp_path / "state")


@pytest.mark.parametrize("name", ["XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR", "TMPDIR"])
@pytest.mark.parametrize("value", ["", "relative/path"])
def test_an_empty_or_relative_base_directory_is_ignored(name: str, value: str) -> None:
    """XDG base directory specification."""
    plain, moved = _settings(), _settings(**{name: value})
    assert (moved.root, moved.config, moved.states) == (plain.root, plain.config, plain.states)


@pytest.mark.parametrize(
    "name",
    ["MAILDIR_IPC_ROOT", "MAILDIR_IPC_IDENTITY", "MAILDIR_IPC_STATE", "IPC_SHARED_SECRET", "IPC_SHARED_SECRET_FILE"],
)
def test_an_empty_variable_is_as_none(name: str) -> None:
    """`VAR= command` unsets, in effect."""
    plain, empty = _settings(), _settings(**{name: ""})
    for field in Settings.__slots__:
        assert getattr(empty, field) == getattr(plain, field)


def test_the_clients_say_which_of_their_sessions_it_is() -> None:
    """Design, 7."""
    assert _settings(CLAUDE_CODE_SESSION_ID="a").clients == ("claude:a",)
    assert _settings(CODEX_THREAD_ID="b").clients == ("codex:b",)
    assert _settings(OPENCODE_SESSION_ID="c", CLAUDE_CODE_SESSION_ID="a").clients == ("claude:a", "opencode:c")
    assert _settings(MAILDIR_IPC_IDENTITY="barney").identity == "barney"


def test_without_home_the_account_says_where_it_is() -> None:
    """Cron and systemd may leave HOME out."""
    assert Settings({}, 0).root.startswith("/")


def test_a_secret_comes_from_the_variable_or_from_a_file(tmp_path: Path) -> None:
    """Design, 4: the variable first; one line end at the end of the file is not part of it."""
    path = tmp_path / "secret"
    for content in (b"a secret in a file", b"a secret in a file\n", b"a secret in a file\r\n"):
        path.write_bytes(content)
        assert _settings(IPC_SHARED_SECRET_FILE=str(path)).secret == b"a secret in a file"
    both = _settings(IPC_SHARED_SECRET="a secret in the variable", IPC_SHARED_SECRET_FILE=str(path))
    assert both.secret == b"a secret in the variable"
    assert _settings(IPC_SHARED_SECRET=" é spaces stay ").secret == " é spaces stay ".encode()


@pytest.mark.parametrize("secret", [b"", b"a\nb", b"a\rb", b"a\0b", b"\xff\xfe", b"line\n\n"])
def test_a_secret_that_is_no_line_is_refused_unseen(secret: bytes, tmp_path: Path) -> None:
    """G10, G12: protocol.md, 5.1."""
    with pytest.raises(Misconfigured) as refusal:
        check_secret(secret, "IPC_SHARED_SECRET")
    assert "IPC_SHARED_SECRET" in str(refusal.value)
    (tmp_path / "secret").write_bytes(secret + b"\n")
    with pytest.raises(Misconfigured):
        _settings(IPC_SHARED_SECRET_FILE=str(tmp_path / "secret"))


def test_a_secret_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """G12: never silently another key."""
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(Misconfigured) as refusal:
            _settings(IPC_SHARED_SECRET_FILE=str(path))
        assert str(path) in str(refusal.value)


@pytest.mark.parametrize(
    "secret", ["changeme", "your-secret-key-here", "YOUR-SECRET-KEY-HERE", "x" * (SHORT_SECRET - 1), "password"]
)
def test_a_weak_secret_warns_and_is_not_shown(secret: str) -> None:
    """Design, 4."""
    notes = _settings(IPC_SHARED_SECRET=secret).notes
    assert len(notes) == 1
    assert secret not in notes[0]


def test_a_strong_secret_does_not_warn() -> None:
    """Nobody reads a warning that is always there."""
    assert _settings(IPC_SHARED_SECRET="x" * SHORT_SECRET).notes == []


def test_the_process_environment_is_read(home: Path) -> None:
    """The one place where it is."""
    assert from_environment().root == f"{home}/.local/share/maildir-ipc"
    assert os.environ["HOME"] == str(home)

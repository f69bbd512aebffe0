"""What every test may rely on: a home of its own, a clean environment, and a say on missing programs."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import Iterator

_SYSTEM_FOLDERS = ("/usr/local/sbin", "/usr/sbin", "/sbin")
_OURS = ("MAILDIR_IPC_", "IPC_SHARED_SECRET", "XDG_")
_OTHERS = ("CLAUDE_CODE_SESSION_ID", "CODEX_THREAD_ID", "OPENCODE_SESSION_ID")
_SHM = Path("/dev/shm")

# No test asserts on time, so no example has a deadline. CI looks at the same examples each time: a new one
# that fails is found by whoever works on it, and does not stop somebody else's change.
settings.register_profile(
    "maildir-ipc",
    deadline=None,
    derandomize=os.environ.get("CI") == "true",
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("maildir-ipc")

# Whoever runs the tests in the background may have had it ignored, for every command that they start, too.
signal.signal(signal.SIGINT, signal.default_int_handler)


def need(*commands: str) -> None:
    """Return only if all commands are there: else skip the test, or fail it where CI=true.

    A command is looked for on PATH and in the folders of system programs.
    """
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), *_SYSTEM_FOLDERS))
    missing = [command for command in commands if shutil.which(command, path=path) is None]
    if not missing:
        return
    reason = f"not here: {', '.join(missing)} (tests/deps installs it)"
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def need_to_run(*argv: str) -> None:
    """Return only if this command succeeds here: else skip the test, or fail it where CI=true."""
    need(argv[0])
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if not done.returncode:
        return
    reason = f"not possible here: {' '.join(argv)}: {done.stderr.strip()}"
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Hold a test marked `peer("mlist", ...)` to what `need` promises."""
    for marker in item.iter_markers("peer"):
        need(*marker.args)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Each test has an empty HOME, no setting of ours in its environment, and umask 022."""
    folder = tmp_path / "home"
    folder.mkdir()
    for name in list(os.environ):
        if name.startswith(_OURS) or name in _OTHERS:
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(folder))
    umask = os.umask(0o022)
    yield folder
    os.umask(umask)


@pytest.fixture
def shm(tmp_path: Path) -> Iterator[Path]:
    """Give a fresh folder in memory (on /dev/shm; on disk where that is not there), gone after the test."""
    parent = _SHM if os.access(_SHM, os.W_OK | os.X_OK) else tmp_path
    folder = Path(tempfile.mkdtemp(prefix="maildir-ipc-test-", dir=parent))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)

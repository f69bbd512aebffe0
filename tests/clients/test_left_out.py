"""What is said when a client is missing: a lane that runs nothing must not look like one that passed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.clients.fleet import AGENTS, HERE, NEEDED, VERSIONS
from tests.e2e.driving import CHECKOUT

if TYPE_CHECKING:
    from pathlib import Path

_OURS = ("maildir_ipc", "mcp_server.py", "pyproject.toml")


def _run(folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the lane in a copy of this checkout in which nothing was fetched."""
    shutil.copytree(CHECKOUT / "tests", folder / "tests", ignore=shutil.ignore_patterns("node_modules"))
    for name in _OURS:
        os.symlink(CHECKOUT / name, folder / name)
    reason = folder / "tests/clients/node_modules" / AGENTS["codex"] / "why"
    reason.parent.mkdir(parents=True)
    reason.write_text("no such version\n", encoding="utf-8")
    lane = [f"tests/clients/{path.name}" for path in HERE.glob("test_*.py") if path.name != "test_left_out.py"]
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *lane],
        cwd=folder,
        env={"HOME": str(folder), "PATH": os.environ["PATH"], **environ},
        capture_output=True,
        timeout=120,
        check=False,
        text=True,
    )


@pytest.mark.parametrize("ci", ["", "true"])
def test_a_coding_agent_that_is_missing_is_named_last(ci: str, tmp_path: Path) -> None:
    """Issue 5. The others may be missing only where it is not CI."""
    done = _run(tmp_path, CI=ci)
    *_, claude, gemini, codex, opencode, _count = done.stdout.splitlines()
    assert codex == f"not run: {AGENTS['codex']} {VERSIONS[AGENTS['codex']]}: no such version"
    for name, line in (("claude", claude), ("gemini", gemini), ("opencode", opencode)):
        assert line.startswith(f"not run: {AGENTS[name]} {VERSIONS[AGENTS[name]]}: ")
    assert done.returncode == (1 if ci else 0)
    assert ("ERROR tests/clients/test_inspector.py" in done.stdout) == bool(ci)
    assert ("ERROR tests/clients/test_sdk.py" in done.stdout) == bool(ci)
    assert ("ERROR tests/clients/test_conformance.py" in done.stdout) == bool(ci)
    assert "ERROR tests/clients/test_agents.py::test_claude" not in done.stdout
    assert f"{NEEDED['inspector']} {VERSIONS[NEEDED['inspector']]}: tests/clients/install installs it" in done.stdout

"""The conformance suite of the protocol's authors, over HTTP, the one transport it knows: issue 5.

Of its scenarios these apply: the others call tools and read resources of the suite's own example server.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.clients.fleet import HERE, NEEDED, SECONDS, clean, modules, node
from tests.e2e.driving import CHECKOUT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.clients("node", "conformance"), pytest.mark.timeout(300)]

_HANDSHAKE = ("server-initialize", "server-session-lifecycle", "ping", "tools-list", "resources-list", "prompts-list")
_SCENARIOS = {
    "2025-06-18": _HANDSHAKE,
    "2025-11-25": (*_HANDSHAKE, "server-sse-multiple-streams", "dns-rebinding-protection"),
    "2026-07-28": (
        "server-stateless",
        "tools-list",
        "resources-list",
        "prompts-list",
        "sep-2164-resource-not-found",
        "caching",
        "http-header-validation",
        "server-sse-multiple-streams",
        "dns-rebinding-protection",
        "input-required-result-ignore-extra-params",
    ),
}
# What a scenario asks of the suite's example server only: its tool test_missing_capability.
_NOT_OURS = {"sep-2575-server-rejects-undeclared-capability", "sep-2575-missing-capability-http-400"}


@pytest.fixture
def url(home: Path) -> Iterator[str]:
    """Give the address of our server; it ends with the test."""
    with subprocess.Popen(
        [sys.executable, str(HERE / "app.py")],
        cwd=home,
        env=clean(home, PYTHONPATH=str(CHECKOUT)),
        stdout=subprocess.PIPE,
        text=True,
    ) as app:
        try:
            assert app.stdout is not None
            assert select.select([app.stdout], [], [], SECONDS)[0], "the server did not start"
            yield f"http://127.0.0.1:{int(app.stdout.readline())}/mcp"
        finally:
            app.terminate()


def _checks(url: str, version: str, scenario: str, folder: Path) -> dict[str, set[str]]:
    """Run one scenario, and return its checks by their outcome."""
    program = modules(NEEDED["conformance"]) / "@modelcontextprotocol/conformance/dist/index.js"
    asked = ["--url", url, "--spec-version", version, "--scenario", scenario, "--output-dir", str(folder)]
    subprocess.run(
        [node(), str(program), "server", *asked],
        cwd=folder,
        env=clean(folder),
        capture_output=True,
        timeout=SECONDS,
        check=False,
    )
    found: dict[str, set[str]] = {}
    for path in folder.rglob("checks.json"):
        checks: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
        for check in checks:
            found.setdefault(check["status"], set()).add(check["id"])
    return found


@pytest.mark.parametrize("version", _SCENARIOS)
def test_the_server_conforms(version: str, url: str, tmp_path: Path) -> None:
    """No check fails; and each scenario has checks that passed, for one that does not apply passes without any."""
    for scenario in _SCENARIOS[version]:
        folder = tmp_path / scenario
        os.mkdir(folder)
        found = _checks(url, version, scenario, folder)
        assert found.get("FAILURE", set()) == (_NOT_OURS if scenario == "server-stateless" else set()), scenario
        assert found.get("SUCCESS"), scenario

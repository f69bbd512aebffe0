"""Tests here run clients of others. Those of coding agents may be missing, and are named last; no other may in CI."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.clients.fleet import AGENTS, NEEDED, VERSIONS, why_not

if TYPE_CHECKING:
    from collections.abc import Iterator

_left_out: list[str] = []


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Run a test marked `clients("name", ...)` only with these: without one it is skipped, or fails as `need` does."""
    for marker in item.iter_markers("clients"):
        for name in marker.args:
            package = (AGENTS | NEEDED)[name]
            why = why_not(package)
            if why is not None:
                _leave_out(name, f"{package} {VERSIONS[package]}: {why}")


def _leave_out(name: str, what: str) -> None:
    if name in AGENTS:
        _left_out.append(f"not run: {what}")
    elif os.environ.get("CI") == "true":
        pytest.fail(f"not here: {what}", pytrace=False)
    pytest.skip(f"not run: {what}")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> Iterator[None]:
    """Name the coding agents' clients that were not tried, below all else but the count of the tests."""
    yield
    for line in sorted(set(_left_out)):
        terminalreporter.write_line(line)

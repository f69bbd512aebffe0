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
    names = {name for marker in item.iter_markers("clients") for name in marker.args}
    missing = {name: said for name in sorted(names) if (said := _missing(name)) is not None}
    for name in missing.keys() & AGENTS.keys():
        _left_out.append(f"not run: {missing[name]}")
        pytest.skip(_left_out[-1])
    if missing and os.environ.get("CI") == "true":
        pytest.fail(f"not here: {', '.join(missing.values())}", pytrace=False)
    if missing:
        pytest.skip(f"not here: {', '.join(missing.values())}")


def _missing(name: str) -> str | None:
    package = (AGENTS | NEEDED)[name]
    why = why_not(package)
    return None if why is None else f"{package} {VERSIONS[package]}: {why}"


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> Iterator[None]:
    """Name the coding agents' clients that were not tried, below all else but the count of the tests."""
    yield
    for line in sorted(set(_left_out)):
        terminalreporter.write_line(line)

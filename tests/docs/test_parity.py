"""docs/reference/parity.md: every test that it names exists, and every scenario has one that names it."""

from __future__ import annotations

import ast
import re
from functools import cache
from typing import TYPE_CHECKING

import pytest

from tests.docs.terminal import ROOT

if TYPE_CHECKING:
    from pathlib import Path

PAGE = ROOT / "docs/reference/parity.md"
SCENARIOS = range(1, 42)
NAMED = re.compile(r"`([\w/]+\.py)::(\w+)`")


@cache
def _docstrings(path: Path) -> dict[str, str]:
    """Return the tests of a file, and what each says that it holds."""
    tree = ast.parse(path.read_text())
    found = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))
    return {node.name: ast.get_docstring(node) or "" for node in found if node.name.startswith("test_")}


def _rows() -> list[str]:
    """Return the rows of the tables, without their heads."""
    lines = PAGE.read_text().splitlines()
    return [line for line in lines if line.startswith("| ") and not line.startswith(("| there", "| ---"))]


@pytest.mark.parametrize(("file", "name"), sorted(set(NAMED.findall(PAGE.read_text()))))
def test_every_test_that_the_page_names_exists(file: str, name: str) -> None:
    """Ours: the page is worth what its last column is."""
    assert name in _docstrings(ROOT / "tests" / file)


def test_every_row_names_a_test() -> None:
    """Ours: a row without a test would be a claim."""
    assert len(_rows()) > 40
    assert [row for row in _rows() if not NAMED.search(row)] == []


@pytest.mark.parametrize("number", SCENARIOS)
def test_every_scenario_has_a_test_that_names_it(number: int) -> None:
    """Ours: S1 to S41 of the broker-based system."""
    files = sorted(p for p in (ROOT / "tests").rglob("test_*.py") if "node_modules" not in p.parts)
    named = [name for path in files for name, says in _docstrings(path).items() if re.search(rf"\bS{number}\b", says)]
    assert named != []

"""A spool with two agents for each test of another mail program."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.interop.support import Pair

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def pair(home: Path) -> Iterator[Pair]:
    """Give a signed spool below HOME with alice and bob in it."""
    made = Pair(home)
    yield made
    made.close()


@pytest.fixture
def open_pair(home: Path) -> Iterator[Pair]:
    """Give an unsigned spool below HOME with alice and bob in it."""
    made = Pair(home, mode="open")
    yield made
    made.close()

"""Homes that many tests begin with: built once by the commands themselves, then copied."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.e2e.driving import mipc, spool_of

if TYPE_CHECKING:
    from pathlib import Path


def _built(factory: pytest.TempPathFactory, *commands: tuple[str, ...]) -> Path:
    home = factory.mktemp("template")
    for verb, *arguments in commands:
        assert mipc(home, verb, *arguments).code == 0
    return home


@pytest.fixture(scope="session")
def _home_of_bob(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _built(tmp_path_factory, ("register", "bob", "--as", "bob"))


@pytest.fixture(scope="session")
def _home_of_two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    registered = [("register", name, "--as", name) for name in ("alice", "bob")]
    return _built(tmp_path_factory, *registered, ("send", "--as", "alice", "bob", "unread"))


@pytest.fixture
def bob(home: Path, _home_of_bob: Path) -> Path:
    """Give HOME with a spool in which bob is registered, by --as."""
    shutil.copytree(_home_of_bob, home, symlinks=True, dirs_exist_ok=True)
    return home


@pytest.fixture
def spool(home: Path, _home_of_two: Path) -> Path:
    """Give a spool below HOME with alice and bob, and one message, "unread", that bob has not read."""
    shutil.copytree(_home_of_two, home, symlinks=True, dirs_exist_ok=True)
    return spool_of(home)

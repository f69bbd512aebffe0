"""Files that are not ours: replaced whole, or not at all."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from maildir_ipc import dotfile
from maildir_ipc.errors import Misconfigured, TryAgain

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a folder with nothing in it."""
    made = tmp_path / "folder"
    made.mkdir()
    return made


def _names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_a_link_stays_a_link_and_the_mode_stays(folder: Path) -> None:
    """Many keep their dotfiles in a repository, and link to them."""
    kept = folder / "dotfiles/settings.json"
    kept.parent.mkdir()
    kept.write_text("old")
    kept.chmod(0o640)
    link = folder / "settings.json"
    link.symlink_to("dotfiles/settings.json")

    dotfile.replace(dotfile.read(str(link)), "new")

    assert os.readlink(link) == "dotfiles/settings.json"
    assert kept.read_text() == "new"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o640
    assert _names(folder) == ["dotfiles", "dotfiles/settings.json", "settings.json"]


def test_a_change_in_between_is_not_lost(folder: Path) -> None:
    """Claude Code writes its own file all the time."""
    path = folder / ".claude.json"
    path.write_text("{}")
    old = dotfile.read(str(path))
    path.write_text('{"theirs": 1}')

    for text in ("ours", None):
        with pytest.raises(TryAgain, match="changed by somebody else"):
            dotfile.replace(old, text)

    assert path.read_text() == '{"theirs": 1}'
    assert _names(folder) == [".claude.json"]


def test_a_file_that_appeared_in_between_is_not_lost(folder: Path) -> None:
    """The same for one that was not there."""
    old = dotfile.read(str(folder / "new/a.json"))
    (folder / "new").mkdir()
    (folder / "new/a.json").write_text("theirs")

    with pytest.raises(TryAgain):
        dotfile.replace(old, "ours")

    assert _names(folder) == ["new", "new/a.json"]


def test_a_read_only_file_is_left(folder: Path) -> None:
    """Its person meant it; rename(2) would not ask."""
    path = folder / "a.json"
    path.write_text("old")
    path.chmod(0o400)

    for text in ("new", None):
        with pytest.raises(Misconfigured, match="read-only"):
            dotfile.replace(dotfile.read(str(path)), text)

    assert path.read_text() == "old"


def test_folders_that_were_made_go_and_others_stay(folder: Path) -> None:
    """An empty folder of somebody else's is not ours to remove, nor is the home."""
    (folder / "theirs").mkdir()
    paths = [folder / "theirs/a", folder / "made/deep/a"]
    for path in paths:
        dotfile.replace(dotfile.read(str(path)), "x")
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    folder.chmod(0o700)

    for path in paths:
        dotfile.replace(dotfile.read(str(path)), None, [str(folder)])

    assert _names(folder) == ["theirs"]


def test_what_is_no_file_is_refused(folder: Path) -> None:
    """G12; a FIFO must not stop the command."""
    os.mkfifo(folder / "fifo")
    (folder / "directory").mkdir()
    (folder / "link").symlink_to("nothing")
    (folder / "loop").symlink_to("loop")
    for name in ("fifo", "directory", "link", "loop"):
        with pytest.raises(Misconfigured, match=name):
            dotfile.read(str(folder / name))


def test_what_is_not_utf_8_is_refused(folder: Path) -> None:
    """G12: it could not be written back."""
    (folder / "a").write_bytes(b'{"a": "\xff"}')

    with pytest.raises(Misconfigured, match="UTF-8"):
        _ = dotfile.read(str(folder / "a")).text

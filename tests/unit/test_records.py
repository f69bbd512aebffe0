"""Small records: replaced whole, read whole. Ours."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

import pytest

from maildir_ipc import records

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_a_record_comes_back_and_is_private(tmp_path: Path) -> None:
    """Design, 2: 0600 whatever the umask."""
    os.umask(0)
    folder = tmp_path / "folder"
    folder.mkdir()
    path = str(folder / "r")
    records.replace(path, "word é\n")
    assert records.read(path) == "word é\n"
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    records.replace(path, "other\n", sync=False)
    assert records.read(path) == "other\n"
    assert os.listdir(folder) == ["r"]


@pytest.mark.parametrize("size", [0, 1, 4095, 4096, 4097, 70_000])
def test_a_record_is_read_whole_however_long(size: int, tmp_path: Path) -> None:
    """Ours: little is read at first, for most records are a few lines."""
    path = str(tmp_path / "r")
    records.replace(path, "x" * size)
    assert records.read(path) == "x" * size


def test_what_is_not_there_is_none(tmp_path: Path) -> None:
    """Also below a file."""
    (tmp_path / "f").write_text("")
    assert records.read(str(tmp_path / "r")) is None
    assert records.read(str(tmp_path / "f/r")) is None
    records.remove(str(tmp_path / "r"))


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    """G11."""
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "r").symlink_to("secret")
    with pytest.raises(OSError, match="symbolic"):
        records.read(str(tmp_path / "r"))
    records.replace(str(tmp_path / "r"), "mine\n")
    assert (tmp_path / "secret").read_text() == "secret"


@pytest.mark.parametrize("held", [False, True])
@pytest.mark.parametrize("act", [records.read, lambda path: records.append(path, "x")])
def test_a_pipe_in_place_of_a_record_is_an_error_and_is_not_waited_for(
    act: Callable[[str], object], held: bool, tmp_path: Path
) -> None:
    """G12: a hook would stand until its client ends it; whether or not somebody has the other end open."""
    path = str(tmp_path / "r")
    os.mkfifo(path)
    other = os.open(path, os.O_RDWR) if held else -1
    with pytest.raises(OSError) as error:  # noqa: PT011 - of what kind depends on the other end
        act(path)
    assert error.value.filename == path
    if held:
        os.close(other)


@pytest.mark.parametrize("call", ["write", "fsync", "rename"])
def test_a_failed_replacement_leaves_the_old_record_and_nothing_else(
    call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """G12."""
    (tmp_path / "folder").mkdir()
    path = str(tmp_path / "folder" / "r")
    records.replace(path, "old\n")

    def fail(*_: object, **__: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, call, fail)
        with pytest.raises(OSError, match="No space") as error:
            records.replace(path, "new\n")
    assert error.value.filename == path, "on a full disk one wants to know which"
    assert records.read(path) == "old\n"
    assert os.listdir(tmp_path / "folder") == ["r"]


def test_a_directory_is_private_whatever_the_umask_and_is_kept(tmp_path: Path) -> None:
    """Design, 2: 0700."""
    os.umask(0o777)
    records.make_directory(str(tmp_path / "d"))
    records.make_directory(str(tmp_path / "d"))
    os.umask(0o022)
    assert stat.S_IMODE((tmp_path / "d").stat().st_mode) == 0o700


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", {}),
        ("a b\n", {"a": "b"}),
        ("a b c\n", {"a": "b c"}),
        ("a\n\nb \n", {"b": ""}),
        ("a 1\na 2\n", {"a": "2"}),
    ],
)
def test_words_are_lines(text: str, words: dict[str, str]) -> None:
    """protocol.md, 1.1."""
    assert records.words(text) == words


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    """G12: read(2) fails without a name, and a line in a log without one helps nobody."""
    with pytest.raises(IsADirectoryError) as error:
        records.read(str(tmp_path))
    assert error.value.filename == str(tmp_path)

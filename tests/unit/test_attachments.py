"""Files that go with a message: what may be read for it, and where and under which name it is written. Ours."""

from __future__ import annotations

import os
import stat
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maildir_ipc.attachments import MAX_NAME, read_file, safe_name, save_all
from maildir_ipc.draft import Attachment
from maildir_ipc.errors import BadData, Misconfigured, TryAgain

MOST = 12_419_497
NAMES = {
    "report.txt": "report.txt",
    "../../x": "x",
    "/etc/x": "x",
    "..\\..\\x.bat": "x.bat",
    ".bashrc": "_bashrc",
    "-rf": "_rf",
    "~root": "_root",
    "a\nb": "a_b",
    "a\x1b[31mb": "a_[31mb",
    "invoice\u202etxt.exe": "invoice_txt.exe",
    "$(id)`id`;x|y&z": "_(id)_id__x_y_z",
    "dir/": "dir",
    "": "attachment",
    "..": "attachment",
    "/": "attachment",
    "Übersicht 日本.pdf": "Übersicht 日本.pdf",
    "e\u0301.txt": "é.txt",
    "a" * 300 + ".tar": "a" * (MAX_NAME - 4) + ".tar",
    "\udcff.txt": "_.txt",
}


def _file(name: str, content: bytes = b"content\0\xff\n") -> Attachment:
    return Attachment(name, "application/octet-stream", content)


@pytest.mark.parametrize(("name", "expected"), NAMES.items(), ids=map(ascii, range(len(NAMES))))
def test_a_name_is_made_safe_and_stays_recognisable(name: str, expected: str) -> None:
    """G11."""
    assert safe_name(name) == expected


@given(st.text(max_size=400))
def test_any_name_is_one_visible_component_of_bounded_length(name: str) -> None:
    """G11."""
    safe = safe_name(name)

    assert safe
    assert safe not in (".", "..")
    assert safe[0] not in ".-~"
    assert not set(safe) & set("/\\\0\n$`;|&<>\"'*?!:")
    assert all(unicodedata.category(c)[0] in "LMN" or c in " ._-+=@,()[]{}~#%" for c in safe)
    assert len(safe) <= MAX_NAME
    assert len(os.fsencode(safe)) <= 200
    assert safe_name(safe) == safe


@pytest.mark.parametrize("name", NAMES, ids=map(ascii, range(len(NAMES))))
def test_what_is_saved_lies_in_the_directory_and_nowhere_else(name: str, tmp_path: Path) -> None:
    """G11: mode 0600, the very bytes."""
    before = set(tmp_path.rglob("*"))

    paths = list(save_all([_file(name)], str(tmp_path / "a/b")))

    made = {path for path in tmp_path.rglob("*") if path.is_file()} - before
    assert [str(path) for path in made] == paths
    assert {path.parent for path in made} == {tmp_path / "a/b"}
    assert {path.read_bytes() for path in made} == {b"content\0\xff\n"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in made} == {0o600}


def test_nothing_is_replaced_and_no_link_is_followed(tmp_path: Path) -> None:
    """G11: a name that is taken, by a dangling link too, gets a number before its ending."""
    (tmp_path / "x.txt").write_text("mine")
    (tmp_path / "x-2.txt").symlink_to(tmp_path / "elsewhere")

    paths = list(save_all([_file("x.txt", b"1"), _file("../x.txt", b"2")], str(tmp_path)))

    assert paths == [f"{tmp_path}/x-3.txt", f"{tmp_path}/x-4.txt"]
    assert (tmp_path / "x.txt").read_text() == "mine"
    assert not (tmp_path / "elsewhere").exists()
    assert [Path(path).read_bytes() for path in paths] == [b"1", b"2"]


def test_a_directory_that_is_a_file_is_refused(tmp_path: Path) -> None:
    """G12."""
    (tmp_path / "x").write_text("mine")

    with pytest.raises(Misconfigured, match="no directory"):
        list(save_all([_file("y")], str(tmp_path / "x")))


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
def test_a_full_disk_leaves_no_part_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """G12: what was saved before stays, what was being written goes."""
    write = os.write

    def full(fd: int, data: bytes) -> int:
        if bytes(data) != b"big":
            return write(fd, data)
        with open("/dev/full", "wb", buffering=0) as file:
            return int(file.write(data) or 0)

    monkeypatch.setattr(os, "write", full)
    saving = save_all([_file("a", b"small"), _file("b", b"big")], str(tmp_path))

    assert next(saving) == f"{tmp_path}/a"
    with pytest.raises(TryAgain, match="No space left"):
        next(saving)
    assert sorted(path.name for path in tmp_path.glob("?")) == ["a"]


def test_a_file_is_read_whole(tmp_path: Path) -> None:
    """G9."""
    content = os.urandom(1_000_000)
    (tmp_path / "x").write_bytes(content)

    assert read_file(str(tmp_path / "x"), MOST, ()) == content


def test_a_file_without_a_size_is_read_too() -> None:
    """Those in /proc say 0."""
    if not os.path.exists("/proc/self/status"):
        pytest.skip("no /proc")

    assert b"Name:" in read_file("/proc/self/status", MOST, ())


def test_what_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    """G12: a FIFO without a writer would stop us for ever, /dev/zero fill the memory."""
    os.mkfifo(tmp_path / "fifo")

    for path, why in (("fifo", "no regular file"), ("", "a directory"), ("nothing", "No such file")):
        with pytest.raises(BadData, match=why):
            read_file(str(tmp_path / path), MOST, ())
    with pytest.raises(BadData, match="no regular file"):
        read_file("/dev/zero", MOST, ())


def test_what_does_not_fit_into_a_message_is_refused_before_it_is_read(tmp_path: Path) -> None:
    """G12: a sparse file of a terabyte costs nothing to refuse."""
    with open(tmp_path / "x", "wb") as file:
        file.truncate(1 << 40)

    with pytest.raises(BadData, match="too large: 12419497 bytes are the most"):
        read_file(str(tmp_path / "x"), MOST, ())


def test_what_lies_where_keys_are_kept_is_no_attachment(tmp_path: Path) -> None:
    """Design, 4: the spool holds no secret; links, `..` and another name of the file change nothing."""
    private, secret = tmp_path / "config", tmp_path / "secret"
    (private / "deep").mkdir(parents=True)
    for path in (private / "keyring", private / "deep/token", secret):
        path.write_text("secret")
    (tmp_path / "link").symlink_to(private / "keyring")
    (tmp_path / "folder").symlink_to(private)
    os.link(secret, tmp_path / "other")
    os.link(private / "keyring", tmp_path / "linked")
    os.link(private / "deep/token", tmp_path / "x-linked")
    places = [str(private), str(secret), str(tmp_path / "nothing")]

    for name in (
        "config/keyring", "config/deep/token", "secret", "link", "folder/keyring", "x/../secret", "other", "linked",
        "x-linked",
    ):  # fmt: skip
        (tmp_path / "x").mkdir(exist_ok=True)
        with pytest.raises(BadData, match="may hold a key or a token: no message may"):
            read_file(str(tmp_path / name), MOST, places)
    (tmp_path / "x/keyring").write_text("not ours")
    os.link(tmp_path / "x/keyring", tmp_path / "x/again")
    for name in ("keyring", "again"):
        assert read_file(str(tmp_path / "x" / name), MOST, places) == b"not ours"


def test_an_environment_is_no_attachment() -> None:
    """A shared secret may stand in it."""
    if not os.path.exists("/proc/self/environ"):
        pytest.skip("no /proc")

    for path in ("/proc/self/environ", f"/proc/{os.getpid()}/task/{os.getpid()}/environ"):
        with pytest.raises(BadData, match="may hold a key"):
            read_file(path, MOST, ())

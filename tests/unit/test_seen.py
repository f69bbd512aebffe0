"""The seen-set: protocol.md, 6.4."""

from __future__ import annotations

import os
import tempfile
import threading
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maildir_ipc.folders import Folders
from maildir_ipc.seen import SeenSet, seen_key
from maildir_ipc.signing import base32, content_digest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def seen(tmp_path: Path) -> Iterator[SeenSet]:
    """Give the seen-set of an empty mailbox."""
    with Folders(str(tmp_path)) as box:
        yield SeenSet(box)


def test_the_key_is_that_of_the_protocol() -> None:
    """protocol.md, 6.4: 26 characters of base32 of SHA-256 of the address, LF, the Message-ID."""
    digest = bytes.fromhex(content_digest(b"nessa@ipc.invalid\nx@ipc.invalid"))
    assert seen_key("nessa@ipc.invalid", "x@ipc.invalid") == base32(digest)[:26]


def test_what_was_never_seen_is_not_found(seen: SeenSet) -> None:
    """Also where the folder is not there yet."""
    assert seen.find("k") is None


def test_what_was_seen_is_found_with_its_file_and_digest(seen: SeenSet, tmp_path: Path) -> None:
    """protocol.md, 6.4: a symbolic link, BASE,b=D; the folder is made when it is missing, 0700."""
    os.umask(0)
    assert seen.add("k", "1.a.host", "AbC+/=")
    assert seen.find("k") == ("1.a.host", "AbC+/=")
    assert os.readlink(tmp_path / "records/seen/k") == "1.a.host,b=AbC+/="
    assert (tmp_path / "records/seen").stat().st_mode & 0o777 == 0o700


def test_the_same_file_again_is_the_same_and_another_is_not(seen: SeenSet) -> None:
    """A reader that died between the two steps may repeat the first; nobody else may."""
    assert seen.add("k", "1.a.host", "d")
    assert seen.add("k", "1.a.host", "d")
    assert not seen.add("k", "2.b.host", "d")
    assert not seen.add("k", "1.a.host", "e")


def test_of_many_at_once_exactly_one_is_first(seen: SeenSet) -> None:
    """G6: making the link is exclusive."""
    barrier, won = threading.Barrier(8), []

    def add(name: str) -> None:
        barrier.wait(10)
        if seen.add("k", name, "d"):
            won.append(name)

    threads = [threading.Thread(target=add, args=(f"{n}.host",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(won) == 1
    assert seen.find("k") == (won[0], "d")


def _packed(box: Folders, count: int) -> list[str]:
    """Put *count* remembered messages into the packed file, and return their keys."""
    keys = sorted(seen_key("a", str(n)) for n in range(count))
    with open(os.open("records/seen-packed", os.O_WRONLY | os.O_CREAT, 0o600, dir_fd=box.fd), "w") as file:
        file.writelines(
            f"{key} {n}.M{n:06}P1Q1R0123456789abcdef.host,b=AbCdEfGhIjKlMnOp\n" for n, key in enumerate(keys)
        )
    return keys


def test_what_was_packed_is_still_known(seen: SeenSet, tmp_path: Path) -> None:
    """G4: packed in three runs: each message is found as before, makes no second one, and takes no file."""
    known = {seen_key("a", str(n)): (f"{n}.x.host", f"d{n}") for n in range(300)}
    for n, (key, (base, digest)) in enumerate(known.items()):
        assert seen.add(key, base, digest)
        if n % 100 == 50:
            seen.pack(seen.packable(time.time() + 60))
    seen.pack(seen.packable(time.time() + 60))
    assert os.listdir(tmp_path / "records/seen") == []
    assert {key: seen.find(key) for key in known} == known
    assert [key for key in known if seen.make(key, "other.host", "d")] == []
    assert [key for key, (base, digest) in known.items() if not seen.add(key, base, digest)] == []
    assert seen.find(seen_key("b", "1")) is None
    lines = (tmp_path / "records/seen-packed").read_text().splitlines()
    assert lines == sorted(lines)
    assert len(lines) == 300


def test_only_what_is_old_enough_is_packed(seen: SeenSet) -> None:
    """What a retry may still bring stays as it is."""
    key = seen_key("a", "1")
    seen.add(key, "1.x.host", "d")
    assert seen.packable(time.time() - 60) == []
    assert seen.packable(time.time() + 60) == [key]


def test_of_a_link_and_a_line_the_line_was_first(seen: SeenSet, tmp_path: Path) -> None:
    """A packer killed between the two leaves both; a link of another file cannot take its place."""
    key = seen_key("a", "1")
    seen.add(key, "1.x.host", "d")
    seen.pack([key])
    os.symlink("2.y.host,b=e", tmp_path / "records/seen" / key)
    seen.pack([key])
    assert seen.find(key) == ("1.x.host", "d")


@pytest.mark.parametrize("count", [1, 1000, 100_000])
def test_a_hundred_thousand_messages_cost_a_dozen_reads_and_ten_megabytes(
    count: int, seen: SeenSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Issue 3: the cost of the seen-set is bounded: about 100 bytes for each message, and the logarithm of reads."""
    with Folders(str(tmp_path)) as box:
        os.mkdir(tmp_path / "records")
        os.mkdir(tmp_path / "records/seen")
        keys = _packed(box, count)
    reads, real = [], os.pread

    def counted(fd: int, size: int, at: int) -> bytes:
        reads.append(at)
        return real(fd, size, at)

    monkeypatch.setattr(os, "pread", counted)
    for n in {0, 1, count // 3, count // 2, count - 1} & set(range(count)):
        found = seen.find(keys[n])
        assert found == (f"{n}.M{n:06}P1Q1R0123456789abcdef.host", "AbCdEfGhIjKlMnOp")
    for absent in ("2" * 26, "7" * 26, "a" * 26, "z" * 26):
        assert seen.find(absent) is None
    assert len(reads) <= 9 * (count.bit_length() - 4 if count > 16 else 1)
    assert (tmp_path / "records/seen-packed").stat().st_size <= 100 * count


@given(st.lists(st.sets(st.integers(0, 400)), max_size=5), st.sets(st.integers(0, 600)))
def test_whatever_was_added_and_packed_is_known_and_nothing_else(batches: list[set[int]], asked: set[int]) -> None:
    """G4: in any order, in any number of runs."""
    with tempfile.TemporaryDirectory() as folder, Folders(folder) as box:
        seen, added = SeenSet(box), set[int]()
        for batch in batches:
            for n in batch:
                assert seen.make(seen_key("a", str(n)), f"{n}.host", "d") == (n not in added)
            added |= batch
            if added:
                seen.pack(seen.packable(time.time() + 60))
        for n in asked | added:
            assert seen.find(seen_key("a", str(n))) == ((f"{n}.host", "d") if n in added else None)

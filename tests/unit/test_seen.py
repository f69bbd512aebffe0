"""The seen-set: protocol.md, 6.4."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import pytest

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

"""Mail that a person marked unread again: it is mail, whatever becomes of its second reader."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from maildir_ipc import Draft
from maildir_ipc.testing import account, agent, check_all, files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from maildir_ipc import Mailbox


@pytest.fixture
def bob(shm: Path) -> Iterator[Mailbox]:
    """Give the mailbox of bob, who read a message that is now marked unread."""
    with agent(account(str(shm)), "alice") as alice, agent(account(str(shm)), "bob") as box:
        alice.send(["bob"], Draft("read me again"))
        check_all(box)
        (path,) = files(box, "cur")
        os.rename(path, path.removesuffix("S"))
        yield box


def _texts(box: Mailbox) -> list[str]:
    return [received.message.body for received in check_all(box) if received.message is not None]


def test_given_back_it_is_still_unread(bob: Mailbox) -> None:
    """G5, G7; protocol.md, 6.1: it keeps the info suffix that tells it from a copy."""
    with bob.check(lambda _: True) as batch:
        assert len(batch.messages) == 1
    assert len(files(bob, "new")) == 1
    assert _texts(bob) == ["read me again"]
    assert bob.maildir.names(".Rejected/cur") == []


def test_a_reader_that_is_killed_loses_nothing(bob: Mailbox, shm: Path) -> None:
    """G5; S10: the link is that of its first reading, and says nothing about this one."""
    ready, told = os.pipe()
    pid = os.fork()
    if pid == 0:
        owner = account(str(shm))
        with owner.mailbox(owner.identify("bob")) as box, box.check(lambda _: True) as batch:
            os.write(told, b"%d" % len(batch.messages))
            signal.pause()
        os._exit(0)
    assert os.read(ready, 1) == b"1"
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    assert _texts(bob) == ["read me again"]
    assert _texts(bob) == []

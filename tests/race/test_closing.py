"""Senders to a mailbox that is closed again and again under them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from maildir_ipc import Draft, expiry
from maildir_ipc.testing import account, agent, lift_limits

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.race
SENDERS, EACH = 3, 200
NAMES = [f"nessa{n}" for n in range(6)]


def _send(home: Path, sender: str) -> None:
    """Send, in a child; its exit code says whether each was reported sent."""
    owner = account(str(home))
    code = 1
    try:
        with owner.mailbox(owner.identify(sender)) as box:
            failed = [
                error
                for n in range(EACH)
                if (error := box.send([NAMES[n % len(NAMES)]], Draft(f"{sender} {n}"), sync=False).error) is not None
            ]
            code = min(100, len(failed))
    finally:
        os._exit(code)


def _take_all(mailbox: str, taken: Path) -> None:
    """Take what lies in new/, as a reader would."""
    try:
        for name in os.listdir(f"{mailbox}/new"):
            os.rename(f"{mailbox}/new/{name}", taken / name)
    except FileNotFoundError:
        pass


def test_every_message_reported_sent_is_in_a_mailbox_that_exists_however_often_it_is_closed(shm: Path) -> None:
    """G2; mechanisms B: the merge that did not close lost 1 to 3 of 3,000. Ours."""
    owner = account(str(shm))
    owner.init()
    lift_limits(owner)
    owner = account(str(shm))
    names = [f"s{n}" for n in range(SENDERS)]
    for name in names:
        agent(owner, name).maildir.close()
    spool, taken = owner.spool(), shm / "taken"
    taken.mkdir()
    children = []
    for name in names:
        child = os.fork()
        if child == 0:
            _send(shm, name)
        children.append(child)
    closed, ended = 0, list[int]()
    while len(ended) < SENDERS:
        for nessa in NAMES:
            _take_all(spool.path(nessa), taken)
            with spool.lock() as lock:
                if os.path.isdir(spool.path(nessa)):
                    closed += expiry.close(spool, lock, nessa)
        for child in list(children):
            pid, status = os.waitpid(child, os.WNOHANG)
            if pid:
                children.remove(child)
                ended.append(os.waitstatus_to_exitcode(status))
    for nessa in NAMES:
        _take_all(spool.path(nessa), taken)

    assert ended == [0] * SENDERS
    assert closed > 0
    assert len(os.listdir(taken)) == SENDERS * EACH

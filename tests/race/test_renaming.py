"""A name that moves while everybody writes to it."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import time
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from maildir_ipc import Mailbox, moves
from maildir_ipc.draft import Draft
from maildir_ipc.testing import account, agent, check_all
from tests.race.writers import astray, read, until_reached, write

if TYPE_CHECKING:
    from multiprocessing.synchronize import Event
    from pathlib import Path

_SENDERS = 4
_LIMITS_OFF = "rate-limit = 0\nunread-limit = 0\nrename-cooldown = 0\nforward-seconds = 1\n"


def _until_forward_ended(home: str, name: str) -> None:
    record = account(home).spool().record(name)
    assert record is not None
    end = max(until or 0 for _, _, until in record.lines)
    while time.time() <= end + 1:
        os.sched_yield()


def _rename_without_end(home: str, stop: Event) -> None:
    owner = account(home)
    spool, names = owner.spool(), itertools.cycle([f"fred{n}" for n in range(7)])
    former = "fred"
    while not stop.is_set():
        name = next(names)
        with spool.lock() as lock:
            moves.rename(spool, lock, former, name)
        former = name
        stop.wait(0.005)


@pytest.mark.race
def test_a_broadcast_reaches_whoever_is_being_renamed(shm: Path) -> None:
    """S23, design 5: to every registered identity; one that moves under the listing is met under one of its names."""
    home, context = str(shm), multiprocessing.get_context("fork")
    owner = account(home)
    owner.init()
    (shm / ".local/share/maildir-ipc/.ipc/settings").write_text(_LIMITS_OFF)
    owner = account(home)
    for name in ("fred", *(f"member{n}" for n in range(200))):
        agent(owner, name).close()
    stop = context.Event()
    renamer = context.Process(target=_rename_without_end, args=(home, stop))
    with agent(owner, "alice") as alice:
        renamer.start()
        sent = [alice.broadcast(Draft(f"news {n}"), sync=False).error for n in range(40)]
        stop.set()
        renamer.join(30)
    assert (renamer.exitcode, sent) == (0, [None] * 40)
    (fred,) = [name for name in owner.spool().mailboxes() if name.startswith("fred")]
    with Mailbox(owner.spool(), owner.keyring, owner.host, owner.namer(), fred) as box:
        shown = Counter(r.message.body for r in check_all(box) if r.message is not None)
    assert shown == Counter({f"news {n}": 1 for n in range(40)})


@pytest.mark.race
def test_mail_to_names_that_move_and_merge_reaches_its_owner_once(shm: Path) -> None:
    """G1, G3, G4: renamed three times, merged into a name that everybody writes to, and past the ends of the forwards.

    The owner reads before each renaming, so that a merge brings what it was shown already.
    """
    home, context = str(shm), multiprocessing.get_context("fork")
    owner = account(home)
    owner.init()
    root = shm / ".local/share/maildir-ipc"
    (root / ".ipc/settings").write_text(_LIMITS_OFF)
    owner = account(home)
    agent(owner, "fred").close()
    agent(owner, "early").send(["third"], Draft("before there was a third"))
    stop, logs = context.Event(), [str(shm / f"log{i}") for i in range(_SENDERS)]
    writing = [(home, i, ("fred", "third"), stop, logs[i], 0.002) for i in range(_SENDERS)]
    senders = [context.Process(target=write, args=args) for args in writing]
    for sender in senders:
        sender.start()
    shown = list[str]()
    try:
        for former, name in (("fred", "second"), ("second", "third"), ("third", "fourth")):
            until_reached(logs, former)
            shown += read(home, former)
            account(home).rename(name, former)
        until_reached(logs, "fourth")
        _until_forward_ended(home, "fourth")
        until_reached(logs, "fred", "third", "fourth")
    finally:
        stop.set()
        for sender in senders:
            sender.join(timeout=30)
    assert [sender.exitcode for sender in senders] == [0] * _SENDERS
    assert list(astray(home, logs, {"fourth": shown}, ["before there was a third"])) == []
    assert os.listdir(root / ".ipc/closing") == os.listdir(root / ".ipc/intents") == []
    assert {path.name for path in root.iterdir() if path.is_dir() and not path.is_symlink()} == {
        ".ipc", "early", "fred", "third", "fourth", *(f"sender{i}" for i in range(_SENDERS))
    }  # fmt: skip

"""A name that moves while everybody writes to it."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from maildir_ipc import Mailbox, moves
from maildir_ipc.draft import Draft
from maildir_ipc.testing import account, agent, check_all

if TYPE_CHECKING:
    from multiprocessing.synchronize import Event

_SENDERS = 4
_LIMITS_OFF = "rate-limit = 0\nunread-limit = 0\nrename-cooldown = 0\nforward-seconds = 1\n"


def _send(home: str, number: int, stop: Event, log: str) -> None:
    """Write to fred until told to stop; log each text that was reported sent, and where it went."""
    with agent(account(home), f"sender{number}") as sender, open(log, "w", encoding="utf-8") as file:
        count = 0
        while not stop.is_set():
            text = f"{number}-{count}"
            for delivery in sender.send(["fred"], Draft(text), sync=False).deliveries:
                if delivery.error is None:
                    file.write(f"{text} {delivery.delivered_to}\n")
            file.flush()
            count += 1


def _until_forward_ended(home: str, name: str) -> None:
    record = account(home).spool().record(name)
    assert record is not None
    end = max(until or 0 for _, _, until in record.lines)
    while time.time() <= end + 1:
        os.sched_yield()


def _until_reached(logs: list[str], name: str) -> None:
    """Wait until each sender has reached *name*."""
    end = time.monotonic() + 30
    while not all(Path(log).exists() and f" {name}\n" in Path(log).read_text(encoding="utf-8") for log in logs):
        assert time.monotonic() < end, f"nobody reached {name}"
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
def test_mail_to_a_name_that_moves_reaches_its_owner_once(shm: Path) -> None:
    """G1, G3, G4: renamed three times, merged into a waiting name, and past the end of the forward."""
    home = str(shm)
    owner = account(home)
    owner.init()
    (shm / ".local/share/maildir-ipc/.ipc/settings").write_text(_LIMITS_OFF)
    owner = account(home)
    agent(owner, "fred").close()
    agent(owner, "early").send(["third"], Draft("before there was a third"))
    stop = multiprocessing.get_context("fork").Event()
    context = multiprocessing.get_context("fork")
    logs = [str(shm / f"log{i}") for i in range(_SENDERS)]
    senders = [context.Process(target=_send, args=(home, i, stop, logs[i])) for i in range(_SENDERS)]
    for sender in senders:
        sender.start()
    try:
        for former, name in (("fred", "second"), ("second", "third"), ("third", "fourth")):
            _until_reached(logs, former)
            account(home).rename(name, former)
        _until_reached(logs, "fourth")
        _until_forward_ended(home, "fourth")
    finally:
        stop.set()
        for sender in senders:
            sender.join(timeout=30)
    assert [sender.exitcode for sender in senders] == [0] * _SENDERS

    lines = [line.split() for log in logs for line in Path(log).read_text(encoding="utf-8").splitlines()]
    sent = dict(lines)
    fourth = account(home)
    with agent(fourth, "fred") as fred, fourth.mailbox(fourth.identify("fourth")) as renamed:
        shown = Counter(r.message.body for box in (fred, renamed) for r in check_all(box) if r.message is not None)
        aside = [entry.name for box in (fred, renamed) for entry in box.maildir.entries(".Rejected/cur")]
    assert aside == []
    assert [text for text in sent if shown[text] != 1] == []
    assert shown["before there was a third"] == 1
    assert set(sent.values()) == {"fred", "second", "third", "fourth"}
    root = shm / ".local/share/maildir-ipc"
    assert os.listdir(root / ".ipc/closing") == os.listdir(root / ".ipc/intents") == []
    senders_names = {f"sender{i}" for i in range(_SENDERS)}
    assert {name for name in os.listdir(root) if (root / name).is_dir() and not (root / name).is_symlink()} == {
        ".ipc", "early", "fred", "fourth", *senders_names
    }  # fmt: skip

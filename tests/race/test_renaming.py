"""A name that moves while everybody writes to it."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

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
            count += 1


def _until_forward_ended(home: str, name: str) -> None:
    record = account(home).spool().record(name)
    assert record is not None
    end = max(until or 0 for _, _, until in record.lines)
    while time.time() <= end + 1:
        os.sched_yield()


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
    for former, name in (("fred", "second"), ("second", "third"), ("third", "fourth")):
        account(home).rename(name, former)
    _until_forward_ended(home, "fourth")
    stop.set()
    for sender in senders:
        sender.join(timeout=30)
        assert sender.exitcode == 0

    lines = [line.split() for log in logs for line in Path(log).read_text(encoding="utf-8").splitlines()]
    sent = dict(lines)
    fourth = account(home)
    with agent(fourth, "fred") as fred, fourth.mailbox(fourth.identify("fourth")) as renamed:
        shown = Counter(r.message.body for box in (fred, renamed) for r in check_all(box) if r.message is not None)
        aside = [entry.name for box in (fred, renamed) for entry in box.maildir.entries(".Rejected/cur")]
    assert aside == []
    assert [text for text in sent if shown[text] != 1] == []
    assert shown["before there was a third"] == 1
    assert {"fred", "fourth"} <= set(sent.values())
    root = shm / ".local/share/maildir-ipc"
    assert os.listdir(root / ".ipc/closing") == os.listdir(root / ".ipc/intents") == []
    senders_names = {f"sender{i}" for i in range(_SENDERS)}
    assert {name for name in os.listdir(root) if (root / name).is_dir() and not (root / name).is_symlink()} == {
        ".ipc", "early", "fred", "fourth", *senders_names
    }  # fmt: skip

"""Many senders, many readers, one mailbox."""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING

import pytest

from maildir_ipc import Draft, testing
from tests.race import crowd

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = [pytest.mark.race, pytest.mark.crash]
SENDERS, EACH = 8, 500


def _sender(home: Path, number: int, each: int = EACH, to: str = "bob") -> Callable[[], list[str]]:
    def work() -> list[str]:
        with crowd.open_box(home, "alice") as box:
            for count in range(each):
                sent = box.send([to], Draft(f"{number}-{count} " + "x" * 200 + " end"))
                assert sent.error is None, sent.error
        return [f"{number}-{count} " + "x" * 200 + " end" for count in range(each)]

    return work


def _checker(home: Path, done: Path, shown: Path | None = None) -> Callable[[], list[str]]:
    """Check until the senders are done and nothing is left; say on *shown* what was shown, before its commit."""

    def work() -> list[str]:
        found: list[str] = []
        out = os.open(shown, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600) if shown is not None else -1
        with crowd.open_box(home, "bob") as box:
            while True:
                was_done = done.exists()
                with box.check(lambda _: True, limit=20) as batch:
                    for received in batch.messages:
                        assert received.message is not None
                        found.append(received.message.body)
                        if out >= 0:
                            os.write(out, received.message.body.encode() + b"\n")
                        batch.commit(received)
                    batch.finish()
                    assert not batch.rejected, [received.verdict for received in batch.rejected]
                if was_done and not batch.messages and not box.maildir.names("new"):
                    return found

    return work


def test_8_processes_send_500_each_and_all_4000_are_whole_and_distinct(shm: Path) -> None:
    """G1, G2: maildir(5): no lock, and no two deliveries meet."""
    crowd.register(shm, "alice", "bob")
    sent = crowd.all_at_once(*(_sender(shm, number) for number in range(SENDERS)))
    with crowd.open_box(shm, "bob") as box:
        assert len(box.maildir.names("new")) == SENDERS * EACH
        assert box.maildir.names("tmp") == []
        shown = testing.check_all(box)
    assert {received.verdict for received in shown} == {"pass"}
    assert len({received.message.id for received in shown if received.message}) == SENDERS * EACH
    assert sorted(crowd.texts(shown)) == sorted(text for texts in sent for text in texts)


def test_6_readers_at_once_show_each_message_once_while_senders_send(shm: Path) -> None:
    """G6: ours: whoever claims it shows it; nobody else does; nothing is left over."""
    crowd.register(shm, "alice", "bob")
    done = shm / "done"
    checkers = [crowd.Member(_checker(shm, done)) for _ in range(6)]
    senders = [crowd.Member(_sender(shm, number, 150)) for number in range(4)]
    try:
        for member in [*checkers, *senders]:
            member.go()
        sent = [text for sender in senders for text in sender.answer()]
        done.touch()
        shown = [text for checker in checkers for text in checker.answer()]
    finally:
        for member in [*checkers, *senders]:
            member.kill()
    assert sorted(shown) == sorted(sent)
    with crowd.open_box(shm, "bob") as box:
        assert box.maildir.names("new") == []
        assert all(name.endswith(":2,S") for name in box.maildir.names("cur"))
        assert len(box.maildir.names("cur")) == len(sent)


def test_6_readers_killed_at_random_lose_nothing(shm: Path) -> None:
    """G5, G6: ours: a killed reader's claims are taken over at once; what it was showing may be seen twice."""
    crowd.register(shm, "alice", "bob")
    done, shown = shm / "done", shm / "shown"
    shown.touch()
    chance = random.Random(7)
    senders = [crowd.Member(_sender(shm, number, 250)) for number in range(4)]
    checkers = [crowd.Member(_checker(shm, done, shown)) for _ in range(6)]
    kills = 0
    try:
        for member in [*senders, *checkers]:
            member.go()
        while not all(sender.ended() for sender in senders) or kills < 60:
            size = shown.stat().st_size
            # The next kill comes when more was shown, or the others had their turn: not by the clock.
            for _ in range(chance.randrange(2000)):
                if shown.stat().st_size > size + 400:
                    break
            victim = chance.randrange(len(checkers))
            if not checkers[victim].ended():
                checkers[victim].kill()
                kills += 1
            checkers[victim] = crowd.Member(_checker(shm, done, shown))
            checkers[victim].go()
        assert [sender.code for sender in senders] == [0] * 4
        done.touch()
        for checker in checkers:
            checker.answer()
    finally:
        for member in [*senders, *checkers]:
            member.kill()
    lines = shown.read_text().splitlines()
    sent = {f"{number}-{count} " + "x" * 200 + " end" for number in range(4) for count in range(250)}
    assert set(lines) == sent
    assert len(lines) - len(sent) <= kills
    with crowd.open_box(shm, "bob") as box:
        assert box.maildir.names("new") == []
        assert len(box.maildir.names("cur")) == len(sent)

"""limits: how much may be sent and held, exact across processes, and what a limit does when it is off."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from maildir_ipc.bounds import SETTINGS
from maildir_ipc.errors import TryAgain
from maildir_ipc.limits import PAIR_WINDOW, Room, count_automatic, count_send
from maildir_ipc.maildir import Maildir
from tests.race.crowd import all_at_once
from tests.unit.making import T

if TYPE_CHECKING:
    from collections.abc import Callable

RECORDS = "records"
PROCESSES = 8


@pytest.fixture
def box(tmp_path: Path) -> str:
    """Give the path of an empty mailbox."""
    for folder in ("tmp", "new", "cur", RECORDS):
        (tmp_path / "box" / folder).mkdir(parents=True)
    return str(tmp_path / "box")


def _put(mailbox: str, limit: int, name: str) -> None:
    with Maildir(mailbox) as box:
        box.deliver(b"x\n", name, Room(box, limit), sync=False)


def _allowed(what: Callable[[], None], times: int) -> int:
    """Try it that often; return how often it was allowed."""
    count = 0
    for _ in range(times):
        try:
            what()
        except TryAgain:
            continue
        count += 1
    return count


def _held(mailbox: str) -> int:
    return len(os.listdir(f"{mailbox}/new"))


# The rate


def test_as_many_sends_as_the_limit_and_not_one_more(box: str) -> None:
    """S29, ours: 100 in 60 seconds; the refusal says when to try again."""
    for i in range(100):
        count_send(box, T + i * 0.1, 100, 60)
    with pytest.raises(TryAgain, match="rate limit: 100 sends in 60 s: try again in 50 s"):
        count_send(box, T + 10, 100, 60)


def test_a_refused_send_is_not_counted(box: str) -> None:
    """S29, ours: whoever knocks all the time gets in as soon as whoever waits."""
    assert _allowed(lambda: count_send(box, T, 3, 60), 50) == 3
    assert _allowed(lambda: count_send(box, T + 60, 3, 60), 50) == 3


def test_the_window_slides(box: str) -> None:
    """S29, ours: not so many a minute of the clock, but so many in any 60 seconds; the ring wraps many times."""
    sent: list[float] = []
    for tick in range(3000):
        now = T + tick * 0.37
        if _allowed(lambda: count_send(box, now, 7, 60), 1):  # noqa: B023 - called at once
            sent.append(now)
    assert len(sent) > 7 * 15
    for first, eighth in zip(sent, sent[7:], strict=False):
        assert eighth - first > 59.999
    assert os.path.getsize(f"{box}/{RECORDS}/rate") < 100


@pytest.mark.parametrize("limit", [1, 5, 40])
def test_eight_processes_send_as_many_as_one(box: str, limit: int) -> None:
    """S29, ours: exact, also when each took its time before it came to the lock."""

    def work(number: int) -> Callable[[], int]:
        def sends() -> int:
            # Each process has read the clock a little earlier or later than it is its turn.
            return _allowed(lambda: count_send(box, T + 0.001 * number, limit, 60), 30)

        return sends

    counts = all_at_once(*[work(number) for number in range(PROCESSES)])
    assert sum(counts) == limit


def test_who_comes_late_with_an_earlier_time_is_refused_too(box: str) -> None:
    """S29, ours: two processes read the clock in one order and come to the lock in the other."""
    count_send(box, T + 0.002, 1, 60)
    with pytest.raises(TryAgain):
        count_send(box, T + 0.001, 1, 60)


@pytest.mark.parametrize("back", [7200.0, 10 * 365 * 86400.0])
def test_a_clock_that_was_set_back_locks_nobody_out(box: str, back: float) -> None:
    """Ours: a time far in the future is no send of the last minute; then the limit holds again."""
    for _ in range(5):
        count_send(box, T, 5, 60)
    assert _allowed(lambda: count_send(box, T - back, 5, 60), 20) == 5


def test_a_limit_that_was_changed_holds_from_then_on(box: str) -> None:
    """Ours: the settings are a person's to edit, upward and downward."""
    assert _allowed(lambda: count_send(box, T, 5, 60), 20) == 5
    assert _allowed(lambda: count_send(box, T + 61, 9, 60), 20) == 9
    assert _allowed(lambda: count_send(box, T + 122, 2, 60), 20) == 2


def test_the_largest_limit_takes_no_room_before_it_is_used(box: str) -> None:
    """Ours: the ring has a place for each send, and most of them are never written."""
    most = SETTINGS["rate-limit"][2]
    assert _allowed(lambda: count_send(box, T, most, 60), 20) == 20
    assert os.stat(f"{box}/{RECORDS}/rate").st_blocks * 512 <= 65536


def test_unread_mail_that_a_mail_program_moved_to_cur_is_not_counted(box: str) -> None:
    """S28, ADR 0012: mutt, opened and closed; to count it would cost a send what the history is long."""
    for i in range(10):
        _put(box, 10, f"m{i}")
        os.rename(f"{box}/new/m{i}", f"{box}/cur/m{i}:2,")
    assert _allowed(lambda: _put(box, 10, os.urandom(8).hex()), 20) == 10


def test_a_limit_of_zero_is_off_and_leaves_nothing(box: str) -> None:
    """Ours: 0 is off."""
    assert _allowed(lambda: count_send(box, T, 0, 60), 500) == 500
    assert _allowed(lambda: count_automatic(box, "bob", T, 0), 500) == 500
    for i in range(20):
        _put(box, 0, f"m{i}")
    assert os.listdir(f"{box}/{RECORDS}") == []


@pytest.mark.parametrize("damage", [b"", b"\0", b"\xff" * 8 * 6, b"\xff" * 1000])
def test_a_damaged_record_neither_stops_nor_lets_all_through(box: str, damage: bytes) -> None:
    """G12, ours: a record is a cache of the truth, and anybody's account may have filled its disk."""
    Path(box, RECORDS, "rate").write_bytes(damage)
    Path(box, RECORDS, "room").write_bytes(damage)
    assert 1 <= _allowed(lambda: count_send(box, T, 5, 60), 50) <= 5
    _put(box, 5, "one")
    assert _held(box) == 1


@pytest.mark.parametrize("before", [0, 1])
def test_killed_while_it_counts_costs_at_most_that_one_send(
    box: str, before: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """G12, ours: whoever dies at a write of the count has perhaps used its turn, and locks nobody out."""
    write, calls = os.pwrite, 0

    class Killed(BaseException):
        """What SIGKILL is to the file: no later call."""

    def dying(fd: int, data: bytes, offset: int) -> int:
        nonlocal calls
        calls += 1
        if calls > before:
            raise Killed
        return write(fd, data, offset)

    for i in range(4):  # the ring is there, and has gone round
        count_send(box, T - 400 + 70 * i, 3, 60)
    count_send(box, T, 3, 60)
    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", dying)
        with pytest.raises(Killed):
            count_send(box, T + 1, 3, 60)
    assert _allowed(lambda: count_send(box, T + 2, 3, 60), 5) in (1, 2)
    assert _allowed(lambda: count_send(box, T + 120, 3, 60), 5) == 3


# Automatic mail


def test_automatic_mail_is_counted_for_each_pair(box: str) -> None:
    """Ours: two programs that answer one another stop; a third is not concerned."""
    assert _allowed(lambda: count_automatic(box, "bob", T, 20), 100) == 20
    with pytest.raises(TryAgain, match=r"20 automatic messages to bob in an hour: a loop\? try again in 3600 s"):
        count_automatic(box, "bob", T, 20)
    count_automatic(box, "carol", T, 20)
    count_automatic(box, "bob", T + PAIR_WINDOW, 20)


def test_automatic_mail_is_exact_across_processes(box: str) -> None:
    """Ours."""
    work = [lambda: _allowed(lambda: count_automatic(box, "bob", T, 10), 10) for _ in range(PROCESSES)]
    assert sum(all_at_once(*work)) == 10


# Room


def test_the_message_after_the_last_that_fits_is_refused_and_leaves_nothing(box: str) -> None:
    """S28, G3, ours: "queue full", and neither new/ nor tmp/ has it."""
    for i in range(10):
        _put(box, 10, f"m{i}")
    with pytest.raises(TryAgain, match=r"queue full \(10 message limit\)"):
        _put(box, 10, "m10")
    assert (_held(box), os.listdir(f"{box}/tmp")) == (10, [])


def test_a_read_frees_room(box: str) -> None:
    """S28, ours: and the reader tells nobody."""
    for i in range(10):
        _put(box, 10, f"m{i}")
    for i in range(3):
        os.rename(f"{box}/new/m{i}", f"{box}/cur/m{i}:2,S")
    assert _allowed(lambda: _put(box, 10, f"n{os.urandom(8).hex()}"), 20) == 3
    assert _held(box) == 10


def test_eight_processes_fill_a_mailbox_to_the_last_place(box: str) -> None:
    """S28, ours: exact: neither one more nor one less."""

    def work() -> int:
        return _allowed(lambda: _put(box, 100, os.urandom(8).hex()), 40)

    assert sum(all_at_once(*[work] * PROCESSES)) == 100
    assert _held(box) == 100
    assert os.listdir(f"{box}/tmp") == []


def test_eight_processes_while_a_reader_makes_room_never_overfill_it(box: str) -> None:
    """S28, ours: what the mailbox holds is never over the limit, however often it was read meanwhile."""

    def sender() -> Any:
        worst = 0
        for _ in range(100):
            _allowed(lambda: _put(box, 10, os.urandom(8).hex()), 1)
            worst = max(worst, _held(box))
        return worst

    def reader() -> Any:
        for _ in range(200):
            for name in os.listdir(f"{box}/new")[:3]:
                os.rename(f"{box}/new/{name}", f"{box}/cur/{name}:2,S")
        return 0

    assert max(all_at_once(*[sender] * (PROCESSES - 1), reader)) <= 10


def test_a_room_that_was_changed_is_counted_again(box: str) -> None:
    """Ours: upward and downward."""
    for i in range(5):
        _put(box, 5, f"m{i}")
    assert _allowed(lambda: _put(box, 8, os.urandom(8).hex()), 20) == 3
    assert _allowed(lambda: _put(box, 4, os.urandom(8).hex()), 20) == 0
    assert _held(box) == 8


def test_room_is_taken_without_listing_the_mailbox(box: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ours: O(1): the mailbox is listed when the last count is used up, not at each delivery."""
    listed: list[str] = []
    names = Maildir.names

    def counting(self: Maildir, folder: str) -> list[str]:
        listed.append(folder)
        return names(self, folder)

    monkeypatch.setattr(Maildir, "names", counting)
    for i in range(1000):
        _put(box, 1000, f"m{i}")
    assert listed == ["new"]


def test_a_mailbox_of_another_program_has_no_record_and_no_limit(tmp_path: Path) -> None:
    """G7, ours: a Maildir that maildirmake made gets mail, and nothing of ours."""
    for folder in ("tmp", "new", "cur"):
        (tmp_path / "box" / folder).mkdir(parents=True)
    for i in range(5):
        _put(str(tmp_path / "box"), 2, f"m{i}")
    assert sorted(os.listdir(tmp_path / "box")) == ["cur", "new", "tmp"]


def test_a_link_in_the_place_of_a_record_is_not_followed(box: str, tmp_path: Path) -> None:
    """G11, ours."""
    outside = tmp_path / "outside"
    outside.write_bytes(b"mine")
    for name in ("rate", "room"):
        Path(box, RECORDS, name).symlink_to(outside)
    with pytest.raises((OSError, TryAgain)):
        count_send(box, T, 5, 60)
    with pytest.raises(TryAgain):
        _put(box, 5, "m")
    assert outside.read_bytes() == b"mine"
    assert os.listdir(f"{box}/tmp") == os.listdir(f"{box}/new") == []

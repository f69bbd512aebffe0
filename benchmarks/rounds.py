"""Two pieces of work done in turns, what each took, and a table of them; the machine's load stands beside it."""

from __future__ import annotations

import os
import statistics
import time
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Taken = Sequence[float]  # microseconds, one for each message or act


class Row(NamedTuple):
    """What is measured against what, and the most that design 12 allows for the ratio of their medians."""

    label: str
    target: float | None
    ours: Callable[[], Taken]
    floor: Callable[[], Taken]
    often: int = 1  # short rounds, and so many times as many of them: a disk's mood lasts


def each(act: Callable[[], object], count: int) -> list[float]:
    """Return the microseconds of each of *count* calls."""
    taken = []
    for _ in range(count):
        begun = time.perf_counter_ns()
        act()
        taken.append((time.perf_counter_ns() - begun) / 1000)
    return taken


def heading() -> None:
    """Print the first line of the table."""
    print(f"{'work':52} {'ours us':>10} {'floor us':>10} {'ratio':>6} {'best':>6} {'at most':>7} {'load':>5}")


def measure(row: Row, rounds: int) -> None:
    """Print a row: the medians over the rounds of each round's median, and the same of each side's best round."""
    ours, floors = [], []
    row.ours(), row.floor()  # the caches are warm from here on
    for index in range(rounds * row.often):
        # In turns, and each first as often as the other: whatever else the machine does meets both.
        for side in (("ours", "floor"), ("floor", "ours"))[index % 2]:
            if side == "ours":
                ours.append(statistics.median(row.ours()))
            else:
                floors.append(statistics.median(row.floor()))
    mine, floor = statistics.median(ours), statistics.median(floors)
    target = "-" if row.target is None else f"{row.target:g}"
    print(
        f"{row.label:52} {mine:10.1f} {floor:10.1f} {mine / floor:6.2f} {min(ours) / min(floors):6.2f} "
        f"{target:>7} {os.getloadavg()[0]:5.1f}",
        flush=True,
    )

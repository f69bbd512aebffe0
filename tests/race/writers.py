"""Senders that write without pause while names move, and what must be true of their mail at the end."""

from __future__ import annotations

import itertools
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from maildir_ipc import testing
from maildir_ipc.draft import Draft

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from multiprocessing.synchronize import Event

    from maildir_ipc.names import Names

LIMIT = 30.0  # seconds; no wait is longer
_BROADCAST_EVERY = 20  # messages


def write(home: str, number: int, names: Sequence[str], stop: Event, log: str, pause: float) -> None:
    """Write to *names* in turn, and now and then to everyone, one in *pause* seconds, until told to stop.

    What became of it is logged for each recipient: the text, its mailbox, the seconds between which, why not.
    """
    with testing.agent(testing.account(home), f"sender{number}") as box, open(log, "w", encoding="utf-8") as file:
        for count in itertools.count():
            text, begun = f"{number}-{count}", int(time.time())
            if count % _BROADCAST_EVERY == _BROADCAST_EVERY - 1:
                sent = box.broadcast(Draft(text), sync=False, include_waiting=True)
            else:
                sent = box.send([names[count % len(names)]], Draft(text), sync=False)
            between = f"{begun} {int(time.time())}"
            file.writelines(f"{text} {d.delivered_to} {between} {d.error or ''}\n" for d in sent.deliveries)
            file.flush()
            if stop.wait(pause):
                return


def until_reached(logs: Sequence[str], *names: str) -> None:
    """Wait until each sender has reached each of *names*, from now on."""
    end, sizes = time.monotonic() + LIMIT, [len(_text(log)) for log in logs]
    while not all(f" {name} " in _text(log)[size:] for log, size in zip(logs, sizes, strict=True) for name in names):
        assert time.monotonic() < end, f"nobody reached {names}"
        os.sched_yield()


def read(home: str, name: str) -> list[str]:
    """Return the texts of all that *name* is shown now, but notices."""
    with testing.agent(testing.account(home), name) as box:
        found = [received.message for received in testing.check_all(box) if received.message is not None]
    return [message.body for message in found if message.kind == "message"]


def astray(home: str, logs: Sequence[str], shown: Mapping[str, list[str]], others: Sequence[str]) -> Iterator[str]:
    """Read everything in every mailbox, and say what is not as it must be.

    A message that was reported as sent is shown once in each mailbox that it was meant for, and in no other.
    *shown* is what was shown before, for each mailbox; *others* are messages of other senders, each to one.
    """
    spool = testing.account(home).spool()
    boxes = [path.name for path in Path(spool.root).iterdir() if path.is_dir() and not path.is_symlink()]
    at: dict[str, list[str]] = {}
    records: dict[str, Names] = {}
    for box in sorted(set(boxes) - {".ipc"}):
        for text in [*shown.get(box, ()), *read(home, box)]:
            at.setdefault(text, []).append(box)
        yield from (f"{box} has set aside {path.name}" for path in Path(spool.path(box)).glob(".Rejected/cur/*"))
        record = spool.record(box)
        assert record is not None
        records[box] = record
    meant: dict[str, list[set[str]]] = {}
    for line in itertools.chain.from_iterable(_text(log).splitlines() for log in logs):
        text, to, begun, ended, why = line.split(" ", 4)
        if why:
            yield f"not sent: {line}"
        meant.setdefault(text, []).append({b for b, r in records.items() if _had(r, to, int(begun), int(ended))})
    yield from (f"{text} is shown in {at.get(text)}" for text in others if len(at.pop(text, ())) != 1)
    for text in sorted({*meant, *at}):
        places, found = meant.get(text, []), at.get(text, [])
        once = len(found) == len(set(found)) <= len(places)
        if not (once and set(found) <= set().union(*places) and all(place & set(found) for place in places)):
            yield f"{text} was for {places}, and is shown in {found}"


def _had(record: Names, name: str, begun: int, ended: int) -> bool:
    """Return whether the name led there at some time between these seconds: who was meant, by who had it then."""
    return any(n == name and since <= ended and (until is None or begun <= until) for n, since, until in record.lines)


def _text(log: str) -> str:
    try:
        return Path(log).read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""

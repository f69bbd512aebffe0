"""`ipc-check`, killed before each of its system calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from maildir_ipc import Draft, testing
from tests.crash import strike

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.crash
TEXTS = [f"message {number}, whole" for number in range(4)]
FORGED = b"From: eve@ipc.invalid\nTo: bob@ipc.invalid\nSubject: forged\nMessage-ID: <x@ipc.invalid>\n\nforged\n"


@pytest.fixture
def waiting(shm: Path) -> Path:
    """Give a home where bob has four messages and a forged one: the second was moved to cur/ by a mail reader."""
    home = shm / "waiting"
    strike.register(home, "alice", "bob")
    with strike.open_box(home, "alice") as alice, strike.open_box(home, "bob") as bob:
        for text in TEXTS:
            alice.send(["bob"], Draft(text))
        testing.drop(bob, FORGED)
        second = sorted(bob.maildir.names("new"))[1]
        new, cur = (home / strike.SPOOL / "bob" / folder for folder in ("new", "cur"))
        (new / second).rename(cur / f"{second}:2,")
    return home


def _read(home: Path) -> set[str]:
    """Return the texts of what lies in cur/ as read."""
    with strike.open_box(home, "bob") as bob:
        entries = [entry for entry in bob.maildir.entries("cur") if "S" in entry.flags]
        return set(strike.texts(bob.judge(entry, first=False) for entry in entries))


def _aside(home: Path) -> list[bytes]:
    return [path.read_bytes() for path in (home / strike.SPOOL / "bob/.Rejected/cur").glob("*")]


def _complaints(home: Path, out: str, may_repeat: int) -> Iterator[str]:
    """Say what is wrong after a check was killed that had written *out*."""
    flushed = {text for text in TEXTS if text in out}
    read = _read(home)
    yield from strike.partial(home, "alice", *(["bob"] if not _new_forged(home) else []))
    after = strike.texts(strike.next_check(home, "bob"))
    if set(TEXTS) - flushed - set(after):
        yield f"lost: flushed {sorted(flushed)}, then {after}"
    if read & set(after):
        yield f"was read, and is shown again: {read & set(after)}"
    if read - flushed:
        yield f"is marked as read, and was never flushed: {read - flushed}"
    if len(flushed & set(after)) > may_repeat:
        yield f"shown twice: {flushed & set(after)}"
    if len(after) != len(set(after)):
        yield f"one check shows a message twice: {after}"
    if _aside(home) != [FORGED]:
        yield f"set aside: {_aside(home)}"
    third = strike.next_check(home, "bob")
    if third:
        yield f"a third check shows {strike.texts(third)}"
    if _read(home) != set(TEXTS):
        yield f"not all are in cur/ as read: {_read(home)}"


def _new_forged(home: Path) -> bool:
    folder = home / strike.SPOOL / "bob" / "new"
    return any(path.read_bytes() == FORGED for path in folder.glob("*"))


@pytest.mark.parametrize("options", [(), ("--json",)], ids=["text", "json"])
def test_killed_anywhere_what_was_not_flushed_is_shown_by_the_next_check(
    waiting: Path, options: tuple[str, ...]
) -> None:
    """G5, G1: ours: claimed by the dead is unread; read is what was flushed; a message is seen twice at worst."""
    words = ("check", "--as", "bob", *options)
    found = strike.calls(waiting, *words)
    assert len(found) > 40
    if options:
        found = [call for call in found if call.changes]  # a read call changes nothing that text has not shown
    assert len([call for call in found if call.moves_into("bob/cur")]) >= len(TEXTS)
    # Between the flush and the record of it lies one message, or one document.
    may_repeat = len(TEXTS) if options else 1

    def job(home: Path, call: strike.Call) -> Iterator[str]:
        done = strike.kill(home, call, *words)
        yield from _complaints(home, done.out, may_repeat)

    strike.everywhere(waiting, found, job)


def test_a_check_that_takes_over_and_is_killed_too_loses_nothing(waiting: Path) -> None:
    """G5: ours: the second check is killed where the first had died in the middle, and a third has it all."""
    words = ("check", "--as", "bob")
    shown = next(call for call in strike.calls(waiting, *words) if call.on("symlink"))
    first = strike.kill(waiting, strike.Call(shown.name, shown.nth + 1, shown.text), *words)
    assert TEXTS[1] in first.out
    found = [call for call in strike.calls(waiting, *words) if call.changes]

    def job(home: Path, call: strike.Call) -> Iterator[str]:
        second = strike.kill(home, call, *words)
        yield from _complaints(home, first.out + second.out, 2)

    strike.everywhere(waiting, found, job)

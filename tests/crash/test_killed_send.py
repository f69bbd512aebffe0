"""`ipc-send`, killed before each of its system calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from maildir_ipc import Draft
from tests.crash import strike

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.crash
TEXT = "the whole message, " * 20 + "its end"


@pytest.fixture
def two(shm: Path) -> Path:
    """Give a home with alice and bob in it."""
    home = shm / "two"
    strike.register(home, "alice", "bob")
    return home


def _renamed_at(found: list[strike.Call], name: str) -> int:
    """Return the place of the delivery: the rename of the message into the mailbox of *name*."""
    return next(i for i, call in enumerate(found) if call.moves_into(f"{name}/new"))


def _struck(template: Path, words: tuple[str, ...], name: str) -> None:
    """Kill the command before each call; bob reads before and after: nothing, or the message once and whole."""
    found = strike.calls(template, *words)
    delivered = _renamed_at(found, name)
    assert len(found) > 25
    place = {(call.name, call.nth): i for i, call in enumerate(found)}

    def job(home: Path, call: strike.Call) -> Iterator[str]:
        strike.kill(home, call, *words)
        yield from strike.partial(home, "alice", name)
        wanted = [TEXT] if place[call.name, call.nth] > delivered else []
        strike.register(home, name)
        shown = strike.texts(strike.next_check(home, name))
        if shown != wanted:
            yield f"wanted {len(wanted)} message, the next check shows {len(shown)}"
        with strike.open_box(home, "alice") as box:
            box.send([name], Draft(TEXT))
        shown = strike.texts(strike.next_check(home, name))
        if shown != [TEXT]:
            yield f"the next send delivers {len(shown)} messages"

    strike.everywhere(template, found, job)


def test_killed_anywhere_the_recipient_has_nothing_or_the_whole_message(two: Path) -> None:
    """S11, G1, G2: maildir(5), and the table of the design: nothing before the rename, all of it after."""
    _struck(two, ("send", "--as", "alice", "bob", TEXT), "bob")


def test_killed_anywhere_at_first_contact_the_next_send_mends_it(two: Path) -> None:
    """G1, G2: ours: a mailbox that is half made is finished by whoever comes next."""
    _struck(two, ("send", "--as", "alice", "nessa", TEXT), "nessa")


def test_killed_anywhere_a_retry_with_its_id_completes_it_once(two: Path) -> None:
    """G3: ours: the same --id completes what was killed, and never doubles, also when it was read meanwhile."""
    words = ("send", "--as", "alice", "--id", "job-7", "bob", TEXT)
    found = strike.calls(two, *words)
    delivered = found[_renamed_at(found, "bob")]
    changes = [call for call in found if call.changes or call == delivered]
    assert len(changes) > 10

    def job(home: Path, call: strike.Call) -> Iterator[str]:
        strike.kill(home, call, *words)
        reads_between = call.nth % 2 == 1
        shown = strike.texts(strike.next_check(home, "bob")) if reads_between else []
        for _ in (1, 2):
            again = strike.run(home, *words)
            if again.code != 0:
                yield f"the retry fails: {again}"
        other = strike.run(home, "send", "--as", "alice", "--id", "job-7", "bob", "something else")
        if other.code != 65:
            yield f"the same --id with another text: {other}"
        shown += strike.texts(strike.next_check(home, "bob"))
        if shown != [TEXT]:
            yield f"shown {len(shown)} times"
        yield from strike.partial(home, "alice", "bob")

    strike.everywhere(two, changes, job)

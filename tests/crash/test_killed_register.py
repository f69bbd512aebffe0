"""`ipc-register`, killed before each of its system calls, from a home with nothing in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from maildir_ipc import Draft
from tests.crash import strike

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.crash
WORDS = ("register", "nessa", "--as", "nessa")


def _after(home: Path) -> Iterator[str]:
    """Register again, and exchange mail: say what does not work."""
    again = strike.run(home, *WORDS)
    if again.code != 0:
        yield f"the next register fails: {again}"
        return
    if "mail is waiting" not in again.err and "waiting: mipc check" not in again.err:
        yield f"the next register does not say what waits: {again}"
    with strike.open_box(home, "nessa") as box:
        sent = box.send(["nessa"], Draft("to myself"))
    if sent.error is not None or "to myself" not in strike.texts(strike.next_check(home, "nessa")):
        yield f"mail does not arrive: {sent.error}"
    records = list((home / strike.SPOOL).glob(".ipc/spool"))
    if len(records) != 1:
        yield f"spools: {records}"


def test_killed_anywhere_in_an_empty_home_the_next_register_succeeds(shm: Path) -> None:
    """G12: ours: spool, key, mailbox and session are each made whole or not at all, and made again."""
    empty = shm / "empty"
    empty.mkdir()
    found = [call for call in strike.calls(empty, *WORDS) if call.changes]
    assert len(found) > 40

    def job(home: Path, call: strike.Call) -> Iterator[str]:
        strike.kill(home, call, *WORDS)
        yield from _after(home)

    strike.everywhere(empty, found, job)


def test_killed_anywhere_mail_sent_meanwhile_is_there(shm: Path) -> None:
    """G2: ours: who registers gets what was sent to the name: before, and while it was half registered."""
    template = shm / "waiting"
    strike.register(template, "alice")
    with strike.open_box(template, "alice") as alice:
        alice.send(["nessa"], Draft("before"))
    found = [call for call in strike.calls(template, *WORDS) if call.changes]

    def job(home: Path, call: strike.Call) -> Iterator[str]:
        strike.kill(home, call, *WORDS)
        with strike.open_box(home, "alice") as alice:
            sent = alice.send(["nessa"], Draft("meanwhile"))
        if sent.error is not None:
            yield f"cannot send meanwhile: {sent.error}"
        strike.register(home, "nessa")
        shown = strike.texts(strike.next_check(home, "nessa"))
        if shown != ["before", "meanwhile"]:
            yield f"shown: {shown}"
        yield from strike.partial(home, "nessa")
        yield from _after(home)

    strike.everywhere(template, found, job)

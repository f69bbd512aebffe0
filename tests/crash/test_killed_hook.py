"""`ipc-hook`, killed before each call that changes something: while it hands over, and while it settles."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from maildir_ipc import Draft, autocheck, testing
from maildir_ipc.handover import settle
from tests.crash import strike

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.crash
TEXTS = [f"message {number}, whole" for number in range(3)]
WORDS = ("hook", "claude", "PostToolBatch")


@pytest.fixture
def waiting(shm: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a home where bob, whose auto-check is instant, has three messages; commands there act as bob."""
    home, plain = shm / "waiting", strike.environment
    strike.register(home, "alice", "bob")
    with strike.open_box(home, "alice") as alice, strike.open_box(home, "bob") as bob:
        autocheck.start(bob, strike.account(home).identify("bob"), instant=True)
        for text in TEXTS:
            alice.send(["bob"], Draft(text))
    monkeypatch.setattr(strike, "environment", lambda home: {**plain(home), "MAILDIR_IPC_IDENTITY": "bob"})
    return home


def _heard(out: str) -> set[str]:
    """Return the texts in an answer that came whole: a client makes nothing of half a document."""
    if not out.endswith("\n"):
        return set()
    said = json.loads(out)["hookSpecificOutput"]["additionalContext"]
    return {text for text in TEXTS if text in said}


def _read(home: Path) -> set[str]:
    with strike.open_box(home, "bob") as bob:
        entries = [entry for entry in bob.maildir.entries("cur") if "S" in entry.flags]
        return set(strike.texts(bob.judge(entry, first=False) for entry in entries))


def _much_later(home: Path) -> list[str]:
    """Return what a check shows when every lease has ended."""
    owner = testing.account(str(home), clock=lambda: time.time() + 700)
    with owner.mailbox(owner.identify("bob")) as bob:
        return strike.texts(testing.check_all(bob))


def _complaints(home: Path, heard: set[str], settled: set[str]) -> Iterator[str]:
    """Say what is wrong once the agent has acted again, and ten minutes have passed."""
    if settled - heard:
        yield f"read, and never heard of: {settled - heard}"
    after = _much_later(home)
    if set(TEXTS) - settled - set(after) - heard:
        yield f"lost: heard {heard}, read {settled}, later {after}"
    if settled & set(after) or len(after) != len(set(after)):
        yield f"shown again: read {settled}, later {after}"
    if _read(home) != set(TEXTS):
        yield f"not all are read at last: {_read(home)}"
    if list((home / strike.SPOOL / "bob/.Rejected").glob("cur/*")):
        yield "something genuine was set aside"


def test_a_hook_killed_while_it_hands_over_loses_nothing(waiting: Path) -> None:
    """G5; design, 9: what the agent's next act proves to be seen was heard, and the rest comes again."""
    found = [call for call in strike.calls(waiting, *WORDS) if call.changes]
    assert len(found) > 10

    def job(home: Path, call: strike.Call) -> Iterator[str]:
        heard = _heard(strike.kill(home, call, *WORDS).out)
        with strike.open_box(home, "bob") as bob:
            settle(bob, strike.account(home).identify("bob"))
        yield from _complaints(home, heard, _read(home))

    strike.everywhere(waiting, found, job)


def test_a_hook_killed_while_it_settles_loses_nothing(waiting: Path) -> None:
    """G5: what was heard is read at last, and shown again at worst."""
    assert _heard(strike.run(waiting, *WORDS).out) == set(TEXTS)
    found = [call for call in strike.calls(waiting, *WORDS) if call.changes]
    assert len([call for call in found if call.moves_into("bob/cur")]) == len(TEXTS)

    def job(home: Path, call: strike.Call) -> Iterator[str]:
        strike.kill(home, call, *WORDS)
        yield from _complaints(home, set(TEXTS), _read(home))

    strike.everywhere(waiting, found, job)

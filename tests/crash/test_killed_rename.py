"""`ipc-rename`, killed before each system call that changes the disk: the next holder of the lock finishes it.

Whoever comes next finds one of two states, before or after, and no mail is lost, doubled or misplaced.
"""

from __future__ import annotations

import itertools
import multiprocessing
import os
import time
from functools import partial
from typing import TYPE_CHECKING

import pytest

from maildir_ipc import Draft, MaildirIPCError, testing
from maildir_ipc.housekeeping import Housekeeping
from tests.crash import strike
from tests.race.writers import astray, read, until_reached, write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.crash
OLD, NEW = "fred", "fred-debugging"
WORDS = ("rename", "--as", OLD, NEW)
SETTINGS = "rename-cooldown = 0\nrate-limit = 0\nunread-limit = 0\n"


def _home(shm: Path) -> Path:
    """Give a home with alice and fred, who has read one message, has one unread, and one set aside."""
    home = shm / "home"
    strike.register(home, "alice", OLD)
    (home / strike.SPOOL / ".ipc/settings").write_text(SETTINGS)
    _send(home, OLD, "read")
    strike.next_check(home, OLD)
    with strike.open_box(home, OLD) as box:
        testing.drop(box, b"From: eve@ipc.invalid\nMessage-ID: <1@x>\n\nforged\n")
        testing.check_all(box)
    _send(home, OLD, "unread")
    return home


def _send(home: Path, to: str, text: str) -> None:
    with strike.open_box(home, "alice") as alice:
        sent = alice.send([to], Draft(text))
    if sent.error is not None:
        raise sent.error


def _waiting(home: Path) -> None:
    for text in ("waited 1", "waited 2"):
        _send(home, NEW, text)


def _chain(home: Path) -> None:
    """Two older forwards lead to fred: first and second."""
    owner = strike.account(home)
    owner.rename("first", OLD)
    owner.rename("second", "first")
    owner.rename(OLD, "second")


def _back(home: Path) -> None:
    """The new name is one that fred had before."""
    owner = strike.account(home)
    owner.rename(NEW, OLD)
    owner.rename(OLD, NEW)


def _changes(template: Path, *, names: bool = False) -> list[strike.Call]:
    """Return what changes the disk; with *names* without the writing of files, which changes no name in itself."""
    found = [call for call in strike.calls(template, *WORDS) if call.changes]
    assert len(found) > 40
    return [call for call in found if not names or call.name.startswith(("rename", "symlink", "unlink", "rmdir"))]


def _names(home: Path) -> dict[str, str]:
    """Return each name in the spool, and where it leads."""
    root = home / strike.SPOOL
    return {p.name: os.readlink(p) if p.is_symlink() else "" for p in root.iterdir() if p.name != ".ipc"}


def _unfinished(home: Path) -> Iterator[str]:
    """Say what is left of a rename once somebody has taken the lock."""
    for folder in ("intents", "closing"):
        left = os.listdir(home / strike.SPOOL / ".ipc" / folder)
        if left:
            yield f"{folder}/ holds {left}"


def _owned(home: Path) -> list[str]:
    """Return what the owner is shown, by whichever name it has now; a receipt of a rename is none of it."""
    name = _owner(home)
    shown = strike.next_check(home, name)
    return sorted(strike.texts(r for r in shown if r.message is not None and r.message.kind == "message"))


def _owner(home: Path) -> str:
    return strike.account(home).spool().lead(OLD)


def _whole(home: Path, template: Path, expected: list[str], *, others: tuple[str, ...]) -> Iterator[str]:
    """Say in what the state is neither the one before nor the one after, and what mail is not where it belongs."""
    before, after = _names(template), _names(template)
    after.update({name: NEW for name, target in before.items() if target == OLD}, **{OLD: NEW, NEW: ""})
    names = {name: target for name, target in _names(home).items() if name not in others}
    if names not in (before, after):
        yield f"neither before nor after: {names}"
        return
    renamed = names == after
    reached = [name for name in (OLD, *(n for n, t in names.items() if t)) if name != NEW or renamed]
    for name in (*reached, *([NEW] if renamed else [])):
        _send(home, name, f"to {name}")
        expected = [*expected, f"to {name}"]
    if not renamed and NEW in before and before[NEW] == "":
        expected = [text for text in expected if not text.startswith("waited")]
        strike.register(home, NEW)
        waited = strike.texts(strike.next_check(home, NEW))
        if waited != ["waited 1", "waited 2"]:
            yield f"the waiting mailbox shows {waited}"
    shown = _owned(home)
    if shown != sorted(expected):
        yield f"shown {shown}, wanted {sorted(expected)}"
    aside = list((home / strike.SPOOL / _owner(home) / ".Rejected/cur").iterdir())
    if len(aside) != 1:
        yield f"{len(aside)} messages are set aside"
    yield from strike.partial(home, "alice", _owner(home))


def _everywhere(template: Path, expected: list[str]) -> None:
    """Kill the renamer before each change; then a command that takes the lock; then look at everything."""

    def job(home: Path, call: strike.Call) -> Iterator[str]:
        strike.kill(home, call, *WORDS)
        strike.register(home, "zoe")
        yield from _unfinished(home)
        yield from _whole(home, template, expected, others=("zoe",))

    strike.everywhere(template, _changes(template), job)


def test_killed_anywhere_the_next_command_finds_it_done_or_not_begun(shm: Path) -> None:
    """G1, G2, S16: ours: names, forward, record and mail are those before or those after."""
    _everywhere(_home(shm), ["unread"])


def test_killed_anywhere_everyone_is_told_once_in_the_end(shm: Path) -> None:
    """S16: ours: by the owner's next command, or by the next gc; and nobody is told of what did not happen."""
    template = _home(shm)

    def job(home: Path, call: strike.Call) -> Iterator[str]:
        strike.kill(home, call, *WORDS)
        strike.register(home, "zoe")
        strike.next_check(home, _owner(home))
        owner = strike.account(home)
        for _ in range(2):
            later = partial(sum, (time.time(), 700.0))
            failed = [item.why for item in Housekeeping(owner, apply=True, now=later).run() if item.state == "failed"]
            if failed:
                yield f"gc failed: {failed}"
        told = [text for text in strike.texts(strike.next_check(home, "alice")) if text.startswith("fred is now")]
        if len(told) != (_owner(home) == NEW):
            yield f"the owner is {_owner(home)}, and alice was told {told}"

    strike.everywhere(template, _changes(template), job)


def test_killed_anywhere_a_waiting_mailbox_is_merged_whole(shm: Path) -> None:
    """G1, G2, S20: ours: what waited under the new name is in one mailbox, and `closing` is empty."""
    home = _home(shm)
    _waiting(home)
    _everywhere(home, ["unread", "waited 1", "waited 2"])


def test_killed_anywhere_older_forwards_lead_to_the_same_owner(shm: Path) -> None:
    """G1, G2, S19: ours: all of a chain leads straight to whoever has the mail."""
    home = _home(shm)
    _chain(home)
    _everywhere(home, ["unread"])


def test_killed_anywhere_on_the_way_back_to_an_own_former_name(shm: Path) -> None:
    """G1, G2, S19: ours: fred, fred-debugging, fred, fred-debugging makes no loop at any moment."""
    home = _home(shm)
    _back(home)
    _everywhere(home, ["unread"])


@pytest.mark.parametrize("waiting", [False, True])
@pytest.mark.parametrize("to", [OLD, NEW])
def test_killed_anywhere_the_next_thing_that_happens_is_a_send(shm: Path, to: str, waiting: bool) -> None:
    """G1, G3: ours: to either name; it reaches the owner of that name, once, and makes no third mailbox."""
    template = _home(shm)
    if waiting:
        _waiting(template)

    def job(home: Path, call: strike.Call) -> Iterator[str]:
        strike.kill(home, call, *WORDS)
        _send(home, to, "first of all")
        strike.register(home, "zoe")
        yield from _unfinished(home)
        names = _names(home)
        if NEW in names and names[OLD] != NEW:  # it was not begun, and the new name is a waiting one
            strike.register(home, NEW)
        boxes = {name for name, target in names.items() if not target}
        found = {name: strike.texts(strike.next_check(home, name)) for name in boxes - {"alice", "zoe"}}
        holders = [name for name, texts in found.items() if "first of all" in texts]
        if holders != [names[to] or to]:
            yield f"{names}: shown to {holders}"
        texts = sorted(itertools.chain.from_iterable(found.values()))
        if texts != sorted(["first of all", "unread", *(["waited 1", "waited 2"] if waiting else [])]):
            yield f"all that is shown: {found}"

    strike.everywhere(template, _changes(template, names=True), job)


def test_killed_anywhere_the_owners_own_next_command_works(shm: Path) -> None:
    """G5, G10: ours: whoever was renamed reads its mail by its old name, and by the new one if that is its."""
    template = _home(shm)

    def job(home: Path, call: strike.Call) -> Iterator[str]:
        strike.kill(home, call, *WORDS)
        renamed = (home / strike.SPOOL / NEW).exists()
        done = strike.run(home, "check", "--as", NEW if renamed and call.nth % 2 else OLD)
        if done.code != 0 or "unread" not in done.out:
            yield f"check: {done}"
        again = strike.run(home, *WORDS)
        if again.code not in (0, 64):  # 64: that is its name already
            yield f"the same command again: {again}"
        yield from _unfinished(home)
        if _names(home) != {"alice": "", OLD: NEW, NEW: ""}:
            yield f"after the same command again: {_names(home)}"
        for name in (OLD, NEW):
            try:
                strike.account(home).identify(name)
            except MaildirIPCError as error:
                yield f"{name} is not known: {error}; {again}; {_names(home)}"

    strike.everywhere(template, _changes(template), job)


_SENDERS = 4


def _until(what: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not what():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.01)


def _go_on(home: Path, logs: list[str]) -> None:
    """Rename whoever has the mail twice more, and let the forwards end, while everybody writes."""
    for name in ("third", "fourth"):
        strike.account(home).rename(name, _owner(home))
    end = strike.account(home).spool().record("fourth")
    assert end is not None
    last = max(until or 0 for _, _, until in end.lines)
    _until(lambda: time.time() > last + 1)
    until_reached(logs, OLD, NEW, "fourth")


@pytest.mark.proof
@pytest.mark.timeout(600)
def test_killed_anywhere_while_four_senders_write_to_names_that_move_and_merge(shm: Path) -> None:
    """G1, G3, S16: ours: merged, renamed twice more, forwards ended: what was reported sent is with its owner, once.

    To the old name, to the waiting one, and to everyone. The owner has read some of it before.
    """
    template = _home(shm)
    _waiting(template)
    (template / strike.SPOOL / ".ipc/settings").write_text(f"{SETTINGS}forward-seconds = 1\n")
    for forged in (template / strike.SPOOL / OLD / ".Rejected/cur").iterdir():
        forged.unlink()  # from here on nothing may be set aside
    senders = [f"sender{n}" for n in range(_SENDERS)]
    strike.register(template, *senders)
    context = multiprocessing.get_context("spawn")

    def job(home: Path, call: strike.Call) -> Iterator[str]:
        stop, logs = context.Event(), [f"{home}.log{n}" for n in range(_SENDERS)]
        writing = [(str(home), n, (OLD, NEW), stop, log, 0.01) for n, log in enumerate(logs)]
        running = [context.Process(target=write, args=args) for args in writing]
        for sender in running:
            sender.start()
        try:
            until_reached(logs, OLD, NEW, "alice")
            shown = read(str(home), OLD)
            strike.kill(home, call, *WORDS)
            strike.register(home, "zoe")
            _go_on(home, logs)
        finally:
            stop.set()
            for sender in running:
                sender.join(60)
        yield from _unfinished(home)
        yield from list(astray(str(home), logs, {"fourth": shown}, ["unread", "waited 1", "waited 2"]))[:5]
        boxes = {name for name, target in _names(home).items() if not target}
        if boxes != {OLD, NEW, "fourth", "alice", "zoe", *senders}:
            yield f"made {boxes}"

    strike.everywhere(template, _changes(template, names=True), job)


def test_a_rename_that_cannot_be_finished_yet_is_finished_later(shm: Path) -> None:
    """G12: ours: the disk is full at one step: said with 75, and whoever comes later ends it."""
    template = _home(shm)
    found = [call for call in _changes(template) if not call.on("write", "1<") and not call.on("write", "2<")]
    found = [call for call in found if call.name.startswith(("rename", "symlink", "mkdir", "openat", "write"))]

    def job(home: Path, call: strike.Call) -> Iterator[str]:
        done = strike.strike(home, call, "error=ENOSPC", *WORDS)
        if done.code not in (0, 75) or "Traceback" in done.err:
            yield f"{done}"
        strike.register(home, "zoe")
        yield from _unfinished(home)
        try:
            yield from _whole(home, template, ["unread"], others=("zoe",))
        except MaildirIPCError as error:
            yield f"{error}"

    strike.everywhere(template, found, job)

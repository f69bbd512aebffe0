"""The record of auto-check: what was asked for, when mail is due, and what is told about it."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from maildir_ipc import autocheck
from maildir_ipc.errors import Misconfigured, Usage
from maildir_ipc.tokens import Session
from tests.unit.world import NOW, World

if TYPE_CHECKING:
    from collections.abc import Iterator

    from maildir_ipc.mailbox import Mailbox

SESSION = Session("bob", "0123456789abcdef", "token", "standing", "no terminal", "-")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Give alice and bob."""
    made = World(tmp_path)
    yield made
    made.close()


@pytest.fixture
def bob(world: World) -> Mailbox:
    """Give bob's mailbox."""
    return world.bob


def test_it_is_off_until_it_is_started(bob: Mailbox) -> None:
    """S30: asked when never started, status says so, and nothing is due."""
    found = autocheck.status(bob, NOW)
    assert (found.check, found.last, found.next, found.did, found.ended) == (None, 0.0, 0.0, "", "")
    assert autocheck.read(bob) is None
    assert not autocheck.due(bob, NOW)
    assert not autocheck.stop(bob)


@pytest.mark.parametrize("minutes", [1, 3, 60])
def test_an_interval_from_one_minute_to_sixty_is_kept(bob: Mailbox, minutes: int) -> None:
    """S30."""
    autocheck.start(bob, SESSION, minutes)
    found = autocheck.read(bob)
    assert found is not None
    assert (found.minutes, found.instant, found.session, found.since) == (minutes, False, SESSION.id, NOW)


def test_without_a_number_it_is_five_minutes(bob: Mailbox) -> None:
    """S30."""
    assert autocheck.start(bob, SESSION).interval == "every 5 minutes"


@pytest.mark.parametrize("minutes", ["0", "61", "abc", "-1", "1.5", "", "٣", "9" * 30])
def test_any_other_interval_is_refused(bob: Mailbox, minutes: str) -> None:
    """S30."""
    with pytest.raises(Usage, match="1 to 60"):
        autocheck.start(bob, SESSION, autocheck.parse_minutes(minutes))
    assert autocheck.read(bob) is None


def test_all_that_was_asked_for_is_read_back(bob: Mailbox) -> None:
    """Design, 9: a file, so it survives everything."""
    autocheck.start(bob, SESSION, instant=True, command="/bin/handle 'a b'  $HOME", acknowledge=True)
    found = autocheck.read(bob)
    assert found is not None
    assert (found.minutes, found.instant, found.acknowledge) == (0, True, True)
    assert (found.command, found.mark) == ("/bin/handle 'a b'  $HOME", "standing")


def test_what_a_handler_runs_lies_beside_the_keyring_and_not_in_the_spool(bob: Mailbox) -> None:
    """ADR 0018: who may write the spool, in a sandbox, does not say what is run outside of it."""
    autocheck.start(bob, SESSION, command="/bin/secret-handler")
    for folder, _, names in os.walk(bob.spool.root):
        for name in names:
            if name != "autocheck-log":
                assert b"secret-handler" not in Path(folder, name).read_bytes(), name
    (path,) = Path(bob.keyring.directory, "handlers").iterdir()
    assert path.read_text() == "command /bin/secret-handler\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    autocheck.stop(bob)
    assert not path.exists()


def test_where_no_command_can_be_approved_nothing_is_started(bob: Mailbox) -> None:
    """In a sandbox the place beside the keyring is read-only; what was asked for before goes on."""
    autocheck.start(bob, SESSION, 7)
    Path(bob.keyring.directory, "handlers").write_text("in the way")
    with pytest.raises(Misconfigured, match="outside of any sandbox"):
        autocheck.start(bob, SESSION, command="true")
    found = autocheck.read(bob)
    assert found is not None
    assert (found.minutes, found.handler) == (7, "")


@pytest.mark.parametrize("command", ["", "  ", "two\nlines", "bell\a", "x" * 5000])
def test_a_handler_that_is_no_line_is_refused(bob: Mailbox, command: str) -> None:
    """G12: the record has lines, and a terminal shows it."""
    with pytest.raises(Usage, match="--exec"):
        autocheck.start(bob, SESSION, command=command)


def test_mail_is_due_at_once_and_then_after_the_interval(world: World, bob: Mailbox) -> None:
    """Design, 9."""
    autocheck.start(bob, SESSION, 5)
    assert autocheck.due(bob, NOW)
    autocheck.done(bob, NOW, "")
    assert not autocheck.due(bob, NOW + 240)
    assert autocheck.due(bob, NOW + 300)
    assert autocheck.status(bob, NOW + 1).next == NOW + 300


def test_a_tick_that_cron_starts_a_little_early_counts(bob: Mailbox) -> None:
    """Cron's minute is not exact: every second tick would be wasted."""
    autocheck.start(bob, SESSION, 1)
    autocheck.done(bob, NOW + 1.5, "")
    assert autocheck.due(bob, NOW + 60.2)


def test_instant_is_always_due(bob: Mailbox) -> None:
    """Design, 9."""
    autocheck.start(bob, SESSION, instant=True)
    autocheck.done(bob, NOW, "")
    assert autocheck.due(bob, NOW)


def test_a_clock_that_was_set_back_stops_nothing(bob: Mailbox) -> None:
    """A year ahead is not waited for."""
    autocheck.start(bob, SESSION, 5)
    autocheck.done(bob, NOW + 31e6, "")
    assert autocheck.due(bob, NOW)


def test_stopping_ends_it_and_starting_again_is_due_at_once(bob: Mailbox) -> None:
    """S30."""
    autocheck.start(bob, SESSION, 5)
    autocheck.done(bob, NOW, "")
    assert autocheck.stop(bob)
    assert not autocheck.due(bob, NOW + 9999)
    autocheck.start(bob, SESSION, 5)
    assert autocheck.due(bob, NOW)


def test_what_ended_it_is_told_until_it_is_started_again(bob: Mailbox) -> None:
    """Design, 9: taken over, it stops and says so."""
    check = autocheck.start(bob, SESSION, 5, command="true")
    autocheck.end(bob, check, "bob is now held by bash 4711")
    assert autocheck.read(bob) is None
    assert autocheck.status(bob, NOW).ended == "bob is now held by bash 4711"
    autocheck.start(bob, SESSION, 5)
    assert autocheck.status(bob, NOW).ended == ""


def test_each_identity_has_its_own(world: World) -> None:
    """S30: per identity."""
    autocheck.start(world.bob, SESSION, 5)
    assert autocheck.read(world.alice) is None


def test_status_says_what_was_done_last_and_by_what(bob: Mailbox) -> None:
    """S30; a look that found nothing does not hide the last one that did."""
    autocheck.start(bob, SESSION, 5)
    autocheck.done(bob, NOW, "handled 1", autocheck.CRON)
    autocheck.done(bob, NOW + 300, "", autocheck.CRON)
    found = autocheck.status(bob, NOW + 301)
    assert (found.last, found.did, found.means) == (NOW + 300, "handled 1", [("cron", NOW + 300)])
    assert autocheck.status(bob, NOW + 900).means == []


def test_a_watch_counts_while_its_process_runs(world: World, bob: Mailbox) -> None:
    """Status is true: a pid that is another's by now is no watcher."""
    own = world.owner.namer().owner().rpartition(".")[0].rpartition(".")[0]
    autocheck.used(bob, NOW, autocheck.WATCH, own)
    assert autocheck.status(bob, NOW + 9999).means == [("watch", NOW)]
    autocheck.used(bob, NOW, autocheck.WATCH, own[:-1] + ("1" if own[-1] != "1" else "2"))
    assert autocheck.status(bob, NOW).means == []


def test_the_log_is_bounded_and_keeps_the_newest(bob: Mailbox) -> None:
    """Design, 9: a bounded record."""
    for count in range(2 * autocheck.LOG_LINES):
        autocheck.note(bob, NOW + count, f"line {count}\nand  more")
    lines = autocheck.log(bob)
    assert autocheck.LOG_LINES // 2 <= len(lines) <= autocheck.LOG_LINES
    assert lines[-1] == (NOW + 2 * autocheck.LOG_LINES - 1, f"line {2 * autocheck.LOG_LINES - 1} and more")

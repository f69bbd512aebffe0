"""A handler gets each message once, says by its exit code whether it is read, and can lose nothing. G5; S31."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from maildir_ipc import handler
from maildir_ipc.autocheck import AutoCheck
from maildir_ipc.draft import Draft
from maildir_ipc.handler import BACKOFF, TRIES, Outcome, given_up, handle
from maildir_ipc.receipts import recorded
from tests.unit.making import everything
from tests.unit.world import NOW, World, bodies

if TYPE_CHECKING:
    from collections.abc import Iterator

    from maildir_ipc.mailbox import Mailbox

ENVIRON = {"PATH": os.environ.get("PATH", os.defpath)}
SECONDS = 20.0


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Give alice and bob."""
    made = World(tmp_path)
    yield made
    made.close()


def asked(command: str, *, acknowledge: bool = False) -> AutoCheck:
    """Return an auto-check with this handler."""
    return AutoCheck(5, "0" * 16, "standing", NOW, handler="f" * 16, command=command, acknowledge=acknowledge)


def handled(box: Mailbox, command: str, timeout: float = SECONDS, *, acknowledge: bool = False) -> list[Outcome]:
    """Run a handler for all that is due in *box*."""
    return list(handle(box, lambda: asked(command, acknowledge=acknowledge), ENVIRON, timeout))


def unread(box: Mailbox) -> list[str]:
    """Return the texts that a check would show."""
    with box.check(everything, peek=True) as batch:
        return bodies(batch.messages)


def files(box: Mailbox, folder: str) -> list[str]:
    """Return the names in one folder of *box*."""
    return sorted(os.listdir(f"{box.maildir.path}/{folder}"))


def test_it_gets_one_message_as_json_with_the_whole_text(world: World, tmp_path: Path) -> None:
    """Design, 8; S31: one message plus v and identity, the body full however large."""
    text = "é\n" * 40_000
    world.send(text, subject="report", data='{"passed": 3}')
    (outcome,) = handled(world.bob, f"cat >'{tmp_path}/got'")
    got: dict[str, Any] = json.loads((tmp_path / "got").read_text())
    assert not outcome.why
    assert (got["v"], got["identity"], got["from"], got["to"]) == (1, "bob", "alice", ["bob"])
    assert (got["body"], got["data"], got["verdict"], got["truncated"]) == (text, {"passed": 3}, "pass", False)
    assert got["ref"] == outcome.ref


def test_its_message_lies_where_it_is_told_while_it_runs(world: World) -> None:
    """The path in the JSON is a file that can be read."""
    world.send("hello")
    (outcome,) = handled(world.bob, """path=$(sed 's/.*"path": "\\([^"]*\\)".*/\\1/'); grep -q '^hello$' "$path" """)
    assert not outcome.why


def test_exit_0_makes_the_message_read(world: World) -> None:
    """Design, 9."""
    world.send("one")
    world.send("two")
    assert [outcome.why for outcome in handled(world.bob, "true")] == ["", ""]
    assert unread(world.bob) == []
    assert [name.endswith(":2,S") for name in files(world.bob, "cur")] == [True, True]
    assert handled(world.bob, "true") == []


def test_what_is_ended_between_two_messages_gets_no_more(world: World, tmp_path: Path) -> None:
    """Design, 9: taken over or stopped, it stops; the message that it holds by then is nobody's."""
    for text in ("first", "for another"):
        world.send(text)
    answers = iter([asked(f"cat >>'{tmp_path}/got'")])
    assert len(list(handle(world.bob, lambda: next(answers, None), ENVIRON, SECONDS))) == 1
    assert "for another" not in (tmp_path / "got").read_text()
    assert unread(world.bob) == ["for another"]
    assert not [name for name in files(world.bob, "new") if ",c=" in name]


def test_mail_that_is_set_aside_is_named(world: World) -> None:
    """Design, 4: counted and named; no handler gets it, and nobody else will hear of it."""
    Path(world.send("hello")).with_name("1.forged.host").write_text("From: alice@ipc.invalid\n\nobey\n")
    named: list[str] = []
    assert len(list(handle(world.bob, lambda: asked("true"), ENVIRON, SECONDS, aside=named.append))) == 1
    assert len(named) == 1
    assert named[0].startswith("set aside 1 that says it is from alice: UNSIGNED: mipc read ")
    assert files(world.bob, ".Rejected/cur") == ["1.forged.host,v=none:2,"]


def test_oldest_first_one_at_a_time(world: World, tmp_path: Path) -> None:
    """G8: the order of names is the order of reading."""
    for text in ("first", "second", "third"):
        world.send(text)
    handled(world.bob, f"sed 's/.*\"body\": \"\\([a-z]*\\)\".*/\\1/' >>'{tmp_path}/order'")
    assert (tmp_path / "order").read_text().split() == ["first", "second", "third"]


@pytest.mark.parametrize("command", ["exit 3", "kill -9 $$", "no-such-command-anywhere", "cat >/dev/null; false"])
def test_a_handler_that_fails_or_is_killed_leaves_its_message_unread(world: World, command: str) -> None:
    """G5; issue 4: nothing is lost."""
    world.send("precious")
    (outcome,) = handled(world.bob, command)
    assert f"try 1 of {TRIES}" in outcome.why
    assert unread(world.bob) == ["precious"]


def test_a_handler_that_hangs_is_ended_with_all_it_started(world: World, tmp_path: Path) -> None:
    """G5; issue 4."""
    world.send("precious")
    (outcome,) = handled(world.bob, f"sleep 1000 & echo $! >'{tmp_path}/pid'; wait", 0.5)
    assert "not done in" in outcome.why
    assert unread(world.bob) == ["precious"]
    stat = Path(f"/proc/{(tmp_path / 'pid').read_text().strip()}/stat")
    assert not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] in "ZX"


def test_a_failing_message_is_tried_later_and_later_and_then_left_to_a_person(world: World, tmp_path: Path) -> None:
    """Design, 9: backs off; after 5 tries flagged, told once, skipped, and never lost."""
    world.send("precious")
    command, waits = f"echo >>'{tmp_path}/tries'; exit 7", []
    for count in range(1, TRIES + 1):
        (outcome,) = handled(world.bob, command)
        assert outcome.gave_up == (count == TRIES)
        assert handled(world.bob, command) == []
        waits.append(BACKOFF * 2 ** (count - 1))
        world.clock.now += waits[-1] - 1
        assert handled(world.bob, command) == []
        world.clock.now += 1
    world.clock.now += 1e6
    assert handled(world.bob, command) == []
    assert len((tmp_path / "tries").read_text()) == TRIES
    assert given_up(world.bob) == 1
    (name,) = files(world.bob, "new")
    assert name.endswith(":2,F")
    assert unread(world.bob) == ["precious"]


def test_a_given_up_message_is_read_as_any_other_and_forgotten(world: World) -> None:
    """Its person reads it; the flag stays, and nothing of the tries."""
    world.send("precious")
    for _ in range(TRIES):
        handled(world.bob, "false")
        world.clock.now += 1000
    with world.bob.check(everything) as batch:
        assert bodies(batch.messages) == ["precious"]
        batch.commit(batch.messages[0])
        batch.finish()
    assert [name.endswith(":2,FS") for name in files(world.bob, "cur")] == [True]
    world.send("next")
    handled(world.bob, "true")
    assert given_up(world.bob) == 0
    assert files(world.bob, "records/tries") == []


@pytest.mark.parametrize(("tries", "flags", "counted"), [(1, "", 0), (TRIES, "F", 1)])
def test_what_waits_for_its_next_try_is_unread_wherever_it_lies(
    world: World, tries: int, flags: str, counted: int
) -> None:
    """Design, 6: mutt moves what is new when it merely opens the mailbox; what was tried is not forgotten."""
    world.send("precious")
    for _ in range(tries):
        world.clock.now += BACKOFF * 2**TRIES
        handled(world.bob, "false")
    (name,) = files(world.bob, "new")
    folder = world.bob.maildir.path
    os.rename(f"{folder}/new/{name}", f"{folder}/cur/{name.partition(':')[0]}:2,{flags}")
    for _ in range(2):
        assert handled(world.bob, "true") == []
        assert unread(world.bob) == ["precious"]
        assert (given_up(world.bob), len(files(world.bob, "records/tries"))) == (counted, 1)
    world.clock.now += BACKOFF * 2**TRIES
    assert len(handled(world.bob, "true")) == 1 - counted
    with world.bob.check(everything) as batch:
        assert bodies(batch.messages) == ["precious"] * counted


def test_a_failing_message_keeps_no_other_waiting(world: World) -> None:
    """Issue 4."""
    world.send("poison")
    world.send("fine")
    outcomes = handled(world.bob, "if grep -q poison; then exit 1; fi")
    assert [bool(outcome.why) for outcome in outcomes] == [True, False]
    assert unread(world.bob) == ["poison"]


def test_after_a_failure_the_next_success_counts(world: World) -> None:
    """Tries are forgotten with success."""
    world.send("hard")
    handled(world.bob, "false")
    world.clock.now += BACKOFF
    (outcome,) = handled(world.bob, "true")
    assert not outcome.why
    assert unread(world.bob) == []
    assert files(world.bob, "records/tries") == []


def test_nothing_of_a_message_is_in_its_words_or_environment(world: World, tmp_path: Path) -> None:
    """G12: what a stranger writes reaches a program as data only."""
    evil = f"$(touch {tmp_path}/evil) `touch {tmp_path}/evil`; touch {tmp_path}/evil"
    world.send(evil, subject=evil)
    copies = f"cat /proc/$$/cmdline /proc/$$/environ >'{tmp_path}/seen'"
    (outcome,) = handled(world.bob, copies)
    assert not outcome.why
    assert b"touch" not in (tmp_path / "seen").read_bytes().replace(copies.encode(), b"")
    assert not (tmp_path / "evil").exists()


def test_what_a_failing_handler_said_is_no_command_to_a_terminal(world: World) -> None:
    """G12: it may repeat a sender's words; bounded, on one line."""
    world.send("x")
    (outcome,) = handled(world.bob, "printf 'first\\n\\033[2Jlast\\a%0300d' 7 >&2; exit 1")
    assert "\033" not in outcome.said
    assert "\a" not in outcome.said
    assert len(outcome.said) <= 4 * handler._MAX_SAID


def test_what_it_leaves_running_is_not_waited_for(world: World, tmp_path: Path) -> None:
    """A handler may start something that goes on."""
    world.send("x")
    (outcome,) = handled(world.bob, f"sleep 1000 & echo $! >'{tmp_path}/pid'", 600.0)
    os.kill(int((tmp_path / "pid").read_text()), 9)
    assert not outcome.why


def test_forged_mail_is_set_aside_and_reaches_no_handler(world: World, tmp_path: Path) -> None:
    """G3."""
    path = world.send("pay nessa")
    text = Path(path).read_bytes().replace(b"nessa", b"eve!!")
    Path(path).write_bytes(text)
    assert handled(world.bob, f"touch '{tmp_path}/ran'") == []
    assert not (tmp_path / "ran").exists()
    assert len(files(world.bob, ".Rejected/cur")) == 1


def test_a_receipt_says_done_when_the_handler_is(world: World) -> None:
    """S31: as for a worker's acknowledgement."""
    world.send("work", receipt=True)
    handled(world.bob, "true")
    with world.alice.check(everything) as batch:
        (received,) = batch.receipts
        assert received.receipt is not None
        id = received.receipt.id
        batch.finish()
    assert recorded(world.alice.maildir, id) == [("done", "bob")]


def test_a_message_is_acknowledged_once_it_is_handled(world: World) -> None:
    """Design, 9: and not before."""
    world.send("work")
    handled(world.bob, "false", acknowledge=True)
    assert unread(world.alice) == []
    world.clock.now += BACKOFF
    handled(world.bob, "true", acknowledge=True)
    with world.alice.check(everything) as batch:
        (received,) = batch.messages
        batch.commit(received)
        message = received.message
        assert message is not None
        assert (message.from_, message.auto, message.hops) == ("bob", True, 1)
        assert message.in_reply_to
        assert "work" not in message.body


@pytest.mark.parametrize(
    "draft",
    [Draft("a", auto="auto-replied", hops=1), Draft("a", auto="auto-generated"), Draft("a", kind="notice")],
)
def test_what_is_automatic_is_never_acknowledged(world: World, draft: Draft) -> None:
    """S31: two auto-checkers cannot thank each other for ever."""
    world.alice.send(["bob"], draft)
    (outcome,) = handled(world.bob, "true", acknowledge=True)
    assert not outcome.why
    assert unread(world.alice) == []


def test_a_broadcast_and_mail_to_oneself_are_not_acknowledged(world: World) -> None:
    """RFC 3834, section 2: a hundred answers to one message are a storm."""
    world.alice.broadcast(Draft("all of you"))
    world.bob.send(["bob"], Draft("note to self"))
    assert [outcome.why for outcome in handled(world.bob, "true", acknowledge=True)] == ["", ""]
    assert unread(world.alice) == unread(world.bob) == []

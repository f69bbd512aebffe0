"""Receipts: possibly missing, never false; sent after the commit, consumed where they are met."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from maildir_ipc import Draft, Mailbox
from maildir_ipc.conversation import answer_to, original
from maildir_ipc.receipts import DONE, SEEN, receipt_in, recorded, wait_for
from maildir_ipc.render import Bound, receipt_lines
from maildir_ipc.testing import account, agent, check_all, drop, files

if TYPE_CHECKING:
    from collections.abc import Iterator

    from maildir_ipc import Received, Sent


class World:
    """alice asks for receipts; bob and carol give them."""

    def __init__(self, home: Path) -> None:
        self.home = str(home)
        self.boxes = {name: agent(account(self.home), name) for name in ("alice", "bob", "carol")}
        self.alice, self.bob, self.carol = self.boxes.values()

    def ask(self, *to: str) -> Sent:
        """Send a message with a receipt request from alice."""
        sent = self.alice.send(to or ("bob",), Draft("please look", receipt=True))
        assert sent.error is None
        return sent


@pytest.fixture
def world(shm: Path) -> Iterator[World]:
    """Give a spool with alice, bob and carol."""
    made = World(shm)
    yield made
    for box in made.boxes.values():
        box.close()


def everything(_: Received) -> bool:
    """Have room for all."""
    return True


def unread(box: Mailbox) -> int:
    """Return how many files lie in new/."""
    return len(box.maildir.names("new"))


def receipts(box: Mailbox) -> list[str]:
    """Return the receipts that a check consumes, as it shows them."""
    with box.check(everything) as batch:
        for received in batch.messages:
            batch.commit(received)
        batch.finish()
    return [str(received.receipt) for received in batch.receipts]


def work_off(box: Mailbox) -> None:
    """Take a message and acknowledge it."""
    with box.work.take(everything) as taking:
        taking.hold()
        taking.finish()
    assert taking.claim is not None
    box.work.ack(taking.claim.name)


def test_a_receipt_comes_after_the_commit_and_not_before(world: World) -> None:
    """G13."""
    sent = world.ask()
    with world.bob.check(everything) as batch:
        assert unread(world.alice) == 0
        batch.commit(batch.messages[0])
        batch.finish()
    (path,) = files(world.alice, "new")
    text = Path(path).read_text()
    assert "\nFrom: bob@ipc.invalid\nTo: alice@ipc.invalid\n" in text
    assert "\nAuto-Submitted: auto-generated\nIPC-Kind: receipt\n" in text
    assert f"\nIn-Reply-To: <{sent.message_id}>\nReferences: <{sent.message_id}>\n" in text
    assert f"\n\nseen {sent.ref}\n" in text
    with world.alice.check(everything) as batch:
        (received,) = batch.receipts
        assert received.message is not None
        assert received.message.data == {"receipt": "seen", "id": sent.message_id}


def test_a_message_that_was_given_back_has_no_receipt(world: World) -> None:
    """G13: what could not be written out was not seen."""
    world.ask()
    with world.bob.check(everything) as batch:
        assert len(batch.messages) == 1
    assert unread(world.alice) == 0


def test_a_killed_reader_sends_none_falsely(world: World) -> None:
    """G13; S10: killed with the text in its hand, it had not committed."""
    world.ask()
    ready, told = os.pipe()
    pid = os.fork()
    if pid == 0:
        with world.bob.check(everything) as batch:
            os.write(told, b"%d" % len(batch.messages))
            signal.pause()
        os._exit(0)
    assert os.read(ready, 1) == b"1"
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    assert unread(world.alice) == 0
    check_all(world.bob)
    assert len(receipts(world.alice)) == 1


def test_nobody_who_did_not_ask_gets_a_receipt(world: World) -> None:
    """Ours."""
    world.alice.send(["bob"], Draft("no need to say"))
    check_all(world.bob)
    assert unread(world.alice) == 0


@pytest.mark.parametrize(
    "draft",
    [
        Draft("I am away", receipt=True, auto="auto-replied"),
        Draft("renamed", receipt=True, kind="notice"),
        Draft("seen", receipt=True, kind="receipt"),
        Draft("seen", receipt=True, kind="receipt", auto="auto-generated"),
    ],
)
def test_automatic_mail_gets_no_receipt(world: World, draft: Draft) -> None:
    """RFC 3834, 2: two programs must not answer each other for ever."""
    world.alice.send(["bob"], draft)
    check_all(world.bob)
    assert unread(world.alice) == 0


def test_a_receipt_is_not_receipted(world: World) -> None:
    """RFC 3834, 2."""
    world.ask()
    check_all(world.bob)
    check_all(world.alice)
    assert (unread(world.alice), unread(world.bob)) == (0, 0)


def test_a_receipt_is_shown_in_a_line_recorded_and_read(world: World) -> None:
    """Ours: it is no mail to be answered, and `@` stays the last mail."""
    world.bob.send(["alice"], Draft("hello"))
    check_all(world.alice)
    sent = world.ask()
    check_all(world.bob)
    with world.alice.check(everything) as batch:
        assert (batch.messages, receipt_lines(batch)) == ([], f"seen {sent.ref} by bob\n")
        assert recorded(world.alice.maildir, sent.message_id) == []
        batch.finish()
    assert recorded(world.alice.maildir, sent.message_id) == [(SEEN, "bob")]
    assert [entry.flags for entry in world.alice.maildir.entries("new", "cur")] == ["S", "S"]
    assert answer_to(original(world.alice, "@"))[0] == "bob"
    assert receipts(world.alice) == []


def test_a_peek_consumes_no_receipt(world: World) -> None:
    """Ours."""
    sent = world.ask()
    check_all(world.bob)
    with world.alice.check(everything, peek=True) as batch:
        assert len(batch.receipts) == 1
        batch.finish()
    assert recorded(world.alice.maildir, sent.message_id) == []
    assert unread(world.alice) == 1


def test_work_is_done_when_it_is_acknowledged(world: World) -> None:
    """G13: taking a message says nothing; acknowledging it says `done`."""
    sent = world.ask()
    with world.bob.work.take(everything) as taking:
        taking.hold()
        taking.finish()
    assert taking.claim is not None
    assert unread(world.alice) == 0
    world.bob.work.ack(taking.claim.name)
    assert receipts(world.alice) == [f"done {sent.ref} by bob"]


def test_receipts_are_no_work(world: World) -> None:
    """Ours: a worker that asked for receipts itself consumes them on its way to the next message."""
    sent = [world.ask() for _ in range(3)]
    check_all(world.bob)
    world.bob.send(["alice"], Draft("a job"))
    with world.alice.work.take(lambda r: r.receipt is None) as taking:
        taking.hold()
        taking.finish()
    assert [r.message.body for r in taking.messages if r.message] == ["a job"]
    assert [recorded(world.alice.maildir, s.message_id) for s in sent] == [[(SEEN, "bob")]] * 3


def test_output_with_many_receipts_is_bounded(world: World) -> None:
    """G8: what does not fit stays unread, receipts too."""
    for _ in range(20):
        world.ask()
    check_all(world.bob)
    bound = Bound(600, time.time(), "abcd")
    with world.alice.check(bound.takes) as batch:
        assert len(receipt_lines(batch)) <= 200
        shown = len(batch.receipts)
        batch.finish()
    assert 0 < shown < 20
    assert batch.remaining == 20 - shown == unread(world.alice)


def test_a_receipt_that_cannot_be_recorded_stays_unread(world: World) -> None:
    """G5: consumed means recorded."""
    world.ask()
    check_all(world.bob)
    Path(world.alice.maildir.path, "records/receipts").touch()
    assert len(receipts(world.alice)) == 1
    assert unread(world.alice) == 1


def test_a_forged_receipt_is_set_aside_and_recorded_nowhere(world: World) -> None:
    """G4, G13: unsigned; changed; and a genuine one that was met before."""
    sent = world.ask()
    other = world.ask()
    check_all(world.bob)
    first, _ = files(world.alice, "new")
    raw = Path(first).read_bytes()
    os.unlink(first)
    drop(world.alice, raw.replace(b"seen ", b"done "), "1.changed.host")
    drop(world.alice, raw[raw.index(b"Date:") :], "2.unsigned.host")
    with world.alice.check(everything) as batch:
        assert sorted(received.verdict for received in batch.rejected) == ["bad", "none"]
        batch.finish()
    assert recorded(world.alice.maildir, sent.message_id) == []
    assert recorded(world.alice.maildir, other.message_id) == [(SEEN, "bob")]
    (second,) = files(world.alice, "cur")
    drop(world.alice, Path(second).read_bytes(), "3.copied.host")
    with world.alice.check(everything) as batch:
        assert [received.verdict for received in batch.rejected] == ["replay"]
        batch.finish()


@pytest.mark.parametrize(
    "data", [None, "{}", '{"receipt": "read", "id": "x@y"}', '{"receipt": "seen", "id": 7}', '{"receipt": "seen"}']
)
def test_a_receipt_that_cannot_be_read_is_shown_as_mail(world: World, data: str | None) -> None:
    """Ours: nothing that is signed is swallowed."""
    world.bob.send(["alice"], Draft("seen?", kind="receipt", data=data, references=("x@y",)))
    (received,) = check_all(world.alice)
    assert received.message is not None
    assert receipt_in(received.message) is None


def test_a_sender_that_is_gone_gets_no_mailbox_by_a_receipt(world: World) -> None:
    """Ours: a receipt makes nothing and fails nothing."""
    world.ask()
    os.rename(world.alice.maildir.path, f"{world.home}/elsewhere")
    assert len(check_all(world.bob)) == 1
    assert not os.path.exists(world.alice.maildir.path)


def test_a_new_owner_of_the_name_is_not_told(world: World) -> None:
    """G13: it never sent that message."""
    world.ask()
    os.rename(world.alice.maildir.path, f"{world.home}/elsewhere")
    with agent(account(world.home), "dave") as dave:
        os.rename(dave.maildir.path, world.alice.maildir.path)
    Path(world.alice.maildir.path, "records/names").write_text(f"registered 0\nalice {int(time.time()) + 7200} -\n")
    check_all(world.bob)
    assert os.listdir(f"{world.alice.maildir.path}/new") == []


def test_a_receipt_that_cannot_be_delivered_fails_no_check(world: World) -> None:
    """G13: best effort, after the message was read."""
    world.ask()
    tmp = Path(world.alice.maildir.path, "tmp")
    tmp.rmdir()
    tmp.touch()
    assert len(check_all(world.bob)) == 1
    assert check_all(world.bob) == []


def test_a_request_changes_nothing_else_of_a_message(world: World) -> None:
    """Ours: a program that reads check --json sees the same message."""
    world.ask()
    (received,) = check_all(world.bob)
    assert received.message is not None
    assert (received.message.kind, received.message.body, received.message.data) == ("message", "please look", None)


def test_a_request_makes_it_another_message_under_the_same_id(world: World) -> None:
    """G3: a retry is the same message, to its last header."""
    assert Draft("x").digest(["bob"]) != Draft("x", receipt=True).digest(["bob"])


def test_a_waiting_sender_returns_when_the_receipt_is_there(world: World) -> None:
    """Ours: it collects the receipt itself, and nothing else that is unread."""
    check_all(world.alice)
    sent, other = world.ask(), world.ask()
    world.bob.send(["alice"], Draft("mail"))
    check_all(world.bob)
    assert wait_for(world.alice, sent, SEEN, 0)
    assert recorded(world.alice.maildir, sent.message_id) == [(SEEN, "bob")]
    assert recorded(world.alice.maildir, other.message_id) == []
    assert unread(world.alice) == 2
    gate = world.alice.gate()
    assert (gate.unread_in_cur(), gate.used) == ([], False)


def test_a_waiting_sender_sees_a_receipt_that_a_check_consumed(world: World) -> None:
    """Ours: by the record."""
    sent = world.ask()
    check_all(world.bob)
    check_all(world.alice)
    assert wait_for(world.alice, sent, SEEN, 0)


def test_a_waiting_sender_is_told_when_the_time_is_up(world: World) -> None:
    """Ours: no receipt is no proof that it was not seen."""
    sent = world.ask()
    assert not wait_for(world.alice, sent, SEEN, 0)
    pauses: list[float] = []
    assert not wait_for(world.alice, sent, SEEN, 0.01, pauses.append)
    assert all(0 < pause <= 0.05 for pause in pauses)


def test_a_waiting_sender_returns_in_the_pause_in_which_it_comes(world: World) -> None:
    """Ours: promptly: after one pause of a twentieth of a second at most."""
    sent = world.ask()
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        check_all(world.bob)

    assert wait_for(world.alice, sent, SEEN, 3600, pause)
    assert len(pauses) == 1
    assert pauses[0] <= 0.05


def test_done_is_seen_too_and_seen_is_not_done(world: World) -> None:
    """Ours."""
    worked, read = world.ask(), world.ask("carol")
    work_off(world.bob)
    check_all(world.carol)
    assert wait_for(world.alice, worked, DONE, 0)
    assert wait_for(world.alice, worked, SEEN, 0)
    assert wait_for(world.alice, read, SEEN, 0)
    assert not wait_for(world.alice, read, DONE, 0)


def test_of_several_recipients_all_are_waited_for(world: World) -> None:
    """Ours."""
    sent = world.ask("bob", "carol")
    check_all(world.bob)
    assert not wait_for(world.alice, sent, SEEN, 0)
    check_all(world.carol)
    assert wait_for(world.alice, sent, SEEN, 0)
    assert sorted(recorded(world.alice.maildir, sent.message_id)) == [(SEEN, "bob"), (SEEN, "carol")]


def test_a_receipt_of_somebody_else_is_not_the_one_waited_for(world: World) -> None:
    """G13: that carol saw it says nothing of bob."""
    sent = world.ask()
    data = f'{{"receipt": "seen", "id": "{sent.message_id}"}}'
    world.carol.send(["alice"], Draft("seen", kind="receipt", data=data, references=(sent.message_id,)))
    assert not wait_for(world.alice, sent, SEEN, 0)
    assert recorded(world.alice.maildir, sent.message_id) == [(SEEN, "carol")]


def test_a_reader_that_was_renamed_meanwhile_answers_under_its_new_name(world: World) -> None:
    """Ours: S16: where the name leads now."""
    sent = world.ask()
    root, now = os.path.dirname(world.bob.maildir.path), int(time.time())
    os.rename(f"{root}/bob", f"{root}/robert")
    os.symlink("robert", f"{root}/bob")
    names = Path(root, "robert/records/names")
    names.write_text(names.read_text().replace("-\n", f"{now + 7200}\n") + f"robert {now} -\n")
    owner = account(world.home)
    with owner.mailbox(owner.register("robert", said="robert", takeover=True).session) as robert:
        check_all(robert)
    assert wait_for(world.alice, sent, SEEN, 0)


def test_a_damaged_record_is_no_receipt(world: World) -> None:
    """Ours: a torn line after a power cut; the rest still counts."""
    sent = world.ask()
    check_all(world.bob)
    check_all(world.alice)
    (record,) = Path(world.alice.maildir.path, "records/receipts").iterdir()
    record.write_bytes(b"\xff\0 x\nseen\n" + record.read_bytes() + b"seen 17")
    assert recorded(world.alice.maildir, sent.message_id) == [(SEEN, "bob")]

"""What a session was handed: held until it acts again, and never lost when it does not."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

import pytest

from maildir_ipc import Draft, Mailbox, desk
from maildir_ipc.errors import Misconfigured
from maildir_ipc.handover import give_back, hand_over, settle
from maildir_ipc.process import begun
from maildir_ipc.receipts import SEEN, recorded
from maildir_ipc.serving import Seat
from maildir_ipc.testing import account, agent, check_all
from tests.unit.making import everything
from tests.unit.world import bodies

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from maildir_ipc.tokens import Session


class World:
    """alice sends to bob, who is looked at by several processes and at several times."""

    def __init__(self, home: Path) -> None:
        self.home = str(home)
        self.alice, self.bob = agent(account(self.home), "alice"), agent(account(self.home), "bob")
        self.session: Session = account(self.home).identify("bob")
        self.opened = [self.alice, self.bob]

    def send(self, *texts: str, **values: Any) -> None:
        """Send bob a message for each text."""
        for text in texts:
            assert self.alice.send(["bob"], Draft(text, **values), sync=False).error is None

    def later(self, seconds: float = 0.0) -> Mailbox:
        """Return bob's mailbox as it looks that much later to another process."""
        owner = account(self.home, clock=lambda: time.time() + seconds)
        self.opened.append(owner.mailbox(owner.identify("bob")))
        return self.opened[-1]

    @property
    def notes(self) -> list[str]:
        """What bob's mailbox has noted."""
        folder = f"{self.bob.maildir.path}/records/handed"
        return sorted(os.listdir(folder)) if os.path.isdir(folder) else []


@pytest.fixture
def world(shm: Path) -> Iterator[World]:
    """Give a spool with alice and bob."""
    made = World(shm)
    yield made
    for box in made.opened:
        box.close()


def handed(box: Mailbox, session: Session, *, keep: bool = True) -> list[str]:
    """Hand over what is unread, as a hook does; return the texts."""
    with hand_over(box, everything, session) as batch:
        if keep:
            batch.keep()
    return bodies(batch.messages)


def texts(box: Mailbox) -> list[str]:
    """Return what a check shows."""
    return bodies(check_all(box))


def test_mail_handed_over_is_read_when_its_session_acts_again(world: World) -> None:
    """Design, 9: committed by a later event; nobody else sees it meanwhile."""
    world.send("one", "two")
    assert handed(world.bob, world.session) == ["one", "two"]
    assert handed(world.later(), world.session) == texts(world.later()) == []
    assert len(world.notes) == 1
    assert settle(world.later(), world.session) == 2
    assert [entry.flags for entry in world.bob.maildir.entries("new", "cur")] == ["S", "S"]
    assert world.notes == []
    assert settle(world.later(), world.session) == 0
    assert texts(world.later(90000)) == []


def test_mail_handed_over_and_given_back_is_unread_again(world: World) -> None:
    """Design, 9: a session that begins or ends never saw it."""
    world.send("one")
    handed(world.bob, world.session)
    assert give_back(world.later()) == 1
    assert world.notes == []
    assert settle(world.later(), world.session) == 0
    assert texts(world.later()) == ["one"]


def test_mail_of_a_session_that_never_acts_again_comes_back(world: World) -> None:
    """Design, 9; G5: when the lease ends, and the next reader's word counts."""
    world.send("one")
    handed(world.bob, world.session)
    assert texts(world.later(590)) == []
    assert texts(world.later(610)) == ["one"]
    assert settle(world.bob, world.session) == 0
    assert world.notes == []
    assert [entry.flags for entry in world.bob.maildir.entries("new", "cur")] == ["S"]


def test_a_lapsed_claim_that_nobody_took_is_still_settled(world: World) -> None:
    """Design, 6: an agent that thought for an hour is not shown its mail twice."""
    world.send("one")
    handed(world.bob, world.session)
    assert settle(world.later(3600), world.session) == 1
    assert texts(world.later(3600)) == []


def test_what_was_not_kept_is_unread_at_once_and_leaves_no_note(world: World) -> None:
    """G5: a hook whose output could not be written has handed over nothing."""
    world.send("one")
    assert handed(world.bob, world.session, keep=False) == ["one"]
    assert world.notes == []
    assert settle(world.bob, world.session) == 0
    assert texts(world.later()) == ["one"]


def test_a_hook_killed_before_it_kept_is_never_settled(world: World) -> None:
    """G5: what it noted it may not have shown; its claims are those of a dead process."""
    world.send("one")
    pid = os.fork()
    if pid == 0:
        hand_over(world.bob, everything, world.session)
        os._exit(0)
    os.waitpid(pid, 0)
    assert len(world.notes) == 1
    assert settle(world.later(), world.session) == 0
    assert world.notes == []
    assert texts(world.later()) == ["one"]


def test_another_session_proves_nothing(world: World) -> None:
    """Design, 9: only that session's own act does; its note goes when it is long over."""
    world.send("one")
    handed(world.bob, world.session)
    other = account(world.home).identify("bob")
    other.id = "another"
    assert settle(world.later(), other) == 0
    assert len(world.notes) == 1
    assert settle(world.later(1300), other) == 0
    assert world.notes == []
    assert texts(world.later(1300)) == ["one"]


@pytest.mark.parametrize("how", ["again", "by takeover", "by a server"])
def test_whoever_opens_a_session_has_what_the_one_before_was_handed(world: World, how: str) -> None:
    """Design, 7: an agent that crashed registers again, and has its mail; not when a lease has ended."""
    world.send("one")
    handed(world.bob, world.session)
    owner = account(world.home)
    if how == "by takeover":
        owner = account(f"{world.home}/other", MAILDIR_IPC_ROOT=owner.spool().root)
        owner.import_key(account(world.home).keyring.secrets()[0][1])
        assert owner.register("bob", said="bob", takeover=True).unread == 2  # and the notice of that
    elif how == "by a server":
        owner.unregister("bob")
        seat = Seat(lambda: owner.settings, said="bob")
        assert desk.register(seat.turn(), "bob")[1]["unread"] == 1
    else:
        owner.unregister("bob")
        assert owner.register("bob", said="bob").unread == 1
    assert world.notes == []
    with owner.mailbox(owner.identify("bob")) as box:
        assert texts(box)[0] == "one"


def test_who_registers_again_in_its_own_session_is_not_given_what_it_has(world: World) -> None:
    """Design, 7: idempotent; it is an act of the agent that was handed the mail."""
    world.send("one")
    handed(world.bob, world.session)
    assert account(world.home).register("bob", said="bob").unread == 0
    assert settle(world.later(), world.session) == 1


def test_what_is_being_handed_over_at_this_moment_is_left_alone(world: World) -> None:
    """G5: without its note, nobody would give it back before its lease ends."""
    world.send("one")
    with hand_over(world.bob, everything, world.session) as batch:
        assert give_back(world.later()) == settle(world.later(), world.session) == 0
        batch.keep()
    assert give_back(world.later()) == 1
    assert texts(world.later()) == ["one"]


def test_two_hand_overs_are_settled_by_one_act_and_mixed_up_with_nothing(world: World) -> None:
    """Design, 9: a worker's own claim is the worker's to acknowledge."""
    world.send("one")
    handed(world.bob, world.session)
    world.send("two")
    handed(world.later(), world.session)
    world.send("three")
    with world.later().work.take(everything) as taking:
        taking.hold()
    assert len(world.notes) == 2
    assert settle(world.later(), world.session) == 2
    assert len([entry for entry in world.bob.maildir.entries("new") if entry.owner]) == 1


def test_the_sender_is_told_that_it_was_seen_and_only_when_it_was(world: World) -> None:
    """G13."""
    sent = world.alice.send(["bob"], Draft("one", receipt=True))
    handed(world.bob, world.session)
    assert check_all(world.alice) == []
    settle(world.bob, world.session)
    check_all(world.alice)
    assert recorded(world.alice.maildir, sent.message_id) == [(SEEN, "bob")]


def test_mail_that_mutt_moved_away_claim_and_all_is_settled_too(world: World) -> None:
    """Design, 6: standard tools see the message at all times."""
    world.send("one")
    handed(world.bob, world.session)
    (entry,) = world.bob.maildir.entries("new")
    os.rename(f"{world.bob.maildir.path}/new/{entry.name}", f"{world.bob.maildir.path}/cur/{entry.name}:2,")
    assert settle(world.later(), world.session) == 1
    assert texts(world.later(90000)) == []


def test_what_began_before_the_mail_was_shown_proves_nothing(world: World) -> None:
    """Design, 9: *later* events: a client that is set up twice calls two hooks at one event."""
    world.send("one")
    before = time.time()
    handed(world.later(1), world.session)
    assert settle(world.bob, world.session, before) == 0
    assert len(world.notes) == 1
    assert settle(world.bob, world.session, before + 2) == 1


def test_a_process_knows_when_it_began() -> None:
    """Ours: to the tick of the kernel's clock, and not after."""
    read, write = os.pipe()
    before = time.time()
    pid = os.fork()
    if pid == 0:
        os.write(write, f"{begun()}".encode())
        os._exit(0)
    os.waitpid(pid, 0)
    assert before - 0.03 <= float(os.read(read, 64)) <= time.time()


def test_a_limit_leaves_the_rest_unread(world: World) -> None:
    """Design, 6: what does not fit stays unread, and is counted."""
    world.send("one", "two", "three")
    with hand_over(world.bob, everything, world.session, limit=2) as batch:
        batch.keep()
    assert (bodies(batch.messages), batch.remaining) == (["one", "two"], 1)
    assert texts(world.later()) == ["three"]


def test_a_link_in_place_of_the_notes_is_refused_and_nothing_is_claimed(world: World, shm: Path) -> None:
    """G11: nothing outside the spool is written through it."""
    world.send("one")
    (shm / "elsewhere").mkdir()
    os.symlink(shm / "elsewhere", f"{world.bob.maildir.path}/records/handed")
    with pytest.raises(Misconfigured):
        hand_over(world.bob, everything, world.session)
    assert settle(world.bob, world.session) == 0
    assert list((shm / "elsewhere").iterdir()) == []
    assert texts(world.later()) == ["one"]

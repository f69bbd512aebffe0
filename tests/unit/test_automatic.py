"""What a handler sends is automatic, whatever it says: RFC 3834; S31."""

from __future__ import annotations

import os
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from maildir_ipc.automatic import GENERATED, KEPT_SECONDS, REPLIED, Handling, forget_old, hops_here, inherited
from maildir_ipc.draft import Draft
from maildir_ipc.errors import BadData
from maildir_ipc.process import Process, lookup
from tests.unit.making import everything
from tests.unit.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Give alice and bob."""
    made = World(tmp_path)
    yield made
    made.close()


@pytest.fixture
def leader() -> Iterator[int]:
    """Give the pid of a process that leads a session of its own, as a handler does; ours may have begun elsewhere."""
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, start_new_session=True) as made:
        yield made.pid


def _own() -> Process:
    process = lookup("self")
    assert process is not None
    return process


def test_outside_of_a_handler_mail_is_what_its_sender_says(world: World) -> None:
    """A person's and an agent's mail is answered."""
    assert hops_here(world.owner.spool(), world.owner.host) is None
    draft = Draft("hello")
    assert inherited(draft, world.owner.spool(), world.owner.host) is draft


def test_what_descends_from_a_runner_is_in_its_handler(world: World) -> None:
    """However deep."""
    spool, host, own = world.owner.spool(), world.owner.host, _own()
    with Handling(spool, host, 4):
        assert hops_here(spool, host, lambda: [Process(1, 0, 0, 0, "x"), own]) == 4
    assert hops_here(spool, host, lambda: [own]) is None


def test_what_was_left_behind_is_known_by_its_session(world: World, leader: int) -> None:
    """A handler that answers from the background, after it has ended."""
    spool, host = world.owner.spool(), world.owner.host
    with Handling(spool, host, 2) as handling:
        handling.started(leader)
    assert hops_here(spool, host, list, lambda _: leader) == 2


def test_what_left_tree_and_session_is_known_by_what_it_inherited(world: World) -> None:
    """A daemon of a handler's; what is open by that number is nothing to us unless it is of this spool."""
    spool, host = world.owner.spool(), world.owner.host
    with Handling(spool, host, 3) as handling, open(f"{spool.root}/.ipc/settings", "a") as theirs:
        inherited_one = os.dup(handling.handed[0][0])
        assert hops_here(spool, host, list, lambda _: 0, theirs.fileno()) is None
    try:
        assert hops_here(spool, host, list, lambda _: 0, inherited_one) == 3
        forget_old(spool, lambda: time.time() + KEPT_SECONDS + 1)
        assert hops_here(spool, host, list, lambda _: 0, inherited_one) is None
    finally:
        os.close(inherited_one)


def test_a_pid_that_is_another_process_by_now_is_no_handler(world: World) -> None:
    """A killed runner leaves its mark."""
    spool, host, own = world.owner.spool(), world.owner.host, _own()
    with Handling(spool, host, 2):
        later = Process(own.pid, 1, own.start + 1, 0, "sh")
        assert hops_here(spool, host, lambda: [later], lambda _: 0) is None


def test_a_session_that_began_in_another_pid_namespace_is_no_handler(world: World) -> None:
    """Its leader's pid is 0 there: getsid(2)."""
    with Handling(world.owner.spool(), world.owner.host, 2) as handling:
        handling.started(0)
    assert hops_here(world.owner.spool(), world.owner.host, list, lambda _: 0) is None


def test_old_marks_are_forgotten(world: World, leader: int) -> None:
    """What a killed runner left does not pile up."""
    spool, host = world.owner.spool(), world.owner.host
    with Handling(spool, host, 2) as handling:
        handling.started(leader)
    forget_old(spool)
    assert len(os.listdir(f"{spool.root}/.ipc/handling")) == 2
    later = os.stat(f"{spool.root}/.ipc/handling").st_mtime + KEPT_SECONDS + 1
    forget_old(spool, lambda: later)
    assert os.listdir(f"{spool.root}/.ipc/handling") == []


def test_a_draft_becomes_automatic_and_stays_what_it_was() -> None:
    """A value: the one that was given is as before."""
    draft = Draft("text", subject="s", references=("<a@b>",), importance="high")
    made = draft.automatic(REPLIED, 3)
    assert (made.auto, made.hops, made.text, made.references) == (REPLIED, 3, "text", ("<a@b>",))
    assert (draft.auto, draft.hops) == (None, 0)
    assert made.automatic(GENERATED, 2).hops == 3


def test_the_hop_limit_ends_an_automatic_thread(world: World) -> None:
    """S31: ten by default."""
    world.bob.send(["alice"], Draft("again").automatic(REPLIED, 10))
    with pytest.raises(BadData, match="11 automatic messages"):
        world.bob.send(["alice"], Draft("again").automatic(REPLIED, 11))
    with world.alice.check(everything, peek=True) as batch:
        (received,) = batch.messages
    assert received.message is not None
    assert received.message.hops == 10

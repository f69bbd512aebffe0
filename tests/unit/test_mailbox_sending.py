"""Sending: retries, recipients, limits, what is kept. G3; design, 5. Ours."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from maildir_ipc.draft import Draft
from maildir_ipc.errors import BadData
from maildir_ipc.testing import agent, check_all, files
from tests.unit.making import spool_files
from tests.unit.world import NOW, World, bodies

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Give a signed world."""
    world = World(tmp_path)
    yield world
    world.close()


@pytest.fixture
def unsigned(tmp_path: Path) -> Iterator[World]:
    """Give an open world."""
    world = World(tmp_path, "open")
    yield world
    world.close()


def test_an_id_makes_a_retry_harmless(world: World) -> None:
    """G3."""
    first = world.alice.send(["bob"], Draft("once"), id="job-17")
    second = world.alice.send(["bob"], Draft("once"), id="job-17")
    assert [d.state for d in (*first.deliveries, *second.deliveries)] == ["delivered", "already"]
    assert first.message_id == second.message_id
    assert len(check_all(world.bob)) == 1
    third = world.alice.send(["bob"], Draft("once"), id="job-17")
    assert [d.state for d in third.deliveries] == ["already"]
    assert check_all(world.bob) == []


@pytest.mark.parametrize("other", [Draft("twice"), Draft("once", subject="s"), Draft("once", expires=5)])
def test_an_id_with_another_message_is_refused(other: Draft, world: World) -> None:
    """G3: 65, and nothing is sent."""
    world.alice.send(["bob"], Draft("once"), id="job-17")
    with pytest.raises(BadData):
        world.alice.send(["bob"], other, id="job-17")
    with pytest.raises(BadData):
        world.alice.send(["alice"], Draft("once"), id="job-17")
    assert len(check_all(world.bob)) == 1


@pytest.mark.parametrize(
    "id", ["", "x" * 10_000, "a/b", "../../x", "é\n\0", "\udcff", "1767709822.M0\nX: y R0123456789abcdef"]
)
def test_any_text_is_an_id(id: str, world: World) -> None:
    """G11: it is never a path, a file's name or a line of the header as it is; or it is refused."""
    try:
        sent = world.alice.send(["bob"], Draft("once"), id=id)
    except BadData:
        return
    assert sent.error is None
    assert "\n" not in sent.message_id
    assert [d.state for d in world.alice.send(["bob"], Draft("once"), id=id).deliveries] == ["already"]
    assert bodies(check_all(world.bob)) == ["once"]


def test_each_recipient_is_reported_and_gets_one(world: World) -> None:
    """Design, 5: a free name gets a waiting mailbox; a forward leads on; two names of one mailbox get one."""
    root = world.owner.spool().root
    with open(f"{root}/bob/records/names", "w") as file:
        file.write(f"registered 0\nrobert 0 {int(NOW) + 60}\nbob 0 -\n")
    os.symlink("bob", f"{root}/robert")
    sent = world.alice.send(["robert", "bob", "nessa"], Draft("hello"))
    assert [(d.to, d.delivered_to, d.state) for d in sent.deliveries] == [
        ("robert", "bob", "forwarded"),
        ("nessa", "nessa", "queued"),
    ]
    assert len(check_all(world.bob)) == 1
    with agent(world.owner, "nessa") as nessa:
        assert bodies(check_all(nessa)) == ["hello"]


def test_what_i_sent_is_kept(world: World) -> None:
    """Design, 6: a Maildir++ folder, found by its reference."""
    sent = world.alice.send(["bob"], Draft("hello"))
    (path,) = files(world.alice, ".Sent/cur")
    assert path.endswith(":2,S")
    assert [received.verdict for received in world.alice.find(sent.ref)] == ["pass"]
    assert os.path.exists(f"{world.alice.maildir.path}/.Sent/maildirfolder")


def test_a_copy_is_kept_even_if_the_mailbox_of_sent_is_on_another_file_system_or_blocked(world: World) -> None:
    """Design, 6: keeping a copy never fails a send."""
    with open(f"{world.alice.maildir.path}/.Sent", "w"):
        pass
    assert world.alice.send(["bob"], Draft("hello")).error is None
    assert len(check_all(world.bob)) == 1


def test_a_message_over_the_limit_is_refused_and_says_what_to_do(world: World) -> None:
    """Design, 3: 65; nothing is sent, nothing left."""
    before = spool_files(world.owner.spool().root)
    with pytest.raises(BadData) as refusal:
        world.alice.send(["bob"], Draft("x" * (16 * 1024 * 1024)))
    assert "max-message" in str(refusal.value)
    assert spool_files(world.owner.spool().root) == before


def test_a_header_over_its_limit_is_refused_before_anything_is_sent(world: World) -> None:
    """G2, G12: every reader would call it malformed."""
    before = spool_files(world.owner.spool().root)
    with pytest.raises(BadData):
        world.alice.send(["bob"], Draft("x", subject="x" * 70_000))
    with pytest.raises(BadData):
        world.alice.send([f"n{n:030}" for n in range(2000)], Draft("x"))
    assert spool_files(world.owner.spool().root) == before

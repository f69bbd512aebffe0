"""Mail that a hook handed to an agent: what its server takes for a proof that the agent saw it. Design, section 9."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from mcp import Client

import mcp_server
from maildir_ipc.draft import Draft
from maildir_ipc.handover import FOLDER, hand_over
from maildir_ipc.serving import Seat, Turn
from maildir_ipc.testing import account
from tests.mcp.talking import MODES, ask, bounded, peer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from maildir_ipc.mailbox import Mailbox

_ACTS: dict[str, dict[str, Any]] = {
    "register": {"name": "alice"},
    "send": {"to": "bob", "body": "x"},
    "broadcast": {"body": "x"},
    "check": {},
    "read": {"ref": "@"},
    "list": {},
    "rename": {"new_name": "alicia"},
    "auto_check": {"action": "status"},
    "share_file": {"to": "bob", "path": __file__},
    "share_command": {"to": "bob", "command": ["true"]},
}


def seat_of(home: Path) -> Seat:
    """Return the seat of alice."""
    return Seat(lambda: account(str(home), MAILDIR_IPC_IDENTITY="alice").settings)


@pytest.fixture
def alice(home: Path) -> Iterator[Mailbox]:
    """Give alice's mailbox: a hook has handed a message from bob to her."""
    with peer(home, "alice") as alice, peer(home, "bob") as bob:
        bob.send(("alice",), Draft("handed"))
        with hand_over(alice, lambda _: True, account(str(home)).identify("alice")) as batch:
            batch.keep()
        yield alice


def is_read(mailbox: Mailbox) -> bool:
    """Return whether the message is read; else it is still held for her."""
    read = [name.rpartition(":")[2] for name in mailbox.maildir.names("cur")] == ["2,S"]
    assert read != mailbox.maildir.has(FOLDER)
    return read


@pytest.mark.parametrize("tool", _ACTS)
def test_what_an_agent_does_proves_that_it_saw_what_it_was_handed(tool: str, alice: Mailbox, home: Path) -> None:
    """Every tool that a model calls to do or to learn something."""

    async def scene() -> None:
        async with Client(mcp_server.server(seat_of(home), commands=True)) as client:
            await ask(client, tool, **_ACTS[tool])

    bounded(scene)
    with peer(home, "alicia" if tool == "rename" else "alice") as mailbox:
        assert is_read(mailbox)


@pytest.mark.parametrize("mode", MODES)
def test_waiting_and_what_a_client_reads_by_itself_prove_nothing(mode: str, alice: Mailbox, home: Path) -> None:
    """Neither shows that a model had the mail before its eyes; nor do a list of the tools, or a bad argument."""

    async def scene() -> None:
        async with Client(mcp_server.server(seat_of(home)), mode=mode) as client:
            assert (await ask(client, "wait", seconds=1)).data == {"arrived": False}
            await client.read_resource("maildir://alice/new")
            await client.list_tools()
            assert (await ask(client, "send", to=1)).failed

    bounded(scene)
    assert not is_read(alice)


def test_a_call_that_came_before_the_mail_was_handed_over_proves_nothing(alice: Mailbox, home: Path) -> None:
    """Several calls are under way at once, and a hook runs beside them."""
    seat = seat_of(home)
    Turn(seat, time.time() - 1.0).mailbox().close()
    assert not is_read(alice)
    seat.turn().mailbox().close()
    assert is_read(alice)

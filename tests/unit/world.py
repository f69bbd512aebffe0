"""A spool with two agents in it and a clock, for the tests of `mailbox`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from maildir_ipc.draft import Draft
from maildir_ipc.testing import account, agent
from tests.unit.making import Clock, everything

if TYPE_CHECKING:
    from pathlib import Path

    from maildir_ipc.account import Account
    from maildir_ipc.mailbox import Mailbox
    from maildir_ipc.received import Received

NOW = 1_800_000_000.0


class World:
    """A spool of one account with alice and bob in it, and a clock."""

    def __init__(self, folder: Path, mode: str = "signed") -> None:
        self.clock = Clock(NOW)
        self.owner: Account = account(str(folder / "a"), clock=self.clock)
        self.owner.init(mode)
        self.alice, self.bob = agent(self.owner, "alice"), agent(self.owner, "bob")

    def send(self, text: str, *to: str, **values: Any) -> str:
        """Send from alice; return the path of the first file."""
        sent = self.alice.send(to or ("bob",), Draft(text, **values))
        assert sent.error is None
        name = (to or ("bob",))[0]
        folder = f"{self.owner.spool().root}/{name}/new"
        return f"{folder}/{max(os.listdir(folder))}"

    def close(self) -> None:
        """Let both go."""
        for box in (self.alice, self.bob):
            box.maildir.close()


def bodies(found: list[Received]) -> list[str]:
    """Return the texts of messages."""
    return [received.message.body for received in found if received.message is not None]


def rejected(box: Mailbox) -> list[str]:
    """Check, and return the verdicts of what was set aside."""
    with box.check(everything) as batch:
        for received in batch.messages:
            batch.commit(received)
        batch.finish()
        return [received.verdict for received in batch.rejected]


def raw_of(path: str) -> bytes:
    """Return the bytes of a file."""
    with open(path, "rb") as file:
        return file.read()

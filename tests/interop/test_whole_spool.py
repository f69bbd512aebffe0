"""A whole spool is a folder of Maildirs to other programs, without a word of configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from maildir_ipc.draft import Draft
from tests.interop.support import Pair, mutt, run

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.interop

NAMES = ("alice", "bob", "nessa")


@pytest.fixture
def spool(pair: Pair) -> str:
    """Give a spool in which each name has one message, and nessa's waits for her."""
    for name in NAMES:
        assert pair.alice.send([name], Draft(f"for {name}")).error is None
    return pair.spool.root


@pytest.mark.peer("mdirs", "mlist", "mscan")
def test_mdirs_finds_every_mailbox_and_only_mailboxes(pair: Pair, spool: str) -> None:
    """G7: ours. Of the folders in them, too, those that hold mail, and none of our own records."""
    env = pair.environment()
    found = run(["mdirs", spool], env=env).stdout.splitlines()
    assert sorted(found) == [f"{spool}/{name}" for name in ("alice", "alice/.Sent", "bob", "nessa")]
    found.remove(f"{spool}/alice/.Sent")
    listed = run(["mlist", *found], env=env).stdout
    subjects = run(["mscan", "-f", "%s"], stdin=listed.encode(), env=env).stdout.splitlines()
    assert sorted(subjects) == [f"for {name}" for name in NAMES]


@pytest.mark.parametrize("program", [pytest.param(p, marks=pytest.mark.peer(p)) for p in ("mutt", "neomutt")])
def test_mutt_goes_from_mailbox_to_mailbox_with_folder_set_to_the_spool(
    pair: Pair, spool: str, tmp_path: Path, program: str
) -> None:
    """G7: ours. `=NAME` is the mailbox; nothing else need be said."""
    out = tmp_path / "piped"
    look = f"<first-entry><pipe-message>cat >>{out}<enter>"
    keys = look + "".join(f"<change-folder>={name}<enter>{look}" for name in NAMES[1:]) + "<quit>"
    mutt(program, "=alice", pair.environment(), keys, "-R", "-e", f"set folder={spool}")
    lines = out.read_text().split("\n")
    assert [line for line in lines if line.startswith("for ")] == [f"for {name}" for name in NAMES]

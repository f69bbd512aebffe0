"""What the skill tells an agent to type does what the skill says, and no quoting bites."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.e2e.driving import CHECKOUT, mipc, run

if TYPE_CHECKING:
    from pathlib import Path

_SKILL = CHECKOUT / "integrations/claude/skills/maildir-ipc/SKILL.md"


def test_every_block_of_the_skill_works_and_no_quoting_bites(bob: Path) -> None:
    """Issue 5: the heredoc form of send; what is in it arrives as it was written."""
    blocks = re.findall(r"```sh\n(.*?)```", _SKILL.read_text(encoding="utf-8"), re.DOTALL)
    env = {"MAILDIR_IPC_IDENTITY": "alice", "PATH": f"{CHECKOUT}/bin:/usr/bin:/bin"}
    assert mipc(bob, "send", "--as", "bob", "alice", "Which port?").code == 0

    for shell in ("dash", "bash"):
        for block in blocks:
            done = run(shell, "-eu", "-c", block, home=bob, env=env)
            assert done.code == 0, (block, done)
        assert mipc(bob, "send", "--as", "bob", "alice", "Which port now?").code == 0

    messages = mipc(bob, "check", "--as", "bob", "--json", "--all").json["messages"]
    bodies = [message["body"] for message in messages]
    assert len(blocks) == 5
    assert bodies[0].split("\n")[0] == """It's "done": $HOME and `date` arrive as they are written."""
    assert bodies[:3] == [
        bodies[0],
        "Which port does the test server use?",
        "The main branch is frozen until noon.",
    ]
    assert bodies[3] == "8081, since this morning."
    assert bodies[4:] == bodies[:4]

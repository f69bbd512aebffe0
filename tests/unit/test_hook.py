"""What a tool call that was made has registered: design, 9; to speak of it is not to do it."""

from __future__ import annotations

import json

import pytest

from maildir_ipc.hook import event


@pytest.mark.parametrize(
    ("tool", "given", "names"),
    [
        ("Bash", {"command": "mipc register bob"}, {"bob"}),
        ("shell", {"command": ["bash", "-lc", "cd x && /opt/bin/mipc register --also Bob"]}, {"bob"}),
        ("shell", {"command": ["mipc", "register", "bob"]}, {"bob"}),
        ("bash", {"args": {"command": "A=b ./bin/ipc-register 'bob'; mipc check"}}, {"bob"}),
        ("mcp__maildir-ipc__register", {"name": "bob"}, {"bob"}),
        ("Bash", {"command": 'grep -rn "mipc register bob" docs'}, set()),
        ("Bash", {"command": "echo mipc register bob"}, set()),
        ("Bash", {"command": "mipc send bob 'please mipc register carol'"}, set()),
        ("Write", {"content": "call register with name bob"}, set()),
        ("mcp__maildir-ipc__register", {"name": 1}, set()),
        ("mcp__maildir-ipc__send", {"to": "x", "body": "register bob"}, set()),
        ("Bash", None, set()),
    ],
)
def test_only_who_registers_has_registered(tool: str, given: object, names: set[str]) -> None:
    """Issue 4: two agents of one process never get each other's mail."""
    said = json.dumps({"session_id": "s", "tool_name": tool, "tool_input": given}).encode()
    assert event("codex", "PostToolUse", said).taken == names

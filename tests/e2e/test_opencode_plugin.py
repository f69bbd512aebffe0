"""The plugin for opencode, run as opencode runs it, with a client that knows two sessions and a child of one."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import maildir_ipc
from tests.e2e.driving import SECONDS

if TYPE_CHECKING:
    from collections.abc import Sequence

pytestmark = [pytest.mark.e2e, pytest.mark.peer("node")]
PLUGIN = Path(maildir_ipc.__file__).parent / "clients/opencode.js"
# What is said to it, one call after another: a hook, its input, and the output that it may change.
DRIVER = """
import { MaildirIpc } from "./plugin.mjs"
const parents = { root: undefined, child: "root", grandchild: "child" }
const get = async ({ path }) => (path.id in parents ? { data: { parentID: parents[path.id] } } : {})
const hooks = await MaildirIpc({ client: { session: { get } } })
const outputs = []
for (const [hook, input, output] of JSON.parse(process.argv[2])) {
  await hooks[hook](input, output)
  outputs.push(output)
}
console.log(JSON.stringify(outputs))
"""


def plugin(folder: Path, *calls: tuple[str, dict[str, Any], dict[str, Any]]) -> tuple[list[Any], list[str]]:
    """Return the outputs of calls of the plugin, and what it asked: the event and the facts, a line each."""
    asked = folder / "asked"
    hook = folder / "hook"
    hook.write_text(
        f'#!/bin/sh\nprintf "%s " "$2" >>{asked}; cat >>{asked}; echo >>{asked}; echo \'{{"text": "ding"}}\'\n'
    )
    hook.chmod(0o755)
    text = PLUGIN.read_text(encoding="utf-8").replace('["ipc-hook", "opencode"]', json.dumps([str(hook), "opencode"]))
    (folder / "plugin.mjs").write_text(text, encoding="utf-8")
    (folder / "driver.mjs").write_text(DRIVER)
    argv: Sequence[str] = ["node", str(folder / "driver.mjs"), json.dumps(calls)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=SECONDS, check=True)
    return json.loads(done.stdout), asked.read_text().splitlines() if asked.exists() else []


@pytest.mark.parametrize(
    ("session", "env"),
    [
        ("root", {"OPENCODE_SESSION_ID": "root"}),
        ("grandchild", {"OPENCODE_SESSION_ID": "root"}),
        ("unknown", {"OPENCODE_SESSION_ID": "unknown"}),
        (None, {}),
    ],
)
def test_a_command_is_told_whose_it_is(tmp_path: Path, session: str | None, env: dict[str, str]) -> None:
    """Design, 7: one process runs many sessions; what a subagent runs is its principal's."""
    outputs, asked = plugin(tmp_path, ("shell.env", {"cwd": "/", "sessionID": session}, {"env": {}}))
    assert outputs == [{"env": env}]
    assert asked == []


def test_after_a_tool_the_hook_is_asked_and_its_words_are_appended(tmp_path: Path) -> None:
    """Design, 9: with what the tool did, so that the one who has registered is known."""
    calls: list[tuple[str, dict[str, object]]] = [
        ("tool.execute.after", {"sessionID": "root", "tool": "maildir-ipc_register", "args": {"name": "bob"}}),
        ("tool.execute.after", {"sessionID": "child", "tool": "bash", "args": {"command": "ls"}}),
        ("tool.execute.after", {"sessionID": "root", "tool": "read"}),
    ]
    outputs, asked = plugin(tmp_path, *((hook, input, {"output": "x"}) for hook, input in calls))
    assert outputs == [{"output": "x\n\nding"}] * 3
    said = [(line.partition(" ")[0], json.loads(line.partition(" ")[2])) for line in asked]
    assert said == [
        (calls[0][0], {"session_id": "root", "tool_name": "maildir-ipc_register", "tool_input": "bob"}),
        (calls[1][0], {"session_id": "child", "agent_id": "root", "tool_name": "bash", "tool_input": "ls"}),
        (calls[2][0], {"session_id": "root", "tool_name": "read"}),
    ]

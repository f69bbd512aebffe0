"""The MCP Inspector's command line, which holds schemas and results against the specification: issue 5."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from maildir_ipc.draft import Draft
from maildir_ipc.testing import check_all
from tests.clients.fleet import Ran, Recorder, modules, node, run
from tests.mcp.talking import peer
from tests.mcp.test_golden import ALWAYS, MAX_TOOLS

if TYPE_CHECKING:
    from pathlib import Path

    from maildir_ipc.mailbox import Mailbox

pytestmark = [pytest.mark.clients("node", "inspector"), pytest.mark.peer("unshare"), pytest.mark.timeout(300)]
_ERAS = {"legacy": "2025-11-25", "modern": None}


class _Inspector:
    """An agent whose every call is a server of its own: only its name, in a variable, stays."""

    def __init__(self, home: Path, era: str) -> None:
        self.recorder, self._home, self._era = Recorder(home), home, era

    def __call__(self, method: str, *options: str) -> Ran:
        return run(
            node(),
            str(
                modules("@modelcontextprotocol/inspector")
                / "@modelcontextprotocol/inspector/clients/launcher/build/index.js"
            ),
            *("--cli", "--quiet", "--format", "json", "--protocol-era", self._era, "-e", "MAILDIR_IPC_IDENTITY=alice"),
            *(str(self.recorder.path), "--allow-commands", "--method", method, *options),
            home=self._home,
        )

    def tool(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Call a tool, and return the object that it answers; text and object are both there."""
        done = self("tools/call", "--tool-name", tool, "--tool-args-json", json.dumps(arguments))
        assert done.code == 0, done
        result = json.loads(done.out)["result"]
        assert not result["isError"]
        assert result["content"][0]["text"]
        found: dict[str, Any] = result["structuredContent"]
        return found


@pytest.mark.parametrize("era", _ERAS)
def test_the_inspector_finds_no_fault_in_the_tools(era: str, home: Path) -> None:
    """--strict: exit 6 for a schema that some client cannot use. And nobody pays more than 6 kB for them."""
    inspector = _Inspector(home, era)
    done = inspector("tools/list", "--strict")
    assert (done.code, done.err) == (0, "")
    assert [tool["name"] for tool in json.loads(done.out)["result"]["tools"]] == [*ALWAYS, "share_command"]
    (size,) = inspector.recorder.tools_bytes()
    assert size <= MAX_TOOLS


@pytest.mark.parametrize("era", _ERAS)
def test_the_inspector_calls_every_tool(era: str, home: Path) -> None:
    """With arguments and results that its validators let pass; a refusal is exit 5, and says what to do."""
    inspector = _Inspector(home, era)
    called = inspector.tool
    refused = inspector("tools/call", "--tool-name", "send", "--tool-args-json", '{"to": "bob", "body": "x"}')
    assert refused.code == 5
    assert "no one named bob has registered" in refused.out
    assert called("register", name="alice")["identity"] == "alice"
    with peer(home, "bob") as bob:
        _talk(inspector, bob)
    (home / "report.txt").write_text("42\n")
    assert called("share_file", to="bob", path=str(home / "report.txt"))["deliveries"][0]["state"] == "delivered"
    assert called("share_command", to=["bob"], command=["echo", "out"])["deliveries"][0]["state"] == "delivered"
    assert called("auto_check", action="start", minutes=7)["minutes"] == 7
    assert called("rename", new_name="alice-2")["former"] == "alice"


@pytest.mark.parametrize("era", _ERAS)
def test_calls_that_come_all_at_once_are_all_done(era: str, home: Path) -> None:
    """The Inspector's load test: sixty sends, twenty at a time; each is delivered once."""
    inspector = _Inspector(home, era)
    with peer(home, "bob") as bob:
        sends = ("--tool-name", "send", "--tool-args-json", '{"to": "bob", "body": "x"}')
        done = inspector("tools/call", *sends, "--load", "--load-requests", "60", "--load-concurrency", "20")
        assert done.code == 0, done
        told = json.loads(done.out)["result"]
        assert (told["ok"], told["toolErrors"], told["errors"]) == (60, 0, 0), told
        assert len(check_all(bob)) == 60


def _talk(inspector: _Inspector, bob: Mailbox) -> None:
    called = inspector.tool
    assert called("send", to=["bob"], body="hello", data={"step": 1})["deliveries"][0]["state"] == "delivered"
    (first,) = check_all(bob)
    assert first.message is not None
    bob.send(("alice",), Draft("for you: " + "é" * 9000))
    assert called("wait", seconds=60) == {"arrived": True, "unread": 1}
    read = inspector("resources/read", "--uri", "maildir://alice/new")
    assert "for you" in json.loads(read.out)["result"]["contents"][0]["text"]
    (message,) = called("check", limit=3)["messages"]
    assert (message["from"], message["verdict"], message["truncated"]) == ("bob", "pass", True)
    assert called("read", ref=message["ref"])["body"].startswith("for you: ")
    assert called("check")["messages"] == []
    assert called("send", in_reply_to=message["ref"], body="thanks")["deliveries"][0]["to"] == "bob"
    assert called("broadcast", body="all hands")["deliveries"][0]["to"] == "bob"
    assert [row["name"] for row in called("list")["identities"]] == ["alice", "bob"]
    assert len(check_all(bob)) == 2
    prompt = inspector("prompts/get", "--prompt-name", "handoff", "--prompt-args", "to=bob", "task=the parser")
    assert "Hand this over to bob: the parser" in prompt.out

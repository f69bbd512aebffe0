"""The TypeScript SDK's clients, which most agents are built on: two agents, two servers, one conversation (issue 5)."""

from __future__ import annotations

import json
import select
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.clients.fleet import HERE, NEEDED, SECONDS, Recorder, alone, clean, modules, node
from tests.mcp.test_golden import ALWAYS, MAX_TOOLS

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.clients("node", "sdk", "client"), pytest.mark.peer("unshare"), pytest.mark.timeout(300)]

# The first is what today's agents have; the second speaks either era, and the newer one with a server that does.
_FIRST: tuple[str, str, str, dict[str, Any]] = (
    "sdk",
    "@modelcontextprotocol/sdk/client/index.js",
    "@modelcontextprotocol/sdk/client/stdio.js",
    {},
)
_SECOND: tuple[str, str, str, dict[str, Any]] = (
    "client",
    "@modelcontextprotocol/client",
    "@modelcontextprotocol/client/stdio",
    {"versionNegotiation": {"mode": "auto"}},
)


class _Agent:
    """A process with the SDK's client and, behind it, a server of its own."""

    def __init__(self, running: subprocess.Popen[str]) -> None:
        self._running = running
        self.first = self._answer()

    def __call__(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Call a tool, and return the object that it answers."""
        result = self.raw(tool, **arguments)
        assert not result.get("isError"), result
        found: dict[str, Any] = result["structuredContent"]
        return found

    def raw(self, tool: str, timeout: int = 60_000, **arguments: Any) -> dict[str, Any]:
        """Call a tool, for so many milliseconds at most, and return all of the result."""
        assert self._running.stdin is not None
        self._running.stdin.write(json.dumps({"name": tool, "arguments": arguments, "timeout": timeout}) + "\n")
        self._running.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._running.stdout is not None
        assert select.select([self._running.stdout], [], [], SECONDS)[0], "no answer"
        found: dict[str, Any] = json.loads(self._running.stdout.readline())
        return found


@contextmanager
def _agent(kind: tuple[str, str, str, dict[str, Any]], recorder: Recorder, home: Path) -> Iterator[_Agent]:
    package, client, stdio, options = kind
    script = (HERE / "bridge.mjs").read_text(encoding="utf-8")
    with subprocess.Popen(
        alone(node(), "--input-type=module", "-e", script, client, stdio, json.dumps(options), str(recorder.path)),
        cwd=modules(NEEDED[package]).parent,
        env=clean(home),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as running:
        try:
            yield _Agent(running)
            assert running.stdin is not None
            running.stdin.close()
            assert running.wait(SECONDS) == 0
        finally:
            running.kill()


def test_two_agents_on_the_typescript_sdk_work_together(home: Path, tmp_path: Path) -> None:
    """Register, send, check, reply, wait, rename, a large message; either generation of the SDK, one spool."""
    (tmp_path / "second").mkdir()
    one, two = Recorder(home), Recorder(tmp_path / "second")
    with _agent(_FIRST, one, home) as fred, _agent(_SECOND, two, home) as barney:
        for agent in (fred, barney):
            assert agent.first["server"]["name"] == "maildir-ipc"
            assert agent.first["tools"] == ALWAYS
        assert fred("register", name="fred") == {"identity": "fred"}
        assert barney("register", name="barney") == {"identity": "barney"}
        assert "fred is taken: node" in barney.raw("register", name="fred")["content"][0]["text"]
        _converse(fred, barney)
    assert one.version() == "2025-11-25"
    assert "initialize" not in two.methods()
    assert max(one.tools_bytes() + two.tools_bytes()) <= MAX_TOOLS


@pytest.mark.parametrize("kind", [_FIRST, _SECOND], ids=["1", "2"])
def test_a_wait_that_its_client_gives_up_is_over(kind: tuple[str, str, str, dict[str, Any]], home: Path) -> None:
    """The client says so to the server, which serves on, and ends when its client does."""
    recorder = Recorder(home)
    with _agent(kind, recorder, home) as fred:
        fred("register", name="fred")
        assert "timed out" in fred.raw("wait", timeout=500, seconds=3600)["thrown"]
        assert fred("wait", seconds=1) == {"arrived": False}
    assert "notifications/cancelled" in recorder.methods()


def _converse(fred: _Agent, barney: _Agent) -> None:
    assert fred("send", to="barney", body="shall we begin?")["deliveries"] == [{"to": "barney", "state": "delivered"}]
    (asked,) = barney("check")["messages"]
    assert (asked["from"], asked["body"], asked["verdict"]) == ("fred", "shall we begin?", "pass")
    assert barney("send", in_reply_to=asked["ref"], body="yes", data={"step": 1})["deliveries"][0]["to"] == "fred"
    assert fred("wait", seconds=60) == {"arrived": True, "unread": 1}
    (answer,) = fred("check")["messages"]
    assert (answer["body"], answer["data"]) == ("yes", {"step": 1})

    assert fred("rename", new_name="fred-debugging")["identity"] == "fred-debugging"
    assert "fred is now fred-debugging" in barney.raw("check")["content"][0]["text"]
    log = "".join(f"line {number} of the log\n" for number in range(3000))
    sent = barney("send", to="fred", body=log)["deliveries"]
    assert sent == [{"to": "fred", "state": "forwarded", "delivered_to": "fred-debugging"}]
    (large,) = fred("check")["messages"]
    assert large["truncated"]
    assert "line 2999 of the log" in Path(large["saved_to"]).read_text(encoding="utf-8")
    page = fred("read", ref=large["ref"])
    whole: str = page["body"]
    while "next_offset" in page:
        page = fred("read", ref=large["ref"], offset=page["next_offset"])
        whole += page["body"]
    assert whole == log
    assert barney("wait", seconds=1) == {"arrived": False}

"""What the MCP server costs, beside the SDK's own cost in the same run.

    python benchmarks/mcp.py [ROUNDS]

Prints medians and their ratios. design: from start to initialise at most 1.1 times a bare server of the same
SDK; a `send` over MCP at most 1.5 times the same send in process plus a round trip of the SDK. Never a gate.
"""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from typing import TYPE_CHECKING, Any

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, ROOT)

from maildir_ipc.draft import Draft  # noqa: E402 - from the checkout
from maildir_ipc.testing import account, agent, lift_limits  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator

_BARE = """
from mcp.server import MCPServer
mcp = MCPServer("bare")
@mcp.tool(structured_output=False)
def send(to: str, body: str) -> str:
    return body
mcp.run()
"""
_HELLO = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "benchmark", "version": "1"}}


class Server:
    """A server process that is spoken to by lines."""

    def __init__(self, command: list[str], home: str) -> None:
        env = {"HOME": home, "PATH": "/usr/bin:/bin"}
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, env=env)
        self.call("initialize", **_HELLO)
        self._say({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def _say(self, message: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(message).encode() + b"\n")
        self.process.stdin.flush()

    def call(self, method: str, **params: Any) -> None:
        """Return when the answer is there."""
        self._say({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        assert self.process.stdout is not None
        answer = json.loads(self.process.stdout.readline())
        assert not answer["result"].get("isError"), answer

    def end(self) -> None:
        """Close its standard input, and wait."""
        self.process.communicate()


@contextlib.contextmanager
def timed(taken: dict[str, list[float]], label: str) -> Iterator[None]:
    """Note the milliseconds of what is done inside."""
    begun = time.perf_counter()
    yield
    taken.setdefault(label, []).append((time.perf_counter() - begun) * 1000)


def starts(home: str, rounds: int) -> dict[str, list[float]]:
    """Return the milliseconds from start to initialise."""
    taken: dict[str, list[float]] = {}
    servers = {"bare server, start": [sys.executable, "-c", _BARE], "bin/ipc-mcp, start": [f"{ROOT}/bin/ipc-mcp"]}
    for index in range(rounds + 1):
        for label, command in servers.items():
            with timed(taken, label):
                server = Server(command, home)
            server.end()
            if not index:  # warms the caches
                del taken[label]
    return taken


def sends(home: str, rounds: int) -> dict[str, list[float]]:
    """Return the milliseconds of a round trip, of a send in process, and of a send over MCP."""
    taken: dict[str, list[float]] = {}
    bare, ours = Server([sys.executable, "-c", _BARE], home), Server([f"{ROOT}/bin/ipc-mcp"], home)
    given = {"name": "send", "arguments": {"to": "bob", "body": "hello"}}
    ours.call("tools/call", name="register", arguments={"name": "carol"})
    with agent(account(home), "alice") as alice:
        for _ in range(rounds):
            with timed(taken, "bare round trip"):
                bare.call("tools/call", **given)
            with timed(taken, "send in process"):
                alice.send(("bob",), Draft("hello"))
            with timed(taken, "send over MCP"):
                ours.call("tools/call", **given)
    for server in (bare, ours):
        server.end()
    return taken


def main() -> None:
    """Print the table."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    with tempfile.TemporaryDirectory() as home:
        owner = account(home)
        for name in ("alice", "bob"):
            agent(owner, name).close()
        lift_limits(owner)
        taken = {**starts(home, rounds), **sends(home, 20 * rounds)}
    middle = {label: statistics.median(values) for label, values in taken.items()}
    for label, value in middle.items():
        print(f"{label:22} {value:8.2f} ms, best {min(taken[label]):8.2f}")
    print(f"start to initialise: {middle['bin/ipc-mcp, start'] / middle['bare server, start']:.2f} x (at most 1.1)")
    floor = middle["bare round trip"] + middle["send in process"]
    print(f"send over MCP: {middle['send over MCP'] / floor:.2f} x (at most 1.5)")


if __name__ == "__main__":
    main()

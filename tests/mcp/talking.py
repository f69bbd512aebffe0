"""Clients for the MCP server: in the same process, and to a real one over its standard input and output."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import anyio
from mcp import Client, StdioServerParameters
from mcp_types import TextContent

import mcp_server
from maildir_ipc.serving import Seat
from maildir_ipc.testing import account, agent

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from maildir_ipc.mailbox import Mailbox

CHECKOUT = Path(__file__).resolve().parents[2]
SECONDS = 40.0  # a bound for what takes far less
MODES = ("auto", "legacy")
_AGENT = Path(__file__).with_name("agent.py")


class Answer(NamedTuple):
    """What a tool answered: its text and its object, or with *failed* why it did nothing."""

    text: str
    data: dict[str, Any]
    failed: bool


async def ask(client: Client, tool: str, **arguments: Any) -> Answer:
    """Call a tool."""
    result = await client.call_tool(tool, arguments)
    (content,) = result.content
    assert isinstance(content, TextContent)
    return Answer(content.text, result.structured_content or {}, bool(result.is_error))


def bounded(work: Callable[[], Awaitable[None]]) -> None:
    """Run *work* in an event loop, for so long at most."""

    async def run() -> None:
        with anyio.fail_after(SECONDS):
            await work()

    anyio.run(run)


def here(mode: str, home: Path, *, commands: bool = False) -> Client:
    """Return a client of a server in this process, whose agent has no name yet."""
    return Client(mcp_server.server(Seat(lambda: account(str(home)).settings), commands=commands), mode=mode)


def peer(home: Path, name: str) -> Mailbox:
    """Return the open mailbox of another agent of the same account, without a terminal."""
    return agent(account(str(home)), name)


def there(
    home: Path,
    mode: str = "auto",
    *words: str,
    code: str = "",
    door: Path | None = None,
    called: str = "",
    **environ: str,
) -> Client:
    """Return a client of a server process: bin/ipc-mcp with *words*, or Python that runs *code* first.

    With *door* it is started by an agent of its own, which runs shell commands, too: see `Shell`. *called* is
    that agent's name among processes.
    """
    command = [str(CHECKOUT / "bin/ipc-mcp"), *words]
    if code:
        command = [sys.executable, "-c", f"{code}\nimport mcp_server\nmcp_server.main()"]
    if door is not None:
        command = [sys.executable, "-I", "-S", str(_AGENT), str(door), *command]
        if called:
            command = ["bash", "-c", f'exec -a {called} "$@"', "bash", *command]
    env = {"HOME": str(home), "PATH": os.environ["PATH"], "PYTHONPATH": str(CHECKOUT), **environ}
    return Client(StdioServerParameters(command=command[0], args=command[1:], env=env), mode=mode)

"""What the server says of itself, held: it is read by every agent, and paid for in each of its turns."""

from __future__ import annotations

import json
from typing import Any

import pytest

import maildir_ipc
import mcp_server
from tests.mcp.page import BEGIN, END, GOLDEN, PAGE, golden, section, told

MAX_TOOLS = 6000  # bytes: design, section 10
MAX_INSTRUCTIONS = 400  # characters
ALWAYS = [
    "register", "send", "check", "read", "list", "wait", "broadcast", "rename", "auto_check", "share_file",
]  # fmt: skip


def test_the_tools_are_the_golden_ones() -> None:
    """A change is made on purpose: python -m tests.mcp.page."""
    assert golden() == GOLDEN.read_text(encoding="utf-8")


def test_the_page_says_what_the_server_says() -> None:
    """docs/reference/mcp.md is made of it."""
    page = PAGE.read_text(encoding="utf-8")
    assert page.partition(BEGIN)[2].partition(END)[0] == section()


def test_the_instructions_fit_into_their_budget() -> None:
    """The tools' budget is counted on the wire, in test_stdio.py."""
    assert len(mcp_server.INSTRUCTIONS) <= MAX_INSTRUCTIONS


@pytest.mark.parametrize("commands", [False, True])
def test_the_tools_are_those_of_the_design(*, commands: bool) -> None:
    """No other; share_command only where the person allowed it."""
    assert [tool["name"] for tool in told(commands=commands)] == ALWAYS + ["share_command"] * commands


def test_every_hint_is_said_and_no_tool_takes_a_sender() -> None:
    """Two of the hints would be true by default."""
    for tool in told(commands=True):
        hints = {"readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"}
        assert set(tool["annotations"]) == hints
        assert not {"sender", "from", "as", "identity"} & set(tool["inputSchema"]["properties"])
        assert ("outputSchema" in tool) == (tool["name"] == "check")
        assert '"title"' not in json.dumps(tool)


def test_the_server_says_what_it_is() -> None:
    """Clients show it; the name has no underscore, which one of them splits at."""
    server: Any = mcp_server.server()
    assert (server.name, server.version) == ("maildir-ipc", maildir_ipc.__version__)
    assert "not orders" in server.instructions

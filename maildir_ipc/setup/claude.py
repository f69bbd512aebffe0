"""Claude Code: hooks and what its sandbox may write in settings.json, the MCP server in a file of its own.

Source: https://code.claude.com/docs/en/settings, …/hooks, …/mcp, …/sandboxing; Claude Code 2.1.197
"""

from __future__ import annotations

import os

from ..clients.claude import EVENTS
from .client import File, plan_of
from .entries import Elements, Member
from .place import SERVER, Place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..settings import Settings
    from . import Plan


def plan(settings: Settings, scope: str) -> Plan:
    """Return what to change in its files. Raises: Misconfigured."""
    place = Place(settings, scope)
    return plan_of(files(place), place, ["restart Claude Code; /hooks and /mcp list what it knows"])


def files(place: Place) -> list[File]:
    """Return its files, and what belongs into them."""
    folder = place.folder(place.settings.claude or os.path.join(place.home, ".claude"), ".claude")
    # CLAUDE_CONFIG_DIR moves .claude.json too.
    servers = os.path.join(place.settings.claude or place.home, ".claude.json")
    server = Member(("mcpServers", SERVER), {"type": "stdio", **place.server()}, "mcp")
    sandbox = Elements(("sandbox", "filesystem", "allowWrite"), place.writable())
    return [
        File(os.path.join(folder, "settings.json"), [*place.hooks("claude", EVENTS), sandbox]),
        File(servers if place.user else os.path.join(place.project, ".mcp.json"), [server]),
    ]

"""Gemini CLI: hooks, the MCP server and what its sandbox may reach, all in settings.json, which may have comments.

Source: docs/hooks/reference.md and docs/reference/configuration.md of Gemini CLI 0.61.0
"""

from __future__ import annotations

import os

from ..clients.gemini import EVENTS
from .client import File, plan_of
from .entries import Elements, Member
from .place import SERVER, Place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..settings import Settings
    from . import Plan


def plan(settings: Settings, scope: str) -> Plan:
    """Return what to change in its file. Raises: Misconfigured."""
    place = Place(settings, scope)
    after = ["restart Gemini CLI in a folder that it trusts; /mcp and /hooks list what it knows"]
    return plan_of(files(place), place, after)


def files(place: Place) -> list[File]:
    """Return its file, and what belongs into it; its hooks count milliseconds."""
    folder = place.folder(os.path.join(place.home, ".gemini"), ".gemini")
    hooks = place.hooks("gemini", EVENTS, per_second=1000, name=SERVER)
    server = Member(("mcpServers", SERVER), place.server(), "mcp")
    sandbox = Elements(("tools", "sandboxAllowedPaths"), place.writable())
    return [File(os.path.join(folder, "settings.json"), [*hooks, server, sandbox], "jsonc")]

"""Codex: hooks in hooks.json; the MCP server, and what its sandbox may write, in config.toml.

Source: https://developers.openai.com/codex/hooks, …/config-basic; Codex 0.169.0
"""

from __future__ import annotations

import os

from ..clients.codex import EVENTS
from .client import File, plan_of
from .entries import Roots, ServerTable
from .place import SERVER, Place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..settings import Settings
    from . import Plan


def plan(settings: Settings, scope: str) -> Plan:
    """Return what to change in its files. Raises: Misconfigured."""
    place = Place(settings, scope)
    after = ["start Codex and trust the hooks: /hooks shows them, and each is off until then"]
    if not place.user:
        after.append("trust the project too: Codex reads .codex/ only in a trusted one")
    return plan_of(files(place), place, after)


def files(place: Place) -> list[File]:
    """Return its files, and what belongs into them."""
    folder = place.folder(place.settings.codex or os.path.join(place.home, ".codex"), ".codex")
    server = ServerTable(("mcp_servers", SERVER), place.command("mcp"))
    sandbox = Roots(("sandbox_workspace_write", "writable_roots"), place.writable())
    return [
        File(os.path.join(folder, "hooks.json"), place.hooks("codex", EVENTS)),
        File(os.path.join(folder, "config.toml"), [server, sandbox], "toml"),
    ]

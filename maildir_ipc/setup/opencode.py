"""opencode: the MCP server in opencode.json, and a plugin that does what hooks do elsewhere. It has no sandbox.

Source: https://opencode.ai/docs/config, …/mcp-servers, …/plugins; opencode 1.18.33
"""

from __future__ import annotations

import os

from .client import File, plan_of
from .entries import Member, Whole
from .place import SERVER, Place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..settings import Settings
    from . import Plan

_PLUGIN = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "clients/opencode.js")
_COMMAND = '["ipc-hook", "opencode"]'


def plan(settings: Settings, scope: str) -> Plan:
    """Return what to change in its files. Raises: Misconfigured."""
    place = Place(settings, scope)
    return plan_of(files(place), place, ["restart opencode; opencode mcp list shows the server"])


def files(place: Place) -> list[File]:
    """Return its files, and what belongs into them."""
    own = os.path.join(os.path.dirname(place.settings.config), "opencode")
    folder, plugins = place.folder(own, ""), os.path.join(place.folder(own, ".opencode"), "plugins")
    with_comments = os.path.join(folder, "opencode.jsonc")
    path = with_comments if os.path.lexists(with_comments) else os.path.join(folder, "opencode.json")
    server = Member(("mcp", SERVER), {"type": "local", "command": place.command("mcp"), "enabled": True}, "mcp")
    hook = Whole(plugin([*place.command("hook"), "opencode"]))
    return [File(path, [server], "jsonc"), File(os.path.join(plugins, f"{SERVER}.js"), [hook], "js")]


def plugin(words: Sequence[str]) -> str:
    """Return the plugin that runs these words, each as it is: no shell reads them."""
    from json import dumps

    with open(_PLUGIN, encoding="utf-8") as file:
        return file.read().replace(_COMMAND, dumps(words, ensure_ascii=False))

"""Where things are that an agent client's configuration names: our commands, and what its sandbox must let us write."""

from __future__ import annotations

import os
import shlex

from ..errors import Misconfigured
from .entries import Hook

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..settings import Settings
    from .entries import Entry

SERVER = "maildir-ipc"  # no underscore: Gemini CLI splits its tools' names at the first one
_HERE = os.path.dirname(os.path.abspath(__file__))


class Place:
    """This account and project, as *scope* has it: in the project its own files, else the person's."""

    __slots__ = ("_checkout", "_prefix", "home", "project", "settings", "user")

    def __init__(
        self,
        settings: Settings,
        scope: str,
        *,
        project: str | None = None,
        checkout: str | None = None,
        prefix: str = "",
    ) -> None:
        import sys

        self.settings, self.home, self.user = settings, settings.home, scope == "user"
        self.project = project or os.getcwd()
        self._checkout = checkout or os.path.dirname(os.path.dirname(_HERE))
        self._prefix = prefix or sys.prefix
        for path in (*self.writable(), *self.command("hook"), *self.command("mcp"), self.project):
            _check(path)

    def folder(self, of_user: str, of_project: str) -> str:
        """Return the folder of the scope: an absolute one, or one in the project."""
        return of_user if self.user else os.path.join(self.project, of_project)

    def command(self, name: str) -> list[str]:
        """Return the words that start `ipc-NAME`, the same over versions: Codex trusts a hook by its words.

        As installed for this account, else in this checkout, else through the `mipc` of a package.
        """
        for folder in (os.path.join(self.home, ".local/bin"), os.path.join(self._checkout, "bin")):
            script = os.path.join(folder, f"ipc-{name}")
            if os.access(script, os.X_OK):
                return [script]
        return [os.path.join(self._prefix, "bin/mipc"), name]

    def server(self) -> dict[str, object]:
        """Return the MCP server as most clients write it."""
        command, *rest = self.command("mcp")
        return {"command": command, "args": rest}

    def hooks(self, client: str, events: Mapping[str, int], *, per_second: int = 1, **more: str) -> list[Entry]:
        """Return a hook for each event: what to run, and how long it may take."""
        return [
            Hook(client, event, {"type": "command", **more, "command": command, "timeout": seconds * per_second})
            for event, seconds in events.items()
            for command in [shlex.join([*self.command("hook"), client, event])]
        ]

    def writable(self) -> list[str]:
        """Return what a sandboxed shell must be able to write: the spool, and where session tokens are kept."""
        return [self.settings.root, self.settings.states[0]]


def _check(path: str) -> None:
    try:
        path.encode()
    except UnicodeEncodeError:
        raise Misconfigured(f"{path!a} is not UTF-8", "the files of agent clients cannot hold it") from None
    if not path.isprintable():
        raise Misconfigured(f"{path!a} has a character that does not print", "choose another place")

"""The clients that ./install fetched: where each is, how it runs without a network, what it said to our server."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.e2e.driving import BIN, CHECKOUT

if TYPE_CHECKING:
    from pathlib import Path

HERE = CHECKOUT / "tests/clients"
FETCHED = HERE / "node_modules"
SECONDS = 150.0  # a bound for what takes far less
_WANTED = json.loads((HERE / "package.json").read_text(encoding="utf-8"))
_MACHINE = f"{sys.platform}-{ {'x86_64': 'x64', 'aarch64': 'arm64'}.get(platform.machine(), platform.machine()) }"
_NODE = f"node-{_MACHINE}"
NEEDED = {
    "node": _NODE,
    "inspector": "@modelcontextprotocol/inspector",
    "sdk": "@modelcontextprotocol/sdk",
    "client": "@modelcontextprotocol/client",
    "conformance": "@modelcontextprotocol/conformance",
}
AGENTS = {
    "claude": "@anthropic-ai/claude-code",
    "codex": "@openai/codex",
    "gemini": "@google/gemini-cli",
    "opencode": "opencode-ai",
}
VERSIONS: dict[str, str] = {
    _NODE: _WANTED["engines"]["node"],
    **_WANTED["dependencies"],
    **_WANTED["optionalDependencies"],
}
# Their programs, of which the packages' launchers would only find the right one.
_PROGRAMS = {
    "claude": f"@anthropic-ai/claude-code-{_MACHINE}/claude",
    "codex": f"@openai/codex-{_MACHINE}/vendor/*/bin/codex",
    "gemini": "@google/gemini-cli/bundle/gemini.js",
    "opencode": f"opencode-{_MACHINE}*/bin/opencode",
}
# Between a client and our server: keeps what each says to the other.
_RECORDER = """#!/bin/sh
tee -a {asked} | {server} "$@" | tee -a {answered}
"""


class Ran(NamedTuple):
    """What a client left."""

    code: int
    out: str
    err: str


def why_not(package: str) -> str | None:
    """Return why a package cannot be used, in one line; None when it can."""
    folder = FETCHED / package
    if (folder / "version").exists():
        have = (folder / "version").read_text(encoding="utf-8").strip()
        return None if have == VERSIONS[package] else f"{have} is installed, and {VERSIONS[package]} is wanted"
    if (folder / "why").exists():
        return (folder / "why").read_text(encoding="utf-8").strip()
    return "tests/clients/install installs it"


def modules(package: str) -> Path:
    """Return the folder in which a package finds itself and what it needs."""
    return FETCHED / package / "node_modules"


def node() -> str:
    """Return the program that runs JavaScript."""
    return str(modules(_NODE) / _NODE / "bin/node")


def agent(name: str) -> list[str]:
    """Return the words that start a coding agent's client."""
    program = str(max(modules(AGENTS[name]).glob(_PROGRAMS[name])))
    return [node(), program] if program.endswith(".js") else [program]


def clean(home: Path, **environ: str) -> dict[str, str]:
    """Return an environment with nothing of the person's who runs this."""
    return {"HOME": str(home), "PATH": f"{os.path.dirname(node())}:/usr/bin:/bin", **environ}


def alone(*words: str) -> list[str]:
    """Return the words that run these in a network of their own, where nobody is."""
    return ["unshare", "--net", *([] if os.geteuid() == 0 else ["--map-current-user"]), "--", *words]


def run(*words: str, home: Path, stdin: str = "", **environ: str) -> Ran:
    """Run a client without a network, in *home*."""
    done = subprocess.run(
        alone(*words),
        cwd=home,
        env=clean(home, **environ),
        input=stdin,
        capture_output=True,
        timeout=SECONDS,
        check=False,
        text=True,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


class Recorder:
    """The server as installed for the account of *home*: bin/ipc-mcp, and all that goes in and out of it is kept."""

    def __init__(self, home: Path) -> None:
        self._asked, self._answered = home / "asked", home / "answered"
        self.path = home / ".local/bin/ipc-mcp"
        self.path.parent.mkdir(parents=True)
        text = _RECORDER.format(asked=self._asked, server=BIN / "ipc-mcp", answered=self._answered)
        self.path.write_text(text, encoding="utf-8")
        self.path.chmod(0o755)

    def asked(self) -> list[dict[str, Any]]:
        """Return what the clients sent."""
        return [json.loads(line) for line in self._asked.read_text(encoding="utf-8").splitlines()]

    def methods(self) -> set[str]:
        """Return what the clients asked for."""
        return {message["method"] for message in self.asked() if "method" in message}

    def version(self) -> str:
        """Return the protocol version that was agreed on by the first client that shook hands."""
        return str(next(a["protocolVersion"] for a in self._answers() if "protocolVersion" in a))

    def tools_bytes(self) -> list[int]:
        """Return the length of every answer to tools/list, as it went over the wire."""
        lines = self._answered.read_bytes().splitlines()
        return [len(line) for line in lines if "tools" in json.loads(line).get("result", {})]

    def _answers(self) -> list[dict[str, Any]]:
        lines = self._answered.read_text(encoding="utf-8").splitlines()
        return [message["result"] for message in map(json.loads, lines) if "result" in message]

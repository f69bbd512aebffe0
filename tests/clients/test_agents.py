"""Coding agents' clients, set up by `mipc setup`, start our server and find what it has: issue 5.

No model is asked, for there is no network: what they do when they start is what is seen here.
"""

from __future__ import annotations

import json
import re
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from maildir_ipc.clients import codex
from tests.clients.fleet import SECONDS, Recorder, agent, alone, clean, run
from tests.e2e.driving import BIN, CHECKOUT, mipc
from tests.mcp.test_golden import ALWAYS, MAX_TOOLS

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.peer("unshare"), pytest.mark.timeout(300)]


def _set_up(client: str, home: Path) -> Recorder:
    """Set a client up in an empty HOME, as its person does."""
    recorder = Recorder(home)
    for words in (("init",), ("setup", client, "--apply")):
        done = mipc(home, *words)
        assert done.code == 0, done
    return recorder


@pytest.mark.clients("claude")
def test_claude_code_connects(home: Path) -> None:
    """`claude mcp list` starts each server that it knows."""
    recorder = _set_up("claude", home)
    listed = run(*agent("claude"), "mcp", "list", home=home)
    assert re.search(r"^maildir-ipc: .*/ipc-mcp +- ✔ Connected$", listed.out, re.MULTILINE), listed
    assert max(recorder.tools_bytes()) <= MAX_TOOLS

    assert mipc(home, "setup", "claude", "--remove").code == 0
    assert "maildir-ipc" not in run(*agent("claude"), "mcp", "list", home=home).out


@pytest.mark.clients("claude")
def test_claude_code_takes_the_plugin(home: Path) -> None:
    """It finds no fault in it and in the marketplace, installs it from there, and starts its server."""
    recorder = Recorder(home)
    claude = agent("claude")
    for folder in (CHECKOUT / "integrations/claude", CHECKOUT):
        found = run(*claude, "plugin", "validate", "--strict", str(folder), home=home)
        assert (found.code, "Validation passed" in found.out) == (0, True), found
    for words in (("marketplace", "add", str(CHECKOUT)), ("install", "maildir-ipc@maildir-ipc")):
        done = run(*claude, "plugin", *words, home=home)
        assert done.code == 0, done
    listed = run(*claude, "mcp", "list", home=home)
    assert re.search(r"^plugin:maildir-ipc:maildir-ipc: .* - ✔ Connected$", listed.out, re.MULTILINE), listed
    assert "initialize" in recorder.methods()


@pytest.mark.clients("gemini", "node")
def test_gemini_cli_connects(home: Path) -> None:
    """`gemini mcp list` starts each server, in a folder that it trusts."""
    recorder = _set_up("gemini", home)
    listed = run(*agent("gemini"), "mcp", "list", home=home, GEMINI_CLI_TRUST_WORKSPACE="true")
    assert re.search(r"✓ .*maildir-ipc: .*/ipc-mcp .*\(stdio\) - Connected", listed.err), listed
    assert {"initialize", "ping"} <= recorder.methods()


@pytest.mark.clients("gemini", "node")
def test_gemini_cli_takes_the_extension(home: Path) -> None:
    """It finds no fault in it, installs it, and starts its server."""
    recorder = Recorder(home)
    folder, gemini = str(CHECKOUT / "integrations/gemini"), agent("gemini")
    found = run(*gemini, "extensions", "validate", folder, home=home)
    assert (found.code, "has been successfully validated" in found.err) == (0, True), found
    done = run(*gemini, "extensions", "install", folder, "--consent", home=home, GEMINI_CLI_TRUST_WORKSPACE="true")
    assert done.code == 0, done
    listed = run(*gemini, "mcp", "list", home=home, GEMINI_CLI_TRUST_WORKSPACE="true")
    assert re.search(r"✓ .*maildir-ipc \(from maildir-ipc\): .* - Connected", listed.err), listed
    assert "initialize" in recorder.methods()


@pytest.mark.clients("opencode")
def test_opencode_connects(home: Path) -> None:
    """`opencode mcp list` starts each server, beside our plugin."""
    recorder = _set_up("opencode", home)
    # Where there is a plugin it fetches a package for plugins; without a network it would try that for a minute.
    listed = run(*agent("opencode"), "mcp", "list", home=home, npm_config_fetch_retries="0", NO_COLOR="1")
    assert re.search(r"✓ maildir-ipc.*connected", listed.out), listed
    assert max(recorder.tools_bytes()) <= MAX_TOOLS


@pytest.mark.clients("codex")
def test_codex_lists_the_tools_and_the_hooks(home: Path) -> None:
    """Its app-server starts the server and has all of its tools; it shows our hooks, not trusted until reviewed."""
    recorder = _set_up("codex", home)
    tools, hooks = _codex(home, ("mcpServerStatus/list", {}), ("hooks/list", {"cwds": [str(home)]}))
    (server,) = tools["data"]
    assert (server["name"], server["serverInfo"]["name"]) == ("maildir-ipc", "maildir-ipc")
    assert sorted(server["tools"]) == sorted(ALWAYS)
    assert max(recorder.tools_bytes()) <= MAX_TOOLS

    (place,) = hooks["data"]
    assert (place["errors"], place["warnings"]) == ([], [])
    assert {hook["command"] for hook in place["hooks"]} == {f"{BIN}/ipc-hook codex {event}" for event in codex.EVENTS}
    assert {hook["trustStatus"] for hook in place["hooks"]} == {"untrusted"}


def _codex(home: Path, *asked: tuple[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Ask Codex's app-server, and return its answers."""
    client = {"clientInfo": {"name": "test", "version": "1"}, "capabilities": {"experimentalApi": True}}
    with subprocess.Popen(
        alone(*agent("codex"), "app-server"),
        cwd=home,
        env=clean(home),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        try:
            found = []
            for number, (method, given) in enumerate([("initialize", client), *asked]):
                if number == 1:
                    running.stdin.write('{"method": "initialized"}\n')
                running.stdin.write(json.dumps({"id": number, "method": method, "params": given}) + "\n")
                running.stdin.flush()
                answer = next(a for a in map(json.loads, running.stdout) if a.get("id") == number)
                found.append(answer["result"])
            running.stdin.close()
            running.wait(SECONDS)
            return found[1:]
        finally:
            running.kill()

"""What is shipped for the agent clients says what the code says: names, versions, events, commands."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import maildir_ipc
from maildir_ipc.cli import VERBS
from maildir_ipc.clients import NAMES, claude, codex, gemini, opencode
from maildir_ipc.setup import client as setup_client
from maildir_ipc.setup.place import SERVER

_ROOT = Path(__file__).resolve().parents[2]
_HERE = _ROOT / "integrations"
_SKILL = _HERE / "claude/skills/maildir-ipc/SKILL.md"
_SERVER = {"command": "sh", "args": ["-c", 'exec "$HOME/.local/bin/ipc-mcp"']}


def _json(path: str) -> Any:
    return json.loads((_ROOT / path).read_text(encoding="utf-8"))


def _project() -> dict[str, str]:
    """Return what pyproject.toml says on one line each; Python 3.10 cannot read it otherwise."""
    text = (_ROOT / "pyproject.toml").read_text(encoding="utf-8").split("\n[project]\n")[1]
    return dict(re.findall(r'^(\w+) = "([^"]*)"$', text, re.MULTILINE))


def test_every_name_version_and_description_is_the_projects() -> None:
    """Issue 5: all versions and names agree."""
    manifests = [
        _json("integrations/claude/.claude-plugin/plugin.json"),
        _json("integrations/gemini/gemini-extension.json"),
    ]
    market = _json(".claude-plugin/marketplace.json")
    project = _project()

    assert {m["version"] for m in manifests} == {maildir_ipc.__version__}
    assert {m["name"] for m in (*manifests, market, *market["plugins"])} == {project["name"]} == {SERVER}
    assert {m["description"] for m in (*manifests, market, *market["plugins"])} == {project["description"]}
    assert manifests[0]["license"] == project["license"]
    assert f'version: "{maildir_ipc.__version__}"' in _SKILL.read_text(encoding="utf-8")


def test_the_marketplace_leads_to_the_plugin() -> None:
    """Claude Code reads the marketplace at the top of a repository, and the plugin's manifest where it points."""
    (plugin,) = _json(".claude-plugin/marketplace.json")["plugins"]

    assert plugin["source"].startswith("./")
    assert (_ROOT / plugin["source"] / ".claude-plugin/plugin.json").is_file()


def test_the_server_is_the_same_everywhere_and_its_name_has_no_underscore() -> None:
    """Gemini CLI takes a tool's name apart at the first underscore."""
    files = ("integrations/claude/.mcp.json", "integrations/mcp.json", "integrations/gemini/gemini-extension.json")
    for name in files:
        assert _json(name)["mcpServers"] == {SERVER: _SERVER}
    assert "_" not in SERVER


def test_the_page_for_other_clients_shows_the_file() -> None:
    """One text."""
    page = (_ROOT / "docs/how-to/mcp-other.md").read_text(encoding="utf-8")

    assert (_HERE / "mcp.json").read_text(encoding="utf-8") in page


@pytest.mark.parametrize(
    ("client", "events", "per_second", "more"),
    [("claude", claude.EVENTS, 1, {}), ("gemini", gemini.EVENTS, 1000, {"name": SERVER})],
)
def test_hooks_are_for_the_events_that_the_code_answers(
    client: str, events: dict[str, int], per_second: int, more: dict[str, str]
) -> None:
    """As `mipc setup` writes them, but for the place of the command."""
    found = _json(f"integrations/{client}/hooks/hooks.json")

    assert found == {
        "hooks": {
            event: [
                {
                    "hooks": [
                        {
                            "type": "command",
                            **more,
                            "command": f'"$HOME/.local/bin/ipc-hook" {client} {event}',
                            "timeout": seconds * per_second,
                        }
                    ]
                }
            ]
            for event, seconds in events.items()
        }
    }


def test_every_event_that_is_asked_for_has_a_kind() -> None:
    """Else the hook would not know what to do."""
    for module in (claude, codex, gemini, opencode):
        assert set(module.EVENTS) <= set(module.KINDS)


def test_the_opencode_plugin_asks_for_the_events_of_the_code() -> None:
    """It is not generated: its functions differ."""
    text = (Path(maildir_ipc.__file__).parent / "clients/opencode.js").read_text(encoding="utf-8")

    assert set(re.findall(r'ask\("([\w.]+)"', text)) == set(opencode.EVENTS)
    assert f"const MILLISECONDS = {max(opencode.EVENTS.values()) * 1000}\n" in text
    assert text.count('["ipc-hook", "opencode"]') == 1
    assert "MaildirIpc" in text


def test_each_client_can_be_set_up_and_installed() -> None:
    """One list of clients."""
    script = (_ROOT / "bin/ipc-install").read_text(encoding="utf-8")

    assert f"    {' | '.join(NAMES)}) " in script
    assert f"{{clients:-{' '.join(NAMES)}}}" in script
    assert all((Path(setup_client.__file__).parent / f"{name}.py").is_file() for name in NAMES)


def test_the_installer_installs_what_the_project_depends_on() -> None:
    """It reads pyproject.toml with sed, since it has no Python to rely on."""
    script = (_ROOT / "bin/ipc-install").read_text(encoding="utf-8")
    (sed,) = re.findall(r"sed -n '(/\^dependencies.*?)'", script)
    lines = subprocess.run(
        ["sed", "-n", sed, _ROOT / "pyproject.toml"], capture_output=True, text=True, check=True
    ).stdout.split("\n")[:-1]
    listed = (_ROOT / "pyproject.toml").read_text(encoding="utf-8").split("\ndependencies = [\n")[1].split("\n]")[0]

    assert lines == re.findall(r'"([^"]+)"', listed)
    assert len(lines) == 3
    assert not any(" " in line for line in lines)


def test_the_snippet_is_one_text() -> None:
    """An extension must have its own copy."""
    text = (_HERE / "AGENTS.md").read_text(encoding="utf-8")

    assert (_HERE / "gemini/AGENTS.md").read_text(encoding="utf-8") == text
    assert len(text.splitlines()) <= 12


def test_the_skill_keeps_to_the_limits_of_its_format() -> None:
    """agentskills.io: keys, lengths, and a name that is its folder's."""
    text = _SKILL.read_text(encoding="utf-8")
    _, head, body = text.split("---\n", 2)
    fields = dict(re.findall(r"^(\w+): (.+)$", head, re.MULTILINE))

    assert set(re.findall(r"^(\w+):", head, re.MULTILINE)) == {
        "name",
        "description",
        "license",
        "compatibility",
        "metadata",
    }
    assert fields["name"] == _SKILL.parent.name
    assert len(fields["description"]) <= 1024
    assert len(fields["compatibility"]) <= 500
    assert not any(": " in value or " #" in value for value in fields.values())  # or YAML would want quotes
    assert len(body.splitlines()) < 500
    assert "- <<'EOF'" in body


@pytest.mark.parametrize(
    "path", [_SKILL, _HERE / "AGENTS.md", _HERE / "claude/commands/inbox.md"], ids=lambda p: p.name
)
def test_texts_for_agents_name_only_commands_that_there_are(path: Path) -> None:
    """An agent does what it reads."""
    named = set(re.findall(r"\bmipc ([a-z][a-z-]+)", path.read_text(encoding="utf-8")))

    assert named - {"help", "command"} <= set(VERBS)
    assert named


def test_the_monitor_waits_for_a_name_and_ends_with_its_client(tmp_path: Path) -> None:
    """Design, section 9: an idle session is woken; a session that has registered nothing costs nearly nothing."""
    (monitor,) = _json("integrations/claude/monitors/monitors.json")
    programs = tmp_path / ".local/bin"
    programs.mkdir(parents=True)
    (programs / "sleep").write_text('#!/bin/sh\necho "slept $1" >>"$HOME/log"\n')
    (programs / "mipc").write_text(
        '#!/bin/sh\necho "$1" >>"$HOME/log"\ngrep -q slept "$HOME/log" || exit 77\necho "1 unread for bob"\n'
    )
    for program in programs.iterdir():
        program.chmod(0o755)

    env = {"HOME": str(tmp_path), "PATH": f"{programs}:/usr/bin:/bin"}
    done = subprocess.run(["sh", "-c", monitor["command"]], env=env, capture_output=True, text=True, check=False)

    assert (done.stdout, done.stderr, done.returncode) == ("1 unread for bob\n", "", 0)
    assert (tmp_path / "log").read_text().splitlines() == ["watch", "slept 30", "watch"]
    assert set(monitor) == {"name", "command", "description", "when"}


def test_the_monitor_ends_when_its_client_has_gone(tmp_path: Path) -> None:
    """Else each session would leave one behind."""
    (monitor,) = _json("integrations/claude/monitors/monitors.json")
    (tmp_path / ".local/bin").mkdir(parents=True)
    command = monitor["command"].replace('"$PPID"', str(_gone()))

    done = subprocess.run(["sh", "-c", command], env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}, check=False)

    assert done.returncode == 0
    assert not (tmp_path / "log").exists()


def _gone() -> int:
    """Return the number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-I", "-S", "-c", ""])
    process.wait()
    return process.pid

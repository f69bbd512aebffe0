"""Setting up agent clients: each finds in its own files what it needs, and nobody finds anything else changed."""

from __future__ import annotations

import importlib
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from maildir_ipc.clients import NAMES, claude, codex, gemini
from tests.e2e.driving import BIN, CHECKOUT, assert_refused, command, listing, mipc, run, spool_of

_TIMEOUTS = {"claude": 1, "codex": 1, "gemini": 1000}  # how a client counts a second
_EVENTS = {"claude": claude.EVENTS, "codex": codex.EVENTS, "gemini": gemini.EVENTS}
_HOOKS = {"claude": ".claude/settings.json", "codex": ".codex/hooks.json", "gemini": ".gemini/settings.json"}
_USER = {
    "claude": (".claude/settings.json", ".claude.json"),
    "codex": (".codex/hooks.json", ".codex/config.toml"),
    "gemini": (".gemini/settings.json",),
    "opencode": (".config/opencode/opencode.json", ".config/opencode/plugins/maildir-ipc.js"),
}
_PROJECT = {
    "claude": (".claude/settings.json", ".mcp.json"),
    "codex": (".codex/hooks.json", ".codex/config.toml"),
    "gemini": (".gemini/settings.json",),
    "opencode": ("opencode.json", ".opencode/plugins/maildir-ipc.js"),
}
# What people have in these files; the last of each client is written by hand, and oddly.
_THEIRS = {
    ".claude/settings.json": b"""{
    "permissions": {"allow": ["Bash(ls:*)"]},
    "hooks": {"Stop": [{"hooks": [{"type": "command", "command": "say done"}]}]},
    "sandbox": {"enabled": true, "filesystem": {"allowWrite": []}}}""",
    ".claude.json": b'{\n  "numStartups": 7,\n  "mcpServers": {\n    "other": {\n      "command": "x"\n    }\n  }\n}\n',
    ".codex/hooks.json": b'{"hooks": {}}\r\n',
    ".codex/config.toml": b'model = "m"\n\n[sandbox_workspace_write]\nnetwork_access = true # \xc3\xbc\n',
    ".gemini/settings.json": b'// mine\n{\n\t"theme": "x", // dark\n\t"tools": {"sandboxAllowedPaths": ["/a"]},\n}\n',
    ".config/opencode/opencode.json": b'{"$schema": "https://opencode.ai/config.json", /* none yet */ "mcp": {}}',
}


def _setup(home: Path, client: str, *options: str, **environ: str) -> None:
    done = mipc(home, "setup", client, *options, stdin=b"", **environ)
    assert done.code == 0, done


def _toml(path: Path) -> Any:
    reader = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "pip._vendor.tomli")
    return reader.loads(path.read_text())


def _json(path: Path) -> Any:
    return json.loads(path.read_text())


@pytest.mark.parametrize("client", NAMES)
def test_an_empty_home_is_as_it_was_when_ours_is_taken_out(client: str, home: Path) -> None:
    """Issue 4: it prints, or merges; a second time changes nothing; --remove takes out exactly what was put in."""
    before = listing(home)
    shown = mipc(home, "setup", client)
    assert (shown.code, listing(home)) == (0, before)

    _setup(home, client, "--apply")
    applied = listing(home)
    written = "".join((home / name).read_text() for name in _USER[client])
    again = mipc(home, "setup", client, "--apply")
    assert listing(home) == applied
    assert {line.split(" ")[0] for line in again.out.splitlines()} == {"unchanged"}

    _setup(home, client, "--remove")
    assert listing(home) == before
    assert shown.out == written
    assert mipc(home, "setup", client, "--remove").out.startswith("unchanged ")


@pytest.mark.parametrize("client", NAMES)
def test_files_of_others_come_back_to_the_byte(client: str, home: Path) -> None:
    """Issue 4: never overwrites what is there: comments, order, indentation, line ends, modes, links."""
    (home / "kept").mkdir()
    for number, name in enumerate(n for n in _USER[client] if n in _THEIRS):
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        kept = home / f"kept/{number}"
        kept.write_bytes(_THEIRS[name])
        kept.chmod(0o640)
        path.symlink_to(kept)
    before = listing(home)

    _setup(home, client, "--apply")
    applied = listing(home)
    _setup(home, client, "--apply")

    assert listing(home) == applied != before
    assert {p: m for p, (m, _) in before.items()}.items() <= {p: m for p, (m, _) in applied.items()}.items()
    _setup(home, client, "--remove")
    assert listing(home) == before


@pytest.mark.parametrize("client", NAMES)
def test_a_project_is_set_up_in_its_own_folder(client: str, home: Path, tmp_path: Path) -> None:
    """Design, section 8: --scope project; the home has nothing of it but the folder for tokens."""
    project = tmp_path / "project"
    project.mkdir(0o700)
    words = [*command("setup"), client, "--scope", "project"]

    assert run(*words, "--apply", home=home, cwd=project).code == 0
    made = sorted(str(p.relative_to(project)) for p in project.rglob("*") if p.is_file())
    assert made == sorted(_PROJECT[client])
    assert [p.name for p in home.iterdir()] == [".local"]
    assert run(*words, "--remove", home=home, cwd=project).code == 0
    assert listing(project) == listing(home) == {}
    assert project.is_dir()


@pytest.mark.parametrize("client", _HOOKS)
def test_hooks_are_in_the_form_that_the_client_reads(client: str, home: Path) -> None:
    """facts: event, groups, handlers; seconds or milliseconds; a command that a shell takes apart as it was meant."""
    _setup(home, client, "--apply")
    hooks = _json(home / _HOOKS[client])["hooks"]

    assert list(hooks) == list(_EVENTS[client])
    for event, seconds in _EVENTS[client].items():
        ((handler,),) = [group["hooks"] for group in hooks[event]]
        assert handler["type"] == "command"
        assert handler["timeout"] == seconds * _TIMEOUTS[client]
        assert shlex.split(handler["command"])[-2:] == [client, event]
        assert Path(shlex.split(handler["command"])[0]).is_absolute()


def test_each_client_is_told_of_the_server_and_of_what_a_sandbox_must_open(home: Path) -> None:
    """Issue 4: it opens the client's sandbox for spool and state; opencode has none."""
    for client in NAMES:
        _setup(home, client, "--apply")
    paths = [str(spool_of(home)), str(home / ".local/state/maildir-ipc")]
    toml = _toml(home / ".codex/config.toml")
    claude_server = _json(home / ".claude.json")["mcpServers"]["maildir-ipc"]
    gemini_file = _json(home / ".gemini/settings.json")
    words = [claude_server["command"], *claude_server["args"]]

    assert claude_server["type"] == "stdio"
    assert toml["mcp_servers"]["maildir-ipc"] == {"command": words[0], "args": words[1:]}
    assert gemini_file["mcpServers"]["maildir-ipc"] == {"command": words[0], "args": words[1:]}
    assert _json(home / ".config/opencode/opencode.json")["mcp"]["maildir-ipc"] == {
        "type": "local",
        "command": words,
        "enabled": True,
    }
    assert _json(home / ".claude/settings.json")["sandbox"]["filesystem"]["allowWrite"] == paths
    assert toml["sandbox_workspace_write"]["writable_roots"] == paths
    assert gemini_file["tools"]["sandboxAllowedPaths"] == paths
    assert Path(paths[1]).is_dir()  # a sandbox opens only what is there
    assert not Path(paths[0]).exists()  # design, section 2: who makes a spool


def test_the_command_is_the_installed_one_and_stays_the_same(home: Path) -> None:
    """Issue 4: Codex un-trusts a hook whose command changes. A blank in the path is quoted."""
    home = home / "two words"
    installed = home / ".local/bin"
    installed.mkdir(parents=True)
    for name in ("ipc-hook", "ipc-mcp"):
        (installed / name).symlink_to("/bin/true")
    _setup(home, "codex", "--apply")

    hooks = _json(home / ".codex/hooks.json")["hooks"]
    assert hooks["Stop"][0]["hooks"][0]["command"] == f"'{installed}/ipc-hook' codex Stop"
    assert _toml(home / ".codex/config.toml")["mcp_servers"]["maildir-ipc"]["command"] == f"{installed}/ipc-mcp"


def test_where_a_client_was_told_to_keep_its_files_they_are_found(home: Path) -> None:
    """CLAUDE_CONFIG_DIR and CODEX_HOME: a file where the client does not look would help nobody."""
    _setup(home, "claude", "--apply", CLAUDE_CONFIG_DIR=str(home / "a"))
    _setup(home, "codex", "--apply", CODEX_HOME=str(home / "b"))
    made = sorted(str(p.relative_to(home)) for p in home.rglob("*") if p.is_file())

    assert made == ["a/.claude.json", "a/settings.json", "b/config.toml", "b/hooks.json"]


@pytest.mark.parametrize(
    ("client", "name", "content", "says"),
    [
        ("claude", ".claude.json", b'{"a": 1} // mine', "a comment"),
        ("claude", ".claude.json", b"", "the file is empty"),
        ("claude", ".claude.json", b'{"mcpServers": []}', "mcpServers is not an object"),
        ("claude", ".claude/settings.json", b'{"hooks": {"Stop": {}}}', "hooks.Stop is not a list"),
        ("claude", ".claude/settings.json", b'{"sandbox": {"filesystem": {"allowWrite": "/"}}}', "is not a list"),
        ("claude", ".claude.json", b'{"a": "\xff"}', "UTF-8"),
        ("claude", ".claude.json", b'{"a": 1, "a": 2}', "a second time"),
        ("codex", ".codex/config.toml", b"model = \n", ".codex/config.toml"),
        ("codex", ".codex/config.toml", b"sandbox_workspace_write = {}\n", "another way"),
        ("codex", ".codex/hooks.json", b"[" * 5000, "too deep"),
        ("gemini", ".gemini/settings.json", b'{"hooks": {"AfterTool": 3}}', "hooks.AfterTool is not a list"),
        ("opencode", ".config/opencode/opencode.json", b'{"mcp": "x"}', "mcp is not an object"),
    ],
)
def test_what_cannot_be_merged_is_named_and_nothing_is_written(
    client: str, name: str, content: bytes, says: str, home: Path
) -> None:
    """G12: one line; not even the client's other file is changed."""
    (home / name).parent.mkdir(parents=True, exist_ok=True)
    (home / name).write_bytes(content)
    before = listing(home)

    for option in ("--apply", "--remove"):
        assert_refused(mipc(home, "setup", client, option), 78, name, says)

    assert listing(home) == before


def test_a_read_only_file_is_named_and_left(home: Path) -> None:
    """G12."""
    path = home / ".gemini/settings.json"
    path.parent.mkdir()
    path.write_text("{}")
    path.chmod(0o444)

    assert_refused(mipc(home, "setup", "gemini", "--apply"), 78, "read-only")
    assert path.read_text() == "{}"


def test_a_server_of_our_name_that_somebody_else_wrote_is_left(home: Path) -> None:
    """Issue 4: never overwrites what is there; the rest is done, and the code says that not all was."""
    theirs = {"command": "uvx", "args": ["maildir-ipc", "mcp"], "env": {"A": "1"}}
    (home / ".claude.json").write_text(json.dumps({"mcpServers": {"maildir-ipc": theirs}}))
    before = listing(home)

    done = mipc(home, "setup", "claude", "--apply")
    assert (done.code, done.out.count("\n")) == (1, 2)
    assert "mcpServers.maildir-ipc is there already, and not by mipc setup: left as it is" in done.err
    assert "Stop" in _json(home / ".claude/settings.json")["hooks"]
    assert mipc(home, "setup", "claude", "--remove").code == 1
    assert listing(home) == before


def test_what_the_client_made_of_our_entries_is_still_found(home: Path) -> None:
    """A client writes its file anew in its own way, and its person adds to our entries: ours go, theirs stay."""
    _setup(home, "claude", "--apply")
    settings, servers = home / ".claude/settings.json", home / ".claude.json"
    content = _json(settings)
    content["hooks"]["Stop"][0]["hooks"].insert(0, {"type": "command", "command": "say done"})
    content["hooks"]["PreToolUse"] = []
    settings.write_text(json.dumps(content))
    content = _json(servers)
    content["mcpServers"]["maildir-ipc"]["env"] = {}
    servers.write_text(json.dumps({"numStartups": 1, **content}, indent=2))

    _setup(home, "claude", "--apply")
    _setup(home, "claude", "--remove")

    assert _json(settings)["hooks"] == {
        "Stop": [{"hooks": [{"type": "command", "command": "say done"}]}],
        "PreToolUse": [],
    }
    assert _json(servers) == {"numStartups": 1}


def test_hooks_of_another_checkout_are_not_doubled(home: Path) -> None:
    """Two of them would hand over the same mail's bell twice."""
    (home / ".claude").mkdir()
    group = {"hooks": [{"type": "command", "command": "/old/place/ipc-hook claude Stop"}]}
    (home / ".claude/settings.json").write_text(json.dumps({"hooks": {"Stop": [group]}}))

    done = mipc(home, "setup", "claude", "--apply")

    assert (done.code, "'/old/place/ipc-hook claude Stop'" in done.err) == (1, True)
    assert _json(home / ".claude/settings.json")["hooks"]["Stop"] == [group]
    _setup(home, "claude", "--remove")
    _setup(home, "claude", "--apply")
    assert "/old/" not in (home / ".claude/settings.json").read_text()


def test_a_plugin_of_our_name_that_somebody_else_wrote_is_left(home: Path) -> None:
    """Issue 4: never overwrites what is there. One of an older version of ours is written anew."""
    path = home / ".config/opencode/plugins/maildir-ipc.js"
    _setup(home, "opencode", "--apply")
    first_line = path.read_text().split("\n")[0]
    path.write_text(f"{first_line}\n// older\n")
    _setup(home, "opencode", "--apply")
    assert "older" not in path.read_text()

    path.write_text("export const Mine = 1\n")
    assert mipc(home, "setup", "opencode", "--apply").code == 1
    assert mipc(home, "setup", "opencode", "--remove").code == 1
    assert path.read_text() == "export const Mine = 1\n"


def test_a_settings_file_with_comments_in_its_name_is_used_where_there_is_one(home: Path) -> None:
    """Both are read by opencode; two of them would be one too many."""
    path = home / ".config/opencode/opencode.jsonc"
    path.parent.mkdir(parents=True)
    path.write_text("{\n  // mine\n}\n")

    _setup(home, "opencode", "--apply")

    assert path.read_text().startswith('{ "mcp": {')
    assert "// mine" in path.read_text()
    assert not path.with_suffix(".json").exists()


def test_a_place_that_no_client_can_be_told_of_is_refused(home: Path) -> None:
    """G12: paths in JSON and TOML are text of one line."""
    root = os.fsdecode(bytes(home) + b"/\xff")
    assert_refused(mipc(home, "setup", "codex", MAILDIR_IPC_ROOT=root), 78, "UTF-8")
    assert_refused(mipc(home, "setup", "codex", MAILDIR_IPC_ROOT=f"{home}/a\nb"), 78, "print")


_FAKE_HOOK = """#!/bin/sh
# answers as its file of answers says, and keeps what it was asked
read -r facts
printf '%s %s %s\\n' "$1" "$2" "$facts" >>"$HOME/asked"
test -f "$HOME/answer-$2" && cat "$HOME/answer-$2"
exit 0
"""
_SESSION = """
import { MaildirIpc } from "./maildir-ipc.js"
const prompts = []
const parents = { top: undefined, child: "top" }
const client = { session: {
  get: async ({ path }) => ({ data: path.id in parents ? { id: path.id, parentID: parents[path.id] } : undefined }),
  prompt: async (request) => { prompts.push(request) },
} }
const plugin = await MaildirIpc({ client })
const idle = (sessionID) => plugin.event({ event: { type: "session.idle", properties: { sessionID } } })
await plugin.event({ event: { type: "message.updated", properties: {} } })
await plugin.event({ event: { type: "session.created", properties: { info: { id: "top" } } } })
const tool = { title: "t", output: "done", metadata: {} }
await plugin["tool.execute.after"]({ tool: "bash", sessionID: "top", callID: "1" }, tool)
const message = { message: {}, parts: [{ type: "text", text: "hello" }] }
await plugin["chat.message"]({ sessionID: "top" }, message)
await idle("top"); await idle("top"); await idle("child"); await idle("nobody")
await plugin.event({ event: { type: "session.deleted", properties: { info: { id: "top" } } } })
console.log(JSON.stringify({ prompts, output: tool.output, text: message.parts[0].text }))
"""


@pytest.mark.peer("node")
def test_the_opencode_plugin_hands_on_what_the_hook_says_and_does_not_loop(home: Path) -> None:
    """Issue 4: between tools and at the end of a turn; a prompt of its own is followed by no other."""
    hook = home / ".local/bin/ipc-hook"
    hook.parent.mkdir(parents=True)
    hook.write_text(_FAKE_HOOK)
    hook.chmod(0o755)
    for event, text in (("tool.execute.after", "$(touch pwned) `x`"), ("chat.message", "two"), ("session.idle", "3")):
        (home / f"answer-{event}").write_text(json.dumps({"text": text}))
    _setup(home, "opencode", "--apply")
    folder = home / ".config/opencode/plugins"
    (folder / "package.json").write_text('{"type": "module"}')
    (folder / "session.js").write_text(_SESSION)

    done = run("node", str(folder / "session.js"), home=home, cwd=home)

    assert done.code == 0, done
    prompt = {"path": {"id": "top"}, "body": {"parts": [{"type": "text", "text": "3"}]}}
    assert done.json["prompts"][0] == prompt
    assert done.json["output"] == "done\n\n$(touch pwned) `x`"
    assert done.json["text"] == "hello\n\ntwo"
    asked = [line.split(" ", 2) for line in (home / "asked").read_text().splitlines()]
    assert [(event, json.loads(facts)) for _, event, facts in asked] == [
        ("session.created", {"session_id": "top"}),
        ("tool.execute.after", {"session_id": "top", "tool_name": "bash"}),
        ("chat.message", {"session_id": "top"}),
        ("session.idle", {"session_id": "top", "stop_hook_active": False}),
        ("session.idle", {"session_id": "top", "stop_hook_active": True}),
        ("session.idle", {"session_id": "child", "agent_id": "top", "stop_hook_active": False}),
        ("session.idle", {"session_id": "nobody", "agent_id": "unknown", "stop_hook_active": False}),
        ("session.deleted", {"session_id": "top"}),
    ]
    assert [p["path"]["id"] for p in done.json["prompts"]].count("top") == 1


@pytest.mark.peer("node")
def test_the_opencode_plugin_is_silent_when_the_hook_cannot_run(home: Path) -> None:
    """Design, section 9: a hook never stops the agent."""
    (home / ".local/bin").mkdir(parents=True)
    (home / ".local/bin/ipc-hook").symlink_to("/bin/false")
    _setup(home, "opencode", "--apply")
    (home / ".local/bin/ipc-hook").unlink()
    folder = home / ".config/opencode/plugins"
    (folder / "package.json").write_text('{"type": "module"}')
    (folder / "session.js").write_text(_SESSION)

    done = run("node", str(folder / "session.js"), home=home, cwd=home)

    assert (done.code, done.json["prompts"], done.json["output"]) == (0, [], "done")


def test_setup_from_a_link_to_the_command_writes_the_checkout_that_it_leads_to(home: Path) -> None:
    """Design, section 13: ~/.local/bin/mipc is a link into the checkout."""
    (home / "bin").mkdir()
    (home / "bin/mipc").symlink_to(BIN / "mipc")
    done = subprocess.run(
        [home / "bin/mipc", "setup", "claude"],
        env={"HOME": str(home), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
    )

    assert str(home / "bin") not in done.stdout
    assert str(CHECKOUT) in done.stdout

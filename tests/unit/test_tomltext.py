"""TOML changed in place: a marked table and an array, in and out to the same bytes."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import pytest

from maildir_ipc import tomltext
from maildir_ipc.setup.entries import Roots, ServerTable

_SERVER, _TABLE = ("mcp_servers", "maildir-ipc"), ("sandbox_workspace_write",)
_PATHS = ["/home/you/.local/share/maildir-ipc", '/home/y"ou/\\state']
_ENTRIES = (ServerTable(_SERVER, ["/x/ipc-mcp"]), Roots((*_TABLE, "writable_roots"), _PATHS))
_ODD = [
    None,
    "",
    "\n",
    "a = 1",
    "a = 1\n",
    "# only a comment\n",
    "\ufeffa = 1\n",
    "a = 1\r\n[b]\r\nc = [1,\r\n2]\r\n",
    '[x]\nb = """\n[mcp_servers.maildir-ipc]\n\\""""\nc = \'\'\'\n[sandbox_workspace_write]\'\'\'\n',
    "[sandbox_workspace_write]\nnetwork_access = true\n",
    "[sandbox_workspace_write]",
    "[sandbox_workspace_write]\nwritable_roots = []\n",
    '[sandbox_workspace_write] # hi\r\nwritable_roots = [\r\n  "/a", # "/b"\r\n]\r\n[y]\r\n',
    "[ \"sandbox_workspace_write\" ]\nwritable_roots = [ '/a' ] # mine",
    'sandbox_workspace_write.writable_roots = ["/q"]\n',
    '[mcp_servers.other]\ncommand = "x" # y\n[mcp_servers.other.env]\nA = "1"\n',
]


def _loaded(text: str) -> dict[str, Any]:
    reader = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "pip._vendor.tomli")
    loaded: dict[str, Any] = reader.loads(text.removeprefix("\ufeff"))
    return loaded


def _with_ours(text: str | None) -> str:
    for entry in _ENTRIES:
        text = entry.put(text, relaxed=False, notes=[])
    assert text is not None
    return text


def _without(text: str) -> str | None:
    left: str | None = text
    for entry in reversed(_ENTRIES):
        left = left if left is None else entry.drop(left, relaxed=False, notes=[])
    return left


@pytest.mark.parametrize("text", _ODD)
def test_ours_goes_in_once_and_comes_out_to_the_same_bytes(text: str | None) -> None:
    """Issue 4: Codex's config.toml, whoever wrote it."""
    full = _with_ours(text)
    before, after = _loaded(text or ""), _loaded(full)

    assert after["mcp_servers"].pop("maildir-ipc") == {"command": "/x/ipc-mcp", "args": []}
    roots = after["sandbox_workspace_write"]["writable_roots"]
    assert roots == _PATHS + before.get("sandbox_workspace_write", {}).get("writable_roots", [])
    assert tomltext.elements_of(full, (*_TABLE, "writable_roots")) == roots
    assert {k: v for k, v in before.items() if k not in (*_TABLE, "mcp_servers")}.items() <= after.items()
    assert _with_ours(full) == full
    assert _without(full) == text


@pytest.mark.parametrize("text", [t for t in _ODD if t is None or t.endswith("\n")])
def test_what_codex_writes_behind_ours_stays(text: str | None) -> None:
    """Codex adds tables at the end: which projects are trusted, what a tool may do."""
    theirs = '\n[projects."/x"]\ntrust_level = "trusted"\n'
    left = _loaded(_without(_with_ours(text) + theirs) or "")

    assert left == {**_loaded(text or ""), "projects": {"/x": {"trust_level": "trusted"}}}


def test_what_was_added_to_our_sandbox_table_stays() -> None:
    """Only the paths are ours."""
    left = _without(_with_ours("") + "network_access = true\n")

    assert _loaded(left or "")["sandbox_workspace_write"]["network_access"] is True
    assert "maildir" not in str(_loaded(left or ""))


def test_a_server_of_our_name_that_somebody_else_wrote_is_left() -> None:
    """Issue 4: never overwrites; and what was not put in is not taken out."""
    text = '[mcp_servers."maildir-ipc"]\ncommand = "uvx"\n'
    notes: list[str] = []

    assert _ENTRIES[0].put(text, relaxed=False, notes=notes) == text
    assert _ENTRIES[0].drop(text, relaxed=False, notes=notes) == text
    assert len(notes) == 2
    assert all(note.startswith("mcp_servers.maildir-ipc ") for note in notes)


def test_our_server_is_known_when_codex_has_written_it_anew() -> None:
    """Seen with 0.169.0: `codex mcp add` drops the comments between its servers."""
    text = _with_ours('model = "m"\n').replace(f"{tomltext.MARK}\n[mcp", "[mcp")

    assert tomltext.MARK in text
    assert _with_ours(text) == text
    assert _without(text) == 'model = "m"\n'


def test_the_settings_of_our_server_go_with_it() -> None:
    """Codex keeps what each tool may do in tables below the server's: without it they would be an error."""
    text = _with_ours("a = 1\n") + '\n[mcp_servers.maildir-ipc.tools.send]\napproval_mode = "approve"\n'
    entry = _ENTRIES[0]

    assert "mcp_servers" not in _loaded(entry.drop(text, relaxed=False, notes=[]) or "")


@pytest.mark.parametrize(
    "text",
    [
        "sandbox_workspace_write = { network_access = true }\n",
        'sandbox_workspace_write = { writable_roots = ["/a"] }\n',
        "sandbox_workspace_write.network_access = true\n",
        "[sandbox_workspace_write]\nwritable_roots = 1\n",
    ],
)
def test_another_way_of_writing_it_is_refused(text: str) -> None:
    """G12: rather than written twice, which would make the file invalid."""
    with pytest.raises(tomltext.NotTOML, match="in another way"):
        _with_ours(text)


@pytest.mark.parametrize("text", ["a\n", "a =\n", "[a\n", 'a = "\n', "a = [1\n", "= 1\n", 'a = """x\n', "a = ]\n"])
def test_what_is_not_toml_is_refused(text: str) -> None:
    """G12; also where Python has no reader of TOML."""
    with pytest.raises(tomltext.NotTOML):
        tomltext.check(text)
    with pytest.raises(tomltext.NotTOML, match="line 1"):
        list(tomltext.statements(text))

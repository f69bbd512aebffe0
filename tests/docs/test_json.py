"""docs/reference/json.md: its examples have the shape of what the commands really print, and of its own tables."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.docs.pages import all_blocks, table
from tests.docs.terminal import ROOT, checkout, environment

if TYPE_CHECKING:
    from collections.abc import Callable

_PAGE = ROOT / "docs/reference/json.md"
_EXAMPLES = {block.notes["from"]: block for block in all_blocks("json") if block.page == _PAGE}
_TYPES: dict[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "string?": lambda value: value is None or isinstance(value, str),
    "strings": lambda value: isinstance(value, list) and all(isinstance(v, str) for v in value),
    "number": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "any": lambda _: True,
    "attachments": lambda value: all(list(v) == ["name", "type", "size"] for v in value),
}
# What is run to get a document like each example; what comes before it, prepares it.
_COMMANDS = {
    "init": "init --json",
    "register": "register bob --as bob --json",
    "path": "path bob --json",
    "send": """send --as alice --data {{"passed":214}} --attach bin/mipc --json bob,carol Look at this.""",
    "list": "list --json",
    "wait": "wait --as bob --json",
    "take": "take --as bob --json",
    "renew": "take {take[claim]} --as bob --json",
    "release": "release {take[claim]} --as bob --json",
    "check": "check --as bob --json",
    "read": "read @ --as bob --json",
    "history": "history --as bob --json",
    "verify": "verify --as bob --json",
    "broadcast": "broadcast --as alice --json Look at that.",
    "rename": "rename robert --as bob --json",
    "whoami": "whoami --as bob --json",
    "auto-check": "auto-check start 5 --exec true --as alice --json",
    "run": "auto-check run --as alice --json",
    "log": "auto-check log --as alice --json",
    "setup": "setup systemd --json",
    "gc": "gc --json",
    "doctor": "doctor --json",
    "selftest": "selftest --json",
    "unregister": "unregister --as bob --json",
    "error": "read zzzzz --as alice --json",
}


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return the document that each command prints, in a spool where two have registered."""
    folder = tmp_path_factory.mktemp("json")
    copy = checkout(folder)
    found: dict[str, Any] = {}
    for name, command in _COMMANDS.items():
        # What an earlier command printed is put in first; the braces of a JSON object are doubled.
        words = command.format_map(found).split(" ")
        done = subprocess.run(
            [copy / "bin/mipc", *words], cwd=copy, env=environment(folder), capture_output=True, text=True, check=False
        )
        assert done.returncode == (66 if name == "error" else 0), done.stderr
        assert done.stdout.count("\n") == 1
        found[name] = json.loads(done.stdout)
    return found


def _differences(example: Any, real: Any, where: str) -> list[str]:
    """Return where two documents differ in shape: the members and their order, and types but for null."""
    if isinstance(example, dict) and isinstance(real, dict):
        if where.endswith(".data"):
            return []
        if list(example) != list(real):
            return [f"{where}: {list(example)} is not {list(real)}"]
        return [d for name in example for d in _differences(example[name], real[name], f"{where}.{name}")]
    if isinstance(example, list) and isinstance(real, list):
        return [d for a in example[:1] for b in real for d in _differences(a, b, f"{where}[]")]
    if example is None or real is None or type(example) is type(real):
        return []
    return [f"{where}: {example!r} is not of the type of {real!r}"]


def test_every_example_says_which_command_prints_it() -> None:
    """Ours."""
    assert sorted(_COMMANDS) == sorted(_EXAMPLES)


@pytest.mark.e2e
@pytest.mark.parametrize("name", _COMMANDS)
def test_an_example_has_the_shape_of_what_is_printed(name: str, printed: dict[str, Any]) -> None:
    """Ours: programs rely on it, so members may be added here only together with the page."""
    assert _differences(json.loads(_EXAMPLES[name].text), printed[name], name) == []
    assert printed[name]["v"] == 1


@pytest.mark.e2e
def test_a_message_has_the_members_and_types_of_the_table(printed: dict[str, Any]) -> None:
    """Ours."""
    rows = table(_PAGE, "## A message")
    types = {row[0].strip("`"): _TYPES[row[1]] for row in rows}
    messages = [*json.loads(_EXAMPLES["check"].text)["messages"], *printed["check"]["messages"]]

    assert len(messages) >= 2
    for message in messages:
        assert list(types) == list(message)
        assert [name for name, fits in types.items() if not fits(message[name])] == []
    assert printed["check"]["messages"] == printed["read"]["messages"]


def test_the_shape_checker_sees_a_difference() -> None:
    """Ours: a checker that cannot fail checks nothing."""
    assert _differences({"a": [{"b": 1}]}, {"a": [{"b": "1"}]}, "") == [".a[].b: 1 is not of the type of '1'"]
    assert _differences({"a": 1}, {"a": 1, "c": 2}, "") != []

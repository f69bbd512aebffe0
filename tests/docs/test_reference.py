"""The reference pages say what the code says: verbs, options, exit codes, variables, limits, modules."""

from __future__ import annotations

import ast
import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from maildir_ipc import address, bounds, errors, render, signing
from maildir_ipc.cli import VERBS
from tests.docs.pages import table
from tests.docs.terminal import ROOT, checkout, environment

if TYPE_CHECKING:
    from pathlib import Path

_REFERENCE = ROOT / "docs/reference"
_EXPLANATION = ROOT / "docs/explanation"


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _section(verb: str) -> str:
    return _read(_REFERENCE / "cli.md").split(f"\n## {verb}\n", 1)[1].split("\n## ", 1)[0]


def test_every_verb_is_documented_and_no_other() -> None:
    """Ours."""
    headings = re.findall(r"^## ([\w-]+)$", _read(_REFERENCE / "cli.md"), re.MULTILINE)

    assert sorted(VERBS) == sorted(headings)


@pytest.mark.parametrize("verb", VERBS)
def test_usage_on_the_page_is_what_help_prints(verb: str, tmp_path: Path) -> None:
    """Ours."""
    folder = checkout(tmp_path)

    done = subprocess.run(
        [folder / "bin/mipc", verb, "--help"], env=environment(tmp_path), capture_output=True, text=True, check=True
    )

    assert _section(verb).split("```text\n")[1].split("```")[0] == done.stdout


@pytest.mark.parametrize("verb", VERBS)
def test_every_option_is_explained(verb: str) -> None:
    """Ours: the options that all verbs have are explained once, at the top."""
    _, usage, prose = _section(verb).split("```", 2)
    options = set(re.findall(r"--[a-z-]+", usage)) - {"--json", "--as"}

    assert {option for option in options if f"`{option}" not in prose} == set()


def test_every_error_is_documented_with_its_code_name_and_meaning() -> None:
    """Ours: the page is errors.py in other words, which must be the same words."""
    kinds = errors.MaildirIPCError.__subclasses__()  # theirs in turn share their codes and names
    expected = {
        (str(c.exit_code), f"`{c.name}`", f"`{c.__name__}`", str(c.__doc__))
        for c in kinds
        if c.__module__ == errors.__name__
    }
    rows = table(_REFERENCE / "errors.md", "# Exit codes")

    assert expected == {tuple(row) for row in rows if row[1]}
    assert [row[0] for row in rows if not row[1]] == ["0", "1"]


def test_every_variable_is_documented_and_no_other() -> None:
    """Ours: the list on the page is closed."""
    tree = ast.parse(_read(ROOT / "maildir_ipc/settings.py"))
    strings = [n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)]
    read = {text for text in strings if re.fullmatch(r"[A-Z]+(_[A-Z]+)*", text)}
    rows = table(_REFERENCE / "environment.md", "## Variables")

    assert read | {"PATH"} == {name for row in rows for name in re.findall(r"`([A-Z_]+)`", row[0])}


def test_reserved_names_are_documented() -> None:
    """Ours."""
    line = re.search(r"Reserved: `([a-z ]+)`", _read(_REFERENCE / "cli.md"))

    assert line is not None
    for name in line[1].split(" "):
        with pytest.raises(errors.Usage, match="reserved"):
            address.parse_name(name)


def test_bounds_on_the_page_are_those_of_the_code() -> None:
    """Ours; G8."""
    assert f"{render.MAX_CHARS:,} characters or {render.MAX_LINES} lines" in _section("check")
    assert f"{bounds.DEFAULTS['large-message']:,} bytes" in _section("check")


def test_protocol_names_the_settings_and_the_covered_fields_of_the_code() -> None:
    """Ours; G4: what is not in this list could be added to a message without a trace."""
    page = _REFERENCE / "protocol.md"
    rows = table(page, "### 1.2 Settings")
    covered = _read(page).split("`h=` must name, present or not:\n")[1].split(";")[0]

    written = {name: [f"`{default}`", f"{least} to {most}"] for name, (default, least, most) in bounds.SETTINGS.items()}
    assert written == {row[0].strip("`"): row[1:3] for row in rows[:-1]}
    assert list(signing.REQUIRED) == [name for line in covered.split("\n") for name in re.findall(r"[a-z-]+", line)]


def test_verdicts_in_the_protocol_are_those_of_the_code() -> None:
    """Ours."""
    rows = table(_REFERENCE / "protocol.md", "### 5.4 Verdicts")
    code = {"PASS", "NONE", "BAD", "UNKNOWN_KEY", "MISDIRECTED", "MALFORMED", "EXPIRED", "REPLAY"}

    assert {getattr(signing, name) for name in code} == {row[0].strip("`") for row in rows}


def test_modules_that_pages_name_are_there() -> None:
    """Ours: who owns a step."""
    journey = [*table(_EXPLANATION / "journey.md", "## Sending"), *table(_EXPLANATION / "journey.md", "## Reading")]
    homes = table(ROOT / "CONTRIBUTING.md", "## Where a rule lives")
    named = {n for row in journey for n in re.findall(r"`(\w+)`", row[-1])}
    named |= {n for row in homes for n in re.findall(r"`(\w+)(?:\.py|/)`", row[-1])}

    assert {n for n in named if not [*(ROOT / "maildir_ipc").glob(f"{n}.py"), *(ROOT / "maildir_ipc").glob(n)]} == set()


def test_every_guarantee_has_its_four_parts() -> None:
    """Ours: promise, mechanism, limit, what it does not cover."""
    text = _read(_EXPLANATION / "guarantees.md")
    parts = re.split(r"^## G(\d+)\. ", text, flags=re.MULTILINE)[1:]

    assert parts[::2] == [str(n) for n in range(1, 14)]
    for part in parts[1::2]:
        assert re.findall(r"^- \*\*([\w ]+)\*\*", part, re.MULTILINE) == ["How", "Limit", "Not covered"]


def test_every_guarantee_is_cited_by_a_test_and_no_other() -> None:
    """Ours: a promise that no test holds is a wish."""
    tests = [path for path in (ROOT / "tests").rglob("test_*.py") if "docs" not in path.parts]
    cited = {n for path in tests for n in re.findall(r"\bG(\d+)\b", _read(path))}

    assert {str(n) for n in range(1, 14)} == cited


def test_every_decision_has_its_parts_and_the_next_number() -> None:
    """Ours."""
    pages = sorted((ROOT / "docs/adr").glob("*.md"))

    assert [page.name[:4] for page in pages] == [f"{n:04}" for n in range(1, len(pages) + 1)]
    for page in pages:
        headings = re.findall(r"^#+ (.*)$", _read(page), re.MULTILINE)
        assert headings[0].startswith(page.name[:4])
        assert headings[1:] == ["Context", "Options", "Decision", "Consequences", "What would change our mind"]

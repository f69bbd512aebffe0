"""What the pages say can be typed, works; what they say is shown, is shown; where they lead, something is."""

from __future__ import annotations

import re
import shutil
import subprocess
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.docs.pages import Block, Reality, all_blocks, blocks, pages, shown
from tests.docs.terminal import ROOT, Terminal, checkout, environment

if TYPE_CHECKING:
    from pathlib import Path

_NOT_RUN = {
    ("README.md", "it is the command that runs this test"),
    ("README.md", "it fetches packages"),
    ("docs/how-to/read-with-mutt-notmuch-mblaze.md", "it takes the whole screen"),
}
_SCRIPTS = [
    pytest.param(block, id=block.name, marks=pytest.mark.peer(*block.notes.get("needs", "").split()))
    for block in all_blocks("sh")
    if "not run" not in block.notes
]
_TYPED = list(dict.fromkeys(block.page for block in all_blocks("console")))


@pytest.mark.e2e
@pytest.mark.parametrize("block", _SCRIPTS)
def test_a_script_in_a_page_succeeds_for_somebody_who_has_set_nothing(block: Block, tmp_path: Path) -> None:
    """Ours: a reader may copy any block, in a fresh home, and it works."""
    folder = checkout(tmp_path)
    script = tmp_path / "block.sh"
    script.write_text(block.text, encoding="utf-8")

    done = subprocess.run(
        ["bash", "-eu", script],
        cwd=folder,
        env=environment(tmp_path),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )

    for left in re.findall(r"rm -r (\S*/maildir-ipc-demo-\S+)", done.stdout):
        shutil.rmtree(left)
    assert done.returncode == 0, done.stdout


@pytest.mark.e2e
@pytest.mark.parametrize("page", _TYPED, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_is_typed_shows_what_the_page_says(page: Path, tmp_path: Path) -> None:
    """Ours: every prompt is a terminal of its own under one account; G10, since none says who it is."""
    checkout(tmp_path)
    reality = Reality(environment(tmp_path)["HOME"])
    with ExitStack() as stack:
        terminals: dict[str, Terminal] = {}
        for block in blocks(page):
            for step in shown(block) if block.language == "console" else []:
                if step.terminal not in terminals:
                    terminals[step.terminal] = stack.enter_context(Terminal(tmp_path))

                seen, _ = terminals[step.terminal].type(reality.command(step.command))

                assert reality.matches(step.expected, seen), f"{block.name}: {step.command}\n{seen}"


def test_only_what_cannot_run_is_left_out() -> None:
    """Ours: a block is left out by name here, so that none is by mistake."""
    left_out = {
        (str(block.page.relative_to(ROOT)), block.notes["not run"])
        for page in pages()
        for block in blocks(page)
        if "not run" in block.notes
    }

    assert left_out == _NOT_RUN


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_has_only_blocks_that_some_test_looks_at(page: Path) -> None:
    """Ours: another language would be run by nobody."""
    assert {block.language for block in blocks(page)} <= {"sh", "console", "json", "text"}


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_says_who_it_is_for(page: Path) -> None:
    """Ours."""
    opening = page.read_text(encoding="utf-8").split("\n")[:6]

    assert opening[0].startswith("# ")
    assert any(line.startswith("For ") for line in opening)


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_a_link_leads_to_a_page_that_is_there(page: Path) -> None:
    """Ours."""
    text = page.read_text(encoding="utf-8")
    targets = [t for t in re.findall(r"\]\(([^)]+)\)", text) if "://" not in t]

    missing = [t for t in targets if not (page.parent / t.partition("#")[0]).exists()]

    assert missing == []


def test_every_page_is_listed_in_the_index() -> None:
    """Ours: a page that nobody finds helps nobody."""
    index = ROOT / "docs/index.md"
    linked = {(index.parent / t).resolve() for t in re.findall(r"\]\(([^)#]+)", index.read_text(encoding="utf-8"))}

    lost = [page for page in (ROOT / "docs").rglob("*.md") if page != index and page not in linked]

    assert lost == []

"""docs/reference/phrases.md: its table is what the code understands, and has every phrase of the list. S40."""

from __future__ import annotations

import pytest

from maildir_ipc.phrases import Act, understand
from tests.docs.pages import table
from tests.docs.terminal import ROOT
from tests.unit.sayings import GROUP, PHRASES

_PAGE = ROOT / "docs/reference/phrases.md"
_ROWS = [(phrase[1:-1], command[1:-1]) for phrase, command in table(_PAGE, "## The phrases")]


@pytest.mark.parametrize(("phrase", "command"), _ROWS)
def test_a_phrase_of_the_page_does_what_the_page_says(phrase: str, command: str) -> None:
    """S40."""
    act = understand(phrase, {"fred", "claude", "barney", "nessa"}.__contains__)

    assert isinstance(act, Act)
    assert act.command == command


def test_the_page_has_every_phrase_of_the_list() -> None:
    """S40."""
    assert sorted(phrase for phrase, _ in _ROWS) == sorted(PHRASES)
    assert f"`{GROUP}` is unsure" in _PAGE.read_text(encoding="utf-8")

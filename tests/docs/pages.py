"""The pages and their code blocks, and whether a terminal showed what a page says it shows."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.docs.terminal import ROOT

if TYPE_CHECKING:
    from pathlib import Path

# What differs from run to run. A token of the group "same" may have any value of its form, the first time;
# after that, in commands too, it stands for that value.
_VARYING = re.compile(
    r"""(?mx)
    (?P<lines>^…\n) | (?P<rest>…) | (?P<home>/home/you\b)
    | (?P<when>(?:just\ now|\d+\ \w+\ ago)\ \(\d{4}-\d\d-\d\d\ \d\d:\d\dZ\))
    | (?P<day>\d{4}-\d\d-\d\d\ \d\d:\d\dZ)
    | (?P<process>\b(?:bash|claude)\ \d+)
    | (?P<same>
        \#[0-9a-f]{4}\b
        | \b[0-9]{10}\.M[0-9]{6}P[0-9]+Q[0-9]+R[0-9a-f]{16}
        | \b[0-9a-f]{16}\b
        | (?<=^---\ )[a-z2-7]{5}(?=\ from\ )
        | (?<=^---\ end\ )[a-z2-7]{5}\b
        | (?<=mipc\ read\ )[a-z2-7]{5}\b
        | (?<=mipc\ reply\ )[a-z2-7]{5}\b
        | ^[a-z2-7]{5}(?=\ \S+\ (?:delivered|queued|forwarded|already|failed)$)
      )
    """
)
_WHEN = r"(?:just now|\d+ (?:minute|hour|day)s? ago) \(\d{4}-\d\d-\d\d \d\d:\d\dZ\)"
_DAY = r"\d{4}-\d\d-\d\d \d\d:\d\dZ"
_PROMPT = re.compile(r"([a-z]*)\$ (.*)")


@dataclass
class Block:
    """One fenced block: its language, its text, its first line's number, and the notes in a comment before it."""

    page: Path
    line: int
    language: str
    text: str
    notes: dict[str, str]

    @property
    def name(self) -> str:
        """What to call it in a test."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"


@dataclass
class Shown:
    """What a page says was typed, where, and what came."""

    terminal: str
    command: str
    expected: str


@dataclass
class Reality:
    """What the tokens of a page stand for in this run."""

    home: str
    known: dict[str, str] = field(default_factory=dict)

    def command(self, text: str) -> str:
        """Return a command of the page as it has to be typed now."""
        for token, real in self.known.items():
            text = text.replace(token, real)
        return text

    def matches(self, expected: str, seen: str) -> bool:
        """Return whether *seen* is what the page says, and learn what its tokens stand for."""
        new: list[str] = []
        pattern, end = "", 0
        for found in _VARYING.finditer(expected):
            pattern += re.escape(expected[end : found.start()]) + self._pattern(found, new)
            end = found.end()
        match = re.fullmatch(pattern + re.escape(expected[end:]), seen)
        if match is not None:
            self.known.update({token: match[f"t{i}"] for i, token in enumerate(new)})
        return match is not None

    def _pattern(self, found: re.Match[str], new: list[str]) -> str:
        token, kind = found[0], str(found.lastgroup)
        simple = {"lines": r"(?:.*\n)*?", "rest": ".*", "home": re.escape(self.home), "when": _WHEN, "day": _DAY}
        if kind in simple:
            return simple[kind]
        if kind == "process":
            return token.split(" ")[0] + r" \d+"
        if token in self.known:
            return re.escape(self.known[token])
        if token in new:
            return f"(?P=t{new.index(token)})"
        new.append(token)
        form = "#[0-9a-f]{4}" if token.startswith("#") else rf"[\w.]{{{min(len(token), 16)},}}"
        return f"(?P<t{len(new) - 1}>{form})"


def pages() -> list[Path]:
    """Return every page of the documentation."""
    return [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(page: Path) -> list[Block]:
    """Return the fenced blocks of a page."""
    found: list[Block] = []
    lines = page.read_text(encoding="utf-8").split("\n")
    start, notes, previous = -1, {}, ""
    for number, line in enumerate(lines):
        if line.startswith("```") and start < 0:
            start = number
            comment = re.fullmatch(r"<!-- ([a-z ]+): (.*) -->", previous)
            notes = {comment[1]: comment[2]} if comment else {}
        elif line == "```":
            text = "\n".join([*lines[start + 1 : number], ""])
            found.append(Block(page, start + 1, lines[start][3:], text, notes))
            start = -1
        previous = line
    assert start < 0, f"{page}: a block does not end"
    return found


def all_blocks(language: str) -> list[Block]:
    """Return the blocks of every page in one language."""
    return [block for page in pages() for block in blocks(page) if block.language == language]


def shown(block: Block) -> list[Shown]:
    """Return the steps of a console block."""
    steps: list[Shown] = []
    for line in block.text.splitlines(keepends=True):
        prompt = _PROMPT.fullmatch(line.rstrip("\n"))
        if prompt:
            steps.append(Shown(prompt[1], prompt[2], ""))
        else:
            assert steps, f"{block.name}: begins without a prompt"
            steps[-1].expected += line
    return steps


def table(page: Path, heading: str) -> list[list[str]]:
    """Return the rows of the first table under a heading, without its head; cells as they are written."""
    text = f"\n{page.read_text(encoding='utf-8')}".split(f"\n{heading}\n", 1)[1]
    rows: list[list[str]] = []
    for line in text.split("\n"):
        if line.startswith("|"):
            rows.append([cell.strip() for cell in line.strip("|").split("|")])
        elif rows or line.startswith("#"):
            break
    return rows[2:]

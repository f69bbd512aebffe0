"""The command line: design, 8. Ours."""

from __future__ import annotations

import pytest

from maildir_ipc.cli.arguments import FLAG, duration, parse, text_of
from maildir_ipc.errors import BadData, Usage

ALLOWED = {"limit": "N", "peek": FLAG, "subject": "TEXT"}


@pytest.mark.parametrize(
    ("words", "before_text", "options", "operands"),
    [
        ([], None, {}, []),
        (["--peek"], None, {"peek": ["1"]}, []),
        (["--limit", "3"], None, {"limit": ["3"]}, []),
        (["--limit=3"], None, {"limit": ["3"]}, []),
        (["--limit="], None, {"limit": [""]}, []),
        (["--subject", "--peek"], None, {"subject": ["--peek"]}, []),
        (["--subject", "a=b", "x"], None, {"subject": ["a=b"]}, ["x"]),
        (["--json", "--as", "bob", "--help"], None, {"json": ["1"], "as": ["bob"], "help": ["1"]}, []),
        (["a", "--peek", "b"], None, {"peek": ["1"]}, ["a", "b"]),
        (["--", "--peek", "-x"], None, {}, ["--peek", "-x"]),
        (["-"], None, {}, ["-"]),
        (["bob", "-"], 1, {}, ["bob", "-"]),
        (
            ["--peek", "bob", "--subject", "s", "text", "--peek", "-x", "--"],
            1,
            {"peek": ["1"], "subject": ["s"]},
            ["bob", "text", "--peek", "-x", "--"],
        ),
        (["bob", "-x is the text"], 1, {}, ["bob", "-x is the text"]),
        (["bob", "--", "--peek"], 1, {}, ["bob", "--peek"]),
        (["--peek", "--peek"], None, {"peek": ["1", "1"]}, []),
        (["--subject", "a", "--subject", "b"], None, {"subject": ["a", "b"]}, []),
    ],
)
def test_words_are_understood(
    words: list[str], before_text: int | None, options: dict[str, list[str]], operands: list[str]
) -> None:
    """Design, 8: options before the text; `--` or its first word ends them."""
    found = parse(words, ALLOWED, before_text)
    assert (found.options, found.operands) == (options, operands)


@pytest.mark.parametrize(
    "words",
    [
        ["--unknown"],
        ["-x"],
        ["-peek"],
        ["--peek=1"],
        ["--limit"],
        ["--as"],
        ["--\x1b[0m"],
        ["--\udcff"],
        ["--="],
        ["---"],
        ["--Peek"],
    ],
)
def test_a_word_that_is_not_understood_is_named(words: list[str]) -> None:
    """G12: 64, in printable characters."""
    with pytest.raises(Usage) as refusal:
        parse(words, ALLOWED)
    assert str(refusal.value).isprintable()
    assert str(refusal.value).isascii()


@pytest.mark.parametrize(("text", "number"), [("1", 1), ("007", 7), ("999999999", 999999999)])
def test_a_number_is_read(text: str, number: int) -> None:
    """From 1."""
    found = parse(["--limit", text], ALLOWED)
    assert found.count("limit") == number
    assert found.count("other") is None
    assert not found.flag("peek")
    assert found.get("subject") is None


@pytest.mark.parametrize("text", ["0", "-1", "", "x", "1.5", " 1", "1e3", "٣", "²", "1000000000", "9" * 5000])
def test_what_is_no_number_is_refused(text: str) -> None:
    """G12."""
    with pytest.raises(Usage):
        parse([f"--limit={text}"], ALLOWED).count("limit")


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90.0), ("90s", 90.0), ("15m", 900.0), ("2h", 7200.0), ("7d", 604800.0)]
)
def test_a_duration_is_read(text: str, seconds: float) -> None:
    """Design, 8: --expires 2h."""
    assert duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    ["", "h", "0", "0h", "-1h", "1.5h", "2w", "2 h", "2H", "²h", "٣m", "9" * 5000, "9" * 5000 + "d", "99999999d"],
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    """G12: nor one that ends beyond the calendar."""
    with pytest.raises(Usage):
        duration(text)


def test_the_words_of_a_text_are_joined_as_typed() -> None:
    """Design, 8."""
    assert text_of(["a", "", " b ", "é"]) == "a   b  é"
    with pytest.raises(BadData):
        text_of(["\udcff"])

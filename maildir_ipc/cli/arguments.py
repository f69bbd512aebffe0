"""The command line, by a table: argparse alone would cost a third of a command's start.

An option is `--name` or `--name VALUE` or `--name=VALUE`. A verb whose operands end in TEXT takes options
only before the text: its first word, or `--`, ends them, so a text may begin with a dash after `--`.
"""

from __future__ import annotations

import os

from ..errors import BadData, Usage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FLAG = "flag"
MAX_SECONDS = 100 * 365.25 * 86400  # what ends later does not end
_LONGEST = 3650 * 86400.0  # seconds
COMMON = {"json": FLAG, "as": "NAME", "help": FLAG}


class Arguments:
    """Options by name, each with all its values in order (a flag's is "1"), and operands."""

    __slots__ = ("operands", "options")

    def __init__(self, options: dict[str, list[str]], operands: list[str]) -> None:
        self.options, self.operands = options, operands

    def flag(self, name: str) -> bool:
        """Return whether a flag was given."""
        return name in self.options

    def get(self, name: str) -> str | None:
        """Return an option's last value, or None."""
        return self.options[name][-1] if name in self.options else None

    def all(self, name: str) -> list[str]:
        """Return every value of a repeated option."""
        return self.options.get(name, [])

    def count(self, name: str) -> int | None:
        """Return an option's value as a number from 1. Raises: Usage."""
        text = self.get(name)
        if text is None:
            return None
        if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text)):
            raise Usage(f"--{name} {text!a}", "give a whole number from 1")
        return int(text)


def parse(argv: Sequence[str], allowed: Mapping[str, str], before_text: int | None = None) -> Arguments:
    """Return the arguments. *before_text* is how many operands come before a text, None for no text.

    Raises: Usage, naming the word that was not understood.
    """
    options: dict[str, list[str]] = {}
    operands: list[str] = []
    words = iter(argv)
    for word in words:
        if word == "--":
            operands.extend(words)
        elif word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            kind = allowed.get(name) or COMMON.get(name)
            if kind is None:
                hint = "--help lists them" + ("" if before_text is None else "; -- before a text that begins so")
                raise Usage(f"no option --{ascii(name)[1:-1]}", hint)
            if kind == FLAG:
                if equals:
                    raise Usage(f"--{name} takes no value", "leave it out")
                value = "1"
            elif not equals:
                taken = next(words, None)
                if taken is None:
                    raise Usage(f"--{name} needs a value", f"--{name} {kind}")
                value = taken
            options.setdefault(name, []).append(value)
        elif word.startswith("-") and len(word) > 1 and (before_text is None or len(operands) < before_text):
            hint = "--help lists them" + ("" if before_text is None else "; -- before a text that begins so")
            raise Usage(f"no option {word!a}", hint)
        else:
            operands.append(word)
            if before_text is not None and len(operands) > before_text:
                operands.extend(words)
    return Arguments(options, operands)


def text_of(words: Sequence[str]) -> str:
    """Return the words of a text, as they were typed. Raises: BadData when they are not UTF-8."""
    octets = os.fsencode(" ".join(words))
    try:
        return octets.decode()
    except UnicodeDecodeError:
        raise BadData("the text is not UTF-8", "send it as a file: --attach FILE") from None


def duration(text: str) -> float:
    """Return the seconds in `90`, `90s`, `15m`, `2h` or `7d`. Raises: Usage."""
    units = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
    number, unit = (text[:-1], text[-1]) if text[-1:] in units else (text, "s")
    whole = number.isascii() and number.isdigit() and len(number) < 10
    if not (whole and 0 < int(number) * units[unit] <= MAX_SECONDS):
        raise Usage(f"{text!a} is not a time", "give 90s, 15m, 2h or 7d")
    return int(number) * units[unit]

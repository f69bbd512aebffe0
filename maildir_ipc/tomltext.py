"""TOML that a person wrote, changed in place: whole tables, each after a line that says whose it is, and an array.

The standard library has no writer of TOML, and before Python 3.11 no reader either: what is looked at here is
where statements begin and end. Where there is a reader, it judges the text before and after.
Source: toml.io, version 1.0.
"""

from __future__ import annotations

import json
import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    Table = tuple[str, ...]

MARK = "# maildir-ipc: made by `mipc setup`; `mipc setup codex --remove` takes it away"
_OURS = "# maildir-ipc"
_PART = re.compile(r"""[ \t]*(?:"((?:[^"\\\n]|\\.)*)"|'([^'\n]*)'|([A-Za-z0-9_-]+))[ \t]*""")
_STRING = re.compile(r'''"""(?:[^\\]|\\.)*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:[^"\\\n]|\\.)*"|'[^'\n]*\'''', re.DOTALL)


class NotTOML(ValueError):
    """The text is not TOML, or has what is asked for in a form that is not changed here."""


class Statement:
    """A header, or a key with its value: where it begins and ends, and the table and key that it speaks of."""

    __slots__ = ("end", "key", "start", "table", "value")

    def __init__(self, table: Table, key: Table, start: int, value: int, end: int) -> None:
        self.table, self.key, self.start, self.value, self.end = table, key, start, value, end


def check(text: str) -> None:
    """Return when *text* is TOML, as far as this Python can tell. Raises: NotTOML."""
    try:
        import tomllib  # type: ignore[import-not-found,unused-ignore]
    except ImportError:  # Python 3.10
        list(statements(text))
        return
    try:
        tomllib.loads(text.removeprefix("\ufeff"))
    except ValueError as error:
        raise NotTOML(str(error)) from None


def statements(text: str) -> Iterator[Statement]:
    """Yield the statements in order. Raises: NotTOML."""
    at = int(text.startswith("\ufeff"))
    table: Table = ()
    while at < len(text):
        if text[at] in " \t\r\n":
            at += 1
        elif text[at] == "#":
            at = _line_end(text, at)
        elif text[at] == "[":
            brackets = 2 if text.startswith("[[", at) else 1
            table, end = _key(text, at + brackets)
            if not text.startswith("]" * brackets, end):
                raise _wrong(text, at)
            yield Statement(table, (), at, at, end + brackets)
            at = end + brackets
        else:
            key, equals = _key(text, at)
            if text[equals : equals + 1] != "=":
                raise _wrong(text, at)
            value = equals + 1
            while text[value : value + 1] in (" ", "\t"):
                value += 1
            end = _value_end(text, value)
            yield Statement(table, key, at, value, end)
            at = end


def has(text: str, name: Table) -> bool:
    """Return whether anything in *text* speaks of the table or key *name*, or of what is in it."""
    return any((s.table + s.key)[: len(name)] == name for s in statements(text))


def marked(text: str, name: Table) -> bool:
    """Return whether the table *name* stands after our mark."""
    return any(_is_marked(text, header) for header, _ in _tables(text, name) if header.table == name)


def append(text: str | None, name: Table, pairs: Sequence[tuple[str, str]]) -> str:
    """Return *text* with a marked table at its end; None is a file that is not there."""
    newline = "\r\n" if "\r\n" in (text or "") else "\n"
    block = newline.join([MARK, f"[{'.'.join(name)}]", *(f"{key} = {value}" for key, value in pairs)])
    if text is None:
        return block + newline
    if text and not text.endswith("\n"):
        return text + newline * 2 + block
    return text + newline + block + newline


def words_of(text: str, name: Table) -> list[str]:
    """Return what the table *name* runs: its command and args; nothing when it is not there, or not written so."""
    values = {s.key: text[s.value : s.end] for s in statements(text) if s.table == name}
    return [*_strings(values.get(("command",), "")), *_strings(values.get(("args",), ""))]


def remove(text: str, name: Table) -> str | None:
    """Return *text* without the table *name*, its mark and the tables below it; None when a new file is empty."""
    left: str | None = text
    for header, end in reversed(list(_tables(text, name))):
        assert left is not None
        left = _cut(left, _line_before(text, header.start) if _is_marked(text, header) else header.start, end)
    return left


def _cut(text: str, start: int, end: int) -> str | None:
    """Remove whole lines and the empty line before them; None when that was all, and no empty line was before."""
    after = _line_end(text, end)
    blank = text[:start].endswith(("\n\n", "\n\r\n")) or text[:start] in ("\n", "\r\n")
    newline = (2 if text[:start].endswith("\r\n") else 1) * blank
    if text[after : after + 1] != "\n":
        return text[: start - 2 * newline] + text[after:]
    left = text[: start - newline] + text[after + 1 :]
    return left if left or blank else None


def add_elements(text: str, array: Table, elements: Sequence[str]) -> str:
    """Return *text* with those strings first in an array that is there, or in a new one in its table.

    Raises: NotTOML, when it is there in another form.
    """
    newline = "\r\n" if "\r\n" in text else "\n"
    found = _array(text, array)
    if found is not None:
        at = found.value + 1
        more = "" if _is_empty(text, found) else ", "
        return text[:at] + ", ".join(map(quoted, elements)) + more + text[at:]
    header = next((s for s in statements(text) if s.table == array[:-1] and not s.key), None)
    if header is None:
        raise NotTOML(f"{'.'.join(array[:-1])} is written in another way than as a table")
    at = _line_end(text, header.end)
    at -= text[at - 1] == "\r"
    line = f"{newline}{array[-1]} = [{', '.join(map(quoted, elements))}]  {_OURS}"
    return text[:at] + line + text[at:]


def drop_elements(text: str, array: Table, elements: Sequence[str]) -> str:
    """Return *text* without those strings where they are the first of the array, and without a line that is ours."""
    found = _array(text, array)
    if found is None:
        return text
    written = f"[{', '.join(map(quoted, elements))}]"
    rest = _line_end(text, found.end)
    if text[found.value : rest].rstrip("\r") == f"{written}  {_OURS}":
        start = text.rindex("\n", 0, found.start)
        start -= text[start - 1] == "\r"
        return text[:start] + text[rest - (text[rest - 1] == "\r") :]
    at = end = found.value + 1
    for element in elements:
        if text.startswith(quoted(element), end):
            end += len(quoted(element))
            end += 2 * text.startswith(", ", end)
    return text[:at] + text[end:]


def elements_of(text: str, array: Table) -> list[str]:
    """Return the strings of an array, in order; none when it is not there."""
    found = _array(text, array)
    if found is None:
        return []
    return _strings(text[found.value : found.end])


def _strings(text: str) -> list[str]:
    tokens = [t for t in re.findall(rf"#[^\n]*|{_STRING.pattern}", text, re.DOTALL) if not t.startswith("#")]
    try:
        return [json.loads(t) if t.startswith('"') else t[1:-1] for t in tokens]
    except ValueError:  # an escape that JSON does not have: nothing of ours
        return []


def quoted(text: str) -> str:
    """Return *text* as a TOML string."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _tables(text: str, name: Table) -> Iterator[tuple[Statement, int]]:
    """Yield the header of the table *name* and of each below it, and where that table ends."""
    header, end = None, 0
    for statement in statements(text):
        if not statement.key:
            if header is not None:
                yield header, end
            header = statement if statement.table[: len(name)] == name else None
        end = statement.end
    if header is not None:
        yield header, end


def _is_marked(text: str, header: Statement) -> bool:
    start = _line_before(text, header.start)
    return text[start : header.start].startswith(_OURS)


def _line_before(text: str, at: int) -> int:
    return text.rfind("\n", 0, max(0, text.rfind("\n", 0, at))) + 1


def _array(text: str, array: Table) -> Statement | None:
    for statement in statements(text):
        name = statement.table + statement.key
        if statement.key and name == array[: len(name)]:
            if name == array and text[statement.value] == "[":
                return statement
            raise NotTOML(f"{'.'.join(name)} is written in another way than expected")
    return None


def _is_empty(text: str, array: Statement) -> bool:
    return not re.sub(r"#[^\n]*", "", text[array.value + 1 : array.end - 1]).strip()


def _key(text: str, at: int) -> tuple[Table, int]:
    parts: list[str] = []
    while True:
        part = _PART.match(text, at)
        if part is None:
            raise _wrong(text, at)
        parts.append(next(p for p in part.groups() if p is not None))
        at = part.end()
        if text[at : at + 1] != ".":
            return tuple(parts), at
        at += 1


def _value_end(text: str, at: int) -> int:
    """Return where a value ends: strings, comments and brackets are passed over."""
    start, depth = at, 0
    while at < len(text):
        char = text[at]
        if char in "\"'":
            string = _STRING.match(text, at)
            if string is None:
                raise _wrong(text, at)
            at = string.end()
            continue
        if char == "#" or (char == "\n" and not depth):
            if not depth:
                break
            at = _line_end(text, at)
            continue
        depth += (char in "[{") - (char in "]}")
        at += 1
    end = start + len(text[start:at].rstrip())
    if depth or end == start:
        raise _wrong(text, start)
    return end


def _wrong(text: str, at: int) -> NotTOML:
    return NotTOML(f"line {text.count(chr(10), 0, at) + 1}: this is not TOML")


def _line_end(text: str, at: int) -> int:
    """Return where the line ends that *at* is in."""
    end = text.find("\n", at)
    return len(text) if end < 0 else end

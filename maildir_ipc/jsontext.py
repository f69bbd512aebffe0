"""JSON that a person wrote, changed in place: every character that is not ours stays where it is.

What was put in can be taken out again to the same bytes. Two traces in the white space tell, at that time,
what was there before: a container that existed and was empty has one space before what we put in first; one
that we made has none, or a new line, and goes with its last item.
Source: RFC 8259; comments and trailing commas where a client takes them.
"""

from __future__ import annotations

import json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    Key = str | int

END = -1  # as the last step of a path: after the last element
_SPACE = " \t\r\n"
_DEEPEST = 200


class NotJSON(ValueError):
    """The text is not JSON, or not of the expected shape; the words say where."""


def _no_constant(name: str) -> None:
    raise ValueError(name)  # NaN and the infinities are Python's, not JSON's


_SCALARS = json.JSONDecoder(parse_constant=_no_constant)


class Item:
    """A value in its place: *start* to *end*, and *first*, where its key begins (or itself)."""

    __slots__ = ("end", "first", "items", "kind", "start", "value")

    def __init__(self, kind: str, start: int) -> None:
        self.kind, self.start, self.first, self.end = kind, start, start, start
        self.items: dict[Key, Item] = {}
        self.value: Any = None

    def plain(self) -> Any:
        """Return the value as Python has it."""
        if self.kind == "object":
            return {key: item.plain() for key, item in self.items.items()}
        return [item.plain() for item in self.items.values()] if self.kind == "array" else self.value


def parse(text: str, *, relaxed: bool = False) -> Item:
    """Return the document. *relaxed* takes comments and trailing commas. Raises: NotJSON."""
    if not text.strip(_SPACE):
        raise NotJSON("the file is empty (remove it, or write {} into it)")
    return _Parser(text, relaxed).document()


def insert(text: str | None, path: Sequence[Key], value: Any, *, relaxed: bool = False) -> str:
    """Return *text* with *value* at *path*, where nothing is yet; what leads there is made. None: a new file.

    Raises: NotJSON, when something on the way is of another kind.
    """
    if text is None:
        return _rendered(_nested(path, value), "", "  ", "\n") + "\n"
    item = parse(text, relaxed=relaxed)
    for depth, key in enumerate(path):
        _expect("array" if isinstance(key, int) else "object", item, path[:depth])
        if key not in item.items:
            return _with(text, item, key, _nested(path[depth + 1 :], value), relaxed)
        item = item.items[key]
    raise NotJSON(f"{named(path)} is there already")


def remove(text: str, path: Sequence[Key], *, relaxed: bool = False) -> str | None:
    """Return *text* without what is at *path*, and without what was made to hold it; None when nothing is left."""
    root = parse(text, relaxed=relaxed)
    trail = [root]
    for key in path:
        trail.append(trail[-1].items[key])
    while len(trail) > 1:
        item, holder = trail.pop(), trail[-1]
        if len(holder.items) > 1 or text[_before(text, item.first) : item.first] == " ":
            return _without(text, item, holder, relaxed)
    return None


def named(path: Sequence[Key]) -> str:
    """Return a path as people write it."""
    return ".".join(str(key) for key in path if key != END) or "the whole file"


def _expect(kind: str, item: Item, path: Sequence[Key]) -> None:
    if item.kind != kind:
        raise NotJSON(f"{named(path)} is not {'a list' if kind == 'array' else 'an object'}")


def _nested(path: Sequence[Key], value: Any) -> Any:
    for key in reversed(path):
        value = [value] if isinstance(key, int) else {key: value}
    return value


def _with(text: str, holder: Item, key: Key, value: Any, relaxed: bool) -> str:
    """Put a value in as the last of its holder."""
    label = "" if isinstance(key, int) else json.dumps(key) + ": "
    newline = "\r\n" if "\r\n" in text else "\n"
    unit = _unit(text, relaxed)
    if not holder.items:
        line = text[: holder.start].rpartition("\n")[2]
        indent = line[: len(line) - len(line.lstrip())]
        at = holder.start + 1
        return text[:at] + " " + label + _rendered(value, indent + unit, unit, newline) + text[at:]
    last = list(holder.items.values())[-1]
    space = text[_before(text, last.first) : last.first]
    if "\n" in space:
        written = _rendered(value, space.rpartition("\n")[2], unit, newline)
        space = newline + space.rpartition("\n")[2]
    else:
        written, space = json.dumps(value, ensure_ascii=False), " " if len(holder.items) == 1 else space
    comma = _comma(text, last.end, relaxed)
    at = _before(text, holder.end - 1)
    if "\n" not in space:  # not behind a comment, which would swallow it
        at = last.end if comma is None else comma + 1
    if comma is not None:  # a trailing one: the style is kept
        return text[:at] + space + label + written + "," + text[at:]
    return text[: last.end] + "," + text[last.end : at] + space + label + written + text[at:]


def _without(text: str, item: Item, holder: Item, relaxed: bool) -> str:
    start = _before(text, item.first)
    comma = _comma(text, item.end, relaxed)
    if comma is not None and item is next(iter(holder.items.values())) and len(holder.items) > 1:
        after = comma + 1  # the white space before the first item tells who made its holder: it stays
        return text[: item.first] + text[after + len(text[after:]) - len(text[after:].lstrip(_SPACE)) :]
    if comma is not None:
        return text[:start] + text[item.end : comma] + text[comma + 1 :]
    rest = [other for other in holder.items.values() if other.first < item.first]
    if rest:
        comma = _comma(text, rest[-1].end, relaxed)
        assert comma is not None
        return text[:comma] + text[comma + 1 : start] + text[item.end :]
    return text[:start] + text[item.end :]


def _before(text: str, at: int) -> int:
    while at and text[at - 1] in _SPACE:
        at -= 1
    return at


def _comma(text: str, at: int, relaxed: bool) -> int | None:
    at = _Parser(text, relaxed).space(at)
    return at if text[at : at + 1] == "," else None


def _unit(text: str, relaxed: bool) -> str:
    """Return by how much this file indents: as its first member is."""
    for item in parse(text, relaxed=relaxed).items.values():
        space = text[_before(text, item.first) : item.first]
        if "\n" in space:
            return space.rpartition("\n")[2] or "  "
    return "  "


def _rendered(value: Any, indent: str, unit: str, newline: str) -> str:
    return json.dumps(value, ensure_ascii=False, indent=unit).replace("\n", newline + indent)


class _Parser:
    def __init__(self, text: str, relaxed: bool) -> None:
        self._text, self._relaxed = text, relaxed

    def document(self) -> Item:
        start = self.space(self._text.startswith("\ufeff"))
        root = self._item(start, 0)
        end = self.space(root.end)
        if end != len(self._text):
            raise self._wrong(end, "something follows the end")
        if root.kind != "object":
            raise self._wrong(start, "this is not an object")
        return root

    def space(self, at: int) -> int:
        """Return where the white space and the comments at *at* end."""
        text = self._text
        while True:
            while at < len(text) and text[at] in _SPACE:
                at += 1
            if text[at : at + 1] != "/":
                return at
            if not self._relaxed:
                raise self._wrong(at, "a comment, which this client does not read here")
            mark = {"//": "\n", "/*": "*/"}.get(text[at : at + 2])
            end = text.find(mark, at + 2) if mark else -1
            if mark == "\n":
                at = len(text) if end < 0 else end
            elif end < 0:
                raise self._wrong(at, "a comment that does not end")
            else:
                at = end + 2

    def _item(self, at: int, depth: int) -> Item:
        if depth > _DEEPEST:
            raise self._wrong(at, "too deep")
        opening = self._text[at : at + 1]
        if opening in ("{", "["):
            return self._container(Item("object" if opening == "{" else "array", at), depth)
        item = Item("scalar", at)
        try:
            item.value, item.end = _SCALARS.raw_decode(self._text, at)
        except ValueError:
            raise self._wrong(at, "no value" if opening else "the end comes too early") from None
        return item

    def _container(self, holder: Item, depth: int) -> Item:
        closing = "}" if holder.kind == "object" else "]"
        at = self.space(holder.start + 1)
        while self._text[at : at + 1] != closing:
            first, key = at, len(holder.items)
            named_key: Key = key
            if closing == "}":
                named_key, at = self._key(at)
                if named_key in holder.items:
                    raise self._wrong(first, f"the key {named_key!a} a second time")
            item = self._item(at, depth + 1)
            item.first = first
            holder.items[named_key] = item
            at = self.space(item.end)
            if self._text[at : at + 1] == ",":
                comma = at
                at = self.space(at + 1)
                if self._text[at : at + 1] == closing and not self._relaxed:
                    raise self._wrong(comma, "a comma too many")
            elif self._text[at : at + 1] != closing:
                raise self._wrong(at, "a comma or an end is missing")
        holder.end = at + 1
        return holder

    def _key(self, at: int) -> tuple[str, int]:
        item = self._item(at, _DEEPEST) if self._text[at : at + 1] == '"' else None
        colon = self.space(item.end) if item else at
        if item is None or self._text[colon : colon + 1] != ":":
            raise self._wrong(at, "no key")
        return item.value, self.space(colon + 1)

    def _wrong(self, at: int, what: str) -> NotJSON:
        return NotJSON(f"line {self._text.count(chr(10), 0, at) + 1}: {what}")

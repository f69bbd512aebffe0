"""One thing of ours in a client's file: how it is put in, found again, and taken out; all else stays as it is.

`put` returns the text with it and `drop` the text without it (None: no file), and both say in *notes* what
they left alone. Something of the same name that is not ours is never changed.
"""

from __future__ import annotations

import shlex

from .. import jsontext, tomltext

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, Protocol

    class Entry(Protocol):
        """What every kind of entry does."""

        def put(self, text: str | None, relaxed: bool, notes: list[str]) -> str: ...

        def drop(self, text: str, relaxed: bool, notes: list[str]) -> str | None: ...


_RENEW = "left as it is; --remove, then --apply, renews it"
_THEIRS = "is there already, and not by mipc setup: left as it is"


class Member:
    """A member of an object: the MCP server."""

    __slots__ = ("name", "path", "value")

    def __init__(self, path: tuple[str, ...], value: dict[str, Any], name: str) -> None:
        self.path, self.value, self.name = path, value, name

    def put(self, text: str | None, relaxed: bool, notes: list[str]) -> str:
        there = _at(text, self.path, relaxed)
        if text is None or there is None:
            return jsontext.insert(text, self.path, self.value, relaxed=relaxed)
        if there != self.value and _words(there) != _words(self.value):
            ours = _runs(_words(there), self.name)
            notes.append(f"{jsontext.named(self.path)} {f'runs {_words(there)!a}: {_RENEW}' if ours else _THEIRS}")
        return text

    def drop(self, text: str, relaxed: bool, notes: list[str]) -> str | None:
        there = _at(text, self.path, relaxed)
        if there is None:
            return text
        if not _runs(_words(there), self.name):
            notes.append(f"{jsontext.named(self.path)} is not what mipc setup wrote: left as it is")
            return text
        return jsontext.remove(text, self.path, relaxed=relaxed)


class Hook:
    """A handler in the list of an event."""

    __slots__ = ("client", "event", "handler")

    def __init__(self, client: str, event: str, handler: dict[str, Any]) -> None:
        self.client, self.event, self.handler = client, event, handler

    def put(self, text: str | None, relaxed: bool, notes: list[str]) -> str:
        for path in self._found(text, relaxed):
            there = _at(text, path, relaxed)
            if there["command"] != self.handler["command"]:
                notes.append(f"{jsontext.named(path[:2])} runs {there['command']!a} already: {_RENEW}")
            assert text is not None
            return text
        return jsontext.insert(text, ("hooks", self.event, jsontext.END), {"hooks": [self.handler]}, relaxed=relaxed)

    def drop(self, text: str, relaxed: bool, notes: list[str]) -> str | None:
        del notes
        left: str | None = text
        while left is not None and (found := self._found(left, relaxed)):
            left = jsontext.remove(left, found[0], relaxed=relaxed)
        return left

    def _found(self, text: str | None, relaxed: bool) -> list[tuple[str | int, ...]]:
        """Return the paths of our handlers, in whatever group they are by now."""
        found: list[tuple[str | int, ...]] = []
        groups = _at(text, ("hooks", self.event), relaxed)
        for g, group in enumerate(groups if isinstance(groups, list) else []):
            handlers = group.get("hooks") if isinstance(group, dict) else None
            for h, handler in enumerate(handlers if isinstance(handlers, list) else []):
                words = _words(handler, line=True)
                if words[-2:] == [self.client, self.event] and _runs(words[:-2], "hook"):
                    found.append(("hooks", self.event, g, "hooks", h))
        return found


class Elements:
    """Strings in a list."""

    __slots__ = ("path", "strings")

    def __init__(self, path: tuple[str, ...], strings: Sequence[str]) -> None:
        self.path, self.strings = path, strings

    def put(self, text: str | None, relaxed: bool, notes: list[str]) -> str:
        del notes
        there = _at(text, self.path, relaxed)
        for string in self.strings:
            if not (isinstance(there, list) and string in there):
                text = jsontext.insert(text, (*self.path, jsontext.END), string, relaxed=relaxed)
        assert text is not None
        return text

    def drop(self, text: str, relaxed: bool, notes: list[str]) -> str | None:
        del notes
        left: str | None = text
        for string in reversed(self.strings):
            there = _at(left, self.path, relaxed)
            if left is not None and isinstance(there, list) and string in there:
                at = len(there) - 1 - there[::-1].index(string)
                left = jsontext.remove(left, (*self.path, at), relaxed=relaxed)
        return left


class ServerTable:
    """The MCP server, as a table of Codex's config.toml."""

    __slots__ = ("name", "words")

    def __init__(self, name: tuple[str, ...], words: Sequence[str]) -> None:
        self.name, self.words = name, words

    def put(self, text: str | None, relaxed: bool, notes: list[str]) -> str:
        del relaxed
        if text is None or not tomltext.has(text, self.name):
            command, *rest = map(tomltext.quoted, self.words)
            return tomltext.append(text, self.name, [("command", command), ("args", f"[{', '.join(rest)}]")])
        there = tomltext.words_of(text, self.name)
        if there != list(self.words):
            ours = _runs(there, "mcp")
            notes.append(f"{'.'.join(self.name)} {f'runs {there!a}: {_RENEW}' if ours else _THEIRS}")
        return text

    def drop(self, text: str, relaxed: bool, notes: list[str]) -> str | None:
        del relaxed
        if not tomltext.has(text, self.name):
            return text
        # By what it runs: Codex forgets comments when it writes its servers anew.
        if not _runs(tomltext.words_of(text, self.name), "mcp"):
            notes.append(f"{'.'.join(self.name)} is not what mipc setup wrote: left as it is")
            return text
        return tomltext.remove(text, self.name)


class Roots:
    """What Codex's sandbox may write."""

    __slots__ = ("array", "paths")

    def __init__(self, array: tuple[str, ...], paths: Sequence[str]) -> None:
        self.array, self.paths = array, paths

    def put(self, text: str | None, relaxed: bool, notes: list[str]) -> str:
        del relaxed, notes
        if text is None or not tomltext.has(text, self.array[:-1]):
            value = f"[{', '.join(map(tomltext.quoted, self.paths))}]"
            return tomltext.append(text, self.array[:-1], [(self.array[-1], value)])
        there = tomltext.elements_of(text, self.array)
        missing = [path for path in self.paths if path not in there]
        return tomltext.add_elements(text, self.array, missing) if missing else text

    def drop(self, text: str, relaxed: bool, notes: list[str]) -> str | None:
        del relaxed, notes
        table = self.array[:-1]
        keys = [s.key for s in tomltext.statements(text) if s.table[: len(table)] == table and s.key]
        only_ours = keys == [self.array[-1:]] and tomltext.elements_of(text, self.array) == list(self.paths)
        if tomltext.marked(text, table) and only_ours:
            return tomltext.remove(text, table)
        return tomltext.drop_elements(text, self.array, self.paths)


class Whole:
    """A file that is ours from its first line on."""

    __slots__ = ("content",)

    def __init__(self, content: str) -> None:
        self.content = content

    def put(self, text: str | None, relaxed: bool, notes: list[str]) -> str:
        del relaxed
        if text is None or self._is_ours(text):
            return self.content
        notes.append("there is a file of that name already: left as it is")
        return text

    def drop(self, text: str, relaxed: bool, notes: list[str]) -> str | None:
        del relaxed
        if self._is_ours(text):
            return None
        notes.append("this is not the file that mipc setup wrote: left as it is")
        return text

    def _is_ours(self, text: str) -> bool:
        return text.partition("\n")[0] == self.content.partition("\n")[0]


def _at(text: str | None, path: Sequence[str | int], relaxed: bool) -> Any:
    item = jsontext.parse(text, relaxed=relaxed) if text is not None else None
    for key in path:
        item = item.items.get(key) if item is not None else None
    return None if item is None else item.plain()


def _words(entry: Any, *, line: bool = False) -> list[str]:
    """Return the words of the command that an entry of a client's file runs; none when it has none."""
    command = entry.get("command") if isinstance(entry, dict) else None
    arguments = entry.get("args") if isinstance(entry, dict) else None
    if isinstance(command, list):
        words = command
    elif line and isinstance(command, str):
        try:
            words = shlex.split(command)
        except ValueError:
            words = []
    else:
        words = [command, *(arguments if isinstance(arguments, list) else [])]
    return [word for word in words if isinstance(word, str)]


def _runs(words: Sequence[str], name: str) -> bool:
    """Return whether the words are `ipc-NAME`, or `mipc NAME`, wherever that lies."""
    programs = [words[0].rpartition("/")[2], *words[1:]] if words else []
    return programs in ([f"ipc-{name}"], ["mipc", name])

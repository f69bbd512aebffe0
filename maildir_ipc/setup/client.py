"""The files of an agent client, with what is ours put in or taken out, all judged before the first is written."""

from __future__ import annotations

import os

from .. import dotfile
from ..errors import Misconfigured
from ..jsontext import NotJSON
from ..tomltext import NotTOML, check
from . import Change, Plan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from .entries import Entry
    from .place import Place


class File:
    """One file, what of ours belongs into it, and how it is written: json, jsonc (with comments), toml or js."""

    __slots__ = ("entries", "kind", "path")

    def __init__(self, path: str, entries: Sequence[Entry], kind: str = "json") -> None:
        self.path, self.entries, self.kind = path, entries, kind

    def put(self, text: str | None, notes: list[str]) -> str | None:
        """Return the text with all of ours. Raises: Misconfigured."""
        return self._edited(text, notes, put=True)

    def drop(self, text: str | None, notes: list[str]) -> str | None:
        """Return the text with nothing of ours; None when nothing is left. Raises: Misconfigured."""
        return self._edited(text, notes, put=False)

    def _edited(self, text: str | None, notes: list[str], *, put: bool) -> str | None:
        relaxed, said = self.kind == "jsonc", len(notes)
        try:
            if self.kind == "toml":
                check(text or "")
            for entry in self.entries if put else self.entries[::-1]:
                if put:
                    text = entry.put(text, relaxed, notes)
                elif text is not None:
                    text = entry.drop(text, relaxed, notes)
            if self.kind == "toml":
                check(text or "")
        except (NotJSON, NotTOML) as error:
            raise Misconfigured(f"{self.path}: {error}", "it is left as it is") from None
        notes[said:] = [f"{self.path}: {note}" for note in notes[said:]]
        return text


def plan_of(files: Sequence[File], place: Place, after: Sequence[str]) -> Plan:
    """Return the changes of these files. Raises: Misconfigured, when one cannot be read or is not what it should be."""
    left: list[str] = []
    left_in: list[str] = []
    changes = [_change(file, place, left, left_in) for file in files]
    hints = list(after)
    if not os.path.isdir(place.settings.root):
        hints.insert(0, "mipc init, before an agent in a sandbox starts: it cannot make the spool itself")
    return Plan(changes, hints, (), left, left_in)


def _change(file: File, place: Place, left: list[str], left_in: list[str]) -> Change:
    old = dotfile.read(file.path)
    wanted, without = file.put(old.text, left), file.drop(old.text, left_in)
    shown = file.put(None, [])
    assert wanted is not None
    assert shown is not None
    return Change(file.path, old.text, wanted, without, shown, lambda text: _write(old, text, text == wanted, place))


def _write(old: dotfile.Dotfile, text: str | None, applied: bool, place: Place) -> None:
    """Write one file. A sandbox opens only what is there, so the folder of the session tokens is made too."""
    keep, tokens = (place.home, place.project), place.settings.states[0]
    dotfile.replace(old, text, keep)
    if applied:
        dotfile.make_folder(tokens)
    else:
        dotfile.leave(tokens, keep)

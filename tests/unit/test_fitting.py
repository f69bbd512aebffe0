"""Arguments of a tool call, before anything is done with them. Ours."""

from __future__ import annotations

from typing import Any

import pytest

from maildir_ipc.fitting import misfit, tidy

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "to": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
        "count": {"type": "integer", "minimum": 1, "maximum": 5},
        "ratio": {"type": "number"},
        "loud": {"type": "boolean"},
        "data": {"type": "object"},
        "words": {"type": "array", "items": {"type": "string"}, "minItems": 1},
        "how": {"type": "string", "enum": ["a", "b"]},
    },
    "required": ["to"],
}


@pytest.mark.parametrize(
    "given",
    [
        {"to": "bob"},
        {"to": ["bob", "carol"], "count": 5, "ratio": 1, "loud": False, "data": {}, "words": ["x"], "how": "b"},
        {"to": "bob", "count": None, "data": None},
    ],
)
def test_what_fits_is_taken(given: dict[str, Any]) -> None:
    """None stands for what was left out."""
    assert misfit(SCHEMA, given) is None


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "to is missing: it takes to, count, ratio, loud, data, words, how"),
        ({"to": None}, "to is missing: it takes to, count, ratio, loud, data, words, how"),
        ({"to": 1}, "to must be text or a list of texts"),
        ({"to": ["a", 1]}, "to must be text or a list of texts"),
        ({"to": "b", "count": 6}, "count must be a whole number from 1 to 5"),
        ({"to": "b", "count": 1.5}, "count must be a whole number from 1 to 5"),
        ({"to": "b", "count": True}, "count must be a whole number from 1 to 5"),
        ({"to": "b", "ratio": "1"}, "ratio must be a number"),
        ({"to": "b", "loud": 1}, "loud must be true or false"),
        ({"to": "b", "data": "x"}, "data must be a JSON object"),
        ({"to": "b", "words": []}, "words must be a list of texts, 1 at least"),
        ({"to": "b", "how": "c"}, "how must be a, b"),
        ({"to": "b", "sec\nret": "value"}, "no argument 'sec\\nret': it takes to, count,"),
    ],
)
def test_what_does_not_fit_is_said_in_one_line_without_its_value(given: dict[str, Any], said: str) -> None:
    """A value may be a secret, or a page long."""
    found = misfit(SCHEMA, given)
    assert found is not None
    assert found.startswith(said)
    assert "\n" not in found
    assert "value" not in found


def test_a_tidy_schema_says_the_same_in_less() -> None:
    """Titles, and the null of what may be left out, are paid for by every agent."""
    made = {
        "title": "args",
        "type": "object",
        "properties": {
            "a": {"title": "A", "type": "string", "description": "first"},
            "b": {"title": "B", "anyOf": [{"type": "integer", "minimum": 0}, {"type": "null"}], "default": None},
            "c": {"anyOf": [{"type": "string"}, {"type": "array"}, {"type": "null"}], "default": None},
            "d": {"type": "integer", "default": 5},
            "e": {"type": "object", "additionalProperties": True},
        },
        "required": ["a"],
    }
    assert tidy(made) == {
        "type": "object",
        "properties": {
            "a": {"type": "string", "description": "first"},
            "b": {"type": "integer", "minimum": 0},
            "c": {"anyOf": [{"type": "string"}, {"type": "array"}]},
            "d": {"type": "integer", "default": 5},
            "e": {"type": "object"},
        },
        "required": ["a"],
        "additionalProperties": False,
    }

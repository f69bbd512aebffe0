"""JSON changed in place: what goes in comes out to the same bytes, and nothing else moves."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maildir_ipc.jsontext import END, NotJSON, insert, parse, remove

_VALUE = {"hooks": [{"type": "command", "command": "/x/ipc-hook claude Stop"}]}
_PATHS: tuple[tuple[str | int, ...], ...] = (("hooks", "Stop", END), ("hooks", "Start", END), ("mcpServers", "ours"))
_ODD = [
    "{}",
    "{ }",
    "{\n}\n",
    '{"a": 1}',
    '{"a":1,"b":2}\n',
    '{\n\t"a": 1,\n\t"hooks": {}\n}\n',
    '{"hooks": {"Stop": []}}',
    '{"hooks": {"Stop": [ ] }, "mcpServers": { "theirs": {} }}',
    '\ufeff{\r\n    "a": {\r\n        "b": 1\r\n    }\r\n}\r\n',
    '{\n  "hooks": {\n    "Stop": [\n      {"hooks": []}\n    ]\n  }\n}',
    '{\n  "a": "\\ud83d\\u0000 }],//",\n  "b": [[], {}, -1.5e3, null, true]\n}',
]
_WITH_COMMENTS = [
    '{\n  "a": 1 // one\n}\n',
    "{\n  // nothing yet\n}\n",
    '{\n  "hooks": {"Stop": [ /* none */ ]},\n}\n',
    '{"hooks": {"Stop": [ 1, /* } */ ]},}',
    '{\n  "a": 1, // "b": 2,\n  /* the last */\n}// end',
]


def _round_trip(text: str | None, *, relaxed: bool) -> None:
    full = text
    for path in _PATHS:
        full = insert(full, path, _VALUE, relaxed=relaxed)
    assert full is not None
    found = parse(full, relaxed=relaxed).plain()
    assert found["hooks"]["Stop"][-1] == found["hooks"]["Start"][-1] == found["mcpServers"]["ours"] == _VALUE
    for order in (_PATHS, _PATHS[::-1], (_PATHS[1], _PATHS[2], _PATHS[0])):
        left: str | None = full
        for path in order:
            assert left is not None
            if path[-1] == END:
                elements = parse(left, relaxed=relaxed).items["hooks"].items[path[1]].items
                path = (*path[:-1], len(elements) - 1)  # noqa: PLW2901 - END is where it went in
            left = remove(left, path, relaxed=relaxed)
        assert left == text


@pytest.mark.parametrize("text", [None, *_ODD])
def test_what_was_put_in_comes_out_to_the_same_bytes(text: str | None) -> None:
    """Issue 4: --remove takes out exactly what --apply put in, whoever wrote the file, in any order."""
    _round_trip(text, relaxed=False)
    if text is not None:
        full = insert(text, ("ours",), _VALUE)
        assert json.loads(full.removeprefix("\ufeff")) == {**json.loads(text.removeprefix("\ufeff")), "ours": _VALUE}


@pytest.mark.parametrize("text", _WITH_COMMENTS)
def test_comments_stay_where_they_are(text: str) -> None:
    """Gemini CLI and opencode read comments and trailing commas."""
    _round_trip(text, relaxed=True)


_JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text(max_size=3), _JSON, max_size=4), st.sampled_from([None, 1, 4, "\t"]), st.booleans())
def test_any_file_that_a_program_wrote_comes_back(
    document: dict[str, Any], indent: int | str | None, raw: bool
) -> None:
    """Whatever is in it, and however it is indented."""
    _round_trip(json.dumps(document, indent=indent, ensure_ascii=not raw), relaxed=False)


def test_what_somebody_added_beside_ours_stays() -> None:
    """Only what we made to hold ours goes with it, and only when it is empty."""
    text = insert(None, ("hooks", "Stop", END), _VALUE)
    text = insert(text, ("hooks", "Stop", END), "theirs")
    assert json.loads(remove(text, ("hooks", "Stop", 0)) or "") == {"hooks": {"Stop": ["theirs"]}}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (" \n", "the file is empty (remove it, or write {} into it)"),
        ('{"a": ', "line 1: the end comes too early"),
        ("\n\n[]", "line 3: this is not an object"),
        ('{"a": 1', "line 1: a comma or an end is missing"),
        ('{"a": 1}\n{"b": 2}', "line 2: something follows the end"),
        ('{"a": 1,\n "a": 2}', "line 2: the key 'a' a second time"),
        ('{"a": 1,}', "line 1: a comma too many"),
        ('{"a": 01}', "line 1: a comma or an end is missing"),
        ('{"a": NaN}', "line 1: no value"),
        ('{"a": "\n"}', "line 1: no value"),
        ("{'a': 1}", "line 1: no key"),
        ('{"a" 1}', "line 1: no key"),
        ('{\n// x\n"a": 1}', "line 2: a comment, which this client does not read here"),
        ('{"a":' + "[" * 100_000, "line 1: too deep"),
    ],
)
def test_what_is_not_json_is_refused_with_its_line(text: str, says: str) -> None:
    """G12."""
    with pytest.raises(NotJSON) as caught:
        parse(text)
    assert str(caught.value) == says


@pytest.mark.parametrize("text", ['{"a": 1, /* no end', '{"a": 1} / x'])
def test_a_comment_that_is_none_is_refused(text: str) -> None:
    """G12."""
    with pytest.raises(NotJSON, match="a comment that does not end"):
        parse(text, relaxed=True)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"hooks": []}', "hooks is not an object"),
        ('{"hooks": null}', "hooks is not an object"),
        ('{"hooks": {"Stop": {}}}', "hooks.Stop is not a list"),
        ('{"hooks": {"Stop": "x"}}', "hooks.Stop is not a list"),
    ],
)
def test_what_has_another_shape_is_refused_by_its_name(text: str, says: str) -> None:
    """G12: it is somebody's, and not ours to guess about."""
    with pytest.raises(NotJSON) as caught:
        insert(text, _PATHS[0], _VALUE)
    assert str(caught.value) == says


def test_nothing_is_put_over_what_is_there() -> None:
    """Issue 4: never overwrites."""
    with pytest.raises(NotJSON, match=r"a\.b is there already"):
        insert('{"a": {"b": 1}}', ("a", "b"), 2)

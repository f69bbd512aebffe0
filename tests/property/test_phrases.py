"""Sentences that nobody thought of: the text comes through, and what is not a phrase does nothing. Design, 8 (`do`)."""

from __future__ import annotations

import re

from hypothesis import assume, given
from hypothesis import strategies as st

from maildir_ipc.phrases import WORDS, Act, Unsure, understand
from tests.unit.sayings import PHRASES

SENDING = {"send", "broadcast", "reply", "forward"}
TEXTS = st.text() | st.text("tell fred:msg \n\r\t-'\"$`…\x00\x1b\u2028é😀", max_size=60)
COMMANDS = st.sampled_from([
    ("tell fred: ", ("send", "fred")), ("Send message to Fred: ", ("send", "fred")), ("msg fred:\n", ("send", "fred")),
    ("send to fred :\t", ("send", "fred")), ("send fred a message: ", ("send", "fred")), ("reply: ", ("reply", "@")),
    ("message @fred:\r\n", ("send", "fred")), ("broadcast: ", ("broadcast",)), ("TELL everyone: ", ("broadcast",)),
])  # fmt: skip
BARE = st.sampled_from(["tell fred ", "msg fred ", "message fred about ", "send a message to fred asking "])
BREAKS = st.sampled_from([", ", ". ", "! ", "; ", " - ", " / ", " (", "... ", " \u2013 ", ": ", " | ", "? "])
PIECES = st.lists(
    st.sampled_from(sorted({word for phrase in PHRASES for word in re.findall(r"\w+|\W", phrase)}))
    | st.sampled_from(sorted(WORDS))
    | st.text(max_size=3)
).map("".join)


@given(COMMANDS, TEXTS)
def test_after_a_colon_the_text_survives_exactly(command: tuple[str, tuple[str, ...]], text: str) -> None:
    """G9: byte for byte; or nothing is done."""
    said, meant = command
    act = understand(said + text, lambda _: False)
    if isinstance(act, Act):
        assert (act.verb, *act.operands) == (*meant, text)
    else:
        assert "text" in act.why


@given(COMMANDS, st.from_regex(r"[a-z][^\n\r\v\f\x1c-\x1e\x85\u2028\u2029.,;!?\u2026]*", fullmatch=True))
def test_after_a_colon_a_sentence_that_begins_with_a_letter_is_always_understood(
    command: tuple[str, tuple[str, ...]], text: str
) -> None:
    """Ours: else the test above could pass with every text refused."""
    assert isinstance(understand(command[0] + text, lambda _: False), Act)


@given(BARE, TEXTS)
def test_without_a_colon_the_text_survives_exactly(said: str, text: str) -> None:
    """Design, 8: what comes after the name and one blank."""
    assume(not re.match(r"[ \t]*:", text))  # that is a colon after the name
    act = understand(said + text, lambda name: name == "fred")
    if isinstance(act, Act):
        assert act.verb == "send"
        assert act.operands[0] == "fred"
        assert (said + text).endswith(f"fred {act.operands[1]}")


@given(
    COMMANDS, TEXTS, BREAKS, st.sampled_from(["never mind", "no wait, cancel that", "actually don't", "DO NOT SEND"])
)
def test_a_text_that_ends_in_a_taking_back_is_not_sent(
    command: tuple[str, tuple[str, ...]], text: str, gap: str, back: str
) -> None:
    """Design, 8: whatever the text is, and with a colon too."""
    assert isinstance(understand(f"{command[0]}so {text}{gap}{back}", lambda _: False), Unsure)


@given(
    BARE, TEXTS, BREAKS, st.sampled_from(["tell barney ", "Msg barney: ", "and barney ", "check my messages "]), TEXTS
)
def test_without_a_colon_a_second_phrase_or_name_after_a_break_is_not_sent(
    said: str, text: str, gap: str, second: str, rest: str
) -> None:
    """Design, 8: it may be for somebody else."""
    assert isinstance(understand(f"{said}the {text}{gap}{second}{rest}", {"fred", "barney"}.__contains__), Unsure)


@given(PIECES | TEXTS)
def test_nothing_that_begins_without_a_command_sends(text: str) -> None:
    """Design, 8: never a guess that sends."""
    assume(not re.match(r"\s*(?:send|tell|msg|message|broadcast|reply|forward)\b", text, re.IGNORECASE | re.ASCII))
    act = understand(text, lambda _: True)
    assert isinstance(act, Unsure) or act.verb not in SENDING


@given(st.sampled_from(sorted(PHRASES)), st.text("abcdefgh \"'>.#-", min_size=1).filter(str.strip))
def test_a_phrase_with_anything_before_it_sends_nothing(phrase: str, before: str) -> None:
    """Ours: quoted, commented, negated, reported: it is no longer the phrase."""
    act = understand(f"{before} {phrase}", lambda _: True)
    assert isinstance(act, Unsure) or act.verb not in SENDING


@given(st.text() | PIECES)
def test_any_text_is_understood_or_not_and_never_fails(text: str) -> None:
    """G12: no traceback; and to everyone only by a phrase that names everyone."""
    act = understand(text, lambda _: True)
    if isinstance(act, Unsure):
        assert all(reading.isprintable() for reading in act.readings)
    else:
        assert act.command.isprintable()
        names = r"\s*(?:broadcast\b|(?:send|tell|msg|message)\b[ \ta-z]*\b(?:all|everyone|everybody)\b)"
        assert act.verb != "broadcast" or re.match(names, text, re.IGNORECASE | re.ASCII)

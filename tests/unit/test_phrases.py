"""docs/reference/phrases.md: what a sentence asks for; and that what is not certain sends nothing. Design, 8 (`do`)."""

from __future__ import annotations

import pytest

from maildir_ipc.phrases import Act, Unsure, understand
from tests.unit.sayings import GROUP, NEAR_MISSES, ORDINARY, PHRASES, VARIANTS

HERE = {"fred", "barney", "build", "db", "nightly", "check", "tell", "sent", "x", "send", "later", "the", "all"}


def _is_here(name: str) -> bool:
    return name in HERE


def _understood(phrase: str) -> tuple[str, ...]:
    act = understand(phrase, _is_here)
    assert isinstance(act, Act), act.why
    return (act.verb, *act.operands)


@pytest.mark.parametrize("phrase", PHRASES)
def test_every_phrase_asks_for_its_act(phrase: str) -> None:
    """S40: each phrase of the list that users of Claude IPC MCP know."""
    assert _understood(phrase) == PHRASES[phrase]


@pytest.mark.parametrize("phrase", VARIANTS)
def test_case_blanks_and_punctuation_of_the_command_change_nothing(phrase: str) -> None:
    """S40; the text is kept as it is."""
    assert _understood(phrase) == VARIANTS[phrase]


@pytest.mark.parametrize(("before", "text"), [(before, text) for before in ORDINARY for text in ORDINARY[before]])
def test_an_ordinary_message_is_sent_with_its_text_kept_exactly(before: str, text: str) -> None:
    """S40; else the near misses could be unsure because everything is."""
    done = {"reply: ": ("reply", "@"), "broadcast: ": ("broadcast",)}.get(before, ("send", "fred"))
    assert _understood(before + text) == (*done, text)


@pytest.mark.parametrize("phrase", NEAR_MISSES)
def test_a_near_miss_sends_nothing(phrase: str) -> None:
    """Design, 8: unsure means the two nearest readings, never a guess that sends."""
    act = understand(phrase, _is_here)
    assert isinstance(act, Unsure)
    assert act.why
    assert len({*act.readings}) == 2
    for reading in act.readings:
        assert reading.startswith("mipc ")
        assert reading.isprintable()


def test_there_are_enough_near_misses() -> None:
    """Ours: each once."""
    assert len(NEAR_MISSES) == len(set(NEAR_MISSES)) >= 300


@pytest.mark.parametrize(
    ("phrase", "readings"),
    [
        ("tell nessa hello", ("mipc send nessa hello", "mipc check")),
        (GROUP, ("mipc send NAME TEXT", "mipc broadcast TEXT")),
        ("tell fred and barney: hi", ("mipc send fred,barney hi", "mipc send fred 'and barney: hi'")),
        ("sned a mesage to fred: it's", ("mipc send fred 'it'\"'\"'s'", "mipc check")),
        ("reply to fred: got it", ("mipc send fred 'got it'", "mipc reply @ TEXT")),
        ("please chekc my mesages", ("mipc check", "mipc send NAME TEXT")),
        ("call me later", ("mipc register NAME", "mipc rename NAME")),
        ("tell everyone that lunch is ready", ("mipc broadcast TEXT", "mipc check")),
        ("ask fred: green?", ("mipc send fred 'green?'", "mipc check")),
        ("stop the auto checking", ("mipc auto-check stop", "mipc check")),
        ("tell fred: -", ("mipc send fred TEXT", "mipc check")),
        ("tell fred: a\ntell barney: b", ("mipc send fred -", "mipc check")),
        ("please send to fred: -x", ("mipc send -- fred -x", "mipc check")),
        ("forward to production", ("mipc forward @ production", "mipc send NAME TEXT")),
        ("tell fred: hi, never mind", ("mipc send fred 'hi, never mind'", "mipc check")),
    ],
)
def test_the_two_nearest_readings_are_commands_to_type(phrase: str, readings: tuple[str, str]) -> None:
    """Design, 8: with the name and the text, where they can be made out; quoted for a shell."""
    act = understand(phrase, lambda _: False)
    assert isinstance(act, Unsure)
    assert act.readings == readings


@pytest.mark.parametrize("phrase", ["tell nessa: hi", "send a message to nessa: hi", "send nessa a message: hi"])
def test_with_a_colon_mail_goes_to_a_name_of_the_future(phrase: str) -> None:
    """S5, S40: the colon says where the name ends, so nobody needs to have it yet."""
    act = understand(phrase, lambda _: False)
    assert isinstance(act, Act)
    assert (act.verb, *act.operands) == ("send", "nessa", "hi")


def test_nobody_is_looked_for_where_a_colon_says_it_all() -> None:
    """Ours: no file is read for what does not depend on one."""
    asked: list[str] = []

    def known(name: str) -> bool:
        asked.append(name)
        return True

    for phrase in (
        "tell fred: hi",
        "check messages",
        "broadcast: hi",
        "don't tell fred",
        "tell fred: a, tell barney b",
    ):
        understand(phrase, known)
    assert asked == []
    understand("tell fred hi", known)
    assert set(asked) == {"fred", "hi"}


@pytest.mark.parametrize("minutes", ["0", "1", "60", "61", "99999"])
def test_minutes_are_judged_by_auto_check_and_not_here(minutes: str) -> None:
    """S30: one home for a rule."""
    assert _understood(f"start auto checking every {minutes} minutes") == ("auto-check", "start", minutes)


@pytest.mark.parametrize(
    "phrase", ["start auto checking every 2 hours", "start auto checking -1", "stop auto checking 5"]
)
def test_another_interval_than_minutes_is_unsure(phrase: str) -> None:
    """S30: two hours are not two minutes."""
    assert isinstance(understand(phrase, _is_here), Unsure)


@pytest.mark.parametrize("name", ["fred", "about", "that", "all", "check"])
def test_an_agent_with_the_name_of_a_word_breaks_no_phrase(name: str) -> None:
    """S40: somebody may be called `about`."""
    for phrase in ("msg fred about the build", "tell fred that all is well", "tell fred need help"):
        assert isinstance(understand(phrase, {"fred", name}.__contains__), Act)


def test_what_is_said_of_a_long_phrase_is_short() -> None:
    """Ours: it goes on one line of a terminal, and into an agent's context."""
    long = "a" * 100_000
    for phrase in (
        f"tell {long}: hi", f"tell fred when{'!' * 100_000} hi", f"tell {'fred, ' * 10_000}barney: hi",
        f"tell fred, {long}", f"register as fred{' ' * 100_000}x",
        f"start auto checking {'7' * 100_000}", f"please tell fred: {long}", long,
    ):  # fmt: skip
        act = understand(phrase, _is_here)
        assert isinstance(act, Unsure)
        assert len(act.why) + sum(map(len, act.readings)) < 1000

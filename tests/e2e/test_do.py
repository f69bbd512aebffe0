"""`mipc do`: a sentence becomes a verb of the command, or nothing. Design, 8; S40."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.e2e.driving import assert_refused, listing, mipc
from tests.unit.sayings import NEAR_MISSES

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize(
    "text", ["it's done", "  two\n\nlines\n\n", "--json", "-x", "-- x", "--as bob", "$(id) `id` \\", "é😀"]
)
def test_the_text_arrives_exactly_and_is_never_an_option(spool: Path, home: Path, text: str) -> None:
    """G9, S40: byte for byte through the shell's words and the verb's own options."""
    assert mipc(home, "check", "--as", "bob").code == 0

    done = mipc(home, "do", "--as", "alice", f"tell bob: {text}")

    assert done.code == 0, done
    assert done.out.split()[1:] == ["bob", "delivered"]
    assert done.err.startswith("understood: send to bob: ")
    messages = mipc(home, "check", "--as", "bob", "--json").json["messages"]
    assert [(m["from"], m["body"]) for m in messages] == [("alice", text)]


def test_a_long_text_comes_from_standard_input(spool: Path, home: Path) -> None:
    """S12, S40: `msg claude: [20KB of debug logs]`; standard input loses one final line end, as everywhere."""
    logs = "".join(f"line {number}: all is well\n" for number in range(1000))

    done = mipc(home, "do", "--as", "alice", "-", stdin=f"msg bob:\n{logs}\n".encode())

    assert done.code == 0, done
    assert max(map(len, done.err.splitlines())) < 200
    assert mipc(home, "check", "--as", "bob", "--json", "--full").json["messages"][-1]["body"] == logs


def test_reply_and_forward_are_about_the_last_message_shown(spool: Path, home: Path) -> None:
    """S40: there, neither had a tool."""
    assert mipc(home, "register", "carol", "--as", "carol").code == 0
    shown = mipc(home, "do", "--as", "bob", "--json", "any", "messages?").json["messages"]

    assert mipc(home, "do", "--as", "bob", "reply: got it").code == 0
    assert mipc(home, "do", "--as", "bob", "forward to carol").code == 0

    answer = mipc(home, "check", "--as", "alice", "--json").json["messages"][0]
    assert (answer["body"], answer["in_reply_to"]) == ("got it", shown[0]["id"])
    assert shown[0]["body"] in mipc(home, "check", "--as", "carol", "--json").json["messages"][0]["body"]


def test_the_other_verbs_answer_as_they_do_by_name(spool: Path, home: Path) -> None:
    """S40: register, list, broadcast, rename; exit codes are the verb's."""
    assert mipc(home, "do", "--as", "carol", "Register this instance as carol").out == "carol\n"
    assert mipc(home, "do", "who's online?").out == mipc(home, "list").out
    assert mipc(home, "do", "--as", "carol", "broadcast: hello").out.count("delivered") == 2
    assert mipc(home, "do", "--as", "carol", "I want to be called caroline now").out == "caroline\n"
    assert mipc(home, "do", "--as", "caroline", "rename to carola").code == 75
    assert mipc(home, "do", "--as", "nobody-here", "check messages").code == 77


def test_without_a_colon_only_somebody_who_is_here_gets_mail(spool: Path, home: Path) -> None:
    """S40, S5: a colon says where the name ends."""
    assert mipc(home, "do", "--as", "alice", "tell bob need help").code == 0
    assert_refused(
        mipc(home, "do", "--as", "alice", "tell nessa need help"), 64, "mipc send --as alice nessa 'need help'"
    )
    assert mipc(home, "do", "--as", "alice", "tell nessa: need help").err.endswith("(not yet registered)\n")


@pytest.mark.parametrize("phrase", [p for p in NEAR_MISSES if p][::9])
def test_a_near_miss_changes_no_file(spool: Path, home: Path, phrase: str) -> None:
    """Design, 8: 64, one line, two commands, and nothing done."""
    before = listing(home)

    done = mipc(home, "do", "--as", "alice", phrase)

    assert_refused(done, 64, "unsure what is meant", "nothing was done: type mipc ", "   or mipc ")
    assert done.out == ""
    assert listing(home) == before


def test_a_dry_run_only_says_the_command(spool: Path, home: Path) -> None:
    """Design, 8."""
    before = listing(home)

    assert mipc(home, "do", "--dry-run", "broadcast: it's done").out == "mipc broadcast 'it'\"'\"'s done'\n"
    done = mipc(home, "do", "--dry-run", "--json", "start auto checking every 7 minutes")

    assert done.err == ""
    assert done.json == {"v": 1, "verb": "auto-check", "operands": ["start", "7"], "command": "mipc auto-check start 7"}
    assert listing(home) == before


@pytest.mark.parametrize("behind", [["--as", "bob"], ["--json"], ["-n"], ["--"], ["--as=bob"]])
def test_an_option_behind_the_phrase_is_refused_and_not_sent_as_text(
    spool: Path, home: Path, behind: list[str]
) -> None:
    """Ours: `reply: got it --as bob` would go out in another's name, with the option in its text."""
    before = listing(home)
    for phrase in (["tell bob: got it"], ["tell", "bob:", "got", "it"], ["-"]):
        done = mipc(home, "do", "--as", "alice", *phrase, *behind, stdin=b"tell bob: hi")

        assert_refused(done, 64, repr(behind[0]), "nothing was done", "options come before the phrase; quote")
        assert listing(home) == before


def test_a_dash_by_itself_is_a_word_of_the_phrase(spool: Path, home: Path) -> None:
    """Ours: it is no option."""
    assert mipc(home, "do", "--dry-run", "tell", "bob:", "it", "-", "well").out == "mipc send bob 'it - well'\n"


def test_mail_is_forwarded_only_to_somebody_who_is_here(spool: Path, home: Path) -> None:
    """S40: `production` is a place, and mail for it would wait for whoever takes that name."""
    assert mipc(home, "check", "--as", "bob").code == 0
    before = listing(home)

    done = mipc(home, "do", "--as", "bob", "forward to production")

    assert_refused(done, 64, "nobody is called production", "mipc forward --as bob @ production")
    assert listing(home) == before


def test_no_phrase_is_a_usage_error(home: Path) -> None:
    """G12."""
    assert_refused(mipc(home, "do"), 64, "no phrase", "mipc do [options] PHRASE")


def test_unsure_in_json_is_an_error_like_any_other(home: Path) -> None:
    """Design, 8: and where there is no spool, none is made."""
    done = mipc(home, "do", "--json", "tell fred hello")

    assert done.code == 64
    assert json.loads(done.out)["error"]["next"] == "type mipc send fred hello   or mipc check"
    assert listing(home) == {}


def test_no_words_of_the_phrase_reach_the_terminal_raw(spool: Path, home: Path) -> None:
    """Design, 6: what is shown is data, where it is understood and where it is not."""
    for phrase in ("tell bob: \x1b[2J\u202e", "tell \x1b[2J\u202e: hi", "tell bob when \x1b[2J\u202e", "tell \u202e"):
        done = mipc(home, "do", "--as", "alice", phrase)
        assert "\x1b" not in done.err + done.out
        assert "\u202e" not in done.err + done.out

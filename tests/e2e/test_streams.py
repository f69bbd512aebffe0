"""Closed and broken streams: what was not shown is unread, and nothing of a mailbox becomes standard output."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.driving import Done, assert_refused, listing, mipc, run, spool_of, words

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.e2e


@pytest.fixture
def spool(bob: Path) -> Path:
    """Give a spool in which bob has three messages that he has not read."""
    for text in ("first", "second", "third"):
        mipc(bob, "send", "--as", "bob", "--no-sync", "bob", text)
    return spool_of(bob)


def shell(home: Path, line: str) -> Done:
    """Run a line in sh with pipefail by hand: the exit code is that of the command before the pipe."""
    return run("bash", "-c", f'{line}; exit "${{PIPESTATUS[0]}}"', home=home)


def unread(home: Path) -> list[str]:
    """Return what bob has not read, without reading it."""
    return [m["body"] for m in mipc(home, "check", "--as", "bob", "--peek", "--json").json["messages"]]


CHECK = words("check", "--as", "bob")


@pytest.mark.parametrize("options", ["", " --json", " --all", " --full"])
@pytest.mark.parametrize("where", [">/dev/full", ">&-", "<&- >&-"])
def test_what_could_not_be_shown_is_still_unread(home: Path, spool: Path, where: str, options: str) -> None:
    """G5, G12: exit not 0, one line, and the next check shows all of it."""
    done = shell(home, f"{CHECK}{options} {where}")
    assert_refused(done, 75, "output", "unread")
    assert unread(home) == ["first", "second", "third"]
    assert mipc(home, "check", "--as", "bob").out.count("--- end") == 3


@pytest.mark.parametrize("options", ["", " --json"])
def test_a_pipe_whose_reader_is_gone_loses_nothing(home: Path, spool: Path, options: str) -> None:
    """G5: SIGPIPE or not, exit not 0."""
    # The pipe's reader has ended before check starts to write: it waits for that in the fifo's way.
    line = f"{{ read -r _ <go; {CHECK}{options}; }} | {{ exec <&-; echo >go; }}"
    done = run("bash", "-c", f'mkfifo go; {line}; exit "${{PIPESTATUS[0]}}"', home=home, cwd=home.parent)
    assert done.code not in (0, 1), done
    assert "Traceback" not in done.err
    assert unread(home) == ["first", "second", "third"]


@pytest.mark.parametrize("where", [">/dev/full 2>&1", ">&- 2>&-", ">/dev/full 2>/dev/full", "<&- >&- 2>&-"])
def test_with_both_outputs_gone_the_exit_code_still_says_so(home: Path, spool: Path, where: str) -> None:
    """G5, G12."""
    done = shell(home, f"{CHECK} {where}")
    assert (done.code, done.out, done.err) == (75, "", "")
    assert unread(home) == ["first", "second", "third"]


@pytest.mark.parametrize("where", ["2>&-", "2>/dev/full", "<&-", "<&- 2>&-"])
def test_a_closed_error_or_input_stream_does_not_stop_a_check(home: Path, spool: Path, where: str) -> None:
    """G5: facts go to standard output, and that is open."""
    done = shell(home, f"{CHECK} {where}")
    assert done.code == 0
    assert done.out.count("--- end") == 3
    assert unread(home) == []


@pytest.mark.parametrize("where", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-", ">/dev/full", ">/dev/full 2>&1"])
def test_a_send_with_broken_streams_delivers_whole_or_not_at_all(home: Path, spool: Path, where: str) -> None:
    """G1, G3: no stream of the command becomes a file of the mailbox."""
    done = shell(home, f"{words('send', '--as', 'bob', 'bob', 'fourth')} {where}")
    assert "Traceback" not in done.err
    bodies = unread(home)
    assert bodies == ["first", "second", "third", "fourth"]
    if ">" not in where or where == "2>&-":
        assert done.code == 0
    else:
        # Delivered, but the report could not be written: never 75, which would mean that a retry is safe.
        assert done.code in (0, 74), done


def test_standard_input_that_is_closed_is_no_empty_message(home: Path, spool: Path) -> None:
    """G9, G12: a text that could not be read is not the empty text."""
    before = listing(home)
    done = shell(home, f"{words('send', '--as', 'bob', 'bob', '-')} <&-")
    assert done.code != 0, done
    assert_refused(done, done.code, "standard input")
    assert listing(home) == before
    done = shell(home, f"{words('send', '--as', 'bob', 'bob', '-')} </")
    assert_refused(done, done.code, "standard input")
    assert done.code in (65, 66, 75)
    assert listing(home) == before


@pytest.mark.parametrize("verb", ["register", "list", "whoami", "path", "init", "key list"])
def test_every_verb_says_when_its_answer_could_not_be_written(home: Path, spool: Path, verb: str) -> None:
    """G12."""
    first, *rest = verb.split()
    arguments = (
        ["bob", "--as", "bob"] if verb == "register" else ["--as", "bob"] if verb in ("whoami", "path") else rest
    )
    for where in (">/dev/full", ">&-"):
        done = shell(home, f"{words(first, *arguments)} {where}")
        assert_refused(done, 75, "output")

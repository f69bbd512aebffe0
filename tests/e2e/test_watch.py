"""`wait` and `watch` as they are typed, in plain checkouts and with what is installed. Design, 9."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.e2e.driving import BIN, CHECKOUT, PATH, SECONDS, assert_refused, mipc, run, spool_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.e2e
HOSTILE = "$(touch pwned) `touch pwned` '; touch pwned; \x1b]0;pwned\x07"


@pytest.fixture
def bob(home: Path) -> Path:
    """Give a home in which bob has registered."""
    mipc(home, "register", "bob", "--as", "bob")
    return home


class _Watch:
    """A `watch` that runs, with its standard output at hand."""

    def __init__(self, home: Path, *words: str) -> None:
        # Without -S: it sees watchdog.
        command = [sys.executable, str(CHECKOUT / "maildir_ipc/__main__.py"), "watch", *words]
        self.process = subprocess.Popen(
            command,
            bufsize=0,  # so that `select` sees all that was not read
            cwd=home,
            env={"PATH": PATH, "HOME": str(home)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def line(self) -> str:
        """Return the next line of its standard output."""
        out = self.process.stdout
        assert out is not None
        assert select.select([out], [], [], SECONDS)[0], "nothing came"
        return out.readline().decode()

    def end(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """Signal it; return its exit code and what it said."""
        self.process.send_signal(number)
        _, err = self.process.communicate(timeout=SECONDS)
        return self.process.returncode, err.decode()


@pytest.fixture
def watch(bob: Path) -> Iterator[list[_Watch]]:
    """Give a list; every watch put there is ended."""
    made: list[_Watch] = []
    yield made
    for one in made:
        one.process.kill()
        one.process.communicate()


def test_wait_returns_at_once_when_something_is_unread(bob: Path) -> None:
    """Issue 4, 1; the message stays unread."""
    mipc(bob, "send", "--as", "alice", "bob", HOSTILE)

    for _ in range(2):
        done = run(str(BIN / "ipc-wait"), "--as", "bob", home=bob)
        assert (done.code, done.out, done.err) == (0, "1 unread for bob, from alice: mipc check\n", "")
    assert mipc(bob, "wait", "--as", "bob", "--json").json == {
        "v": 1, "identity": "bob", "unread": 1, "from": ["alice"], "rejected": 0,
    }  # fmt: skip


def test_wait_says_no_when_its_time_is_up(bob: Path) -> None:
    """Design, 8: 1 is no."""
    done = mipc(bob, "wait", "--as", "bob", "--timeout", "1")
    assert (done.code, done.out, done.err) == (1, "", "no new messages for bob\n")

    done = mipc(bob, "wait", "--as", "bob", "--timeout", "1", "--json")
    assert (done.code, done.json["unread"]) == (1, 0)


def test_a_wait_of_no_time_says_how_it_is(bob: Path) -> None:
    """Ours: a script asks without waiting."""
    assert mipc(bob, "wait", "--timeout", "0", "--as", "bob").code == 1
    mipc(bob, "send", "--as", "alice", "bob", "hello")
    assert mipc(bob, "wait", "--timeout", "0", "--as", "bob").code == 0


def test_wait_of_nobody_is_refused_and_makes_nothing(home: Path) -> None:
    """Design, 2: check, wait, hooks and cron never make a spool."""
    assert_refused(mipc(home, "wait", "--timeout", "1"), 78, "no spool")
    assert_refused(mipc(home, "watch", "--all"), 78, "no spool")
    assert not (home / ".local/share").exists()


@pytest.mark.parametrize(
    "words",
    [
        ("wait", "--timeout", "-1"),
        ("watch", "--exec", " "),
        ("watch", "--all", "--as", "bob"),
        ("watch", "--auto-check", "--exec", "x"),
        ("wait", "x"),
    ],
)
def test_what_cannot_be_meant_is_refused(bob: Path, words: tuple[str, ...]) -> None:
    """G12."""
    assert_refused(mipc(bob, *words), 64)


def test_watch_prints_a_line_for_each_batch(bob: Path, watch: list[_Watch]) -> None:
    """Issue 4, 1; never the sender's words."""
    watch += [_Watch(bob, "--as", "bob"), _Watch(bob, "--as", "bob", "--json"), _Watch(bob, "--all")]
    mipc(bob, "send", "--as", "alice", "bob", HOSTILE)

    assert watch[0].line() == "1 unread for bob, from alice: mipc check\n"
    assert json.loads(watch[1].line()) == {"v": 1, "identity": "bob", "unread": 1, "from": ["alice"], "rejected": 0}
    assert watch[2].line() == "1 unread for bob, from alice: mipc check --as bob\n"
    mipc(bob, "send", "--as", "alice", "bob", "two")
    assert watch[0].line() == "2 unread for bob, from alice: mipc check\n"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGHUP, 0), (signal.SIGINT, 130)])
def test_watch_ends_without_a_word(bob: Path, watch: list[_Watch], number: int, code: int) -> None:
    """Ours: systemd, a closed terminal, Ctrl-C."""
    watch.append(_Watch(bob, "--as", "bob"))
    mipc(bob, "send", "--as", "alice", "bob", "hello")
    watch[0].line()

    assert watch[0].end(number) == (code, "")


def test_watch_ends_when_nobody_reads_it(bob: Path, watch: list[_Watch]) -> None:
    """Ours: `mipc watch | head -1`."""
    watch.append(_Watch(bob, "--as", "bob"))
    mipc(bob, "send", "--as", "alice", "bob", "hello")
    watch[0].line()
    assert watch[0].process.stdout is not None
    watch[0].process.stdout.close()
    mipc(bob, "send", "--as", "alice", "bob", "another")

    assert watch[0].process.wait(SECONDS) == 0
    assert watch[0].process.stderr is not None
    assert watch[0].process.stderr.read() == b""


def test_watch_runs_a_command_once_a_batch_with_facts_only(bob: Path, watch: list[_Watch]) -> None:
    """Issue 4, 5: no sender's word in what is run, its arguments, environment or input."""
    command = r'cat; tr "\0" "\n" </proc/$$/cmdline | tail -n +3; env | grep -c pwned; mipc_ran=1; exit 0'
    watch.append(_Watch(bob, "--as", "bob", "--exec", command))
    mipc(bob, "send", "--as", "alice", "--subject", "pwned", "bob", HOSTILE)

    assert json.loads(watch[0].line()) == {"v": 1, "identity": "bob", "unread": 1, "from": ["alice"], "rejected": 0}
    assert watch[0].line() == command + "\n"
    assert watch[0].line() == "0\n"
    mipc(bob, "send", "--as", "alice", "bob", "second")
    assert json.loads(watch[0].line())["unread"] == 2
    assert not list(bob.rglob("pwned"))


def test_a_command_may_read_the_mail_in_the_name_it_was_rung_for(bob: Path, watch: list[_Watch]) -> None:
    """Ours: with --all, each in its own name."""
    watch.append(_Watch(bob, "--all", "--exec", f"{BIN}/ipc-check"))
    mipc(bob, "send", "--as", "alice", "bob", "read me")

    assert watch[0].line() == "1 new for bob\n"
    assert watch[0].line().startswith("--- ")
    assert watch[0].line() == "read me\n"
    mipc(bob, "send", "--as", "alice", "bob", "and me")
    while watch[0].line() != "1 new for bob\n":
        pass  # the rest of the first


def test_commands_that_answer_each_other_stop_by_themselves(bob: Path, watch: list[_Watch]) -> None:
    """Issue 4; RFC 3834: what they send is automatic, though they do not say so."""
    (spool_of(bob) / ".ipc/settings").write_text("hop-limit = 2\n")
    mipc(bob, "register", "alice", "--as", "alice")
    other = "if test $MAILDIR_IPC_IDENTITY = bob; then set alice; else set bob; fi"
    answer = f"{BIN}/mipc check >/dev/null; {BIN}/mipc send $1 again >/dev/null 2>&1; echo $1 $?"
    watch.append(_Watch(bob, "--all", "--exec", f"{other}; {answer}"))
    mipc(bob, "send", "--as", "alice", "bob", "hello")

    assert [watch[0].line() for _ in range(3)] == ["alice 0\n", "bob 0\n", "alice 65\n"]


def test_a_command_that_fails_is_said_and_tried_again(bob: Path, watch: list[_Watch]) -> None:
    """Issue 4, 5: backing off."""
    watch.append(_Watch(bob, "--as", "bob", "--exec", "echo tried; exit 7"))
    mipc(bob, "send", "--as", "alice", "bob", "hello")
    assert watch[0].line() == "tried\n"
    assert watch[0].process.stderr is not None

    assert watch[0].process.stderr.readline() == b"mipc: the command for bob ended with 7; again in 5 s\n"


def test_ending_a_watch_ends_its_command(bob: Path, watch: list[_Watch]) -> None:
    """Ours: nothing is left behind."""
    os.mkfifo(bob / "pid")
    watch.append(_Watch(bob, "--as", "bob", "--exec", f"echo $$ >{bob}/pid; exec sleep 300"))
    mipc(bob, "send", "--as", "alice", "bob", "hello")
    pid = os.pidfd_open(int((bob / "pid").read_text()))

    assert watch[0].end() == (0, "")

    assert select.select([pid], [], [], SECONDS)[0], "the command goes on"
    os.close(pid)


@pytest.mark.parametrize("words", [("--as", "bob"), ("--auto-check",)])
def test_a_watch_runs_the_handler_of_auto_check(bob: Path, watch: list[_Watch], words: tuple[str, ...]) -> None:
    """Design, 9: a handler gets the message, and no bell rings for what it handled."""
    os.mkfifo(bob / "handled")
    mipc(bob, "auto-check", "start", "--instant", "--exec", f"cat >{bob}/handled", "--as", "bob")
    watch.append(_Watch(bob, *words))
    mipc(bob, "send", "--as", "alice", "bob", "do this")

    with (bob / "handled").open() as pipe:
        message = json.loads(pipe.read())

    assert (message["identity"], message["body"]) == ("bob", "do this")
    assert "by: watch" in mipc(bob, "auto-check", "status", "--as", "bob").out
    assert watch[0].end()[0] == 0
    assert "by: watch" not in mipc(bob, "auto-check", "status", "--as", "bob").out

"""auto-check: mail reaches an agent, or its handler, without anyone asking. S30, S31; design, 9."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.driving import BIN, PATH, SECONDS, Done, assert_refused, command, listing, mipc, run, spool_of

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.e2e


def tick(home: Path, **environ: str) -> Done:
    """Run what cron runs, in an environment as empty as cron's."""
    return run(str(BIN / "ipc-cron"), home=home, env={"PATH": "/usr/bin:/bin", "SHELL": "/bin/sh", **environ})


def start(home: Path, name: str, handler: str, *options: str) -> None:
    """Turn auto-check on, always due, with this handler."""
    done = mipc(home, "auto-check", "start", "--instant", "--exec", handler, *options, "--as", name)
    assert done.code == 0, done


def status(home: Path, name: str) -> Any:
    """Return what status says."""
    return mipc(home, "auto-check", "status", "--json", "--as", name).json


def unread(home: Path, name: str) -> list[str]:
    """Return the texts that a check would show."""
    found = mipc(home, "check", "--peek", "--json", "--all", "--as", name).json["messages"]
    return [message["body"] for message in found]


class Fifo:
    """A place where a handler waits, or says something, so that no test sleeps."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self.path, self._fd = path, os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)

    def read(self, seconds: float = SECONDS) -> str:
        """Return what was said, as soon as something was."""
        assert select.select([self._fd], [], [], seconds)[0], f"nobody wrote to {self.path}"
        return os.read(self._fd, 65536).decode()

    def write(self, text: str) -> None:
        """Say something."""
        os.write(self._fd, text.encode())


def test_s30_it_is_started_asked_about_and_stopped(bob: Path) -> None:
    """S30: 5 minutes without a number; status has interval, last and next; off before and after."""
    home = bob
    assert mipc(home, "auto-check", "status", "--as", "bob").out == "auto-check off for bob\n"
    assert mipc(home, "auto-check", "start", "--as", "bob").out == "auto-check every 5 minutes for bob\n"
    shown = mipc(home, "auto-check", "status", "--as", "bob").out
    assert shown.startswith("auto-check every 5 minutes for bob\nno handler: ")
    assert "nothing acts while it is idle" in shown
    assert "\nlast: never\nnext: at your next prompt or tool\nby: your hooks; none has run so far" in shown
    assert mipc(home, "auto-check", "stop", "--as", "bob").out == "auto-check off for bob\n"
    assert mipc(home, "auto-check", "stop", "--as", "bob").code == 0
    assert status(home, "bob")["active"] is False


def test_status_says_when_mail_is_looked_at_and_by_what(home: Path, spool: Path) -> None:
    """Issue 4: not that it is at once, where nothing looks."""
    start(home, "bob", "true")
    assert "\nnext: when something looks\nby: nothing\n" in mipc(home, "auto-check", "status", "--as", "bob").out
    assert tick(home) == (0, "", "")
    assert re.search("\nnext: at once\nby: cron ", mipc(home, "auto-check", "status", "--as", "bob").out)


@pytest.mark.parametrize(("minutes", "says"), [("1", "1 minute "), ("3", "3 minutes "), ("60", "60 minutes ")])
def test_s30_an_interval_is_1_to_60_minutes(bob: Path, minutes: str, says: str) -> None:
    """S30."""
    done = mipc(bob, "auto-check", "start", minutes, "--as", "bob")
    assert done[:2] == (0, f"auto-check every {says}for bob\n")
    assert status(bob, "bob")["minutes"] == int(minutes)


@pytest.mark.parametrize("minutes", ["0", "61", "abc", "-5", "", "5.5"])
def test_s30_any_other_interval_is_refused(bob: Path, minutes: str) -> None:
    """S30; G12: 64, and nothing has changed."""
    before = listing(spool_of(bob))
    # An end of options: -5 is no option, and no interval.
    assert_refused(mipc(bob, "auto-check", "--as", "bob", "--", "start", minutes), 64, "1 to 60")
    after = listing(spool_of(bob))
    assert {path for path in after if path not in before} == set()


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("begin",),
        ("start", "5", "6"),
        ("start", "5", "--instant"),
        ("start", "--exec", ""),
        ("stop", "5"),
        ("status", "--instant"),
        ("log", "--due"),
    ],
)
def test_a_wrong_word_is_refused(bob: Path, words: tuple[str, ...]) -> None:
    """G12."""
    assert_refused(mipc(bob, "auto-check", *words, "--as", "bob"), 64)


def test_s30_each_identity_has_its_own(home: Path, spool: Path) -> None:
    """S30: there was one for the whole machine."""
    mipc(home, "auto-check", "start", "3", "--as", "alice")
    assert (status(home, "alice")["minutes"], status(home, "bob")["active"]) == (3, False)


def test_it_moves_with_a_rename(home: Path, spool: Path) -> None:
    """Design, 9: a file of the mailbox, so it survives everything."""
    start(home, "bob", f"cat >'{home}/got'")
    assert mipc(home, "rename", "robert", "--as", "bob").code == 0
    assert tick(home) == (0, "", "")
    assert json.loads((home / "got").read_text().split("\n")[0])["identity"] == "robert"


def test_s31_a_tick_gives_the_handler_all_of_a_large_message(home: Path, spool: Path) -> None:
    """S31: the full content; and nothing is said when all is well, for cron would send a mail."""
    text = "long " * 20_000
    mipc(home, "check", "--as", "bob")
    assert mipc(home, "send", "--as", "alice", "bob", "-", stdin=text.encode()).code == 0
    start(home, "bob", f"cat >'{home}/got'")
    assert tick(home) == (0, "", "")
    assert json.loads((home / "got").read_text())["body"] == text
    assert unread(home, "bob") == []
    found = status(home, "bob")
    assert found["by"] == ["cron"]
    assert re.fullmatch(r"\w{5} from alice: handled", found["did"])


def test_a_tick_with_nothing_to_do_is_silent(home: Path) -> None:
    """Issue 4: no spool, nobody registered, auto-check off, no mail, not due: not a word, exit 0, nothing made."""
    assert tick(home) == (0, "", "")
    assert list(home.iterdir()) == []
    mipc(home, "register", "bob", "--as", "bob")
    assert tick(home) == (0, "", "")
    mipc(home, "auto-check", "start", "60", "--exec", f"echo >>'{home}/ran'", "--as", "bob")
    assert tick(home) == (0, "", "")
    mipc(home, "send", "--as", "bob", "bob", "not yet")
    assert tick(home) == (0, "", "")
    assert not (home / "ran").exists()
    assert unread(home, "bob") == ["not yet"]


def test_s31_without_a_handler_a_tick_claims_nothing(home: Path, spool: Path) -> None:
    """Design, 9's table: and status says that nothing acts while the agent is idle."""
    mipc(home, "auto-check", "start", "--instant", "--as", "bob")
    assert tick(home) == (0, "", "")
    assert unread(home, "bob") == ["unread"]
    assert status(home, "bob")["last"] is None


def test_run_looks_now_whether_due_or_not(home: Path, spool: Path) -> None:
    """Issue 4."""
    mipc(home, "auto-check", "start", "60", "--exec", "cat >/dev/null", "--as", "bob")
    assert re.fullmatch(r"\w{5} from alice: handled\n", mipc(home, "auto-check", "run", "--as", "bob").out)
    mipc(home, "send", "--as", "alice", "bob", "second")
    (ran,) = mipc(home, "auto-check", "run", "--json", "--as", "bob").json["ticks"]
    assert (ran["identity"], ran["handled"], ran["failed"]) == ("bob", 1, 0)
    log = mipc(home, "auto-check", "log", "--as", "bob").out.splitlines()
    assert [line.split(" ", 1)[1].split(" ")[-1] for line in log][1:] == ["handled", "handled"]


def test_a_failing_handler_is_told_and_the_message_stays(home: Path, spool: Path) -> None:
    """Issue 4: what fails reaches the person through cron, and loses nothing."""
    start(home, "bob", "echo no key >&2; exit 9")
    done = tick(home)
    assert done.code == 1
    assert re.fullmatch(
        r"mipc: bob: \w{5} from alice: exit code 9, try 1 of 5; the next in 60 s \(no key\)\n", done.err
    )
    assert tick(home) == (0, "", "")
    assert unread(home, "bob") == ["unread"]


def test_trouble_with_one_identity_keeps_nothing_from_the_others(home: Path, spool: Path) -> None:
    """G12."""
    start(home, "alice", "true")
    start(home, "bob", f"cat >'{home}/got'")
    (spool / "alice/records/autocheck-lock").mkdir()
    done = tick(home)
    assert_refused(Done(done.code, "", done.err), 1, "alice")
    assert (home / "got").exists()


def test_two_overlapping_ticks_handle_each_message_once(home: Path, spool: Path) -> None:
    """Issue 4: the second passes by while the first is at it."""
    said, go = Fifo(home / "said"), Fifo(home / "go")
    mipc(home, "send", "--as", "alice", "bob", "second")
    start(home, "bob", f"echo >>'{home}/ran'; echo >'{said.path}'; read line <'{go.path}'")
    environ = {"PATH": PATH, "HOME": str(home)}
    with subprocess.Popen([BIN / "ipc-cron"], env=environ, stderr=subprocess.PIPE) as first:
        said.read()
        assert tick(home) == (0, "", "")
        (ran,) = mipc(home, "auto-check", "run", "--json", "--as", "bob").json["ticks"]
        assert ran["busy"] is True
        go.write("\n")
        said.read()
        go.write("\n")
        assert first.communicate(timeout=SECONDS)[1] == b""
    assert (home / "ran").read_text() == "\n\n"
    assert unread(home, "bob") == []


def test_a_killed_runner_leaves_its_message_to_the_next_tick(home: Path, spool: Path) -> None:
    """G5; issue 4: killed in the middle of a handler."""
    said = Fifo(home / "said")
    start(home, "bob", f"echo $$ >'{said.path}'; exec sleep 1000")
    with subprocess.Popen([BIN / "ipc-cron"], env={"PATH": PATH, "HOME": str(home)}) as runner:
        handler = int(said.read())
        assert unread(home, "bob") == []  # it is held
        runner.kill()
    os.kill(handler, signal.SIGKILL)
    assert unread(home, "bob") == ["unread"]
    start(home, "bob", f"cat >'{home}/got'")
    assert tick(home) == (0, "", "")
    assert json.loads((home / "got").read_text())["body"] == "unread"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_tick_that_is_ended_ends_its_handler(home: Path, spool: Path, number: int) -> None:
    """Design, 9: else it would run on without a bound, and beside the next tick's."""
    said = Fifo(home / "said")
    start(home, "bob", f"echo $$ >'{said.path}'; exec sleep 1000")
    with subprocess.Popen([BIN / "ipc-cron"], env={"PATH": PATH, "HOME": str(home)}) as runner:
        handler = os.pidfd_open(int(said.read()))
        runner.send_signal(number)
        assert runner.wait(SECONDS) == 130
    assert select.select([handler], [], [], SECONDS)[0], "the handler goes on"
    os.close(handler)
    assert unread(home, "bob") == ["unread"]


def test_taken_over_it_stops_and_says_so_once(home: Path, spool: Path) -> None:
    """Design, 9: a tick acts with the session that auto-check start had."""
    start(home, "bob", f"echo >>'{home}/ran'")
    other = str(home / "elsewhere")
    assert mipc(home, "register", "bob", "--as", "bob", "--takeover", MAILDIR_IPC_STATE=other).code == 0
    done = tick(home)
    assert done.code == 1
    assert done.err.startswith("mipc: bob: auto-check has stopped: bob is now held by ")
    assert done.err.count("\n") == 1
    assert tick(home) == (0, "", "")
    assert tick(home, MAILDIR_IPC_STATE=other) == (0, "", "")
    assert not (home / "ran").exists()
    shown = mipc(home, "auto-check", "status", "--as", "bob", MAILDIR_IPC_STATE=other).out
    assert shown.startswith("auto-check off for bob\nstopped: bob is now held by ")


def test_whoever_took_over_and_started_it_again_is_left_alone(home: Path, spool: Path) -> None:
    """It is the new holder's now."""
    start(home, "bob", "false")
    other = str(home / "elsewhere")
    mipc(home, "register", "bob", "--as", "bob", "--takeover", MAILDIR_IPC_STATE=other)
    words = ("start", "--instant", "--exec", f"cat >'{home}/got'", "--as", "bob")
    assert mipc(home, "auto-check", *words, MAILDIR_IPC_STATE=other).code == 0
    assert tick(home) == (0, "", "")
    assert not (home / "got").exists()
    assert tick(home, MAILDIR_IPC_STATE=other) == (0, "", "")
    assert (home / "got").exists()


def test_an_agent_that_was_restarted_goes_on(home: Path) -> None:
    """Design, 9: it survives everything; a dead session gives way, and the next one of this account goes on."""
    agent = home / "claude"  # a shell that has the name of a client
    agent.symlink_to("/bin/bash")
    registers, starts = f"'{BIN}/ipc-register' bob", f"'{BIN}/ipc-auto-check' start --instant --exec 'cat >{home}/got'"
    assert run(str(agent), "-c", f"{registers} && {starts}; exit", home=home).code == 0
    assert run(str(agent), "-c", f"{registers}; exit", home=home).code == 0
    mipc(home, "register", "alice", "--as", "alice")
    mipc(home, "send", "--as", "alice", "bob", "after the restart")
    assert tick(home) == (0, "", "")
    assert json.loads((home / "got").read_text())["body"] == "after the restart"


_ANSWERS = {
    "reply": 'mipc reply "$(sed \'s/.*"ref": "\\([a-z2-7]*\\)".*/\\1/\')" again',
    "reply --auto": 'mipc reply --auto "$(sed \'s/.*"ref": "\\([a-z2-7]*\\)".*/\\1/\')" again',
    "send": "mipc send {other} again",
    "from its own session": "setsid mipc send {other} again",
    "from the background": "mipc send {other} again >/dev/null 2>&1 & wait",
}


@pytest.mark.parametrize("answer", _ANSWERS)
def test_s31_handlers_that_answer_each_other_stop_by_themselves(home: Path, answer: str) -> None:
    """S31; issue 4: also when they do not say that they are automatic; with acknowledgement on both sides."""
    for name, other in (("alice", "bob"), ("bob", "alice")):
        mipc(home, "register", name, "--as", name)
        start(home, name, f"echo >>'{home}/ran'; " + _ANSWERS[answer].replace("{other}", other), "--ack")
    (spool_of(home) / ".ipc/settings").write_text("hop-limit = 3\n")
    mipc(home, "send", "--as", "alice", "bob", "hello")
    handled = [sum(run["handled"] + run["failed"] for run in _round(home)) for _ in range(8)]
    # One answer to what a person wrote, one to each of three automatic ones, and one acknowledgement, answered too.
    assert handled[-1] == 0
    assert len((home / "ran").read_text()) == sum(handled) <= 12


def test_s31_what_a_handler_leaves_in_a_session_of_its_own_sends_automatic_mail(home: Path) -> None:
    """ADR 0015: its parent is gone, and its session is its own; it still holds what the handler was given."""
    for name in ("alice", "bob"):
        mipc(home, "register", name, "--as", name)
    go, said = Fifo(home / "go"), Fifo(home / "said")
    sends = (
        f'read line <"{go.path}"; env -i HOME="{home}" PATH="$PATH" mipc send --as bob alice pong; echo >"{said.path}"'
    )
    (home / "daemon").write_text(sends)
    start(home, "bob", f"(setsid sh '{home}/daemon' >/dev/null 2>&1 &)")
    mipc(home, "send", "--as", "alice", "bob", "ping")
    assert tick(home) == (0, "", "")
    go.write("\n")
    said.read()
    (path,) = (spool_of(home) / "alice/new").iterdir()
    assert b"IPC-Hops: 1" in path.read_bytes().splitlines()


def test_s31_acknowledgements_alone_are_not_acknowledged(home: Path) -> None:
    """S31."""
    for name in ("alice", "bob"):
        mipc(home, "register", name, "--as", name)
        start(home, name, "cat >/dev/null", "--ack")
    mipc(home, "send", "--as", "alice", "bob", "hello")
    assert [sum(run["handled"] for run in _round(home)) for _ in range(3)] in ([1, 1, 0], [2, 0, 0])


def _round(home: Path) -> list[Any]:
    found: list[Any] = mipc(home, "auto-check", "run", "--due", "--json").json["ticks"]
    return found


def test_a_message_that_says_auto_is_answered_by_nothing_automatic(home: Path, spool: Path) -> None:
    """RFC 3834: --auto, for programs of one's own."""
    mipc(home, "check", "--as", "bob")
    mipc(home, "send", "--auto", "--receipt", "--as", "alice", "bob", "nightly report")
    start(home, "bob", "cat >/dev/null", "--ack")
    assert tick(home) == (0, "", "")
    assert unread(home, "alice") == []


def test_the_secret_does_not_reach_the_handler(home: Path) -> None:
    """What it prints may be sent on; the keyring has it anyway."""
    secret = "a secret that is long enough"
    mipc(home, "register", "bob", "--as", "bob", IPC_SHARED_SECRET=secret)
    mipc(home, "send", "--as", "bob", "bob", "x", IPC_SHARED_SECRET=secret)
    start(home, "bob", f"env >'{home}/env'")
    assert tick(home, IPC_SHARED_SECRET=secret) == (0, "", "")
    assert "long enough" not in (home / "env").read_text()
    assert "MAILDIR_IPC_IDENTITY=bob\n" in (home / "env").read_text()


def test_the_command_for_auto_check_is_a_script_too(bob: Path) -> None:
    """Design, 8."""
    done = run(str(BIN / "ipc-auto-check"), "start", "7", "--as", "bob", home=bob)
    assert done[:2] == (0, "auto-check every 7 minutes for bob\n")
    assert command("auto-check")[-1] == "auto-check"

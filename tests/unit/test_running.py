"""Running a command for its output: bounded in time and memory, and nothing of it stays. Ours; S33."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from maildir_ipc.errors import BadData
from maildir_ipc.running import MAX_KEPT, run_command

ENVIRON = {"PATH": os.environ.get("PATH", os.defpath)}
SECONDS = 20.0


def _ends(pid: int) -> bool:
    """Return whether the process has ended, or does so soon; a zombie has."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return True
        if state in "ZX":
            return True
        os.sched_yield()
    return False


def _pids(folder: Path) -> list[int]:
    return [int(path.read_text()) for path in sorted(folder.glob("pid*"))]


def test_what_is_handed_over_is_open_in_the_command_and_in_what_leaves_it(tmp_path: Path) -> None:
    """ADR 0015."""
    (tmp_path / "held").write_text("x")
    for shell in ("sh", "bash"):
        with open(tmp_path / "held") as held:
            looks = "(setsid env -i cat /dev/fd/62 &)"
            done = run_command([shell, "-c", looks], ENVIRON, SECONDS, handed=[(held.fileno(), 62)])
        assert done.stdout.text == "x"
    assert run_command(["sh", "-c", "test -e /dev/fd/62"], ENVIRON, SECONDS).returncode == 1


def test_both_streams_and_the_exit_code_are_told_apart() -> None:
    """The exit code of the command is news, not an error."""
    done = run_command(["sh", "-c", "echo out; echo err >&2; exit 3"], ENVIRON, SECONDS)

    assert (done.stdout.text, done.stderr.text, done.returncode, done.timed_out) == ("out\n", "err\n", 3, False)


def test_no_shell_reads_the_words() -> None:
    """A pipe is a word."""
    done = run_command(["printf", "%s;", "a | b", "$HOME", "$(id)", "*"], ENVIRON, SECONDS)

    assert done.stdout.text == "a | b;$HOME;$(id);*;"


def test_standard_input_is_empty() -> None:
    """A command that reads must not wait for somebody who is not there."""
    assert run_command(["cat"], ENVIRON, SECONDS).stdout.text == ""


@pytest.mark.parametrize("words", [["no-such-command-anywhere"], ["/"], ["a\0b"]])
def test_what_cannot_be_started_is_refused(words: list[str]) -> None:
    """G12."""
    with pytest.raises(BadData, match="cannot run"):
        run_command(words, ENVIRON, SECONDS)


def test_what_is_not_utf8_is_written_out() -> None:
    """G9: recognisable, and text."""
    done = run_command(["printf", r"a\377b\303"], ENVIRON, SECONDS)

    assert done.stdout.text == "a\\xffb\\xc3"


def test_output_beyond_the_bound_is_counted_and_the_command_is_not_blocked() -> None:
    """G8: a pipe holds 64 KiB; a command whose reader stops would hang until it is ended."""
    script = "head -c 5000000 /dev/zero | tr '\\0' x; head -c 3000000 /dev/zero | tr '\\0' y >&2; exit 5"

    done = run_command(["sh", "-c", script], ENVIRON, SECONDS)

    assert (done.returncode, done.timed_out) == (5, False)
    assert (done.stdout.size, done.stdout.text) == (5_000_000, "x" * MAX_KEPT)
    assert (done.stderr.size, done.stderr.text) == (3_000_000, "y" * MAX_KEPT)


def test_a_character_at_the_bound_is_not_cut_in_two() -> None:
    """Half a character would look like bytes that are no text."""
    script = f"printf x; head -c {MAX_KEPT - 2} /dev/zero | tr '\\0' x; printf é; echo more"

    done = run_command(["sh", "-c", script], ENVIRON, SECONDS)

    assert done.stdout.text == "x" * (MAX_KEPT - 1)


@pytest.mark.peer("setsid")
def test_on_timeout_the_whole_group_is_ended_and_what_it_printed_is_kept(tmp_path: Path) -> None:
    """S33: children that ignore SIGTERM, too."""
    script = (
        f"trap '' TERM; echo before; echo $$ > {tmp_path}/pid1;"
        f" sh -c 'echo $$ > {tmp_path}/pid2; exec sleep 1000' & "
        f" sh -c 'echo $$ > {tmp_path}/pid3; exec sleep 1000 >/dev/null 2>&1' & sleep 1000; echo never"
    )

    done = run_command(["sh", "-c", script], ENVIRON, 0.5)

    assert done.timed_out
    assert done.stdout.text == "before\n"
    assert done.returncode == -signal.SIGKILL
    assert len(_pids(tmp_path)) == 3
    assert all(map(_ends, _pids(tmp_path)))


def test_on_timeout_a_command_may_say_its_last_words() -> None:
    """SIGTERM comes first."""
    done = run_command(["sh", "-c", "trap 'echo bye; exit 9' TERM; while :; do sleep 0.01; done"], ENVIRON, 0.3)

    assert (done.timed_out, done.stdout.text, done.returncode) == (True, "bye\n", 9)


def test_a_child_that_outlives_the_command_and_holds_its_output_is_ended(tmp_path: Path) -> None:
    """The output has not ended before all that write to it have."""
    script = f"sh -c 'echo $$ > {tmp_path}/pid; exec sleep 1000' & echo out"

    done = run_command(["sh", "-c", script], ENVIRON, 0.5)

    assert (done.timed_out, done.stdout.text, done.returncode) == (True, "out\n", 0)
    assert _ends(_pids(tmp_path)[0])


@pytest.mark.peer("setsid")
def test_one_that_left_the_group_does_not_hold_us(tmp_path: Path) -> None:
    """It cannot be found, but neither is it waited for."""
    script = f"setsid sh -c 'echo $$ > {tmp_path}/pid; exec sleep 60' & echo out; sleep 60"

    done = run_command(["sh", "-c", script], ENVIRON, 0.3)

    os.kill(_pids(tmp_path)[0], signal.SIGKILL)
    assert (done.timed_out, done.stdout.text) == (True, "out\n")


def test_a_command_that_closed_its_output_is_waited_for() -> None:
    """It may still be at work."""
    done = run_command(["sh", "-c", "exec >&- 2>&-; sleep 0.2; exit 4"], ENVIRON, SECONDS)

    assert (done.timed_out, done.returncode) == (False, 4)


def test_an_interrupt_ends_the_command_too(tmp_path: Path) -> None:
    """Its session is its own, so that no terminal would end it."""
    script = f"echo $$ > {tmp_path}/pid; exec sleep 1000"

    def interrupt() -> None:
        end = time.monotonic() + SECONDS
        while not _has_text(tmp_path / "pid") and time.monotonic() < end:
            os.sched_yield()
        os.kill(os.getpid(), signal.SIGINT)

    # Whoever runs the tests in the background may have had the signal ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    thread = threading.Thread(target=interrupt)
    thread.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            run_command(["sh", "-c", script], ENVIRON, SECONDS)
    finally:
        signal.signal(signal.SIGINT, before)
    thread.join()
    assert _ends(_pids(tmp_path)[0])


def _has_text(path: Path) -> bool:
    return path.exists() and bool(path.read_text())


def test_who_ignores_the_death_of_children_gets_the_output_all_the_same() -> None:
    """SIGCHLD ignored is inherited, and takes the exit code away."""
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        done = run_command(["sh", "-c", "echo out; exit 3"], ENVIRON, SECONDS)
    finally:
        signal.signal(signal.SIGCHLD, before)

    assert (done.stdout.text, done.returncode, done.timed_out) == ("out\n", None, False)


def test_what_it_reads_is_what_was_given(tmp_path: Path) -> None:
    """A handler gets its message so, whole, though a pipe holds 64 KiB."""
    data = os.urandom(300_000)
    path = tmp_path / "got"
    done = run_command(["sh", "-c", f"cat >'{path}'; echo done"], ENVIRON, SECONDS, stdin=data)

    assert (path.read_bytes(), done.stdout.text, done.returncode) == (data, "done\n", 0)


def test_a_command_that_does_not_read_is_not_waited_for() -> None:
    """It may need nothing of the message; its exit code counts."""
    done = run_command(["sh", "-c", "exec 0</dev/null; exit 4"], ENVIRON, SECONDS, stdin=bytes(1_000_000))

    assert (done.returncode, done.timed_out) == (4, False)


def test_with_a_linger_what_it_leaves_behind_is_not_waited_for_nor_ended(tmp_path: Path) -> None:
    """A handler may start something that goes on."""
    command = f"sleep 1000 & echo $! >'{tmp_path}/pid'; echo out; exit 0"
    done = run_command(["sh", "-c", command], ENVIRON, SECONDS, linger=0.0)
    (pid,) = _pids(tmp_path)
    try:
        assert (done.returncode, done.stdout.text, done.timed_out) == (0, "out\n", False)
        os.kill(pid, 0)
    finally:
        os.kill(pid, signal.SIGKILL)


def test_a_command_that_hangs_is_ended_whatever_the_linger(tmp_path: Path) -> None:
    """Its whole group."""
    command = f"sleep 1000 & echo $! >'{tmp_path}/pid'; wait"
    done = run_command(["sh", "-c", command], ENVIRON, 0.5, linger=0.0)

    assert done.timed_out
    assert all(_ends(pid) for pid in _pids(tmp_path))

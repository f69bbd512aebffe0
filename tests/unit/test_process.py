"""Processes: what names one among all that ever ran, and which are agents or terminals. Ours, over proc(5)."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import pairwise

import pytest

from maildir_ipc.anchor import describe, ends_walk, find_anchor, find_starter
from maildir_ipc.clients import NAMES, client_of
from maildir_ipc.process import Host, Process, ancestry, lookup


def made(comm: str, *argv: str, tty: int = 1, pid: int = 77, parent: int = 1) -> Process:
    """Return a process that never ran."""
    return Process(pid, parent, 5, tty, comm, list(argv) or [comm])


def test_our_own_process_is_found() -> None:
    """proc(5)."""
    found = lookup("self")
    assert found is not None
    assert (found.pid, found.parent) == (os.getpid(), os.getppid())
    assert found.start > 0
    assert found.argv


def test_the_walk_goes_from_parent_to_parent() -> None:
    """Nearest first; it does not contain ourselves."""
    walk = list(ancestry())
    assert walk[0].pid == os.getppid()
    assert os.getpid() not in [process.pid for process in walk]
    assert all(child.parent == parent.pid for child, parent in pairwise(walk))


def test_a_process_that_ended_does_not_run_and_a_zombie_neither() -> None:
    """G6: the claims of the dead are taken over."""
    host = Host()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        running = lookup(child.pid)
        assert running is not None
        mark = host.mark(running)
        assert host.runs(mark) is True
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert lookup(child.pid) is None, "a zombie"
        assert host.runs(mark) is False
    assert host.runs(mark) is False


@pytest.mark.parametrize("name", ["a) b", "(x)", "a b", ")", "x\ny"])
def test_a_name_with_parentheses_is_read_right(name: str) -> None:
    """proc(5): the last parenthesis ends it."""
    with open("/proc/self/comm", "r+") as file:
        before = file.read().removesuffix("\n")
        file.write(name)
    try:
        found = lookup("self")
    finally:
        with open("/proc/self/comm", "w") as file:
            file.write(before)
    assert found is not None
    assert (found.comm, found.pid, found.parent) == (name, os.getpid(), os.getppid())


def test_a_used_again_pid_is_another_process() -> None:
    """The start time tells them apart."""
    host, ourselves = Host(), lookup("self")
    assert ourselves is not None
    later = Process(ourselves.pid, 1, ourselves.start + 1, 0, "x")
    assert host.runs(host.mark(ourselves)) is True
    assert host.runs(host.mark(later)) is False


@pytest.mark.parametrize("mark", ["", "standing", "x", "0.0.0.0", "a.b.c", "a.b.1.2", "a.b.c.d.e"])
def test_a_mark_of_elsewhere_cannot_be_told(mark: str) -> None:
    """Another boot, another namespace, no process at all."""
    assert Host().runs(mark) is None


@pytest.mark.parametrize("pid", ["x", "²", "", "-1", "1/../1", "9" * 30])
def test_a_damaged_mark_is_no_running_process(pid: str) -> None:
    """G12: it stands in a file's name, which anybody may have written."""
    host = Host()
    assert host.runs(f"{host.boot}.{host.namespace}.{pid}.5") in (False, None)


def test_parts_that_are_given_are_not_looked_up() -> None:
    """Values come in as parameters."""
    host = Host("0a1b2c3d", "7", "laptop")
    assert (host.boot, host.namespace, host.name) == ("0a1b2c3d", "7", "laptop")
    assert host.mark(made("sh")) == "0a1b2c3d.7.77.5"


@pytest.mark.parametrize(
    ("process", "client"),
    [
        (made("claude"), "claude"),
        (made("codex", "/usr/bin/codex"), "codex"),
        (made("node", "node", "/usr/lib/node_modules/@anthropic-ai/claude-code/cli.js"), "claude"),
        (made("node", "/usr/bin/node", "--no-warnings", "/usr/local/bin/gemini"), "gemini"),
        (made("node-MainThread", "node", "/x/@openai/codex/bin/codex.js", "--yolo"), "codex"),
        (made("bun", "bun", "run", "/x/opencode-ai/bin/opencode"), "opencode"),
        (made("sh", "/bin/sh", "/home/x/bin/claude"), "claude"),
        (made("python3", "/usr/bin/python3", "/tmp/codex.py"), "codex"),
        (made("claude", "claude", "-p", "do it", tty=0), "claude"),
        (made("x", "claude"), "claude"),
        (made("bash", "-bash"), None),
        (made("bash", "bash", "-c", "claude"), None),
        (made("vim", "vim", "/home/x/claude"), None),
        (made("node", "node", "/home/x/server.js"), None),
        (made("node", "node", "/home/claude/server.js"), None),
        (made("grep", "grep", "claude"), None),
        (made("claude-wrapper", "claude-wrapper"), None),
        (Process(1, 0, 0, 0, "kthread", []), None),
    ],
)
def test_an_agent_client_is_known_by_its_name_or_its_script(process: Process, client: str | None) -> None:
    """Design, 7."""
    assert client_of(process) == client
    assert client is None or client in NAMES


@pytest.mark.parametrize(
    ("argv", "interactive"),
    [
        (("bash",), True),
        (("-bash",), True),
        (("/bin/bash", "-i"), True),
        (("bash", "--login"), True),
        (("bash", "--rcfile", "/x/rc"), True),
        (("bash", "--norc", "-i"), True),
        (("zsh", "-o", "vi"), True),
        (("bash", "-c", "x"), False),
        (("bash", "-lc", "x"), False),
        (("bash", "-euc", "x"), False),
        (("bash", "script.sh"), False),
        (("bash", "--login", "script.sh"), False),
        (("bash", "-s"), True),
    ],
)
def test_a_terminal_is_a_shell_that_somebody_types_into(argv: tuple[str, ...], interactive: bool) -> None:
    """Design, 7: a tty, no -c, no script."""
    shell = made("zsh" if argv[0] == "zsh" else "bash", *argv)
    assert (find_anchor([shell]) is shell) is interactive
    assert find_anchor([made("bash", *argv, tty=0)]) is None


def test_busybox_is_a_shell_by_its_second_word() -> None:
    """Its first is busybox's own name."""
    assert find_anchor([made("busybox", "busybox", "sh")]) is not None
    assert find_anchor([made("busybox", "busybox", "sh", "script")]) is None


LAUNCHERS = [
    made("env"),
    made("sudo", "sudo", "x"),
    made("make"),
    made("script"),
    made("uv"),
    made("bash", "bash", "-c", "x"),
    made("vim"),
]


@pytest.mark.parametrize("launcher", LAUNCHERS, ids=lambda process: process.comm)
def test_launchers_are_passed_over(launcher: Process) -> None:
    """Design, 7."""
    shell = made("bash", "-bash", pid=9)
    assert find_anchor([launcher, launcher, shell]) is shell
    assert not ends_walk(launcher)


@pytest.mark.parametrize(
    "comm", ["tmux: server", "sshd", "cron", "systemd", "login", "containerd-shim", "init", "gnome-terminal-"]
)
def test_another_door_ends_the_walk(comm: str) -> None:
    """Design, 7: by what it is; above it, there is someone else."""
    assert find_anchor([made("make"), made(comm, pid=2), made("bash", "-bash", pid=9)]) is None
    assert ends_walk(made(comm))


def test_an_agent_may_be_process_1() -> None:
    """Design, 7: in a container; never judged by pid."""
    agent = made("claude", pid=1, parent=0, tty=0)
    assert find_anchor([made("bash", "bash", "-c", "x"), agent]) is agent


def test_an_agent_hides_the_terminal_it_was_started_from() -> None:
    """Design, 7: an agent started from alice's terminal is not alice."""
    agent, shell = made("claude", pid=8), made("bash", "-bash", pid=9)
    assert find_anchor([agent, shell]) is agent
    assert ends_walk(agent)
    assert not ends_walk(shell)


def test_nothing_left_is_nobody() -> None:
    """77, says the session."""
    assert find_anchor([]) is None
    assert describe(None) == "no terminal"
    assert describe(made("claude", pid=12)) == "claude 12"
    assert describe(made("bash", pid=12)) == "bash 12"


@pytest.mark.parametrize(
    "launcher",
    [
        made("sh", "/bin/sh", "-c", "mipc mcp"),
        made("bash", "bash", "/usr/local/bin/start-server", tty=0),
        made("env", "env", "A=b", "mipc", "mcp"),
        made("uvx", "uvx", "--from", ".", "maildir-ipc", "mcp"),
        made("npm exec mcp-in", "npm exec mcp-inspector"),
        made("node", "node", "/usr/lib/node_modules/npm/bin/npx-cli.js", "x"),
        made("python3", "/usr/bin/python3", "-I", "/usr/bin/pipx", "run", "x"),
    ],
    ids=lambda process: process.argv[0],
)
def test_a_server_hangs_on_what_started_it_past_launchers(launcher: Process) -> None:
    """Design, section 7: whatever that is."""
    for starter in (made("cursor", tty=0), made("python3", "python3", "my_agent.py", tty=0), made("bash", "-bash")):
        assert find_starter([launcher, launcher, starter, made("claude")]) is starter


def test_a_server_of_a_known_agent_hangs_on_the_agent() -> None:
    """So that its shell and its hooks are the same session."""
    agent = made("claude")
    walk = [made("bash", "bash", "-c", "x"), agent, made("bash", "-bash")]
    assert find_starter(walk) is agent
    assert find_anchor(walk) is agent


@pytest.mark.parametrize("comm", ["systemd", "sshd-session", "containerd-shim", "cron"])
def test_a_server_that_the_system_started_has_no_starter(comm: str) -> None:
    """It hangs on itself: what starts everything is nobody in particular."""
    assert find_starter([made("sh", "sh", "-c", "x"), made(comm, pid=2), made("bash", "-bash")]) is None
    assert find_starter([]) is None

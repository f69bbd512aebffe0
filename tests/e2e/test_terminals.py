"""Two terminals under one HOME are two people, whatever starts their commands; a third one is nobody."""

from __future__ import annotations

import contextlib
import shlex
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.conftest import need
from tests.e2e.driving import Tmux, assert_refused, listing, spool_of, terminals, words

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.driving import Shell

pytestmark = pytest.mark.e2e

SHELLS = ["bash", "dash", "busybox", *(["zsh"] if shutil.which("zsh") else [])]
NAMESPACES = {"pid+proc": ["unshare", "-pf", "--kill-child", "--mount-proc"], "pid": ["unshare", "-pf", "--kill-child"]}


def launchers(line: str, folder: Path) -> dict[str, str]:
    """Return the ways in which a person or an agent starts one command."""
    (folder / "Makefile").write_text(f"all:\n\t@{line}\n")
    made = {
        "itself": line,
        "sh -c": f"sh -c {shlex.quote(line)}",
        "bash -c": f"bash -c {shlex.quote(line + '; :')}",
        "subshell": f"( {line}; : )",
        "substitution": f'printf "%s\\n" "$({line})"',
        "pipe": f"{line} | cat",
        "env": f"env A=b {line}",
        "xargs": f"echo . | xargs -I. {line}",
        "python": f"python3 -c {shlex.quote(f'import subprocess; subprocess.run({shlex.split(line)!r}, check=True)')}",
        "nohup": f"nohup {line}",
        "setsid": f"setsid -w {line}",
        "nested shell": f"sh -c {shlex.quote(f'sh -c {shlex.quote(line)}; :')}; :",
    }
    if shutil.which("make"):
        made["make"] = f"make -s -f '{folder}/Makefile'"
    return made


def tell_apart(alice: Shell, bob: Shell, other: Shell, home: Path) -> None:
    """Hold three places to G10: two are who they registered as, the third is nobody."""
    assert alice.mipc("register", "alice").out == "alice\n"
    assert bob.run(f"sh -c {shlex.quote(words('register', 'bob'))}").out == "bob\n"
    assert alice.run(f"sh -c {shlex.quote(words('send', 'bob', 'to bob'))}").code == 0
    assert bob.run(f"bash -c {shlex.quote(words('send', 'alice', 'to alice'))}").code == 0
    before = listing(spool_of(home))
    for verb in (("check",), ("send", "bob", "who am I"), ("check", "--peek"), ("whoami",), ("unregister",)):
        refused = other.mipc(*verb)
        assert_refused(refused, 77, "mipc register NAME", "--as alice", "--as bob")
    assert listing(spool_of(home)) == before
    assert other.mipc("list").code == 0
    got = bob.run(f"env {words('check', '--json')}").json
    assert [(m["from"], m["body"]) for m in got["messages"]] == [("alice", "to bob")]
    assert got["identity"] == "bob"
    got = alice.mipc("check", "--json").json
    assert [(m["from"], m["body"]) for m in got["messages"]] == [("bob", "to alice")]


@pytest.mark.parametrize("shell", SHELLS)
def test_two_terminals_are_two_people_and_a_third_is_refused(home: Path, shell: str) -> None:
    """G10, ours: no variable is set, and every command comes from a shell that is gone at once."""
    need(shell)
    with terminals(3, home, shell) as (alice, bob, other):
        tell_apart(alice, bob, other, home)


def test_three_windows_of_one_tmux_are_told_apart(home: Path) -> None:
    """G10, ours: all windows have one parent, the tmux server, and it is nobody."""
    need("tmux")
    with contextlib.closing(Tmux(home)) as server:
        tell_apart(server.window(), server.window(), server.window(), home)


@pytest.mark.parametrize("kind", NAMESPACES)
def test_terminals_in_pid_namespaces_of_their_own_are_told_apart(home: Path, kind: str) -> None:
    """G10, ours: all three shells are pid 1 of their namespace, so a pid alone would mix them up."""
    need("unshare")
    with terminals(3, home, prefix=NAMESPACES[kind]) as (alice, bob, other):
        tell_apart(alice, bob, other, home)


def test_every_way_to_start_a_command_leads_to_the_same_sender(home: Path) -> None:
    """G10, ours: what stands between the terminal's shell and the command does not matter."""
    with terminals(2, home) as (alice, bob):
        alice.mipc("register", "alice")
        bob.mipc("register", "bob")
        for terminal, name in ((alice, "alice"), (bob, "bob")):
            for way, line in launchers(words("whoami"), home.parent).items():
                assert terminal.run(line).out == f"{name}\n", way
            for way, line in launchers(words("check"), home.parent).items():
                assert f"no new messages for {name}\n" in terminal.run(line).err, way


def test_a_shell_started_in_a_registered_terminal_is_the_same_person(home: Path) -> None:
    """G10, ours: the walk goes up to the shell that registered, through interactive shells too."""
    with terminals(1, home) as (alice,):
        alice.mipc("register", "alice")
        inner = words("check")
        done = alice.run(f"script -qec 'bash --norc -i -c {shlex.quote(inner)}' /dev/null </dev/null")
        assert "no new messages for alice" in done.out
        alice.type("bash --norc -i\n")
        assert alice.run("echo $SHLVL; " + words("check")).err == "no new messages for alice\n"


def test_whoami_names_the_anchor_and_the_spool(home: Path) -> None:
    """Ours: a person can see by what a command knows who it is."""
    with terminals(1, home) as (alice,):
        pid = alice.run("echo $$").out.strip()
        alice.mipc("register", "alice")
        done = alice.mipc("whoami")
        assert done.out == "alice\n"
        assert f"bash {pid}" in done.err
        assert str(spool_of(home)) in done.err
        assert alice.mipc("whoami", "--json").json == {
            "v": 1,
            "name": "alice",
            "anchor": f"bash {pid}",
            "spool": str(spool_of(home)),
            "signed": True,
        }

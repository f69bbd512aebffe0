"""Who an agent is that has a server, a shell and perhaps another server: design, section 7."""

from __future__ import annotations

import json
import os
import shlex
import sys
from typing import TYPE_CHECKING, Any

import pytest

from maildir_ipc.draft import Draft
from maildir_ipc.testing import check_all
from tests.e2e.driving import terminals
from tests.mcp.shell import Shell
from tests.mcp.talking import CHECKOUT, ask, bounded, peer, there

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.driving import Terminal


def test_an_agent_that_registers_over_mcp_sends_from_its_shell_as_itself(home: Path, tmp_path: Path) -> None:
    """One session, whoever opened it: by the process tree, nothing in the environment."""
    shell = Shell(tmp_path / "a")

    async def scene() -> None:
        async with there(home, door=shell.door) as client:
            await ask(client, "register", name="alice")
            assert shell.run("mipc", "whoami").output.startswith("alice\n")
            assert shell.run("ipc-send", "alice", "from the shell").code == 0
            answer = await ask(client, "check")
            assert [(m["from"], m["body"]) for m in answer.data["messages"]] == [("alice", "from the shell")]

    bounded(scene)


def test_the_shell_and_the_server_of_one_agent_follow_each_other(home: Path, tmp_path: Path) -> None:
    """Whichever registers, or renames: the other is the same from its next act on."""
    shell = Shell(tmp_path / "a")

    async def scene() -> None:
        async with there(home, door=shell.door, called="claude") as client:

            async def both(name: str) -> None:
                assert shell.run("mipc", "whoami").output.startswith(f"{name}\n")
                assert (await ask(client, "check")).data["identity"] == name

            assert shell.run("ipc-register", "alice").code == 0
            await both("alice")
            assert (await ask(client, "register", name="bob")).data["ended"] == ["alice"]
            await both("bob")
            assert shell.run("ipc-rename", "bobby").code == 0
            await both("bobby")
            assert "bobby is no longer registered here" in shell.run("ipc-register", "carol").output
            await both("carol")

    bounded(scene)


def test_two_servers_under_one_home_are_two_agents(home: Path, tmp_path: Path) -> None:
    """Each acts as itself, in its shell too, and neither sees the other's mail."""
    shells = [Shell(tmp_path / name) for name in ("a", "b")]

    async def scene() -> None:
        async with there(home, door=shells[0].door) as one, there(home, "legacy", door=shells[1].door) as two:
            for client, name in ((one, "alice"), (two, "bob")):
                await ask(client, "register", name=name)
            taken = await ask(two, "register", name="alice")
            assert taken.failed
            assert taken.text.startswith("alice is taken: ")
            assert taken.text.endswith("call list to see who is here, and choose another name")
            await ask(one, "send", to="bob", body="to bob")
            assert (await ask(one, "check")).data["messages"] == []
            assert shells[1].run("mipc", "whoami").output.startswith("bob\n")
            assert shells[0].run("mipc", "whoami").output.startswith("alice\n")
            assert "to bob" in shells[1].run("ipc-check").output

    bounded(scene)


def test_two_servers_of_one_process_keep_what_each_has_registered(home: Path) -> None:
    """One process that hosts two conversations: neither ends the other's session, or reads its mail."""

    async def scene() -> None:
        async with there(home) as one, there(home) as two:
            await ask(one, "register", name="alice")
            nobody = await ask(two, "check")
            assert nobody.text == "nobody has registered here: call register with a name of your own"
            assert "ended" not in (await ask(two, "register", name="bob")).data
            await ask(two, "send", to="alice", body="hello")
            assert [m["from"] for m in (await ask(one, "check")).data["messages"]] == ["bob"]
            taken = await ask(two, "register", name="alice")
            assert taken.text == "alice is taken by another server of this agent: choose another name, or end that one"
            assert (await ask(two, "check")).data["identity"] == "bob"
            assert not (await ask(one, "register", name="alice")).failed
            again = await ask(one, "register", name="carol")
            assert again.data["ended"] == ["alice"]
            assert (await ask(two, "check")).data["identity"] == "bob"

    bounded(scene)


def test_a_server_that_was_started_again_is_who_it_was(home: Path) -> None:
    """The session hangs on the process that started it: nothing has to be registered again."""

    async def scene() -> None:
        async with there(home) as first:
            await ask(first, "register", name="alice")
        async with there(home) as second:
            assert (await ask(second, "check")).data["identity"] == "alice"

    bounded(scene)


@pytest.mark.parametrize("named", ["", "alice"])
def test_a_server_whose_name_was_taken_over_acts_in_it_no_more(home: Path, named: str) -> None:
    """The loser's session has ended: it neither reads nor moves the new owner's mail, and sends nothing as it."""

    async def scene() -> None:
        async with there(home, MAILDIR_IPC_IDENTITY=named) as client:
            await ask(client, "register", name="alice")
            with terminals(1, home) as (terminal,), peer(home, "bob") as bob:
                assert terminal.run(f"{CHECKOUT}/bin/mipc register alice --takeover").code == 0
                bob.send(("alice",), Draft("for the new one"))
                for tool, given in (
                    ("check", {}),
                    ("read", {"ref": "@"}),
                    ("send", {"to": "bob", "body": "as alice"}),
                    ("rename", {"new_name": "stolen"}),
                ):
                    answer = await ask(client, tool, **given)
                    assert answer.text == (
                        "your session of alice is over: another has taken the name: "
                        "call register with a name of your own"
                    ), tool
                assert "for the new one" in terminal.run(f"{CHECKOUT}/bin/mipc check").out
                assert check_all(bob) == []
            if not named:
                assert (await ask(client, "register", name="carol")).data == {"identity": "carol"}

    bounded(scene)


def test_a_dead_agent_holds_nothing_that_others_need(home: Path, tmp_path: Path) -> None:
    """Its name goes to the next who registers it, with all mail."""
    shell = Shell(tmp_path / "a")

    async def scene() -> None:
        async with there(home, door=shell.door) as client:
            await ask(client, "register", name="alice")
            await ask(client, "send", to="alice", body="for whoever comes")
        async with there(home, door=Shell(tmp_path / "b").door) as client:
            assert (await ask(client, "register", name="alice")).data == {"identity": "alice", "unread": 1}

    bounded(scene)


def test_the_environment_names_an_agent_without_a_process(home: Path) -> None:
    """MAILDIR_IPC_IDENTITY in a client's configuration: sending registers, as for a command."""

    async def scene() -> None:
        async with there(home, MAILDIR_IPC_IDENTITY="robot") as client:
            assert not (await ask(client, "register", name="robot")).failed
            other = await ask(client, "register", name="alice")
            assert other.text.startswith("you are robot by --as or MAILDIR_IPC_IDENTITY")
            assert (await ask(client, "check")).data["identity"] == "robot"

    bounded(scene)


# An agent client that nobody knows: it starts a server, and calls a tool or two.
_CLIENT = """
import json, os, subprocess, sys
server = subprocess.Popen(sys.argv[2:], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
calls = [("tools/call", {"name": tool, "arguments": given}) for tool, given in json.loads(sys.argv[1])]
for id, (method, params) in enumerate([("initialize", hello), *calls]):
    server.stdin.write(json.dumps({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).encode() + b"\\n")
    server.stdin.flush()
    answer = json.loads(server.stdout.readline())["result"]
    if id:
        print(json.dumps(answer["content"][0]["text"]))
server.communicate()
"""


def _asked(terminal: Terminal, home: Path, *calls: tuple[str, dict[str, Any]], launcher: str = "") -> list[str]:
    """Return what the tools answer to such a client that is started in a terminal."""
    program = home / "agent"
    program.write_text(_CLIENT)
    words = [sys.executable, str(program), json.dumps(calls), *shlex.split(launcher), f"{CHECKOUT}/bin/ipc-mcp"]
    done = terminal.run(shlex.join(words))
    assert done.code == 0, done
    return [json.loads(line) for line in done.out.splitlines()]


@pytest.mark.parametrize("launcher", ["", "env A=b sh -c '\"$@\"; true' sh"])
def test_an_agent_that_was_started_from_a_registered_terminal_is_not_who_sits_there(home: Path, launcher: str) -> None:
    """Design, section 7: whatever starts a server is an agent; the walk of its server does not pass it."""
    with terminals(1, home) as (terminal,), peer(home, "bob") as bob:
        assert terminal.run(f"{CHECKOUT}/bin/mipc register alice").code == 0
        bob.send(("alice",), Draft("for alice"))
        calls = [
            ("check", {}),
            ("send", {"to": "bob", "body": "as alice"}),
            ("register", {"name": "carol"}),
            ("check", {}),
        ]
        said = _asked(terminal, home, *calls, launcher=launcher)
        nobody = "nobody has registered here: call register with a name of your own"
        assert said == [nobody, nobody, "you are carol", "no new messages for carol\n"]
        assert "for alice" in terminal.run(f"{CHECKOUT}/bin/mipc check").out
        assert check_all(bob) == []


def test_a_server_that_a_person_starts_in_a_terminal_is_that_person(home: Path) -> None:
    """What started it is the shell that they type into."""
    doors = [home / name for name in ("in", "out")]
    for door in doors:
        os.mkfifo(door)
    with terminals(1, home) as (terminal,):
        assert terminal.run(f"{CHECKOUT}/bin/mipc register alice").code == 0
        terminal.run(f"{CHECKOUT}/bin/ipc-mcp <{doors[0]} >{doors[1]} &")
        with open(doors[0], "wb") as asks, open(doors[1], "rb") as answers:
            hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
            for method, params in (("initialize", hello), ("tools/call", {"name": "check", "arguments": {}})):
                call = {"jsonrpc": "2.0", "id": method, "method": method, "params": params}
                asks.write(json.dumps(call).encode() + b"\n")
                asks.flush()
                answer = json.loads(answers.readline())["result"]
            assert answer["structuredContent"]["identity"] == "alice"


def test_an_agent_whose_name_its_user_gave_is_told_that_name(home: Path) -> None:
    """Any other would be refused; what it cannot mend, its user can."""

    async def scene() -> None:
        async with there(home, MAILDIR_IPC_IDENTITY="robot") as client:
            for _ in range(2):  # before there is a spool, and after
                answer = await ask(client, "check")
                assert answer.text.endswith(": call register with name=robot"), answer
                peer(home, "bob").close()
            assert answer.text.startswith("no one named robot has registered")
            assert not (await ask(client, "register", name="robot")).failed
            assert not (await ask(client, "check")).failed
        with terminals(1, home, MAILDIR_IPC_STATE=f"{home}/other") as (terminal,):
            assert terminal.run(f"{CHECKOUT}/bin/mipc register robot --takeover").code == 0
            async with there(home, MAILDIR_IPC_IDENTITY="robot") as client:
                held = await ask(client, "check")
                assert held.text.startswith("robot is held by bash ")
                assert held.text.endswith("its token is not here: call register with name=robot")
                taken = await ask(client, "register", name="robot")
                assert taken.text.startswith("robot is taken: bash ")
                assert taken.text.endswith(
                    ": your user can mend that: name another in MAILDIR_IPC_IDENTITY, or mipc register robot --takeover"
                )

    bounded(scene)


@pytest.mark.parametrize("asked", [True, False])
def test_a_session_that_the_agents_shell_ended_is_called_over(home: Path, tmp_path: Path, *, asked: bool) -> None:
    """Of the name that it was told last, and no more of the one before."""
    shell = Shell(tmp_path / "a")

    async def scene() -> None:
        async with there(home, door=shell.door, called="claude") as client:
            await ask(client, "register", name="alice")
            assert shell.run("ipc-register", "carol").code == 0
            if asked:
                assert (await ask(client, "check")).data["identity"] == "carol"
            assert shell.run("mipc", "unregister").code == 0
            over = "nobody has registered here" if asked else "your session of alice is over: alice has no session"
            assert (await ask(client, "check")).text == f"{over}: call register with a name of your own"

    bounded(scene)

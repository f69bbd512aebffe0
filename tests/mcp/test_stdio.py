"""A real server process, over its standard input and output: design, section 10."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from mcp_types import INVALID_PARAMS

from maildir_ipc.draft import Attachment, Draft
from maildir_ipc.testing import check_all
from tests.e2e.driving import terminals
from tests.mcp.talking import CHECKOUT, MODES, SECONDS, ask, bounded, peer, there
from tests.mcp.test_golden import ALWAYS, MAX_TOOLS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

# What tools do when they misbehave: print, and run programs that do.
_NOISY = """
import os, subprocess, sys
from maildir_ipc import desk
def noisy(turn, match, whole=desk.list_names):
    print("print")
    sys.stdout.write("write")
    os.write(1, b"descriptor 1")
    subprocess.run(["echo", "a child"], check=True)
    return whole(turn, match)
desk.list_names = noisy
"""
_STRIKES = {
    "before the answer is made": "from maildir_ipc import desk; target, name = desk, 'checked'",
    "before it is written": "from maildir_ipc import outlet; target, name = outlet.Wire, 'write'",
    "when it is written, before it is committed": "from maildir_ipc import serving; target, name = serving, 'commit'",
}
_KILLED = """
import os, signal
{where}
whole = getattr(target, name)
def strike(*given, **named):
    if (name == 'write' and b'precious' in bytes(given[1])) or name == 'checked' or (name == 'commit' and given[0]):
        os.kill(os.getpid(), signal.SIGKILL)
    return whole(*given, **named)
setattr(target, name, strike)
"""


class Raw:
    """A server that is spoken to line by line, to see every byte of what it says."""

    def __init__(self, home: Path, *words: str, code: str = "", greets: bool = True, **environ: str) -> None:
        command = [sys.executable, "-c", f"{code}\nimport mcp_server\nmcp_server.main()"] if code else [
            str(CHECKOUT / "bin/ipc-mcp"), *words
        ]  # fmt: skip
        env = {"HOME": str(home), "PATH": os.environ["PATH"], "PYTHONPATH": str(CHECKOUT), **environ}
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, env=env)
        self._id, self._rest = 0, b""
        if greets:
            who = {"name": "t", "version": "1"}
            self.call("initialize", protocolVersion="2025-11-25", capabilities={}, clientInfo=who)
            self.write({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def write(self, message: Mapping[str, Any]) -> None:
        """Say something."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(message).encode() + b"\n")
        self.process.stdin.flush()

    def call(self, method: str, **params: Any) -> Any:
        """Ask, and return the whole answer; None when the server dies instead."""
        line = self.ask(method, **params)
        return None if line is None else json.loads(line)

    def ask(self, method: str, **params: Any) -> bytes | None:
        """Ask, and return the answer as it came; only then may standard input end, or the answer is not made."""
        self._id += 1
        self.write({"jsonrpc": "2.0", "id": self._id, "method": method, "params": params})
        return self.read()

    def tool(self, tool: str, **arguments: Any) -> Any:
        """Call a tool."""
        return self.call("tools/call", name=tool, arguments=arguments)

    def read(self) -> bytes | None:
        """Return the next line; None at the end."""
        assert self.process.stdout is not None
        fd = self.process.stdout.fileno()
        while b"\n" not in self._rest:
            assert select.select([fd], [], [], SECONDS)[0], "no answer"
            chunk = os.read(fd, 65536)
            if not chunk:
                assert self._rest == b""
                return None
            self._rest += chunk
        line, _, self._rest = self._rest.partition(b"\n")
        return line

    def end(self) -> tuple[int, bytes, bytes]:
        """Close its standard input; return its exit code, and what it still says on both outputs."""
        out, err = self.process.communicate(timeout=SECONDS)
        return self.process.returncode, self._rest + out, err


@pytest.fixture
def raw(home: Path) -> Iterator[Any]:
    """Start servers, and end them."""
    started: list[Raw] = []

    def start(*words: str, code: str = "", greets: bool = True, **environ: str) -> Raw:
        started.append(Raw(home, *words, code=code, greets=greets, **environ))
        return started[-1]

    yield start
    for server in started:
        if server.process.poll() is None:
            server.process.kill()
        server.process.communicate()


@pytest.mark.parametrize("era", ["with a handshake", "without"])
def test_all_tools_fit_into_the_budget_on_the_wire(era: str, raw: Any) -> None:
    """With share_command, and with what the protocol puts around them: design, section 10."""
    server = raw("--allow-commands", greets=era != "without")
    meta = {"protocolVersion": "2026-07-28", "clientInfo": {"name": "t", "version": "1"}, "clientCapabilities": {}}
    modern = {"_meta": {f"io.modelcontextprotocol/{key}": value for key, value in meta.items()}}
    line = server.ask("tools/list", **(modern if era == "without" else {}))
    assert len(json.loads(line)["result"]["tools"]) == len(ALWAYS) + 1
    assert len(line) <= MAX_TOOLS


@pytest.mark.parametrize("mode", MODES)
def test_every_tool_works_over_a_pipe(mode: str, home: Path) -> None:
    """One process, one agent, all tools, in both eras."""
    report = home / "report.txt"
    report.write_text("42")

    async def scene() -> None:
        async with there(home, mode, "--allow-commands") as client:
            tools = [tool.name for tool in (await client.list_tools()).tools]
            called = {"register"}
            assert (await ask(client, "register", name="alice")).text == "you are alice"
            with peer(home, "bob") as bob:
                bob.send(("alice",), Draft("hello"))
                for tool, given in (
                    ("list", {}),
                    ("wait", {"seconds": 5}),
                    ("check", {}),
                    ("read", {"ref": "@"}),
                    ("send", {"to": ["bob"], "body": "hi"}),
                    ("broadcast", {"body": "all"}),
                    ("share_file", {"to": "bob", "path": str(report)}),
                    ("share_command", {"to": "bob", "command": ["echo", "x"]}),
                    ("auto_check", {"action": "start"}),
                    ("rename", {"new_name": "alicia"}),
                ):
                    answer = await ask(client, tool, **given)
                    assert not answer.failed, answer
                    assert answer.text
                    assert answer.data
                    called.add(tool)
                assert len(check_all(bob)) == 5
            assert called == set(tools)

    bounded(scene)


def test_only_the_protocol_reaches_standard_output(raw: Any) -> None:
    """Whatever code prints, the wire stays clean; it goes to standard error."""
    server = raw(code=_NOISY)
    assert server.tool("list")["result"]["content"][0]["text"] == "nobody has registered"
    code, out, err = server.end()
    assert (code, out) == (0, b"")
    for word in (b"print", b"write", b"descriptor 1", b"a child"):
        assert word in err


def test_the_end_of_standard_input_ends_it(raw: Any) -> None:
    """Exit 0, and nothing said."""
    server = raw()
    server.tool("list")
    assert server.end() == (0, b"", b"")


def test_the_end_of_standard_input_ends_a_wait(raw: Any) -> None:
    """A call that is under way keeps nobody."""
    server = raw()
    server.tool("register", name="alice")
    params = {"name": "wait", "arguments": {"seconds": 3600}}
    server.write({"jsonrpc": "2.0", "id": 99, "method": "tools/call", "params": params})
    server.tool("list")
    assert server.end()[0] == 0


def test_what_was_answered_is_committed_at_once(raw: Any, home: Path) -> None:
    """The transport tells when the answer was flushed: no later call is needed."""
    with peer(home, "alice") as alice, peer(home, "bob") as bob:
        bob.send(("alice",), Draft("hello"))
        server = raw(MAILDIR_IPC_IDENTITY="alice")
        assert "hello" in server.tool("check")["result"]["content"][0]["text"]
        assert server.end()[0] == 0
        assert alice.maildir.names("new") == []
        assert [name.rpartition(":")[2] for name in alice.maildir.names("cur")] == ["2,S"]


@pytest.mark.parametrize("where", _STRIKES)
def test_a_server_killed_in_the_middle_of_check_loses_nothing(raw: Any, home: Path, where: str) -> None:
    """G4: killed by SIGKILL at whatever point, what was not answered is unread for the next one, at once."""
    with peer(home, "alice") as alice, peer(home, "bob") as bob:
        bob.send(("alice",), Draft("precious"))
        server = raw(code=_KILLED.format(where=_STRIKES[where]), MAILDIR_IPC_IDENTITY="alice")
        answer = server.tool("check")
        assert server.process.wait(SECONDS) == -signal.SIGKILL
        assert (answer is not None) == where.startswith("when it is written")
        (received,) = check_all(alice)
        assert received.message is not None
        assert received.message.body == "precious"


def test_a_check_that_was_given_up_leaves_its_mail_unread(home: Path) -> None:
    """An answer that nobody waits for shows nothing to anybody."""
    slow = """
import time
from maildir_ipc import desk
def slowly(*given, whole=desk.checked):
    open(os.environ["HOME"] + "/begun", "a").close()
    while not os.path.exists(os.environ["HOME"] + "/go"):
        time.sleep(0.01)
    return whole(*given)
import os
desk.checked = slowly
"""

    begun = home / "begun"
    os.mkfifo(begun)

    async def scene() -> None:
        with peer(home, "alice"), peer(home, "bob") as bob:
            bob.send(("alice",), Draft("still there"))
            async with there(home, "legacy", code=slow, MAILDIR_IPC_IDENTITY="alice") as client:
                async with anyio.create_task_group() as group:
                    group.start_soon(ask, client, "check")
                    await anyio.to_thread.run_sync(os.open, begun, os.O_RDONLY)  # a FIFO: until it is opened there
                    group.cancel_scope.cancel()
                begun.unlink()
                begun.touch()  # later checks find no FIFO, and are not held up
                await ask(client, "list")  # answered after the server has read that the first is given up
                (home / "go").touch()
                answer = await ask(client, "check")
                for _ in range(1000):  # until the thread of the first one has given it back
                    if answer.data["messages"]:
                        break
                    answer = await ask(client, "check")
                assert answer.data["messages"][0]["body"] == "still there"

    bounded(scene)


@pytest.mark.parametrize(
    "data", ['{"a": "\\ud83d"}', '{"a": ' + "[" * 300 + "]" * 300 + "}", '{"a": NaN}', '{"\\u001b": "\\u202e"}']
)
def test_no_message_keeps_another_from_being_shown(raw: Any, home: Path, data: str) -> None:
    """G12: whatever a member signed, with innocent mail before and behind it."""
    with peer(home, "alice"), peer(home, "bob") as bob:
        bob.send(("alice",), Draft("before"))
        poison, bad = Draft("poison", data="{}", attachments=[Attachment("\udcff", "a/b", b"")]), data
        poison.data = bad  # as another program would send it: a Draft refuses most of it
        bob.send(("alice",), poison)
        bob.send(("alice",), Draft("behind"))
        server = raw(MAILDIR_IPC_IDENTITY="alice")
        shown = server.tool("check")["result"]["structuredContent"]["messages"]
        assert [message["body"] for message in shown] == ["before", "poison", "behind"]
        read = server.tool("read", ref=shown[1]["ref"])["result"]["structuredContent"]
        assert read["body"] == "poison"
        assert server.end()[::2] == (0, b"")


def test_a_client_that_listens_no_more_is_no_fault(raw: Any, home: Path) -> None:
    """It closes one pipe, then the other: exit 0, nothing said, and what it was not shown is unread."""
    with peer(home, "alice") as alice, peer(home, "bob") as bob:
        bob.send(("alice",), Draft("nobody heard"))
        server = raw(MAILDIR_IPC_IDENTITY="alice")
        server.process.stdout.close()
        for tool, given in (("check", {}), ("send", {"to": "bob", "body": "1"}), ("send", {"to": "bob", "body": "2"})):
            params = {"name": tool, "arguments": given}
            server.write({"jsonrpc": "2.0", "id": f"{tool}{given}", "method": "tools/call", "params": params})
            if tool == "send":
                assert bob.wait(SECONDS)
                assert len(check_all(bob)) == 1
        assert server.end() == (0, b"", b"")
        assert len(check_all(alice)) == 1


def test_mail_in_an_answer_that_could_not_be_made_is_unread_again(raw: Any, home: Path) -> None:
    """The SDK answers with an error of its own: nothing was shown."""
    deep = """
from maildir_ipc import desk
def deeper(*given, whole=desk.checked):
    desk.checked = whole
    text, found = whole(*given)
    for _ in range(300):
        found["deep"] = {"deep": found.get("deep")}
    return text, found
desk.checked = deeper
"""
    with peer(home, "alice") as alice, peer(home, "bob") as bob:
        bob.send(("alice",), Draft("hello"))
        server = raw(code=deep, MAILDIR_IPC_IDENTITY="alice")
        assert "error" in server.tool("check")
        assert len(alice.maildir.unread(alice.host.runs, alice.spool.clock())) == 1
        assert "hello" in server.tool("check")["result"]["content"][0]["text"]
        assert server.end()[0] == 0


def test_mail_in_an_answer_that_says_a_fault_instead_is_unread_again(raw: Any, home: Path) -> None:
    """The result is one, and holds no mail."""
    late = """
from maildir_ipc import serving
def shown(*given, whole=serving.Seat.shown):
    whole(*given)
    serving.Seat.shown = whole
    raise RuntimeError
serving.Seat.shown = shown
"""
    with peer(home, "alice") as alice, peer(home, "bob") as bob:
        bob.send(("alice",), Draft("hello"))
        server = raw(code=late, MAILDIR_IPC_IDENTITY="alice")
        assert server.tool("check")["result"]["isError"]
        assert len(alice.maildir.unread(alice.host.runs, alice.spool.clock())) == 1
        assert "hello" in server.tool("check")["result"]["content"][0]["text"]
        assert server.end()[0] == 0


def test_without_the_package_the_line_says_what_to_install(home: Path) -> None:
    """69, and one line."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(CHECKOUT / "maildir_ipc/__main__.py"), "mcp"],
        env={"HOME": str(home), "PATH": os.environ["PATH"]},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 69
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "python3 -m pip install 'mcp>=2.3,<3'" in done.stderr


_HELLO = {
    "jsonrpc": "2.0",
    "id": 0,
    "method": "initialize",
    "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}},
}


def _started(home: Path, stdin: Any, stdout: Any, *, code: str = "", **environ: str) -> subprocess.Popen[bytes]:
    """Start a server whose standard input or output is out of the ordinary."""
    command = [sys.executable, "-c", f"{code}\nimport mcp_server\nmcp_server.main()"]
    env = {"HOME": str(home), "PATH": os.environ["PATH"], "PYTHONPATH": str(CHECKOUT), **environ}
    argv = command if code else [str(CHECKOUT / "bin/mipc"), "mcp"]
    return subprocess.Popen(argv, stdin=stdin, stdout=stdout, stderr=subprocess.PIPE, env=env)


@pytest.mark.parametrize("closing", ["<&-", ">&-", ">/dev/full"])
def test_an_input_or_an_output_that_cannot_be_used_is_no_fault_of_ours(home: Path, closing: str) -> None:
    """G12: 75, and one line."""
    command = ["/bin/sh", "-c", f'exec "$0" mcp {closing}', str(CHECKOUT / "bin/mipc")]
    done = subprocess.run(
        command,
        input=json.dumps(_HELLO).encode() + b"\n",
        env={"HOME": str(home), "PATH": os.environ["PATH"]},
        capture_output=True,
        timeout=SECONDS,
        check=False,
    )
    assert (done.returncode, done.stdout) == (75, b"")
    what = "read the input" if closing == "<&-" else "write the output"
    assert done.stderr.startswith(f"mipc: cannot {what}: ".encode())
    assert done.stderr.count(b"\n") == 1


def test_a_client_that_is_slow_to_read_gets_whole_lines(home: Path) -> None:
    """Also over a pipe that is full and does not wait: what would be cut is waited for."""
    os.mkfifo(home / "bell")
    rings = """
import os
from maildir_ipc import outlet
def flush(self, whole=outlet.Wire.flush):
    outlet.Wire.flush = whole
    open(os.environ["HOME"] + "/bell", "wb").close()
    whole(self)
outlet.Wire.flush = flush
"""
    reads, writes = os.pipe()
    os.set_blocking(writes, False)
    full = 0
    with contextlib.suppress(BlockingIOError):
        while True:
            full += os.write(writes, b"\n" * 4096)
    server = _started(home, subprocess.PIPE, writes, code=rings)
    os.close(writes)
    assert server.stdin is not None
    server.stdin.write(json.dumps(_HELLO).encode() + b"\n")
    server.stdin.flush()
    with open(home / "bell", "rb") as bell, open(reads, "rb") as answers:
        assert bell.read() == b""  # now it writes
        line = next(line for line in answers if line != b"\n")
        assert json.loads(line)["result"]["serverInfo"]["name"] == "maildir-ipc"
        assert server.communicate(timeout=SECONDS)[1] == b""
    assert server.returncode == 0


@pytest.mark.parametrize("name", ["x y", "all", ""])
def test_a_name_that_is_none_ends_the_server_before_it_serves(home: Path, name: str) -> None:
    """G12: 64, in the words of every other command; a client shows that its server does not start."""
    for words, environ in ((["--as", name], {}), ([], {"MAILDIR_IPC_IDENTITY": name})):
        if not words and not name:
            continue  # a variable that is empty is not set
        done = subprocess.run(
            [str(CHECKOUT / "bin/ipc-mcp"), *words],
            env={"HOME": str(home), "PATH": os.environ["PATH"], **environ},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert (done.returncode, done.stdout) == (64, "")
        assert done.stderr.startswith("mipc: ")
        assert "name" in done.stderr
        assert done.stderr.count("\n") == 1


def test_in_a_terminal_it_says_what_it_is_and_ends_when_it_is_interrupted(home: Path) -> None:
    """A person who tries it is not left with a screen that says nothing."""
    with terminals(1, home) as (terminal,):
        terminal.type(f"{CHECKOUT}/bin/mipc mcp\n")
        said = terminal.see("Ctrl-C ends it")
        assert "mipc setup CLIENT" in said
        terminal.type("\x03")
        terminal.type("echo code $?\n")
        assert "Traceback" not in terminal.see("code 130")


def test_a_prompt_that_is_none_is_one_line_and_no_fault(raw: Any) -> None:
    """Nothing on standard error."""
    server = raw()
    for name, given, said in (
        ("nope", {}, "no prompt 'nope': there are inbox, handoff"),
        ("inbox", {"x": "1"}, "inbox: no argument 'x': it takes none"),
        ("handoff", {"to": "bob", "task": "t", "x": "1"}, "handoff: no argument 'x': it takes to, task"),
        ("handoff", {"to": "bob", "task": ""}, "handoff: task is missing: it takes to, task"),
    ):
        error = server.call("prompts/get", name=name, arguments=given)["error"]
        assert (error["code"], error["message"]) == (INVALID_PARAMS, said)
    assert server.end() == (0, b"", b"")

"""An agent client that was started from somebody's terminal is somebody else, and so is all that it runs."""

from __future__ import annotations

import shlex
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.conftest import need
from tests.e2e.driving import assert_refused, mipc, run, terminals, words

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.driving import Done, Terminal

pytestmark = pytest.mark.e2e

# The `:` keeps the shell from giving its own process to its last command.
BODY = 'eval "$WORK"; :'


def stand_in(kind: str, folder: Path) -> str:
    """Make something that looks like an agent client as it is really installed; return how it is started."""
    bash = shutil.which("bash")
    assert bash is not None
    folder.mkdir()
    if kind in ("claude", "codex", "gemini", "opencode"):  # a binary of that name
        shutil.copy(bash, folder / kind)
        return f"{folder}/{kind} -c {shlex.quote(BODY)}"
    if kind == "exec -a":
        return f"bash -c {shlex.quote(f'exec -a claude bash -c {shlex.quote(BODY)}')}"
    if kind == "shebang":
        script = folder / "codex"
        script.write_text(f"#!{bash}\n{BODY}\n")
        script.chmod(0o755)
        return str(script)
    script = folder / kind.removeprefix("node ")
    script.parent.mkdir(parents=True, exist_ok=True)
    script.write_text(BODY)
    shutil.copy(bash, folder / "node")
    return f"{folder}/node {script}"


KINDS = [
    "claude", "codex", "gemini", "opencode", "exec -a", "shebang", "node claude",
    "node node_modules/@anthropic-ai/claude-code/cli.js", "node node_modules/@openai/codex/bin/codex.js",
    "node node_modules/@google/gemini-cli/dist/index.js", "node opencode",
]  # fmt: skip


def inside(terminal: Terminal, client: str, *lines: str) -> Done:
    """Run lines in one run of a client that was started from a terminal."""
    return terminal.run(f"WORK={shlex.quote('; '.join(lines))} {client}")


@pytest.mark.parametrize("kind", KINDS)
def test_a_client_started_from_a_terminal_is_not_who_the_terminal_is(home: Path, kind: str) -> None:
    """G10, ours: the walk up the process tree never passes an agent client."""
    need("bash")
    client = stand_in(kind, home.parent / "client")
    with terminals(1, home) as (alice,):
        alice.mipc("register", "alice")
        assert_refused(inside(alice, client, words("send", "alice", "as myself"), "exit $?"), 77, "--as alice")
        assert_refused(inside(alice, client, words("check"), "exit $?"), 77, "mipc register NAME")
        check = words("check")
        done = inside(
            alice,
            client,
            words("register", "agent"),
            words("whoami"),
            f"sh -c {shlex.quote(words('send', 'alice', 'from the agent'))}",
            f"env A=b bash -c {shlex.quote(check + '; :')}",
            f"( {words('whoami')} )",
        )
        assert done.out.split("\n")[0:2] == ["agent", "agent"]
        assert done.out.split("\n")[-2] == "agent"
        assert "no new messages for agent" in done.err
        assert alice.mipc("whoami").out == "alice\n"
        got = alice.mipc("check", "--json").json
        assert [(m["from"], m["body"]) for m in got["messages"]] == [("agent", "from the agent")]


def test_a_client_that_registered_outlives_nothing_and_its_successor_takes_the_name(home: Path) -> None:
    """Ours: a dead session gives way silently, so an agent that restarts registers again and has its mail."""
    client = stand_in("claude", home.parent / "client")
    with terminals(1, home) as (alice,):
        alice.mipc("register", "alice")
        inside(alice, client, words("register", "agent"))
        alice.mipc("send", "agent", "while you were away")
        done = inside(alice, client, words("register", "agent"), words("check"))
        assert "taken" not in done.err
        assert "1 message waiting" in done.err
        assert "while you were away" in done.out


def test_two_clients_in_one_terminal_are_two(home: Path) -> None:
    """G10, ours: a client that was started by a client is itself."""
    outer = stand_in("claude", home.parent / "outer")
    inner = stand_in("codex", home.parent / "inner")
    with terminals(1, home) as (alice,):
        alice.mipc("register", "alice")
        nested = (
            f"WORK={shlex.quote(words('check') + '; ' + words('register', 'inner') + '; ' + words('whoami'))} {inner}"
        )
        done = inside(alice, outer, words("register", "outer"), nested, words("whoami"))
        assert "mipc register NAME, or --as alice, or --as outer" in done.err
        assert done.out == "outer\ninner\ninner\nouter\n"


@pytest.mark.parametrize("variable", ["CLAUDE_CODE_SESSION_ID", "CODEX_THREAD_ID"])
def test_a_session_id_decides_where_the_process_tree_cannot(home: Path, variable: str) -> None:
    """G10, ours: a client that runs each command in a pid namespace of its own tells its commands who they are."""
    need("unshare")
    client = stand_in("claude", home.parent / "client")
    with terminals(1, home) as (alice,):
        alice.mipc("register", "alice")
        boxed = "unshare -pf --kill-child --mount-proc sh -c"
        done = inside(
            alice,
            client,
            f"export {variable}=first",
            words("register", "agent"),
            f"{boxed} {shlex.quote(words('whoami') + '; :')}",
            f"{boxed} {shlex.quote(words('send', 'alice', 'hello') + '; :')}",
            f"{boxed} {shlex.quote(f'{variable}=second ' + words('check') + '; exit $?')}",
            "exit $?",
        )
        lines = done.out.splitlines()
        assert lines[:2] == ["agent", "agent"]
        assert lines[2].endswith("alice delivered")
        assert_refused(done._replace(err="".join(done.err.splitlines(keepends=True)[-1:])), 77, "--as agent")


@pytest.mark.parametrize("variable", ["CLAUDE_CODE_SESSION_ID", "CODEX_THREAD_ID"])
def test_two_session_ids_in_one_process_are_two_people(home: Path, variable: str) -> None:
    """G10, ours: one process that hosts several sessions (`--also`) is who the session id says."""
    client = stand_in("codex", home.parent / "client")
    with terminals(1, home) as (alice,):
        done = inside(
            alice,
            client,
            f"{variable}=one {words('register', 'first')}",
            f"{variable}=two {words('register', 'second', '--also')}",
            f"{variable}=one {words('whoami')}",
            f"{variable}=two {words('whoami')}",
            f"{variable}=one {words('check')}",
            words("check"),
            "exit $?",
        )
        assert done.out == "first\nsecond\nfirst\nsecond\n"
        assert "no new messages for first" in done.err
        assert done.code == 77


def test_a_session_id_alone_never_makes_an_identity(home: Path) -> None:
    """G10, ours: without a session that was recorded with it, a client's id means nothing."""
    mipc(home, "register", "alice", "--as", "alice")
    boxed = ["setsid", "-w", "env", "CLAUDE_CODE_SESSION_ID=made-up"]
    assert_refused(run(*boxed, *shlex.split(words("check")), home=home), 77, "--as alice")

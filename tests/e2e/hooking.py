"""Stand-ins for agent clients that live, and call their hooks as the real ones do: recorded words, our exit codes."""

from __future__ import annotations

import contextlib
import json
import shlex
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from maildir_ipc import autocheck
from maildir_ipc.testing import account
from tests.e2e.driving import BIN, Done, Terminal, words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

HERE = Path(__file__).parent
HOOK = str(BIN / "ipc-hook")
# Where a client tells the commands that it runs whose they are; Gemini CLI does not.
VARIABLES = {"claude": "CLAUDE_CODE_SESSION_ID", "codex": "CODEX_THREAD_ID", "opencode": "OPENCODE_SESSION_ID"}


def recorded(client: str, event: str, **changes: object) -> dict[str, Any]:
    """Return what a client writes to its hook at an event, with changes."""
    values = json.loads((HERE / f"hooks/{client}.{event}.json").read_text())
    return {**values, **changes}


def validated(client: str, event: str, out: str) -> str:
    """Return the text that an answer brings to the agent; it must be one that the client accepts."""
    schema = json.loads((HERE / f"schemas/{client}.json").read_text())
    assert event in schema["$defs"], f"{client} {event} must be answered with nothing, not {out!r}"
    value = json.loads(out)
    Draft202012Validator({**schema, "$ref": f"#/$defs/{event}"}).validate(value)
    text = value.get("text") or value.get("reason") or value["hookSpecificOutput"]["additionalContext"]
    assert isinstance(text, str)
    return text


class Client(Terminal):
    """An agent client that runs, on a terminal of its own: a copy of bash under its name."""

    def __init__(self, client: str, home: Path, env: Mapping[str, str]) -> None:
        folder, bash = Path(tempfile.mkdtemp(dir=home.parent, prefix="client-")), shutil.which("bash")
        assert bash is not None
        self.client, self.program, self._files, self._events = client, folder / client, folder, 0
        shutil.copy(bash, self.program)
        super().__init__([str(self.program), "--norc", "--noprofile", "-i"], folder, home, env)

    def mipc(self, verb: str, *arguments: str, of: str = "") -> Done:
        """Run a verb as a tool of the session *of* does; else of the one that was recorded."""
        if self.client not in VARIABLES:
            return super().mipc(verb, *arguments)
        id = of or recorded(self.client, {"opencode": "session.idle"}.get(self.client, "Stop"))["session_id"]
        return self.run(f"{VARIABLES[self.client]}={shlex.quote(id)} {words(verb, *arguments)}")

    def hook(self, event: str, shell: str = "", **changes: object) -> Done:
        """Call the hook at an event, as recorded but for *changes*; *shell* runs the script in place of sh."""
        self._events += 1
        stdin = self._files / f"{self._events}.json"
        stdin.write_text(json.dumps(recorded(self.client, event, **changes)))
        done = self.run(f"cat {shlex.quote(str(stdin))} | {shell} {shlex.join([HOOK, self.client, event])}")
        assert done.code == 0, done
        assert done.err == "", done
        return done

    def hears(self, event: str, **changes: object) -> str:
        """Return the text that the hook brings; empty for none."""
        done = self.hook(event, "", **changes)
        return validated(self.client, event, done.out) if done.out else ""


@contextlib.contextmanager
def clients(home: Path, *kinds: str, **env: str) -> Iterator[list[Client]]:
    """Give running clients under one HOME, one of each kind."""
    with contextlib.ExitStack() as stack:
        made: list[Client] = []
        for kind in kinds:
            client = Client(kind, home, env)
            stack.callback(client.close)
            made.append(client)
        yield made


def auto_check(home: Path, name: str, minutes: int = 5, *, instant: bool = False, command: str | None = None) -> None:
    """Turn auto-check on for *name*."""
    owner = account(str(home))
    session = owner.identify(name)
    with owner.mailbox(session) as mailbox:
        autocheck.start(mailbox, session, minutes, instant=instant, command=command)

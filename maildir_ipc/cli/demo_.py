"""demo: two agents talk, a third gets mail sent before it existed, and a forgery is caught; all of it real."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile

from ..errors import MaildirIPCError, TryAgain
from .call import Call, arguments

USAGE = "demo"
_CLAUDE_ASKS = "Hey fred, need help with this React component: it renders twice. Can you look at src/App.jsx?"
_FRED_ANSWERS = "StrictMode does that on purpose in development. Nothing is broken."
_WELCOME = "Welcome to the team, nessa! Start with docs/index.md."


class _Broken(MaildirIPCError):
    name = "demo"


class _Stage:
    """A spool of its own, a home for its agents that goes away, and the commands that they type."""

    def __init__(self, call: Call, spool: str, home: str) -> None:
        self.call, self.spool, self.home = call, spool, home
        package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        self.main, self.bin = os.path.join(package, "__main__.py"), os.path.join(os.path.dirname(package), "bin")

    def tell(self, text: str) -> None:
        self.call.out(f"\n# {text}\n")

    def run(self, who: str, verb: str, *words: str, expect: str = "", given: str = "") -> None:
        """Run a command as *who*, *given* its standard input; show it and what it says; *expect* must be in that."""
        self.end(self.start(who, verb, *words), expect, given)

    def start(self, who: str, verb: str, *words: str, mark: str = "") -> subprocess.Popen[str]:
        """Start a command as *who*, and show it."""
        script = os.path.join(self.bin, f"ipc-{verb}")
        has_script = os.path.exists(script)
        command = [script] if has_script else [sys.executable, "-I", "-S", self.main, verb]
        shown = " ".join([f"ipc-{verb}" if has_script else f"mipc {verb}", *map(shlex.quote, words)])
        environ = {
            "HOME": self.home,
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "TMPDIR": self.home,
            "MAILDIR_IPC_ROOT": self.spool,
            "MAILDIR_IPC_IDENTITY": who,
        }
        self.call.out(f"{who}$ {shown}{mark}\n")
        pipe = subprocess.PIPE
        return subprocess.Popen(
            [*command, *words], env=environ, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT, text=True
        )

    def end(self, running: subprocess.Popen[str], expect: str, given: str = "") -> None:
        """Wait for a command, and show what it says. Raises: _Broken."""
        said, _ = running.communicate(given, timeout=60)
        self.call.out(said)
        if running.returncode != 0 or expect not in said:
            shown = shlex.join(running.args if isinstance(running.args, list) else [])
            raise _Broken(f"the demo failed: {shown} ended with {running.returncode}", "please report what is above")


def run(call: Call, words: list[str]) -> int:
    """Play the demo; leave nothing but the spool that it names."""
    if arguments(call, words, USAGE, {}) is None:
        return 0
    try:
        # /var/tmp is on a disk where /tmp may be memory.
        folder = "/var/tmp" if os.access("/var/tmp", os.W_OK) else None
        spool = tempfile.mkdtemp(prefix="maildir-ipc-demo-", dir=folder)
        home = tempfile.mkdtemp(prefix="maildir-ipc-demo-home-", dir=folder)
    except OSError as error:
        raise TryAgain(f"no place for the demo: {error.strerror}", "make /var/tmp or /tmp writable") from error
    try:
        _play(_Stage(call, spool, home))
    finally:
        shutil.rmtree(home, ignore_errors=True)
    return 0


def _play(stage: _Stage) -> None:
    stage.tell(f"A spool, in {stage.spool}. No server runs, no port is open.")
    stage.run("claude", "init", expect=stage.spool)
    stage.tell("Two agents take their names and talk.")
    stage.run("claude", "register", "claude", expect="registered claude")
    stage.run("fred", "register", "fred", expect="registered fred")
    stage.run("claude", "send", "fred", _CLAUDE_ASKS, expect="fred delivered")
    stage.run("fred", "check", expect=_CLAUDE_ASKS)
    stage.run("fred", "send", "claude", _FRED_ANSWERS, expect="claude delivered")
    stage.run("claude", "check", expect=_FRED_ANSWERS)
    stage.tell("nessa does not exist yet; her mail waits for her.")
    stage.run("claude", "send", "nessa", _WELCOME, expect="nessa queued")
    stage.run("nessa", "register", "nessa", expect="1 message waiting")
    stage.run("nessa", "check", expect=_WELCOME)
    stage.tell("fred takes another name: mail to the old one keeps coming, and everyone is told.")
    stage.run("fred", "rename", "fred-debugging", expect="renamed fred to fred-debugging")
    stage.run("claude", "send", "fred", "Thanks, that was it.", expect="forwarded from fred to fred-debugging")
    stage.run("fred-debugging", "broadcast", "Release at six.", expect="nessa delivered")
    stage.run("nessa", "check", expect="Release at six.")
    _wake(stage)
    path = _forge(stage)
    stage.run("claude", "check", expect="bad signature")
    stage.tell("The spool: each identity is a Maildir, each message a file.")
    stage.call.out(_tree(stage.spool))
    stage.tell(f"One message, as it lies there: {os.path.relpath(path, stage.spool)}")
    with open(path, encoding="utf-8") as file:
        stage.call.out(file.read())
    stage.tell("Next, in a terminal or an agent of your own:")
    stage.call.out("./bin/ipc-register NAME\n./bin/ipc-send OTHER 'your text'\n./bin/ipc-check\n")
    stage.call.out(f"and to remove what this demo left: rm -r {stage.spool}\n")


def _wake(stage: _Stage) -> None:
    """Have nessa woken while she waits, and then reached in the middle of her work."""
    stage.tell("nessa has nothing to do, and waits; the next message wakes her.")
    waiting = stage.start("nessa", "wait", "--timeout", "60", mark=" &")
    stage.run("claude", "send", "nessa", "Are you there?", expect="nessa delivered")
    stage.end(waiting, "nessa")
    stage.run("nessa", "check", expect="Are you there?")
    stage.tell("nessa turns auto-check on: from then on her client's hook brings mail between two steps of her work.")
    stage.run("nessa", "auto-check", "start", "--instant", expect="nessa")
    stage.run("claude", "send", "nessa", "The build is green.", expect="nessa delivered")
    event = '{"session_id": "demo", "hook_event_name": "PostToolBatch"}'
    stage.run("nessa", "hook", "claude", "PostToolBatch", expect="The build is green.", given=event)


def _forge(stage: _Stage) -> str:
    """Change a word in a copy of fred's answer and drop it into claude's mailbox; return the genuine file."""
    stage.tell("Somebody copies fred's answer, changes a word, and drops it into claude's mailbox.")
    cur = os.path.join(stage.spool, "claude", "cur")
    path = os.path.join(cur, min(os.listdir(cur)))
    with open(path, encoding="utf-8") as file:
        forged = file.read().replace("Nothing is broken", "Everything is broken")
    with open(os.path.join(stage.spool, "claude", "new", "1.forged.demo"), "w", encoding="utf-8") as file:
        file.write(forged)
    return path


def _tree(root: str) -> str:
    lines = [root]
    for folder, directories, files in os.walk(root):
        directories.sort()
        depth = os.path.relpath(folder, root).count(os.sep) + 1
        if folder != root:
            lines.append(f"{'  ' * depth}{os.path.basename(folder)}/")
        lines += [f"{'  ' * (depth + (folder != root))}{name}" for name in sorted(files)]
    return "\n".join([*lines, ""])

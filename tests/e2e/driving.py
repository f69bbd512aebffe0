"""Runs the commands in bin/ from outside, as a person or an agent does: words in, words and an exit code out."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import select
import shlex
import signal
import stat
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

CHECKOUT = Path(__file__).resolve().parents[2]
BIN = CHECKOUT / "bin"
PATH = os.environ.get("PATH", os.defpath)
PYTHON = sys.executable
SECONDS = 30.0  # a bound for what takes milliseconds

_SCRIPTS = frozenset(("send", "check", "register", "list"))
# The shell must have a controlling terminal: without one it is not interactive, and has no tty to be known by.
_ON_TERMINAL = """
import fcntl, os, sys, termios
os.setsid()
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execvp(sys.argv[1], sys.argv[1:])
"""


class Done(NamedTuple):
    """What one command left: its exit code, and all that it wrote."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output, which must be one JSON document."""
        return json.loads(self.out)


def command(verb: str) -> list[str]:
    """Return the words that start a verb: its script, or where it has none the module itself."""
    if verb in _SCRIPTS:
        return [str(BIN / f"ipc-{verb}")]
    return [PYTHON, "-I", "-S", str(CHECKOUT / "maildir_ipc/__main__.py"), verb]


def words(verb: str, *arguments: str) -> str:
    """Return a command as one line for a shell."""
    return shlex.join([*command(verb), *arguments])


def run(
    *argv: str | bytes,
    home: Path,
    stdin: bytes | None = b"",
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> Done:
    """Run any command with this HOME and nothing else in its environment but *env*."""
    done = subprocess.run(
        argv,
        input=stdin,
        capture_output=True,
        cwd=cwd,
        env={"PATH": PATH, "HOME": str(home), **(env or {})},
        timeout=SECONDS,
        check=False,
    )
    return Done(done.returncode, done.stdout.decode(), done.stderr.decode())


def mipc(home: Path, verb: str, *arguments: str | bytes, stdin: bytes | None = b"", **environ: str) -> Done:
    """Run a verb. Keyword arguments are environment variables."""
    return run(*command(verb), *arguments, home=home, stdin=stdin, env=environ)


def spool_of(home: Path) -> Path:
    """Return where the spool lies when no variable is set."""
    return home / ".local/share/maildir-ipc"


def listing(*roots: Path) -> dict[str, tuple[str, bytes]]:
    """Return everything below *roots*: mode and content of each path. Times are left out."""
    found: dict[str, tuple[str, bytes]] = {}
    for root in roots:
        for folder, directories, names in os.walk(root):
            for name in [*directories, *names]:
                path = Path(folder, name)
                mode = path.lstat().st_mode
                content = b""
                if stat.S_ISLNK(mode):
                    content = os.fsencode(path.readlink())
                elif stat.S_ISREG(mode):
                    content = path.read_bytes()
                found[str(path)] = (stat.filemode(mode), content)
    return found


def assert_refused(done: Done, code: int, *says: str, lines: int = 1) -> None:
    """G12: a refusal is one line on standard error that says *says*, with its code; never a traceback.

    A failed send has a second line, which says how to repeat it without doubling.
    """
    assert done.code == code, done
    assert done.err.startswith("mipc: "), done
    assert done.err.count("\n") == lines, done
    assert done.err.endswith("\n"), done
    assert "Traceback" not in done.out + done.err, done
    for text in says:
        assert text in done.err, done


class Shell(ABC):
    """An interactive shell somewhere: `run` types one line into it and returns what that line left."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._count = Path(tempfile.mkdtemp(dir=folder, prefix="shell-")), 0
        self._bell = self._folder / "bell"
        os.mkfifo(self._bell)

    def run(self, line: str) -> Done:
        """Run a line in the shell itself (not in a child), with its output in files."""
        self._count += 1
        out, err, script = (self._folder / f"{self._count}.{kind}" for kind in ("out", "err", "sh"))
        script.write_text(f"{{ {line}\n}} >'{out}' 2>'{err}'\necho $? >'{self._bell}'\n")
        # Opened for writing too, so that it can be opened before the shell has it, and never ends.
        bell = os.open(self._bell, os.O_RDWR | os.O_NONBLOCK)
        try:
            self.type(f". '{script}'\n")
            self.wait_for(bell)
            code = int(os.read(bell, 16))
        finally:
            os.close(bell)
        return Done(code, out.read_text(), err.read_text())

    def mipc(self, verb: str, *arguments: str) -> Done:
        """Run a verb in the shell."""
        return self.run(words(verb, *arguments))

    @abstractmethod
    def type(self, text: str) -> None:
        """Type *text* into the shell."""

    def wait_for(self, bell: int) -> None:
        """Return when *bell* can be read."""
        assert select.select([bell], [], [], SECONDS)[0], "the shell did not finish its line"


class Terminal(Shell):
    """A terminal of its own (a real pty) with an interactive shell in it."""

    def __init__(self, argv: Sequence[str], folder: Path, home: Path, env: Mapping[str, str]) -> None:
        super().__init__(folder)
        self._master, slave = pty.openpty()
        environ = {"PATH": PATH, "HOME": str(home), "TERM": "dumb", "PS1": "$ ", **env}
        bootstrap = [PYTHON, "-I", "-S", "-c", _ON_TERMINAL, *argv]
        self.process = subprocess.Popen(bootstrap, stdin=slave, stdout=slave, stderr=slave, env=environ, cwd=folder)
        os.close(slave)

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def wait_for(self, bell: int) -> None:
        deadline, screen = time.monotonic() + SECONDS, b""
        while True:
            ready = select.select([bell, self._master], [], [], max(0.0, deadline - time.monotonic()))[0]
            assert ready, f"the shell did not finish its line:\n{screen.decode()}"
            if bell in ready:
                return
            screen += os.read(self._master, 65536)

    def see(self, text: str) -> str:
        """Return what comes to the screen from now on, when *text* is among it."""
        deadline, screen = time.monotonic() + SECONDS, ""
        while text not in screen:
            left = max(0.0, deadline - time.monotonic())
            assert select.select([self._master], [], [], left)[0], f"{text!r} did not come:\n{screen}"
            screen += os.read(self._master, 65536).decode()
        return screen

    def close(self) -> None:
        """Hang up: what runs in the terminal gets SIGHUP and ends."""
        os.close(self._master)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(SECONDS)


INTERACTIVE = {
    "bash": ("bash", "--norc", "--noprofile", "-i"),
    "dash": ("dash", "-i"),
    "busybox": ("busybox", "sh", "-i"),
    "zsh": ("zsh", "-f", "-i"),
}


@contextlib.contextmanager
def terminals(
    count: int, home: Path, shell: str = "bash", prefix: Sequence[str] = (), **env: str
) -> Iterator[list[Terminal]]:
    """Give *count* terminals under one HOME; *prefix* is put before the shell (unshare …)."""
    folder = home.parent
    with contextlib.ExitStack() as stack:
        made = []
        for _ in range(count):
            terminal = Terminal([*prefix, *INTERACTIVE[shell]], folder, home, env)
            stack.callback(terminal.close)
            made.append(terminal)
        yield made


class Tmux:
    """A tmux server of our own, with one interactive shell in each window."""

    def __init__(self, home: Path) -> None:
        # The path of a socket is short; the one of a test need not be.
        self._sockets, self._home = tempfile.mkdtemp(prefix="mipc-"), home
        self._argv = ["tmux", "-f", "/dev/null", "-L", "e2e"]
        self._call("new-session", "-d", "-x", "200", "-y", "50", *INTERACTIVE["bash"])
        self.pid = int(self._call("display-message", "-p", "#{pid}"))
        self._windows = 0

    def _call(self, *arguments: str) -> str:
        env = {"PATH": PATH, "HOME": str(self._home), "TERM": "screen", "TMUX_TMPDIR": self._sockets}
        argv = [*self._argv, *arguments]
        return subprocess.run(argv, env=env, capture_output=True, text=True, timeout=SECONDS, check=True).stdout

    def window(self) -> Window:
        """Return one more window."""
        if self._windows:
            self._call("new-window", *INTERACTIVE["bash"])
        self._windows += 1
        pane = self._call("display-message", "-p", "#{pane_id}").strip()
        return Window(self, pane, self._home.parent)

    def keys(self, pane: str, text: str) -> None:
        """Type *text* in *pane*."""
        self._call("send-keys", "-t", pane, "-l", text)
        self._call("send-keys", "-t", pane, "Enter")

    def close(self) -> None:
        """End the server, and with it all its windows."""
        fd = os.pidfd_open(self.pid)
        try:
            signal.pidfd_send_signal(fd, signal.SIGKILL)
            select.select([fd], [], [], SECONDS)
        finally:
            os.close(fd)
        subprocess.run(["rm", "-rf", self._sockets], check=True)


class Window(Shell):
    """A window of a tmux server."""

    def __init__(self, server: Tmux, pane: str, folder: Path) -> None:
        super().__init__(folder)
        self._server, self._pane = server, pane

    def type(self, text: str) -> None:
        self._server.keys(self._pane, text.rstrip("\n"))

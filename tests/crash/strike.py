"""Strike a command at one of its system calls: kill it before the call, or make the call fail.

strace(1) counts the calls of one name in one process, and sends SIGKILL before the call is made. So a
baseline run lists what the command does to its home from the first call that touches it, and every later
run is struck at one of those, in a copy of the same home.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from maildir_ipc import testing
from tests.conftest import need

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from maildir_ipc import Account, Mailbox, Received

BIN = Path(__file__).resolve().parents[2] / "bin"
SPOOL = ".local/share/maildir-ipc"
# What changes the disk: a kill between two of these leaves what a kill before the later one leaves.
CHANGES = (
    "chmod", "fchmod", "fchmodat", "fsync", "ftruncate", "link", "linkat", "mkdir", "mkdirat", "pwrite64",
    "rename", "renameat", "renameat2", "rmdir", "symlink", "symlinkat", "unlink", "unlinkat", "utimensat", "write",
)  # fmt: skip
_LINE = re.compile(r"^(\d+) +(\w+)\((.*)$")
_NOT_OF_THE_DISK = ("execve", "mmap", "munmap", "mremap", "ioctl", "lseek")


class Call(NamedTuple):
    """One system call of the baseline: the nth of its name, and how strace wrote it."""

    name: str
    nth: int
    text: str

    @property
    def changes(self) -> bool:
        """Whether the disk, or the output, is another one after it."""
        return self.name in CHANGES or (self.name.startswith("open") and "O_CREAT" in self.text)

    def moves_into(self, folder: str) -> bool:
        """Whether it renames something into a folder: `bob/new`, by its path or its descriptor."""
        above, _, last = folder.rpartition("/")
        to = self.text.rpartition(", ")[0].rpartition(", ")[0] if self.name == "renameat2" else self.text
        to = to.partition('", ')[2]
        return self.name.startswith("rename") and (f"/{folder}>" in to or (f"/{above}>" in to and f'"{last}/' in to))

    def on(self, name: str, *paths: str) -> bool:
        """Whether it is a call of that kind that has to do with all of these paths."""
        return self.name.startswith(name) and all(path in self.text for path in paths)


class Done(NamedTuple):
    """How a command ended; a signal is a negative code."""

    code: int
    out: str
    err: str


def environment(home: Path) -> dict[str, str]:
    """What a command sees: a home, and nothing else."""
    return {"HOME": str(home), "TMPDIR": str(home), "PATH": os.environ.get("PATH", os.defpath)}


def run(home: Path, *words: str, wrap: Sequence[str] = (), stdout: int = subprocess.PIPE) -> Done:
    """Run a command of bin/ (its name without ipc-) to its end."""
    done = subprocess.run(
        [*wrap, f"{BIN}/ipc-{words[0]}", *words[1:]],
        env=environment(home), stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE,
        timeout=60, check=False,
    )  # fmt: skip
    return Done(done.returncode, (done.stdout or b"").decode(), done.stderr.decode())


def calls(template: Path, *words: str) -> list[Call]:
    """Return what the command does to its home and its output, in order; it runs once for that, in a copy."""
    need("strace")
    home = copy(template, "first")
    run(home, *words)  # it may compile modules, which are calls that no later run makes
    shutil.rmtree(home)
    home = copy(template, "baseline")
    log = home.parent / f"{home.name}.trace"
    done = run(home, *words, wrap=("strace", "-f", "-qq", "-y", "-s", "16", "-o", str(log)))
    assert done.code == 0, done
    shutil.rmtree(home)
    found, counts, main = [], dict[str, int](), ""
    for line in log.read_text().splitlines():
        match = _LINE.match(line)
        if match is None:
            continue
        pid, name, text = match.groups()
        main = main or pid
        if pid != main:
            continue  # a helper of the shell: strace counts it apart
        counts[name] = counts.get(name, 0) + 1
        touches = str(home) in text or (name == "write" and text.startswith(("1<", "2<")))
        if touches and name not in _NOT_OF_THE_DISK:
            found.append(Call(name, counts[name], text))
    assert counts["exit_group"] == 1, "the trace is not whole"
    return found


def strike(home: Path, call: Call, what: str, *words: str) -> Done:
    """Run the command and strike it there: *what* as in strace's inject, `signal=KILL` or `error=EIO`."""
    traced = ("-e", f"trace={call.name}", "-e", f"inject={call.name}:{what}:when={call.nth}", "-o", "/dev/null")
    # With --seccomp-bpf the command runs at its own speed, but strace 6.1 then injects no signal.
    fast = () if what.startswith("signal") else ("--seccomp-bpf",)
    return run(home, *words, wrap=("strace", "-f", "-qq", *fast, *traced))


def kill(home: Path, call: Call, *words: str) -> Done:
    """Run the command, killed before that call."""
    done = strike(home, call, "signal=KILL", *words)
    assert done.code == -9, f"not killed before {call}: {done}"
    return done


def copy(home: Path, name: str) -> Path:
    """Return a copy of a home, beside it."""
    return shutil.copytree(home, home.parent / f"{home.name}-{name}", symlinks=True)


def everywhere(template: Path, found: Sequence[Call], job: Callable[[Path, Call], Iterable[str]]) -> None:
    """Do *job* for each call in a home of its own, and fail with all that it complained of."""
    assert found

    def complaints(call: Call) -> list[str]:
        home = copy(template, f"{call.name}-{call.nth}")
        where = f"{call.name}#{call.nth}({call.text.replace(str(template), '~')[:200]})"
        said = [f"{where}: {text.replace(str(template), '~')}" for text in job(home, call)]
        if not said:
            shutil.rmtree(home)
        return said

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        report = [text for texts in pool.map(complaints, found) for text in texts]
    if report:
        pytest.fail("\n".join(report), pytrace=False)


def account(home: Path) -> Account:
    """Return the account of that home, in this process."""
    return testing.account(str(home))


def open_box(home: Path, name: str) -> Mailbox:
    """Return the open mailbox of *name*, by the standing session that it has there."""
    owner = account(home)
    return owner.mailbox(owner.identify(name))


def next_check(home: Path, name: str) -> list[Received]:
    """Return what the next check of *name* shows, to its end."""
    with open_box(home, name) as box:
        return testing.check_all(box)


def texts(messages: Iterable[Received]) -> list[str]:
    """Return the texts of messages, in their order."""
    return [received.message.body for received in messages if received.message is not None]


def partial(home: Path, *names: str) -> list[str]:
    """Return every file that lies in new/ or cur/ of these mailboxes (and in .Sent) and is no whole message."""
    owner = account(home)
    found = []
    for name in names:
        for folder in ("new", "cur", ".Sent/new", ".Sent/cur"):
            for path in (home / SPOOL / name / folder).glob("*"):
                verdict = owner.verdict_of(path.read_bytes())
                if verdict != "pass":
                    found.append(f"{path}: {verdict}")
    return found


def litter(home: Path) -> list[str]:
    """Return what lies in any tmp/ of the spool."""
    return [str(path) for path in (home / SPOOL).glob("*/tmp/*")]


def register(home: Path, *names: str) -> None:
    """Register names in that home, in this process."""
    for name in names:
        with testing.agent(account(home), name):
            pass
    testing.lift_limits(account(home))


def printed_id(done: Done) -> str:
    """Return the --id that a send named on its standard error."""
    found = re.search(r"--id ([^\s;,]+)", done.err)
    assert found is not None, done
    return found.group(1)

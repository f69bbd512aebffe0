"""What the tests of other mail programs share: texts that are hard to carry, a spool, a terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import shutil
import struct
import subprocess
import sys
import termios
from typing import TYPE_CHECKING

from maildir_ipc import testing
from maildir_ipc.draft import Draft
from maildir_ipc.entry import Entry

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path
    from typing import Any

    from maildir_ipc.mailbox import Mailbox
    from maildir_ipc.received import Received

HERE = os.path.dirname(os.path.abspath(__file__))
PACKAGE = os.path.join(os.path.dirname(os.path.dirname(HERE)), "maildir_ipc")
SECRET = "correct horse battery staple, as in the comic"
TIMEOUT = 30.0  # seconds for any one program

TEXTS = {
    "plain": "Welcome to the team!",
    "empty": "",
    "emoji": "\U0001f680 naïve 漢字 \u202eright to left",
    "NUL": "before\0after",
    "bare CR": "one\rtwo\r",
    "CRLF": "one\r\ntwo\r\n",
    "CR at the end": "ends in\r",
    "20 kB line": "x" * 20000,
    "20 kB line of words": "word " * 4000,
    "mbox and SMTP lines": "From alice Mon Jan  1\n.\n..\nFrom : x\n>From y\n.",
    "trailing blanks": "one  \ntwo\t\n   ",
    "trailing newlines": "one\n\n\n",
    "only newlines": "\n\n",
    "leading newlines": "\n\n  indented\n\tdeeper",
    "control characters": "bell \a escape \x1b[31m delete \x7f",
    "equals and soft breaks": "a=3D\nb=\n=20",
    "boundary alike": "--=_0\n--\n-- \nsignature",
}  # every one comes back exactly: G9


class Pair:
    """A spool with two registered agents: what alice sends, bob can be given by any road."""

    def __init__(self, home: Path, *, mode: str = "signed", root: str | None = None) -> None:
        environ: dict[str, Any] = {"IPC_SHARED_SECRET": SECRET} if mode == "signed" else {}
        if root is not None:
            environ["MAILDIR_IPC_ROOT"] = root
        self.home = home
        self.account = testing.account(str(home), **environ)
        self.spool = self.account.init(mode)
        self.environ = environ
        self.alice = testing.agent(self.account, "alice")
        self.bob = testing.agent(self.account, "bob")

    def close(self) -> None:
        self.alice.maildir.close()
        self.bob.maildir.close()

    def send(self, text: str, to: str = "bob", **draft: Any) -> str:
        """Send as alice; return the name of the file in *to*'s `new/`."""
        before = self.names(to)
        sent = self.alice.send([to], Draft(text, **draft))
        assert sent.error is None
        (name,) = self.names(to) - before
        return name

    def names(self, name: str = "bob", folder: str = "new") -> set[str]:
        return set(os.listdir(f"{self.spool.root}/{name}/{folder}"))

    def taken(self, text: str, **draft: Any) -> bytes:
        """Return the bytes of a message of alice's to bob that bob never got."""
        path = f"{self.bob.maildir.path}/new/{self.send(text, **draft)}"
        with open(path, "rb") as file:
            raw = file.read()
        os.unlink(path)
        return raw

    def judged(self, raw: bytes, mailbox: Mailbox | None = None) -> Received:
        """Return what *mailbox* (bob's) makes of *raw*, without keeping it."""
        mailbox = mailbox or self.bob
        path = testing.drop(mailbox, raw)
        try:
            return mailbox.judge(Entry("new", os.path.basename(path)), first=True)
        finally:
            os.unlink(path)

    def mipc(self, *words: str, name: str = "bob") -> subprocess.CompletedProcess[str]:
        """Run the command as a process of its own, as the standing session *name*."""
        main = os.path.join(PACKAGE, "__main__.py")
        return run([sys.executable, "-I", "-S", main, *words, "--as", name], env=self.environment())

    def environment(self) -> dict[str, str]:
        """Return the environment for programs that act on this spool: nothing of the caller's own."""
        path = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))
        own = {"HOME": str(self.home), "TMPDIR": str(self.home), "PATH": path, "LANG": "C.UTF-8"}
        return {**own, **self.environ}


def shown(mailbox: Mailbox) -> list[str]:
    """Return the texts of one whole check, which marks them read."""
    return [text_of(received) for received in testing.check_all(mailbox)]


def text_of(received: Received) -> str:
    assert received.message is not None, received.verdict
    return received.message.body


def contents(paths: Iterable[str]) -> list[bytes]:
    """Return what is in the files, in the order of their paths."""
    found = []
    for path in sorted(paths):
        with open(path, "rb") as file:
            found.append(file.read())
    return found


def make_maildir(path: str) -> str:
    """Make an ordinary Maildir, none of ours."""
    for part in ("tmp", "new", "cur"):
        os.makedirs(f"{path}/{part}", 0o700)
    return path


def mail_in(path: str) -> list[str]:
    """Return the paths of all mail in a Maildir."""
    return [f"{path}/{part}/{name}" for part in ("new", "cur") for name in sorted(os.listdir(f"{path}/{part}"))]


def run(
    argv: Sequence[str], *, stdin: bytes = b"", env: dict[str, str] | None = None, cwd: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end; bytes that are not UTF-8 come back as surrogates."""
    done = subprocess.run(argv, input=stdin, env=env, cwd=cwd, capture_output=True, timeout=TIMEOUT, check=False)
    out, err = (text.decode("utf-8", "surrogateescape") for text in (done.stdout, done.stderr))
    return subprocess.CompletedProcess(done.args, done.returncode, out, err)


def on_terminal(argv: Sequence[str], env: dict[str, str]) -> str:
    """Run a full-screen program on a terminal of its own until it ends by itself; return what it drew."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
    program = shutil.which(argv[0]) or argv[0]
    process = subprocess.Popen(
        [program, *argv[1:]],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env={**env, "TERM": "vt100"},
        start_new_session=True,
    )
    os.close(slave)
    drawn = b""
    try:
        while True:
            assert select.select([master], [], [], TIMEOUT)[0], f"{argv} waits: {drawn[-2000:]!r}"
            try:
                chunk = os.read(master, 65536)
            except OSError:
                break  # EIO: the program, the only one on this terminal, has ended
            drawn += chunk
        assert process.wait(TIMEOUT) == 0, drawn[-2000:]
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        os.close(master)
    return drawn.decode("utf-8", "replace")


def mutt(program: str, box: str, env: dict[str, str], keys: str, *options: str) -> str:
    """Open *box* in mutt or neomutt, type *keys*, and quit by them; no configuration but what is said here."""
    settings = (
        "set mbox_type=Maildir confirmcreate=no confirmappend=no delete=no wait_key=no quit=yes move=no "
        "sleep_time=0 auto_tag=no header_cache='' tmpdir=" + env["HOME"]
    )
    # Both drop the first line that is typed at a prompt while they start: <limit> is there to be dropped.
    push = f'push "<limit>~A<enter>{keys}"'
    return on_terminal([program, "-n", "-F", "/dev/null", *options, "-f", box, "-e", settings, "-e", push], env)

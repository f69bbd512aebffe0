"""A terminal with an interactive shell in it, as a person has one: what the pages show is typed into it."""

from __future__ import annotations

import os
import pty
import select
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType

ROOT = Path(__file__).resolve().parents[2]
DEADLINE_SECONDS = 30.0
_START = "stty -echo -onlcr -icanon; PS1= PS2= PROMPT_COMMAND="


def checkout(folder: Path) -> Path:
    """Make in *folder* what a newcomer unpacks, with nothing installed, and return it."""
    copy = folder / "maildir-ipc"
    for part in ("bin", "maildir_ipc"):
        shutil.copytree(ROOT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
    return copy


def environment(folder: Path) -> dict[str, str]:
    """Return the environment of somebody who has set nothing; *folder* is as `checkout` was given it."""
    home = folder / "home"
    home.mkdir(exist_ok=True)
    path = f"{folder}/maildir-ipc/bin:/usr/local/bin:/usr/bin:/bin"
    return {"HOME": str(home), "PATH": path, "LANG": "C.UTF-8", "TERM": "dumb", "TMPDIR": str(folder)}


class Terminal:
    """An interactive bash on a terminal of its own. Use as a context manager."""

    def __init__(self, folder: Path) -> None:
        self._master, slave = pty.openpty()
        # A session's leader that opens a terminal gets it as its controlling one.
        self._shell = subprocess.Popen(
            ["/bin/sh", "-c", 'exec bash --norc --noprofile --noediting -i <"$0" >"$0" 2>&1', os.ttyname(slave)],
            cwd=folder / "maildir-ipc",
            env=environment(folder),
            start_new_session=True,
            stdin=subprocess.DEVNULL,
        )
        self._slave = slave
        self._count = 0
        self.type(_START)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._shell.send_signal(signal.SIGKILL)
        self._shell.wait()
        os.close(self._slave)
        os.close(self._master)

    def type(self, command: str) -> tuple[str, int]:
        """Return what *command* writes to the terminal, and its exit code."""
        self._count += 1
        mark = f"@done-{self._count}"
        os.write(self._master, f"{command}\nprintf '%s %s\\n' '{mark}' $?\n".encode())
        data, end = b"", time.monotonic() + DEADLINE_SECONDS
        while True:
            before, found, after = data.rpartition(f"{mark} ".encode())
            if found and after.endswith(b"\n") and after.strip().isdigit():
                return before.decode(), int(after)
            if not select.select([self._master], [], [], max(0.0, end - time.monotonic()))[0]:
                raise TimeoutError(f"no end of {command!r} in {DEADLINE_SECONDS} s, but {data!r}")
            data += os.read(self._master, 65536)

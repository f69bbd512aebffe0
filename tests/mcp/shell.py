"""The shell of an agent that agent.py plays."""

from __future__ import annotations

import os
import select
import shlex
from typing import TYPE_CHECKING, NamedTuple

from tests.mcp.talking import CHECKOUT, SECONDS

if TYPE_CHECKING:
    from pathlib import Path


class Ran(NamedTuple):
    """What a command left."""

    code: int
    output: str


class Shell:
    """Runs commands as children of an agent, like its shell tool does."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.door, self._folder, self._count = folder / "door", folder, 0
        os.mkfifo(self.door)

    def run(self, script: str, *words: str) -> Ran:
        """Run a script of bin/ and return its exit code and all that it wrote."""
        self._count += 1
        output = self._folder / f"{self._count}.out"
        bell = self._folder / f"{self._count}.out.done"
        os.mkfifo(bell)
        fd = os.open(bell, os.O_RDWR | os.O_NONBLOCK)
        try:
            line = f"{output}\t{shlex.join([str(CHECKOUT / 'bin' / script), *words])}\n"
            with open(self.door, "w", encoding="utf-8") as door:
                door.write(line)
            assert select.select([fd], [], [], SECONDS)[0], "the command did not end"
            return Ran(int(os.read(fd, 16)), output.read_text())
        finally:
            os.close(fd)

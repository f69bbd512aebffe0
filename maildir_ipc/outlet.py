"""Standard output, when it is a server's line to its client: nothing else gets there, and what left it is known."""

from __future__ import annotations

import io
import json
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .serving import Seat


class Wire(io.BufferedWriter):
    """JSON-RPC by lines: what an answer showed is committed once it was flushed; an error shows nothing."""

    def __init__(self, fd: int, seat: Seat) -> None:
        super().__init__(io.FileIO(fd, "w"))
        self._seat, self._lines = seat, b""

    def write(self, data: Any, /) -> int:
        """Write, and keep the lines among which an answer is looked for."""
        if self._seat.pending():
            self._lines += bytes(data)
        return super().write(data)

    def flush(self) -> None:
        """Return when all was handed to the system, and what it showed is committed."""
        lines, self._lines = self._lines, b""
        said = [json.loads(line) for line in lines.splitlines()]
        # First, so that whoever asks again finds it.
        self._seat.did_not([str(message.get("id")) for message in said if "error" in message])
        super().flush()
        self._seat.went_out([str(message["id"]) for message in said if "result" in message])


class Output(io.TextIOWrapper):
    """What `print` writes to: standard error. Whoever takes the *buffer* below it has the wire."""

    def __init__(self, wire: Wire) -> None:
        error = io.BufferedWriter(io.FileIO(2, "w", closefd=False))
        super().__init__(error, encoding="utf-8", errors="backslashreplace", line_buffering=True)
        self._wire = wire

    @property
    def buffer(self) -> Any:
        """The wire: a transport writes to it, and nothing else does."""
        return self._wire


def divert(seat: Seat) -> None:
    """Keep descriptor 1 for the transport that starts next; what anybody else prints goes to standard error."""
    wire = Wire(os.dup(1), seat)
    os.dup2(2, 1)
    sys.stdout = Output(wire)

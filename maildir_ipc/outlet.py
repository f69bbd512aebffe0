"""Standard output, when it is a server's line to its client: nothing else gets there, and what left it is known."""

from __future__ import annotations

import io
import json
import os
import sys

from .errors import TryAgain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .serving import Seat


class Wire(io.BufferedWriter):
    """JSON-RPC by lines: what an answer showed is committed once it was flushed; an error shows nothing."""

    def __init__(self, fd: int, seat: Seat) -> None:
        super().__init__(io.FileIO(fd, "w"))
        self._seat, self._lines, self._broken = seat, b"", False
        self._failed: OSError | None = None

    def write(self, data: Any, /) -> int:
        """Write, and keep the lines among which an answer is looked for."""
        if self._seat.pending():
            self._lines += bytes(data)
        try:
            return super().write(data)
        except OSError as error:
            self._break(error)
            return len(data)

    def flush(self) -> None:
        """Return when all was handed to the system, and what it showed is committed."""
        lines, self._lines = self._lines, b""
        said = [json.loads(line) for line in lines.splitlines()]
        shows = [("result" in message and not message["result"].get("isError"), message.get("id")) for message in said]
        answered = [str(id) for shown, id in shows if shown]
        # First, so that whoever asks again finds it.
        self._seat.did_not([str(id) for shown, id in shows if not shown])
        try:
            super().flush()
        except OSError as error:
            self._break(error)
            super().flush()
        if self._broken:
            self._seat.did_not(answered)
        else:
            self._seat.went_out(answered)

    def end(self) -> None:
        """Return when all that was said was taken. Raises: TryAgain."""
        if self._failed is not None:
            raise TryAgain(f"cannot write the output: {self._failed.strerror}", "what was not shown is still unread")

    def _break(self, error: OSError) -> None:
        """Write to nobody from now on; whoever reads no more, or cannot, says the rest by closing our input."""
        if not isinstance(error, ConnectionError):  # a client that left is no fault
            self._failed = error
        self._broken, nobody = True, os.open(os.devnull, os.O_WRONLY)
        os.dup2(nobody, self.fileno())
        os.close(nobody)


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


def divert(seat: Seat) -> Wire:
    """Keep descriptor 1 for the transport that starts next; what anybody else prints goes to standard error.

    Raises: TryAgain when there is no input to serve.
    """
    try:
        os.read(0, 0)
    except OSError as error:
        raise TryAgain(
            f"cannot read the input: {error.strerror}", "an agent's client opens it, to speak here"
        ) from error
    for fd in (0, 1):
        os.set_blocking(fd, True)  # half a line would be written, or none be waited for
    wire = Wire(os.dup(1), seat)
    os.dup2(2, 1)
    sys.stdout = Output(wire)
    return wire

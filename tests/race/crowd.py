"""Several processes at once: started together, ended by their pid, their words collected."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import traceback
from typing import TYPE_CHECKING, Any

from maildir_ipc import testing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from maildir_ipc import Account, Mailbox, Received

SPOOL = ".local/share/maildir-ipc"
LIMIT = 60.0  # seconds; no wait is longer


class Member:
    """One forked process that runs *work* and hands back what it returns, as JSON. It starts on `go`."""

    def __init__(self, work: Callable[[], Any]) -> None:
        gate_in, self._gate_out = os.pipe()
        self._answer, answer_in = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self._gate_out)
            code = 1
            try:
                os.read(gate_in, 1)
                said = json.dumps(work()).encode()
                while said:
                    said = said[os.write(answer_in, said) :]
                code = 0
            except BaseException:  # noqa: BLE001 - the child must never get back into the parent's frames
                traceback.print_exc(file=sys.__stderr__)
            finally:
                os._exit(code)
        os.close(gate_in)
        os.close(answer_in)
        self.code: int | None = None

    def go(self) -> None:
        """Open the gate."""
        if self._gate_out >= 0:
            # A byte, not the end of the file: the siblings hold this end of the pipe too.
            os.write(self._gate_out, b"g")
            os.close(self._gate_out)
            self._gate_out = -1

    def answer(self) -> Any:
        """Wait for its end, and return what it handed back. It must have ended well."""
        said = b""
        while chunk := os.read(self._answer, 65536):
            said += chunk
        self.end()
        assert self.code == 0, f"process {self.pid} ended with {self.code}"
        return json.loads(said)

    def ended(self) -> bool:
        """Whether it has ended by now."""
        if self.code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self._ended_with(status)
        return self.code is not None

    def kill(self) -> None:
        """Kill it with SIGKILL, by its pid."""
        if not self.ended():
            os.kill(self.pid, signal.SIGKILL)
            self.end()

    def end(self) -> None:
        """Return when it has ended."""
        if self.code is None:
            self._ended_with(os.waitpid(self.pid, 0)[1])

    def _ended_with(self, status: int) -> None:
        self.code = os.waitstatus_to_exitcode(status)
        if self._gate_out >= 0:
            os.close(self._gate_out)
        os.close(self._answer)
        self._gate_out = self._answer = -1


def all_at_once(*works: Callable[[], Any]) -> list[Any]:
    """Run all of *works*, each in a process, let go together; return what they hand back, in their order."""
    members = [Member(work) for work in works]
    try:
        for member in members:
            member.go()
        return [member.answer() for member in members]
    finally:
        for member in members:
            member.kill()


def account(home: Path) -> Account:
    """Return the account of that home, of this process."""
    return testing.account(str(home))


def register(home: Path, *names: str) -> None:
    """Register names in that home."""
    for name in names:
        with testing.agent(account(home), name):
            pass
    testing.lift_limits(account(home))


def open_box(home: Path, name: str) -> Mailbox:
    """Return the open mailbox of *name*, by its standing session: for this process."""
    owner = account(home)
    return owner.mailbox(owner.identify(name))


def texts(messages: Sequence[Received]) -> list[str]:
    """Return the texts of messages, in their order."""
    return [received.message.body for received in messages if received.message is not None]


def next_check(home: Path, name: str) -> list[str]:
    """Return the texts that the next check of *name* shows, to its end."""
    with open_box(home, name) as box:
        return texts(testing.check_all(box))


def until(what: Callable[[], bool]) -> None:
    """Return as soon as *what* holds; fail when it never does."""
    end = time.monotonic() + LIMIT
    while not what():
        assert time.monotonic() < end, "it never came"
        os.sched_yield()

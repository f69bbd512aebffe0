"""The main job, tried for real in a spool of its own: `selftest`. Nothing of the caller's is used or changed.

Each step returns when what it promises holds, and raises Failed where not.
"""

from __future__ import annotations

import os
import time

from .account import Account
from .draft import Draft
from .errors import MaildirIPCError
from .settings import Settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .mailbox import Mailbox
    from .received import Received

_TEXT = "selftest: äöü, a line\nand another"


class Failed(Exception):
    """A step did not do what it must; the text says what came instead. Never reaches a user: it is a line."""


class Step:
    """One step that was tried: *why* is None when it passed."""

    __slots__ = ("name", "seconds", "why")

    def __init__(self, name: str, seconds: float, why: str | None) -> None:
        self.name, self.seconds, self.why = name, seconds, why


def environment(home: str) -> dict[str, str]:
    """Return all that a command of the selftest may know of this account: nothing but a home of its own."""
    return {"HOME": home, "TMPDIR": home, "PATH": "/usr/bin:/bin"}


def steps(home: str, more: Callable[[Bench], Iterator[tuple[str, Callable[[], None]]]]) -> Iterator[Step]:
    """Yield the steps as they are tried, in *home*, an empty directory; *more* adds some at the end.

    What comes after a failure is tried all the same.
    """
    bench = Bench(home)
    own = (
        ("register", bench.register),
        ("send", bench.send),
        ("check", bench.check),
        ("tamper", bench.tamper),
        ("replay", bench.replay),
    )
    for name, act in own:
        yield _tried(name, act)
    for name, act in more(bench):
        yield _tried(name, act)


def _tried(name: str, act: Callable[[], None]) -> Step:
    start, why = time.monotonic(), None
    try:
        act()
    except (Failed, MaildirIPCError) as error:
        why = str(error)
    except (OSError, ValueError, AssertionError) as error:
        why = f"{type(error).__name__}: {error}"
    return Step(name, time.monotonic() - start, why)


class Bench:
    """Two agents, ping and pong, in a signed spool below *home*."""

    def __init__(self, home: str) -> None:
        self.home, self.raw = home, b""
        self.account = Account(Settings(environment(home), os.getuid()))

    def register(self) -> None:
        """A spool is made, and two names are taken in it."""
        for name in ("ping", "pong"):
            self.account.register(name, said=name)
        _expect(self.account.spool().signed, "the spool is not signed")

    def send(self) -> None:
        """A message lies in the other's new/, byte for byte under its signature."""
        with self.box("ping") as ping:
            sent = ping.send(["pong"], Draft(_TEXT))
        if sent.error is not None:
            raise sent.error
        folder = f"{self.account.spool().path('pong')}/new"
        (name,) = os.listdir(folder)
        with open(f"{folder}/{name}", "rb") as file:
            self.raw = file.read()
        verdict = self.account.verdict_of(self.raw)
        _expect(verdict == "pass", f"the verdict on it is {verdict}")

    def check(self) -> None:
        """It is shown once, as it was sent, and is read after that."""
        texts = [r.message.body for r in self.read("pong") if r.message is not None]
        _expect(texts == [_TEXT], f"{len(texts)} messages were shown, or another text")
        _expect(not self.read("pong"), "it was shown twice")

    def tamper(self) -> None:
        """A copy with one byte changed is not shown."""
        self._refused(self.raw.replace(b"a line", b"a lime"), "bad")

    def replay(self) -> None:
        """A copy of what was read before is not shown."""
        self._refused(self.raw, "replay")

    def box(self, name: str) -> Mailbox:
        """Return the mailbox of one of the two, open."""
        return self.account.mailbox(self.account.identify(name))

    def read(self, name: str) -> list[Received]:
        """Return what is unread, and mark it read."""
        with self.box(name) as box, box.check(lambda _: True) as batch:
            for received in batch.messages:
                batch.commit(received)
            batch.finish()
            return batch.messages

    def _refused(self, raw: bytes, verdict: str) -> None:
        with self.box("pong") as pong:
            path = f"{pong.maildir.path}/new/{pong.namer.unique()}"
            with open(path, "wb") as file:
                file.write(raw)
            with pong.check(lambda _: True) as batch:
                verdicts = [received.verdict for received in batch.rejected]
                shown = len(batch.messages)
                batch.finish()
        _expect(not shown and verdicts == [verdict], f"{shown} shown, set aside as {verdicts}")


def _expect(holds: bool, why: str) -> None:
    if not holds:
        raise Failed(why)

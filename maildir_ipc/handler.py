"""A handler: a command of the owner's that gets one message on its standard input, as JSON.

The message is held while the handler runs, by this process: killed, it holds nothing. Exit 0 says that the
message is read; anything else leaves it unread, to be tried again later and later, five times in all. Then
it is flagged, and waits for a person. Nothing of a message stands in the handler's words or environment.
"""

from __future__ import annotations

import os

from . import records
from .automatic import Handling, acknowledge, answering
from .batch import Batch
from .errors import BadData
from .maildir import FLAGGED
from .receipts import DONE, answer
from .render import VERSION, escape, message_object, rejections, to_json
from .running import run_command
from .signing import fingerprint

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from .autocheck import AutoCheck
    from .entry import Entry
    from .mailbox import Mailbox
    from .received import Received

TIMEOUT = 600.0  # seconds; then its process group is ended
TRIES = 5
BACKOFF = 60.0  # seconds until the second try; twice that until the third, and so on
_LINGER = 1.0  # seconds that are waited for what a handler left behind with its output open
_SHELL = "/bin/sh"
_FOLDER = "records/tries"
_MAX_SAID = 200  # characters


class Outcome:
    """What became of one message: *why* is empty when it was handled; *said* is the end of what the handler said."""

    __slots__ = ("from_", "gave_up", "ref", "said", "why")

    def __init__(self, received: Received, why: str = "", said: str = "", *, gave_up: bool = False) -> None:
        assert received.message is not None
        self.ref, self.from_ = received.message.ref, escape(received.message.from_, line=True)
        self.why, self.said, self.gave_up = why, said, gave_up

    def __str__(self) -> str:
        return f"{self.ref} from {self.from_}: {self.why or 'handled'}"


class _Held(Batch):
    """The oldest message that is to be tried now, held for as long as a handler may take."""

    def __init__(self, mailbox: Mailbox, now: float) -> None:
        self._now = now
        super().__init__(mailbox, lambda _: True, 1, mailbox.gate(), peek=False)

    def __enter__(self) -> _Held:
        return self

    def __exit__(self, *_: object) -> None:
        owed, self._owed = self._owed, []
        super().__exit__()
        for received in owed:
            answer(self.mailbox, received, DONE)

    def flag(self, received: Received) -> None:
        """Give it back, flagged for a person."""
        if self._held.pop(received.entry.name, None) is not None:
            self.mailbox.maildir.release(received.entry, self._fresh, FLAGGED)

    def _candidates(self) -> list[Entry]:
        found, tried = super()._candidates(), _tried(self.mailbox)
        if not tried:
            return found
        present = {fingerprint(entry.key) for entry in (*self.mailbox.maildir.entries("new"), *found)}
        for name in tried:
            if name not in present and not self._gate.left_unread:
                records.remove(_path(self.mailbox, name))
        wait = {name for name, (tries, then) in tried.items() if tries >= TRIES or self._now < then}
        left = {entry.name for entry in found if fingerprint(entry.key) in wait}
        # What mutt moved to cur/ and we leave there is to be found by the next reader, too.
        self._gate.left_unread = self._gate.left_unread or any(e.folder == "cur" and e.name in left for e in found)
        return [entry for entry in found if entry.name not in left]

    def _take(self, entry: Entry) -> Received | None:
        received = super()._take(entry)
        if received is not None:
            received.lies = received.entry.path
        return received

    def _own(self) -> str:
        if not self._owner:
            self._owner = self.mailbox.namer.owner(TIMEOUT + 60.0)
        return self._owner


def handle(
    mailbox: Mailbox,
    acting: Callable[[], AutoCheck | None],
    environ: Mapping[str, str],
    timeout: float = TIMEOUT,
    *,
    aside: Callable[[str], None] = lambda _: None,
) -> Iterator[Outcome]:
    """Run the handler for each unread message, oldest first, until none is left that is to be tried now.

    *acting* says what may be done, asked once a message is held: whose mailbox it is may have changed while the one
    before was handled. None ends it, with nothing touched. *aside* is told of each message that is set aside.
    """
    while True:
        with _Held(mailbox, mailbox.spool.clock()) as held:
            check = acting()
            if check is None:
                return
            outcome = _one(held, check, environ, timeout) if held.messages else None
            for line in rejections(held):
                aside(line)
            held.finish()
        if outcome is None:
            return
        yield outcome


def given_up(mailbox: Mailbox) -> int:
    """Return how many unread messages were tried in vain, and wait for a person."""
    return len([1 for tries, _ in _tried(mailbox).values() if tries >= TRIES])


def _one(held: _Held, check: AutoCheck, environ: Mapping[str, str], timeout: float) -> Outcome:
    mailbox, received = held.mailbox, held.messages[0]
    why, said = _run(mailbox, received, check.command or "", environ, timeout)
    name = fingerprint(received.entry.key)
    if not why:
        held.commit(received)
        records.remove(_path(mailbox, name))
        if check.acknowledge:
            acknowledge(mailbox, received)
        return Outcome(received)
    tries, now = _tried(mailbox).get(name, (0, 0.0))[0] + 1, mailbox.spool.clock()
    wait = BACKOFF * 2 ** (tries - 1)
    records.make_directory(f"{mailbox.maildir.path}/{_FOLDER}")
    records.replace(_path(mailbox, name), f"tries {tries}\nnext {int(now + wait)}\n", sync=False)
    if tries >= TRIES:
        held.flag(received)
        return Outcome(received, f"{why}, {tries} times: given up; it stays unread, flagged", said, gave_up=True)
    return Outcome(received, f"{why}, try {tries} of {TRIES}; the next in {wait:.0f} s", said)


def _run(
    mailbox: Mailbox, received: Received, command: str, environ: Mapping[str, str], timeout: float
) -> tuple[str, str]:
    """Run the handler, and return why the message is not handled, empty when it is, and what was said last."""
    text = to_json({"v": VERSION, "identity": mailbox.name, **message_object(received, full=True)})
    with Handling(mailbox.spool, mailbox.host, answering(received)) as handling:
        try:
            done = run_command(
                [_SHELL, "-c", command], environ, timeout,
                stdin=f"{text}\n".encode(), linger=_LINGER, started=handling.started, handed=handling.handed,
            )  # fmt: skip
        except BadData as error:
            return error.message, ""
    lines = done.stderr.text.strip().split("\n")
    said = escape(lines[-1][-_MAX_SAID:], line=True)
    if done.timed_out:
        return f"not done in {timeout:.0f} s, and ended", said
    if done.returncode is not None and done.returncode < 0:
        return f"ended by signal {-done.returncode}", said
    return ("" if done.returncode == 0 else f"exit code {done.returncode}"), said


def _tried(mailbox: Mailbox) -> dict[str, tuple[int, float]]:
    """Return how often each failing message was tried, and the Unix time of its next try."""
    try:
        names = os.listdir(f"{mailbox.maildir.path}/{_FOLDER}")
    except FileNotFoundError:
        return {}
    found = {name: records.words(records.read(_path(mailbox, name)) or "") for name in names if "." not in name}
    return {n: (records.number(v.get("tries", "")), float(records.number(v.get("next", "")))) for n, v in found.items()}


def _path(mailbox: Mailbox, name: str) -> str:
    return f"{mailbox.maildir.path}/{_FOLDER}/{name}"

"""Automatic mail cannot go round for ever: what counts as automatic, and how many messages answered one another.

Whatever is sent from within a handler is automatic, whether it says so or not: a handler that forgets it must
not start a storm. It is known by its processes: `.ipc/handling/BOOT.NS.PID` names one that runs a handler, or is
one, and how many answers came before; and a handler holds a descriptor of `.ipc/handling/hops-N` open, as what it
starts does, even in a session of its own. Source: RFC 3834, section 2; limits.count_automatic holds the two caps.
"""

from __future__ import annotations

import os
import time

from . import records
from .address import EVERYONE
from .draft import Draft
from .errors import MaildirIPCError
from .process import ancestry, lookup
from .receipts import writer_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .mailbox import Mailbox
    from .process import Host, Process
    from .received import Received
    from .spool import Spool

REPLIED, GENERATED = "auto-replied", "auto-generated"  # RFC 3834, section 5
KEPT_SECONDS = 3600.0  # what a handler left running is known for so long
HELD_AT = 62  # the number by which a handler has its descriptor: low ones, and 255, are the shells' own
_HOPS = "hops-"


class Handling:
    """Marks this process as one that runs a handler, for as long as the `with` statement lasts.

    *handed* is the descriptor for the handler to inherit, and by which number.
    """

    __slots__ = ("_hops", "_host", "_must", "_spool", "handed")

    def __init__(self, spool: Spool, host: Host, hops: int, *, must: bool = True) -> None:
        """*hops* is how many automatic messages came before what the handler sends.

        Where the spool cannot be written, OSError, or without *must* no mark: nothing can be sent there, either.
        """
        self._spool, self._host, self._hops, self._must = spool, host, hops, must
        self.handed: list[tuple[int, int]] = []

    def __enter__(self) -> Handling:
        if self._mark("self"):
            flags = os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            # One for each run: what a long-lived one left behind is forgotten, however many run after it.
            name = f"{_HOPS}{self._hops}.{os.urandom(6).hex()}"
            held = os.open(f"{_folder(self._spool)}/{name}", flags, 0o600)
            self.handed.append((held, HELD_AT))
        return self

    def __exit__(self, *_: object) -> None:
        own = lookup("self")
        for held, _number in self.handed:
            os.close(held)
        if self.handed and own is not None:
            records.remove(_path(self._spool, self._host, own.pid))

    def started(self, pid: int) -> None:
        """Mark the handler itself: what it leaves behind stays in its session."""
        self._mark(pid)

    def _mark(self, pid: int | str) -> bool:
        """Return whether it could be done, if that is not a must."""
        process = lookup(pid)
        try:
            records.make_directory(_folder(self._spool))
            if process is not None:
                text = f"mark {self._host.mark(process)}\nhops {self._hops}\n"
                records.replace(_path(self._spool, self._host, process.pid), text, sync=False)
        except OSError:
            if self._must:
                raise
            return False
        return True


def inherited(draft: Draft, spool: Spool, host: Host) -> Draft:
    """Return *draft*; as automatic mail, when a handler started this process, whatever the handler says."""
    hops = hops_here(spool, host)
    return draft if hops is None else draft.automatic(REPLIED if draft.references else GENERATED, hops)


def hops_here(
    spool: Spool,
    host: Host,
    walk: Callable[[], Iterable[Process]] = ancestry,
    session: Callable[[int], int] = os.getsid,
    held: int = HELD_AT,
) -> int | None:
    """Return how many automatic messages came before what this process sends; None when no handler started it."""
    for process in walk():
        known = _read(spool, host, process.pid)
        if known is not None and known[0] == host.mark(process):
            return known[1]
    leader = session(0)
    known = _read(spool, host, leader)
    if known is not None:
        # The pid of a session is not given to another process while anything is in that session.
        process_now = lookup(leader)
        if process_now is None or host.mark(process_now) == known[0]:
            return known[1]
    return _hops_held(spool, held)


def forget_old(spool: Spool, now: Callable[[], float] = time.time) -> None:
    """Remove the marks of handlers that ended long ago, and of those whose runner was killed."""
    try:
        with os.scandir(_folder(spool)) as found:
            for entry in found:
                if now() - entry.stat(follow_symlinks=False).st_mtime > KEPT_SECONDS:
                    records.remove(entry.path)
    except OSError:
        pass  # another is at it, or nothing can be written; the next one does it


def answering(received: Received) -> int:
    """Return the hops of an automatic answer to a message."""
    return 1 + (0 if received.message is None else received.message.hops)


def acknowledge(mailbox: Mailbox, received: Received) -> bool:
    """Tell the writer that the message has come, and return whether that was sent; it never fails.

    Never to automatic mail, to a broadcast, to oneself, or to whoever has the writer's name by now.
    """
    message = received.message
    if message is None or message.auto or message.kind != "message" or EVERYONE in message.to:
        return False
    to = writer_of(mailbox, received)
    if to is None or mailbox.spool.lead(to) == mailbox.name:
        return False
    text = f"{mailbox.name} has received {message.ref}. (An automatic acknowledgement.)"
    draft = Draft(text, auto=REPLIED, hops=answering(received), references=message.thread)
    try:
        return mailbox.send([to], draft).error is None
    except (MaildirIPCError, OSError):
        return False  # one limit or another: the message was handled all the same


def _hops_held(spool: Spool, held: int) -> int | None:
    """Return what the file says that was inherited from a handler; None when it is none of ours, or forgotten."""
    try:
        file = os.fstat(held)
        with os.scandir(_folder(spool)) as found:
            for entry in found:
                if entry.name.startswith(_HOPS) and os.path.samestat(entry.stat(follow_symlinks=False), file):
                    return records.number(entry.name[len(_HOPS) :].partition(".")[0])
    except OSError:
        pass  # it holds nothing, or no handler was ever run
    return None


def _folder(spool: Spool) -> str:
    return f"{spool.root}/.ipc/handling"


def _path(spool: Spool, host: Host, pid: int) -> str:
    return f"{_folder(spool)}/{host.boot}.{host.namespace}.{pid}"


def _read(spool: Spool, host: Host, pid: int) -> tuple[str, int] | None:
    try:
        text = records.read(_path(spool, host, pid))
    except OSError:
        return None
    values = records.words(text or "")
    return None if "mark" not in values else (values["mark"], records.number(values.get("hops", "")))

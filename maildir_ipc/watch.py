"""The doorbell: knows at once when a mailbox has unread mail, by the kernel's word, or else by looking.

The directory is the truth, and an event a hint: whatever rings, the same scan of `new/` follows, and one
follows every rescan interval anyway. A lost event costs that long, never mail.

watchdog hears renames into `new/` where it is installed; polling takes its place, mailbox by mailbox, where
it is not, where the kernel has no watch left to give, and on file systems that others change, too.
Source: inotify(7).
"""

from __future__ import annotations

import os
import sys
import threading
import time

from .errors import Misconfigured, NotYours
from .mounts import mount_of, mount_table
from .unique import NO_PROCESS, is_held, owner_parts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

    from watchdog.observers.api import BaseObserver, ObservedWatch

    from .entry import Entry
    from .mailbox import Mailbox

RESCAN = 30.0  # seconds after which a lost event is made good
POLL_FIRST, POLL_MOST = 0.05, 0.5  # seconds between two looks where no event comes: each twice the one before
_EARLY = 0.1  # of the rescan interval: who is awake anyway need not wake up again for it
CLAIM_POLL = 1.0  # seconds between two looks while others hold messages: the death of a holder rings no bell


class Doorbell:
    """Watches mailboxes. For one thread, but for `stop`. Use it as a context manager, or `close` it."""

    def __init__(
        self,
        mailboxes: Sequence[Mailbox] = (),
        *,
        rescan: float = RESCAN,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rescan, self._clock = rescan, clock
        self._rung, self._stopped = threading.Event(), False
        self._next_rescan, self._poll = clock() + rescan, POLL_FIRST
        self._places: list[_Place] = []
        self._ears = _Ears(self._rung)
        for mailbox in mailboxes:
            self.watch(mailbox)

    def __enter__(self) -> Doorbell:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let all watches go; the mailboxes stay open."""
        self._places = []
        self._ears.close()

    def stop(self) -> None:
        """End a `wait` or `news`, this one or the next, from whatever thread: it returns what it has, or nothing."""
        self._stopped = True
        self._rung.set()

    @property
    def mailboxes(self) -> list[Mailbox]:
        """What is watched."""
        return [place.mailbox for place in self._places]

    @property
    def polls(self) -> list[Mailbox]:
        """What is watched by looking, since no event will come."""
        return [place.mailbox for place in self._places if place.watch is None]

    def watch(self, mailbox: Mailbox) -> None:
        """Watch one more mailbox; what is unread there already is news."""
        place = _Place(mailbox)
        self._ears.listen(place)
        self._places.append(place)
        self._rung.set()

    def ignore(self, mailbox: Mailbox) -> None:
        """Watch a mailbox no longer."""
        for place in [place for place in self._places if place.mailbox is mailbox]:
            self._ears.forget(place)
            self._places.remove(place)

    def wait(self, timeout: float | None) -> list[Mailbox]:
        """Return the mailboxes with unread mail as soon as there is one; none after *timeout* seconds.

        A mailbox that is gone is no longer watched. Raises: NotYours when that was the last one.
        """
        return self._until(lambda place: bool(place.unread), timeout)

    def news(self, timeout: float | None) -> list[Mailbox]:
        """As `wait`, for mail that `news` did not tell of before, or that a dead holder or a lease gave back."""
        return self._until(_Place.tell, timeout)

    def __iter__(self) -> Iterator[list[Mailbox]]:
        """Yield each batch of mailboxes with news, until `stop`."""
        while not self._stopped:
            rang = self.news(None)
            if rang:
                yield rang

    def _until(self, wanted: Callable[[_Place], bool], timeout: float | None) -> list[Mailbox]:
        end = None if timeout is None else self._clock() + timeout
        for place in self._places:
            place.rung = True  # mail that was read meanwhile rings no bell
        while True:
            self._rung.clear()  # before the scan: what comes during it is scanned for again
            self._scan()
            found = [place.mailbox for place in self._places if wanted(place)]
            if found or self._stopped or (end is not None and self._clock() >= end):
                self._poll = POLL_FIRST
                return found
            self._sleep(end)

    def _scan(self) -> None:
        whole = self._clock() >= self._next_rescan - self._rescan * _EARLY
        if whole:
            self._next_rescan = self._clock() + self._rescan
        for place in list(self._places):
            if not (whole or place.rung):
                continue
            try:
                if place.mailbox.follow() or (whole and self._ears.are_elsewhere(place)):
                    self._ears.forget(place)
                    self._ears.listen(place)
                place.scan(whole=whole)
            except NotYours:
                self.ignore(place.mailbox)
                if not self._places:
                    raise
            except Misconfigured:
                if len(self._places) == 1:
                    raise
                place.unread, place.held = [], False  # the others still ring; the next rescan looks again

    def _sleep(self, end: float | None) -> None:
        now = self._clock()
        until = self._next_rescan if end is None else min(end, self._next_rescan)
        if self.polls:
            until, self._poll = min(until, now + self._poll), min(2 * self._poll, POLL_MOST)
        if any(place.held for place in self._places):
            until = min(until, now + CLAIM_POLL)
        self._rung.wait(max(0.0, until - now))
        for place in self._places:
            place.rung = place.rung or place.watch is None or place.held


class _Place:
    """A mailbox that is watched, and what the last scan of it found. `rung` is set by whoever hears something."""

    __slots__ = ("_cur", "_told", "held", "inode", "mailbox", "rung", "unread", "watch")

    def __init__(self, mailbox: Mailbox) -> None:
        self.mailbox, self.rung = mailbox, True
        self.watch: ObservedWatch | None = None
        self.inode: tuple[int, int] | None = None  # of the new/ that is listened to
        self.unread: list[Entry] = []
        self.held = False
        self._cur: list[Entry] | None = None  # unread in cur/; None until it was first asked for
        self._told: dict[str, str] = {}  # the owner that each message had when `tell` told of it

    def scan(self, *, whole: bool) -> None:
        """Look at `new/`; with *whole*, or for the first time, also for what other tools moved to `cur/`."""
        mailbox, self.rung = self.mailbox, False  # before the look, not after it
        runs, now = mailbox.host.runs, mailbox.spool.clock()
        free, held = mailbox.maildir.unread_and_held(runs, now)
        gate = mailbox.gate()
        if whole or self._cur is None:
            self._cur = [e for e in gate.unread_in_cur() if not (e.owner and is_held(e.owner, runs, now))]
        else:
            self._cur = [e for e in self._cur if os.path.lexists(f"{mailbox.maildir.path}/{e.path}")]
        self.unread, self.held = free + self._cur, bool(held)
        if whole and not gate.left_unread:  # else it is not known what lies in cur/
            there = {entry.key for entry in (*self.unread, *held)}
            self._told = {key: owner for key, owner in self._told.items() if key in there}
        for entry in held:
            if owner_parts(entry.owner)[0] == NO_PROCESS:
                self._told.pop(entry.key, None)  # a check's own claims come and go; what a lease gives back is news

    def tell(self) -> bool:
        """Return whether something is unread that was not told of before; told of it is, from now on."""
        news = [e for e in self.unread if self._told.get(e.key) is None or e.owner not in ("", self._told[e.key])]
        self._told.update((entry.key, entry.owner) for entry in news)
        return bool(news)


class _Ears:
    """watchdog, started when there is something to listen to; deaf where there is none."""

    def __init__(self, rung: threading.Event) -> None:
        self._rung = rung
        self._observer: BaseObserver | None = None
        self._mounts = mount_table()

    def listen(self, place: _Place) -> None:
        """Hear what is moved into `new/`, or leave `place.watch` None: then it has to be polled."""
        path = f"{place.mailbox.maildir.path}/new"
        mount = mount_of(os.path.realpath(path), self._mounts)
        if mount is not None and mount.shared:
            return
        try:
            if self._observer is None:
                observer = _observer()
                observer.start()
                self._observer = observer
            place.inode = _inode(path)
            place.watch = _schedule(self._observer, path, lambda: self._ring(place))
            _keep_from_children()
        except (ImportError, OSError, RuntimeError):  # not installed; EMFILE, ENOSPC, ENOENT; no thread left
            place.watch = place.inode = None

    def forget(self, place: _Place) -> None:
        """Listen to `new/` of that mailbox no longer."""
        watch, place.watch, place.inode = place.watch, None, None
        if watch is not None and self._observer is not None:
            try:
                self._observer.unschedule(watch)
            except (KeyError, OSError):
                pass  # it ended by itself: its directory was removed

    def are_elsewhere(self, place: _Place) -> bool:
        """Return whether what is listened to is not, or no longer, the mailbox's `new/`."""
        return place.inode is None or place.inode != _inode(f"{place.mailbox.maildir.path}/new")

    def close(self) -> None:
        """Stop all threads that we started."""
        observer, self._observer = self._observer, None
        if observer is not None:
            observer.stop()
            observer.join()

    def _ring(self, place: _Place) -> None:
        place.rung = True
        self._rung.set()


def _observer() -> BaseObserver:
    """Return watchdog's observer, not yet started. Raises: ImportError, OSError."""
    import logging

    # What it would say on standard error, the next scan makes good.
    logging.getLogger("watchdog").addHandler(logging.NullHandler())
    if sys.platform != "linux":
        from watchdog.observers import Observer

        return Observer()
    from watchdog.observers.api import BaseObserver
    from watchdog.observers.inotify import InotifyEmitter
    from watchdog.observers.inotify_c import InotifyConstants

    class Emitter(InotifyEmitter):
        """Does not hear what leaves `new/`.

        watchdog holds each such event back for half a second, in case the other half of a move follows,
        and with it all that comes after. Our readers move mail out of `new/` all the time.
        """

        def get_event_mask_from_filter(self) -> Any:
            return super().get_event_mask_from_filter() & ~InotifyConstants.IN_MOVED_FROM

    return BaseObserver(Emitter)


def _schedule(observer: BaseObserver, path: str, ring: Callable[[], None]) -> ObservedWatch:
    """Have *ring* called whenever a name appears in the directory *path*. Raises: OSError, RuntimeError."""
    from watchdog.events import FileCreatedEvent, FileMovedEvent, FileSystemEventHandler

    class Handler(FileSystemEventHandler):
        def on_any_event(self, _: object) -> None:
            ring()

    # A filter, or every `ls` of the directory would wake us.
    return observer.schedule(Handler(), path, event_filter=[FileCreatedEvent, FileMovedEvent])


def _keep_from_children() -> None:
    """Have no command that we run inherit what watchdog opened: it may outlive us, and instances are few."""
    for fd in os.listdir("/proc/self/fd") if sys.platform == "linux" else ():
        try:
            if os.readlink(f"/proc/self/fd/{fd}") == "anon_inode:inotify":
                os.set_inheritable(int(fd), False)
        except OSError:
            pass  # it was closed meanwhile


def _inode(path: str) -> tuple[int, int] | None:
    try:
        status = os.lstat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino

"""Watching for as long as one lives: one identity, or all of an account; each batch of mail rings once.

What is run, a handler or a command that rings, runs beside the watching: nobody's mail waits for another's.
"""

from __future__ import annotations

import os
import sys
import time

from . import autocheck
from .alarm import again_after
from .bell import bell_of
from .errors import MaildirIPCError, NotYours
from .process import lookup
from .running import Running
from .watch import RESCAN, Doorbell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .account import Account
    from .alarm import Sounding
    from .bell import Bell
    from .mailbox import Mailbox
    from .tokens import Session

_MAIN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "__main__.py")
_LOOK_FIRST, _LOOK_MOST = 0.02, 1.0  # seconds between two looks at what runs: each twice the one before, if it is still


def acts(account: Account, session: Session, mailbox: Mailbox) -> bool:
    """Return whether *mailbox* is still that session's: it is told of no other's mail."""
    holder = account.sessions(mailbox.spool).holder(mailbox.name)
    return holder is not None and holder.knows(session)


def first_bell(
    mailbox: Mailbox,
    seconds: float | None,
    clock: Callable[[], float] = time.monotonic,
    is_ours: Callable[[], bool] = lambda: True,
) -> Bell:
    """Return the bell as soon as something is unread; after *seconds* (None: never) one that says nothing is.

    Raises: NotYours when, by *is_ours*, it is another's mail by then.
    """
    end = None if seconds is None else clock() + seconds
    with Doorbell((mailbox,)) as doorbell:
        while True:
            rang = doorbell.news(None if end is None else max(0.0, end - clock()))
            bell = bell_of(mailbox)
            if not is_ours():
                raise NotYours(f"the session of {mailbox.name} is over", f"mipc register {mailbox.name}")
            if bell or not rang:
                return bell


class Vigil:
    """A watch that goes on. `turn` it for ever; use it as a context manager.

    Where auto-check is on, its handler gets the mail first, when it is due. *ring* is called once for each batch
    that is unread then. It returns None, or what failed, or what runs and will say so. What failed is rung again,
    later each time, until the mail was read.
    """

    def __init__(
        self,
        account: Account,
        session: Session | None,
        ring: Callable[[Bell], Sounding | str | None],
        environ: Mapping[str, str],
        *,
        rescan: float = RESCAN,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """*session* is the one to watch for; None for all that the account has, and will have.

        *environ* is that of what is run.
        """
        self._account, self._session, self._ring, self._environ = account, session, ring, environ
        self._clock, self._looked = clock, float("-inf")
        self._interval = 0.95 * rescan  # so that the doorbell's rescan and ours are one wake-up
        self._doorbell = Doorbell(rescan=rescan, clock=clock)
        # All by the id of the session.
        self._watched: dict[str, Mailbox] = {}
        self._sessions: dict[str, Session] = {}
        self._ticks: dict[str, Running] = {}
        self._sounding: dict[str, tuple[Sounding, int]] = {}  # (what runs, failures so far)
        self._owed: dict[str, tuple[float, int]] = {}  # (when to ring, failures so far)
        self._trouble: dict[str, str] = {}  # what kept us from looking whether auto-check is on
        self._pause, self._progress = _LOOK_FIRST, 0
        self._missed: set[str] = set()  # mail came while a tick ran, perhaps after its last look

    def __enter__(self) -> Vigil:
        return self

    def __exit__(self, *_: object) -> None:
        self._doorbell.close()
        for sounding, _failures in self._sounding.values():
            sounding.end()
        for tick in self._ticks.values():
            tick.end()
            tick.close()
        for mailbox in self._watched.values():
            mailbox.close()

    @property
    def doorbell(self) -> Doorbell:
        """What is listened to."""
        return self._doorbell

    def turn(self) -> list[str]:
        """Have handled, or ring for, what comes or is due within one rescan interval; return what failed, in words.

        Raises: NotYours when the session is over.
        """
        all_due = self._clock() - self._looked >= self._interval
        if all_due:
            self._looked = self._clock()
            self._follow_sessions()
        until = min([self._looked + self._interval, *(when for id, (when, _) in self._owed.items() if self._idle(id))])
        rang = self._listen(max(0.0, until - self._clock()))
        failed = self._ended()
        for id, mailbox in self._watched.items():
            if mailbox in rang:
                self._owed.setdefault(id, (self._clock(), 0))
                self._missed.update({id} & self._ticks.keys())
            if all_due or mailbox in rang:
                failed += self._auto_check(id)
        due = [id for id, (when, _) in self._owed.items() if when <= self._clock() and self._idle(id)]
        return failed + [failure for id in due if (failure := self._settle(id)) is not None]

    def _idle(self, id: str) -> bool:
        return id not in self._ticks and id not in self._sounding

    def _listen(self, seconds: float) -> list[Mailbox]:
        if self._ticks or self._sounding:
            seconds = min(seconds, self._look_again())
        try:
            return self._doorbell.news(seconds)
        except NotYours:
            self._looked = float("-inf")  # its session is over, too
            return []

    def _look_again(self) -> float:
        """Return after how many seconds to look at what runs: soon, while it has just begun, or is printing."""
        progress = sum(tick.said + 1 for tick in self._ticks.values())
        progress += sum(sounding.said + 1 for sounding, _ in self._sounding.values())
        is_still = progress == self._progress
        self._progress, self._pause = progress, min(2 * self._pause, _LOOK_MOST) if is_still else _LOOK_FIRST
        return self._pause

    def _auto_check(self, id: str) -> list[str]:
        """Have a process give the handler what is due, if there is one; return, once, what is in the way of that.

        The handler backs off by itself.
        """
        mailbox, now = self._watched[id], self._account.clock()
        try:
            check = autocheck.read(mailbox)
            if check is not None:
                own = lookup("self")
                autocheck.used(mailbox, now, autocheck.WATCH, "" if own is None else self._account.host.mark(own))
            is_due = check is not None and bool(check.handler) and autocheck.due(mailbox, now)
        except (MaildirIPCError, OSError) as error:
            was, self._trouble[id] = self._trouble.get(id), str(error)
            return [] if was == str(error) else [f"{mailbox.name}: {error}"]
        self._trouble.pop(id, None)
        if is_due and id not in self._ticks:
            command = [sys.executable, _MAIN, "auto-check", "run", "--due", "--as", mailbox.name]
            self._ticks[id] = Running(command, self._environ, float("inf"))
        return []

    def _ended(self) -> list[str]:
        """Take leave of what has ended, and return what failed."""
        failed: list[str] = []
        for id in [id for id, tick in self._ticks.items() if tick.over()]:
            tick = self._ticks.pop(id)
            failed += [line.removeprefix("mipc: ") for line in tick.finished().stderr.text.splitlines()]
            tick.close()
            if id in self._missed & self._watched.keys():
                self._missed.discard(id)
                failed += self._auto_check(id)
        for id in [id for id, (sounding, _) in self._sounding.items() if sounding.over()]:
            sounding, failures = self._sounding.pop(id)
            why = sounding.failure()
            if why is not None:
                failed.append(self._again(id, why, failures))
        return failed

    def _settle(self, id: str) -> str | None:
        """Ring for what is unread; return what failed."""
        _, failures = self._owed.pop(id)
        mailbox = self._watched.get(id)
        if mailbox is None:
            return None
        try:
            is_ours, bell = acts(self._account, self._sessions[id], mailbox), bell_of(mailbox)
        except MaildirIPCError as error:
            return self._again(id, f"was not run: {error}", failures)
        if not is_ours:
            self._looked = float("-inf")  # taken over, or ended: the next turn sees whose it is
            return None
        said = self._ring(bell) if bell.unread else None
        if said is None or isinstance(said, str):
            return said and self._again(id, said, failures)
        self._sounding[id] = (said, failures)
        return None

    def _again(self, id: str, why: str, failures: int) -> str:
        """Owe a ring that failed, and return that in words."""
        pause = again_after(failures + 1)
        self._owed[id] = (self._clock() + pause, failures + 1)
        name = self._watched[id].name if id in self._watched else "a session that is over"
        return f"the command for {name} {why}; again in {pause:g} s"

    def _follow_sessions(self) -> None:
        """Watch for the sessions that there are now."""
        current = {session.id: session for session in self._account.sessions(self._account.spool()).current()}
        if self._session is not None:
            if self._session.id not in current:
                raise NotYours(f"the session of {self._session.name} is over", f"mipc register {self._session.name}")
            current = {self._session.id: current[self._session.id]}
        self._sessions = current
        for id in [id for id in self._watched if id not in current]:
            mailbox = self._watched.pop(id)
            self._owed.pop(id, None)
            self._doorbell.ignore(mailbox)
            mailbox.close()
        for id, session in current.items():
            if id not in self._watched:
                try:
                    self._watched[id] = self._account.mailbox(session)
                except MaildirIPCError:
                    if self._session is not None:
                        raise
                    continue  # it is being renamed, or cannot be read: another look comes
                self._doorbell.watch(self._watched[id])

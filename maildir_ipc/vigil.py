"""Watching for as long as one lives: one identity, or all of an account; each batch of mail rings once."""

from __future__ import annotations

import time

from .alarm import again_after
from .bell import bell_of
from .errors import MaildirIPCError, NoSuchName, NotYours
from .watch import RESCAN, Doorbell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .account import Account
    from .bell import Bell
    from .mailbox import Mailbox
    from .tokens import Session


def first_bell(mailbox: Mailbox, seconds: float | None, clock: Callable[[], float] = time.monotonic) -> Bell:
    """Return the bell as soon as something is unread; after *seconds* (None: never) one that says nothing is."""
    end = None if seconds is None else clock() + seconds
    with Doorbell((mailbox,)) as doorbell:
        while True:
            rang = doorbell.news(None if end is None else max(0.0, end - clock()))
            bell = bell_of(mailbox)
            if bell or not rang:
                return bell


class Vigil:
    """A watch that goes on. `turn` it for ever; use it as a context manager.

    *ring* is called once for each batch of mail and returns what failed, or None. What failed is rung again,
    later each time, until the mail was read.
    """

    def __init__(
        self,
        account: Account,
        session: Session | None,
        ring: Callable[[Bell], str | None],
        *,
        rescan: float = RESCAN,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """*session* is the one to watch for; None for all that the account has, and will have."""
        self._account, self._session, self._ring = account, session, ring
        self._clock, self._looked = clock, float("-inf")
        self._interval = 0.95 * rescan  # so that the doorbell's rescan and ours are one wake-up
        self._doorbell = Doorbell(rescan=rescan, clock=clock)
        self._watched: dict[str, Mailbox] = {}  # by the id of the session
        self._owed: dict[str, tuple[float, int]] = {}  # (when to ring, failures so far), by the same

    def __enter__(self) -> Vigil:
        return self

    def __exit__(self, *_: object) -> None:
        self._doorbell.close()
        for mailbox in self._watched.values():
            mailbox.close()

    @property
    def doorbell(self) -> Doorbell:
        """What is listened to."""
        return self._doorbell

    def turn(self) -> list[str]:
        """Ring for what is news, or was owed, within one rescan interval; return what failed, in words.

        Raises: NotYours when the session is over.
        """
        if self._clock() - self._looked >= self._interval:
            self._looked = self._clock()
            self._follow_sessions()
        until = min([self._looked + self._interval, *(when for when, _ in self._owed.values())])
        rang = self._listen(max(0.0, until - self._clock()))
        for id, mailbox in self._watched.items():
            if mailbox in rang:
                self._owed.setdefault(id, (self._clock(), 0))
        due = [id for id, (when, _) in self._owed.items() if when <= self._clock()]
        return [failure for id in due if (failure := self._settle(id)) is not None]

    def _listen(self, seconds: float) -> list[Mailbox]:
        try:
            return self._doorbell.news(seconds)
        except NoSuchName:
            self._looked = float("-inf")  # its session is over, too
            return []

    def _settle(self, id: str) -> str | None:
        _, failures = self._owed.pop(id)
        bell = bell_of(self._watched[id])
        why = self._ring(bell) if bell.unread else None
        if why is None:
            return None
        pause = again_after(failures + 1)
        self._owed[id] = (self._clock() + pause, failures + 1)
        return f"the command for {bell.identity} {why}; again in {pause:g} s"

    def _follow_sessions(self) -> None:
        """Watch for the sessions that there are now."""
        current = {session.id: session for session in self._account.sessions(self._account.spool()).current()}
        if self._session is not None:
            if self._session.id not in current:
                raise NotYours(f"the session of {self._session.name} is over", f"mipc register {self._session.name}")
            current = {self._session.id: current[self._session.id]}
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

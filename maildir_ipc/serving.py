"""A seat for one agent in a server that runs for long: who it acts as, and what it was shown.

A server answers many calls, and each has an account of its own, as a command does. Between the calls it keeps
two things: the session that its own `register` opened, and the mail that it answered with and has not committed yet.
That mail is held by this process: when the server dies, however it dies, it is unread again.
"""

from __future__ import annotations

import threading
import time

from .account import Account
from .errors import MaildirIPCError, Misconfigured, NameTaken, NoSpool, NotYours
from .handover import FOLDER, settle
from .settings import from_environment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .account import Registered
    from .batch import Batch
    from .mailbox import Mailbox
    from .settings import Settings
    from .tokens import Session


class Seat:
    """For any number of threads.

    *tells*: whoever serves says when an answer has gone out (`went_out`). Where it cannot, the next call says it.
    """

    def __init__(
        self, settings: Callable[[], Settings] = from_environment, *, said: str | None = None, tells: bool = False
    ) -> None:
        """*said* is the name to act in, when the process tree cannot tell."""
        self.settings, self.said, self._tells = settings, said, tells
        self.own: Session | None = None  # what `register` opened here
        self._lock = threading.Lock()
        self._shown: dict[str, list[Batch | None]] = {}

    def turn(self) -> Turn:
        """Return what a call that comes now needs."""
        return Turn(self, time.time())

    def shown(self, call: str, batch: Batch) -> None:
        """Keep what the call so named is answered with, until the answer has gone out.

        Of two calls of one name, which no client should make, the mail comes again: which of the two answers has
        gone out cannot be told.
        """
        with self._lock:
            before = self._shown.get(call, [])
            self._shown[call] = [None, *(None for _ in before)] if before else [batch]
        if before:
            release([batch, *(other for other in before if other is not None)])

    def went_out(self, calls: Iterable[str]) -> None:
        """Commit what these calls were answered with: it is read."""
        commit(self._take(calls))

    def did_not(self, calls: Iterable[str]) -> None:
        """Give back what these calls were to be answered with: it was not shown."""
        release(self._take(calls))

    def _take(self, calls: Iterable[str]) -> list[Batch]:
        """Return what one answer to each of *calls* showed."""
        with self._lock:
            found = [self._shown[call].pop() for call in calls if self._shown.get(call)]
            self._shown = {call: batches for call, batches in self._shown.items() if batches}
        return [batch for batch in found if batch is not None]

    def pending(self) -> list[str]:
        """Return the calls whose answers have not gone out, as far as is known."""
        return list(self._shown)

    def due(self) -> list[str]:
        """Return the calls that one which comes now, after their answers, proves to be answered."""
        return [] if self._tells else self.pending()


class Turn:
    """One call of the agent: who it is, and what the call proves. For one thread; *begun* is when it came."""

    def __init__(self, seat: Seat, begun: float) -> None:
        self.seat, self.begun, self.due = seat, begun, seat.due()
        self._account: Account | None = None

    @property
    def account(self) -> Account:
        """The caller's account; the environment is read when it is first needed. Raises: Misconfigured."""
        if self._account is None:
            self._account = Account(self.seat.settings(), serves=True)
        return self._account

    @property
    def notes(self) -> list[str]:
        """What a person should be told."""
        return [] if self._account is None else self._account.notes

    def register(self, name: str) -> Registered:
        """Take a name, and keep the session for the calls that follow. Raises: as Account.register."""
        try:
            done = self.account.register(name, said=self.seat.said)
        except NameTaken as error:
            said = self._said()
            if said is None:
                raise
            mend = f"name another in MAILDIR_IPC_IDENTITY, or mipc register {said} --takeover"
            raise Misconfigured(error.message, mend) from None  # another name would be refused
        self.seat.own = done.session
        return done

    def rename(self, new: str) -> tuple[str, str, int]:
        """Give the caller's mailbox another name; as Account.rename."""
        session, own = self.session(), self.seat.own
        old, new, until = self.account.rename(new, session.name)
        if own is not None and own.id == session.id:
            self.seat.own = self.account.identify(new)
        return old, new, until

    def session(self, *, sends: bool = False) -> Session:
        """Return the session that `register` opened here; that being over, or none, the caller's, as for a command.

        Raises: NotYours, Misconfigured.
        """
        own = self.seat.own
        if own is None:
            return self._callers(sends=sends)
        try:
            found = self.account.identify(own.name)
            if found.id == own.id:
                return found
            # The token of whoever has the name now lies here, too: we are of one account.
            why = "another has taken the name"
        except NotYours as error:
            why = error.message
        over = NotYours(f"your session of {own.name} is over: {why}", "mipc register NAME")
        try:
            found = self._callers(sends=sends)
        except NotYours:
            raise over from None
        if found.name == own.name and found.mark != own.mark:
            raise over  # the environment names it still, but whoever took it over hangs on another process
        self.seat.own = None  # the agent is another by now; of what it was, it is not told again
        return found

    def _callers(self, *, sends: bool) -> Session:
        """Return the session that a command of the agent would act in. Raises: NotYours, Misconfigured."""
        try:
            return self.account.sender(self.seat.said) if sends else self.account.identify(self.seat.said)
        except NotYours as error:
            said = self._said()
            if said is None:
                raise
            raise NotYours(error.message, f"mipc register {said} --as {said}") from None  # it may have no other
        except NoSpool:
            if self.account.settings.root_given:
                raise
            raise NotYours("nobody has registered here", f"mipc register {self._said() or 'NAME'}") from None

    def _said(self) -> str | None:
        return self.seat.said or self.account.settings.identity

    def open(self, *, sends: bool = False, acts: bool = True) -> tuple[Mailbox, Session]:
        """Return the caller's mailbox, to be closed, and its session.

        What a hook handed to that session before the call came, an *act* of the agent proves to be seen; what a
        client does by itself, or what only waits, does not. Raises: NotYours, Misconfigured.
        """
        session = self.session(sends=sends)
        mailbox = self.account.mailbox(session)
        if acts and mailbox.maildir.has(FOLDER):
            settle(mailbox, session, self.begun)
        return mailbox, session

    def mailbox(self, *, sends: bool = False, acts: bool = True) -> Mailbox:
        """Return the caller's mailbox, to be closed; as `open`."""
        return self.open(sends=sends, acts=acts)[0]


def commit(batches: Iterable[Batch]) -> None:
    """Commit what was shown, and close its mailboxes. What cannot be committed comes again."""
    for batch in batches:
        try:
            with batch.mailbox, batch:
                for received in batch.messages:
                    batch.commit(received)
                batch.finish()
        except (MaildirIPCError, OSError):
            continue


def release(batches: Iterable[Batch]) -> None:
    """Give back what was not shown after all, and close its mailboxes."""
    for batch in batches:
        try:
            with batch.mailbox, batch:
                pass
        except (MaildirIPCError, OSError):
            continue

"""A seat for one agent in a server that runs for long: who it acts as, and what it was shown.

A server answers many calls, and each has an account of its own, as a command does. Between the calls it keeps
two things: the session that its own `register` opened, and the mail that it answered with and has not committed yet.
That mail is held by this process: when the server dies, however it dies, it is unread again.
"""

from __future__ import annotations

import threading

from .account import Account
from .errors import MaildirIPCError, NoSpool, NotYours
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
    """For any number of threads; what it gives out is for one of them.

    *tells*: whoever serves says when an answer has gone out (`went_out`). Where it cannot, the next call says it.
    """

    def __init__(
        self, settings: Callable[[], Settings] = from_environment, *, said: str | None = None, tells: bool = False
    ) -> None:
        self._settings, self._said, self._tells = settings, said, tells
        self._own: Session | None = None
        self._lock = threading.Lock()
        self._shown: dict[str, Batch] = {}

    def account(self) -> Account:
        """Return the caller's account. Raises: Misconfigured."""
        return Account(self._settings(), serves=True)

    def register(self, account: Account, name: str) -> Registered:
        """Take a name, and keep the session for the calls that follow. Raises: as Account.register."""
        done = account.register(name, said=self._said)
        self._own = done.session
        return done

    def rename(self, account: Account, new: str) -> tuple[str, str, int]:
        """Give the caller's mailbox another name; as Account.rename."""
        session = self.session(account)
        old, new, until = account.rename(new, session.name)
        if self._own is not None and self._own.id == session.id:
            self._own = account.identify(new)
        return old, new, until

    def session(self, account: Account, *, sends: bool = False) -> Session:
        """Return the session that `register` opened here; that being over, or none, the caller's, as for a command.

        Raises: NotYours, Misconfigured.
        """
        own, over = self._own, NotYours("nobody has registered here", "mipc register NAME")
        try:
            if own is not None:
                found = account.identify(own.name)
                if found.id == own.id:
                    return found
                # The token of whoever has the name now lies here, too: we are of one account.
                over = NotYours(f"your session of {own.name} is over: another has taken the name", "mipc register NAME")
        except NotYours as error:
            over = error
        try:
            found = account.sender(self._said) if sends else account.identify(self._said)
        except NotYours:
            raise over from None
        except NoSpool:
            if account.settings.root_given:
                raise
            raise over from None
        if own is not None and found.name == own.name and found.mark != own.mark:
            raise over  # the environment names it still, but whoever took it over hangs on another process
        return found

    def open(self, account: Account, *, sends: bool = False) -> tuple[Mailbox, Session]:
        """Return the caller's mailbox, to be closed, and its session.

        What a hook handed to that session, this call proves to be seen. Raises: NotYours, Misconfigured.
        """
        session = self.session(account, sends=sends)
        mailbox = account.mailbox(session)
        if mailbox.maildir.has(FOLDER):
            settle(mailbox, session)
        return mailbox, session

    def mailbox(self, account: Account, *, sends: bool = False) -> Mailbox:
        """Return the caller's mailbox, to be closed; as `open`."""
        return self.open(account, sends=sends)[0]

    def shown(self, call: str, batch: Batch) -> None:
        """Keep what the call so named is answered with, until the answer has gone out."""
        with self._lock:
            self._shown[call] = batch

    def went_out(self, calls: Iterable[str]) -> None:
        """Commit what these calls were answered with: it is read."""
        commit(self._take(calls))

    def did_not(self, calls: Iterable[str]) -> None:
        """Give back what these calls were to be answered with: it was not shown."""
        release(self._take(calls))

    def _take(self, calls: Iterable[str]) -> list[Batch]:
        with self._lock:
            return [batch for batch in (self._shown.pop(call, None) for call in calls) if batch is not None]

    def pending(self) -> list[str]:
        """Return the calls whose answers have not gone out, as far as is known."""
        return list(self._shown)

    def due(self) -> list[str]:
        """Return the calls that this one, coming after their answers, proves to be answered."""
        return [] if self._tells else self.pending()


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

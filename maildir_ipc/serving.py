"""A seat for one agent in a server that runs for long: who it acts as, and what it was shown.

A server answers many calls, and each opens the account anew, as a command does. Between the calls it keeps two
things: the name that its own `register` took, and the mail that it has shown and not yet committed. That mail
is held by this process: when the server dies, however it dies, it is unread again.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager

from .account import Account
from .errors import MaildirIPCError, NotYours
from .handover import FOLDER, settle
from .settings import from_environment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from .account import Registered
    from .batch import Batch
    from .mailbox import Mailbox
    from .settings import Settings
    from .tokens import Session


class Seat:
    """Safe to be used by several threads: each call has an account of its own."""

    def __init__(self, settings: Callable[[], Settings] = from_environment) -> None:
        self._settings = settings
        self._name: str | None = None
        self._lock = threading.Lock()
        self._shown: list[Batch] = []

    def account(self) -> Account:
        """Return the caller's account. Raises: Misconfigured."""
        return Account(self._settings(), serves=True)

    def register(self, name: str) -> Registered:
        """Take a name, and keep it for the calls that follow. Raises: as Account.register."""
        done = self.account().register(name)
        self._name = done.session.name
        return done

    def rename(self, new: str) -> tuple[str, str, int]:
        """Give the mailbox another name; as Account.rename."""
        account = self.account()
        old, new, until = account.rename(new, self.session(account).name)
        if self._name is not None:
            self._name = new
        return old, new, until

    def session(self, account: Account) -> Session:
        """Return the session that `register` opened here; that being over or none, the caller's, as for a command.

        Raises: NotYours, Misconfigured.
        """
        if self._name is None:
            return account.identify(None)
        try:
            session = account.identify(self._name)
        except NotYours:
            try:
                session = account.identify(None)
            except NotYours:
                pass
            else:
                return session
            raise
        return session

    def name(self) -> str | None:
        """Return whom the caller acts as, or None."""
        try:
            return self.session(self.account()).name
        except MaildirIPCError:
            return None

    @contextmanager
    def mailbox(self) -> Iterator[Mailbox]:
        """Give the caller's mailbox, open. What a hook handed to its session, this call proves to be seen."""
        with self.open()[0] as mailbox:
            yield mailbox

    def open(self) -> tuple[Mailbox, Session]:
        """Return the caller's mailbox, to be closed, and its session."""
        account = self.account()
        session = self.session(account)
        mailbox = account.mailbox(session)
        if mailbox.maildir.has(FOLDER):
            settle(mailbox, session)
        return mailbox, session

    def shown(self, batch: Batch) -> None:
        """Keep what was answered with *batch*, until it is known that the answer arrived."""
        with self._lock:
            self._shown.append(batch)

    def due(self) -> list[Batch]:
        """Return what was answered before now, and keep it no longer: the caller has read it, and calls again."""
        with self._lock:
            found, self._shown = self._shown, []
        return found

    @staticmethod
    def commit(batches: Sequence[Batch]) -> None:
        """Commit what was shown: it is read. What cannot be committed comes again."""
        for batch in batches:
            with batch.mailbox, batch:
                try:
                    for received in batch.messages:
                        batch.commit(received)
                    batch.finish()
                except (MaildirIPCError, OSError):
                    continue

    @staticmethod
    def release(batch: Batch) -> None:
        """Give back what was not shown after all."""
        with batch.mailbox, batch:
            pass

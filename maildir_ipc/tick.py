"""One tick of auto-check: for each identity of the account whose mail is due, its handler gets what is unread.

A tick acts with the session that auto-check was started in, and only one at a time looks at a mailbox: another
finds it locked and passes by. Where there is no handler a tick claims nothing: the hooks do the handing over.
"""

from __future__ import annotations

import os

from . import autocheck, automatic
from .autocheck import CRON, HAND, AutoCheck
from .errors import MaildirIPCError, NoSpool
from .handler import TIMEOUT, Outcome, handle
from .lock import Alone
from .maildir import cannot_write
from .session import STANDING
from .settings import without_secrets
from .setup import program
from .tokens import Session, Tokens

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .account import Account
    from .mailbox import Mailbox
    from .spool import Spool


class Ran:
    """What a tick did for one identity: the *outcomes*; *ended* says why auto-check is off from now on.

    *aside* are the lines about mail that was set aside. *trouble* is what kept it from looking, *idle* why there was
    nothing to look at. *busy*: another tick is at it.
    """

    __slots__ = ("aside", "busy", "ended", "idle", "name", "outcomes", "trouble")

    def __init__(self, name: str) -> None:
        self.name, self.outcomes, self.aside = name, list[Outcome](), list[str]()
        self.ended, self.trouble, self.idle, self.busy = "", "", "", False

    @property
    def handled(self) -> int:
        """How many messages were handled."""
        return len([outcome for outcome in self.outcomes if not outcome.why])

    def troubles(self) -> list[str]:
        """Return what a person should know, a line each; nothing when all went well."""
        lines = [f"auto-check has stopped: {self.ended}"] * bool(self.ended) + [self.trouble] * bool(self.trouble)
        lines += [f"{o} ({o.said})" if o.said else str(o) for o in self.outcomes if o.why] + self.aside
        return [f"{self.name}: {line}" for line in lines]


def tick(account: Account, by: str = CRON) -> Iterator[Ran]:
    """Look at the mail of every identity of this account for which that is due. No spool: nothing to do.

    What goes wrong for one identity keeps nothing from the others.
    """
    for session in asking(account):
        ran = tick_for(account, session, by)
        if ran is not None:
            yield ran


def asking(account: Account) -> list[Session]:
    """Return the sessions of this account in whose mailboxes auto-check was asked for. Raises: Misconfigured."""
    try:
        spool = account.spool_record()
    except NoSpool:
        if account.settings.root_given:
            raise
        return []
    return [s for s in Tokens(account.settings.states, spool.id).all() if _is_asked(spool, s)]


def run(account: Account, session: Session, timeout: float = TIMEOUT) -> Ran:
    """Look at the mail of one identity now, due or not."""
    with account.mailbox(session) as mailbox:
        ran = _look(account, mailbox, session, HAND, timeout)
        if ran is not None:
            return ran
        ran, check = Ran(mailbox.name), autocheck.read(mailbox)
        ran.idle = (
            "auto-check is off" if check is None else "no handler" if not check.handler else "its session is over"
        )
        return ran


def _is_asked(spool: Spool, session: Session) -> bool:
    from . import records

    try:
        return records.read(f"{spool.path(session.name)}/records/autocheck") is not None
    except OSError:
        return True  # whoever looks at it says what is in the way


def tick_for(account: Account, session: Session, by: str) -> Ran | None:
    """Look at the mail of one identity, if that is due; return what was done, None for nothing."""
    try:
        with account.mailbox(session) as mailbox:
            return _look(account, mailbox, session, by, TIMEOUT)
    except (MaildirIPCError, OSError) as error:
        ran = Ran(session.name)
        ran.trouble = str(error if isinstance(error, MaildirIPCError) else cannot_write(session.name, error))
        return ran


def _look(account: Account, mailbox: Mailbox, session: Session, by: str, timeout: float) -> Ran | None:
    """Return what was done, None when there was nothing to do."""
    with Alone(f"{mailbox.maildir.path}/records/autocheck-lock") as alone:
        ran = Ran(mailbox.name)
        if autocheck.read(mailbox) is None:
            return None
        if not alone:
            ran.busy = True
            return ran
        check = _acting(account, mailbox, session, ran)
        if ran.ended:
            return ran
        now = mailbox.spool.clock()
        if by == CRON:
            autocheck.used(mailbox, now, by)
        if check is None or not check.handler or not (by == HAND or autocheck.due(mailbox, now)):
            return None
        _handle(account, mailbox, session, ran, timeout)
        if not ran.ended:
            account.sessions(mailbox.spool).touch(session)
            autocheck.done(mailbox, mailbox.spool.clock(), "")
        return ran


def _handle(account: Account, mailbox: Mailbox, session: Session, ran: Ran, timeout: float) -> None:
    # Cron's PATH is short, and a handler answers by our commands.
    path = [*account.settings.path, os.path.dirname(program("mipc")[0])]
    environ = without_secrets(MAILDIR_IPC_IDENTITY=mailbox.name, PATH=os.pathsep.join(path))
    for outcome in handle(
        mailbox, lambda: _acting(account, mailbox, session, ran), environ, timeout, aside=ran.aside.append
    ):
        ran.outcomes.append(outcome)
        autocheck.done(mailbox, mailbox.spool.clock(), str(outcome))
    if ran.aside:
        autocheck.note(mailbox, mailbox.spool.clock(), f"{len(ran.aside)} set aside, not verified")
    if ran.outcomes:
        automatic.forget_old(mailbox.spool)


def _acting(account: Account, mailbox: Mailbox, session: Session, ran: Ran) -> AutoCheck | None:
    """Return what auto-check may do now in the name of *session*, or None.

    When it has to end it has ended, and *ran* says why.
    """
    check = autocheck.read(mailbox)
    holder = account.sessions(mailbox.spool).holder(mailbox.name)
    if check is None or holder is None:
        return None
    if not holder.knows(session):
        # Who holds the name now may have started auto-check again: that is not ours to end.
        if check.session == session.id:
            ran.ended = f"{mailbox.name} is now held by {holder}"
    elif check.handler and check.command is None:
        ran.ended = "its command is not among those that this account has approved"
    elif check.session != session.id:
        # An agent that was restarted goes on. Whose process still runs, or never had one, was not restarted.
        if check.mark == STANDING or account.host.runs(check.mark) is not False:
            ran.ended = f"{mailbox.name} was registered anew by {holder}"
        else:
            autocheck.adopt(mailbox, check, session)
    if ran.ended:
        autocheck.end(mailbox, check, ran.ended)
        return None
    return check if holder.knows(session) else None

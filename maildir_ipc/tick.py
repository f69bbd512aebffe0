"""One tick of auto-check: for each identity of the account whose mail is due, its handler gets what is unread.

A tick acts with the session that auto-check was started in, and only one at a time looks at a mailbox: another
finds it locked and passes by. Where there is no handler a tick claims nothing: the hooks do the handing over.
"""

from __future__ import annotations

import os

from . import autocheck, automatic
from .autocheck import CRON, HAND, WATCH, AutoCheck
from .errors import MaildirIPCError, NoSpool
from .handler import TIMEOUT, Outcome, handle
from .lock import Alone
from .maildir import cannot_write
from .process import lookup
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

    *trouble* is what kept it from looking. *busy*: another tick is at it.
    """

    __slots__ = ("busy", "ended", "name", "outcomes", "trouble")

    def __init__(self, name: str) -> None:
        self.name, self.outcomes, self.ended, self.trouble, self.busy = name, list[Outcome](), "", "", False

    @property
    def handled(self) -> int:
        """How many messages were handled."""
        return len([outcome for outcome in self.outcomes if not outcome.why])

    def troubles(self) -> list[str]:
        """Return what a person should know, a line each; nothing when all went well."""
        lines = [f"auto-check has stopped: {self.ended}"] * bool(self.ended) + [self.trouble] * bool(self.trouble)
        lines += [f"{o} ({o.said})" if o.said else str(o) for o in self.outcomes if o.why]
        return [f"{self.name}: {line}" for line in lines]


def tick(account: Account, by: str = CRON, only: Session | None = None) -> Iterator[Ran]:
    """Look at the mail of every identity of this account for which that is due, or of one. No spool: nothing to do.

    What goes wrong for one identity keeps nothing from the others. *by* is CRON, or WATCH for one that goes on.
    """
    for session in asking(account):
        ran = _guarded(account, session, by) if only is None or only.id == session.id else None
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
        return _look(account, mailbox, session, HAND, timeout) or Ran(mailbox.name)


def _is_asked(spool: Spool, session: Session) -> bool:
    from . import records

    return records.read(f"{spool.path(session.name)}/records/autocheck") is not None


def _guarded(account: Account, session: Session, by: str) -> Ran | None:
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
        check, now, ran = autocheck.read(mailbox), mailbox.spool.clock(), Ran(mailbox.name)
        if check is None:
            return None
        if not alone:
            ran.busy = True
            return ran
        ran.ended, current = _acting(account, mailbox, session, check)
        if ran.ended:
            autocheck.end(mailbox, check, ran.ended)
            return ran
        if by != HAND:
            own = lookup("self") if by == WATCH else None
            autocheck.used(mailbox, now, by, "" if own is None else account.host.mark(own))
        if not current or check.command is None or not (by == HAND or autocheck.due(mailbox, now)):
            return None
        _handle(account, mailbox, check, ran, timeout)
        account.sessions(mailbox.spool).touch(session)
        autocheck.done(mailbox, mailbox.spool.clock(), "")
        return ran


def _handle(account: Account, mailbox: Mailbox, check: AutoCheck, ran: Ran, timeout: float) -> None:
    # Cron's PATH is short, and a handler answers by our commands.
    path = [*account.settings.path, os.path.dirname(program("mipc")[0])]
    environ = without_secrets(MAILDIR_IPC_IDENTITY=mailbox.name, PATH=os.pathsep.join(path))
    for outcome in handle(mailbox, check, environ, timeout):
        ran.outcomes.append(outcome)
        autocheck.done(mailbox, mailbox.spool.clock(), str(outcome))
    if ran.outcomes:
        automatic.forget_old(mailbox.spool)


def _acting(account: Account, mailbox: Mailbox, session: Session, check: AutoCheck) -> tuple[str, bool]:
    """Return why auto-check has to end, empty when it has not, and whether the session may act now."""
    holder = account.sessions(mailbox.spool).holder(mailbox.name)
    if holder is None:
        return "", False
    if not holder.knows(session):
        # Who holds the name now may have started auto-check again: that is not ours to end.
        return (f"{mailbox.name} is now held by {holder}" if check.session == session.id else ""), False
    if check.session == session.id:
        return "", True
    # The name was registered here again. An agent that was restarted goes on; what was taken from it while
    # it ran does not.
    if check.mark != session.mark and (check.mark == STANDING or account.host.runs(check.mark) is not False):
        return f"{mailbox.name} was taken over by {holder}", False
    autocheck.adopt(mailbox, check, session)
    return "", True

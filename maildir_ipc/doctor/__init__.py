"""What is wrong with a spool and around it, said and, where that is safe, mended: `doctor`.

Nothing here is needed for mail to be safe: whatever `doctor` finds, the other commands have met it and
refused or repaired. It says in one place what they would say one at a time.
"""

from __future__ import annotations

import os

from .. import __version__
from ..errors import MaildirIPCError, Misconfigured
from ..mounts import mount_of, mount_table
from .finding import WRONG, Finding
from .host import file_system, installations, packages, python, space
from .mail import contents, litter, locked, sessions, unfinished
from .places import clocks, effective, folds_case, key, modes, settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..account import Account
    from ..spool import Spool

NOTMUCH = "new.ignore=.ipc;.Rejected;large-messages;records"
_ROUNDS = 3  # mending one thing may bring another to light


class Report:
    """What was found and is there still, what was mended, and what there is to know; values."""

    __slots__ = ("facts", "findings", "mended", "settings")

    def __init__(self, findings: list[Finding], mended: list[Finding], spool: Spool | None) -> None:
        self.findings, self.mended = findings, mended
        self.settings = [] if spool is None else effective(spool)
        self.facts = [] if spool is None else _facts(spool)

    @property
    def well(self) -> bool:
        """Whether nothing is wrong, or all of it was mended."""
        return not any(finding.level == WRONG for finding in self.findings)


def examine(account: Account, *, fix: bool = False) -> Report:
    """Look at everything, and with *fix* mend what can be mended without loss; what is left was looked at again."""
    mended: dict[tuple[str, str], Finding] = {}
    for _ in range(_ROUNDS if fix else 0):
        found = list(_all(_fresh(account)))
        ill = [(finding, finding.mend) for finding in found if finding.mend is not None]
        # Most of it is done under the lock, and would be waited for in vain.
        if not ill or any(finding.check == "lock" for finding in found):
            break
        for finding, mend in ill:
            try:
                mend()
            except (MaildirIPCError, OSError):
                continue  # it is found again below
            mended[finding.check, finding.what] = finding
    now = _fresh(account)
    findings = list(_all(now))
    for finding in findings:
        mended.pop((finding.check, finding.what), None)
    return Report(findings, list(mended.values()), _spool(now))


def _fresh(account: Account) -> Account:
    """Return the account with nothing remembered of how things were."""
    return type(account)(account.settings, account.clock)


def _spool(account: Account) -> Spool | None:
    try:
        return account.spool_record()
    except (MaildirIPCError, OSError):
        return None


def _all(account: Account) -> Iterator[Finding]:
    try:
        spool = account.spool_record()
    except Misconfigured as error:
        yield Finding("spool", error.message, error.next)
        yield from modes(account, account.settings.root)
        yield from installations(account.settings.path, __version__)
        return
    for look in (
        modes(account, spool.root),
        key(account, spool),
        settings(spool),
        clocks(spool),
        locked(spool),
        unfinished(spool),
        contents(account, spool),
        litter(account),
        sessions(account, spool),
        file_system(mount_of(os.path.realpath(spool.root), mount_table())),
        space(os.statvfs(spool.root), spool.root),
        folds_case(spool.root),
    ):
        yield from _apart(look)
    yield from installations(account.settings.path, __version__)


def _apart(look: Iterator[Finding]) -> Iterator[Finding]:
    """Yield what is found; what stops one look is found too, and stops no other."""
    try:
        yield from look
    except MaildirIPCError as error:
        yield Finding("unreadable", error.message, error.next)
    except OSError as error:
        yield Finding("unreadable", f"{error.filename or 'the spool'}: {error.strerror}", "mend what the system says")


def _facts(spool: Spool) -> list[tuple[str, str]]:
    mount, room = mount_of(os.path.realpath(spool.root), mount_table()), os.statvfs(spool.root)
    return [
        ("spool", f"{spool.root}, {spool.mode}, id {spool.id}"),
        ("file-system", mount.kind if mount is not None else "unknown"),
        (
            "free",
            f"{room.f_bavail * room.f_frsize >> 20} MiB, {room.f_favail if room.f_files else 'any number of'} inodes",
        ),
        ("version", __version__),
        ("python", python()),
        *packages(),
        ("notmuch", NOTMUCH),
    ]

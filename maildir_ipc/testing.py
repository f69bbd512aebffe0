"""For the tests of programs that use maildir-ipc: agents in their own spool, and dishonest mail.

Nothing here reads the environment or touches anything outside the directory that it is given.
"""

from __future__ import annotations

import os
import time

from .account import Account
from .settings import Settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .mailbox import Mailbox
    from .received import Received


def account(home: str, *, clock: Callable[[], float] = time.time, **environ: str) -> Account:
    """Return an account whose home is *home*, with a spool below it unless MAILDIR_IPC_ROOT is given."""
    return Account(Settings({"HOME": home, "TMPDIR": home, **environ}, os.getuid()), clock)


def agent(owner: Account, name: str) -> Mailbox:
    """Return the open mailbox of *name*, registered with a standing session. Close it."""
    return owner.mailbox(owner.register(name, said=name).session)


def lift_limits(owner: Account) -> None:
    """Take the limits off the spool of *owner*, for tests that send more than anybody should."""
    with open(f"{owner.spool().root}/.ipc/settings", "a", encoding="utf-8") as file:
        file.write("rate-limit = 0\nunread-limit = 0\npair-limit = 0\nhop-limit = 0\nrename-cooldown = 0\n")


def check_all(mailbox: Mailbox) -> list[Received]:
    """Return everything unread, and mark it read."""
    with mailbox.check(lambda _: True) as batch:
        for received in batch.messages:
            batch.commit(received)
        batch.finish()
        return batch.messages


def files(mailbox: Mailbox, *folders: str) -> list[str]:
    """Return the paths of the message files in *folders* (default: new and cur), sorted."""
    root = mailbox.maildir.path
    return sorted(
        f"{root}/{folder}/{name}" for folder in folders or ("new", "cur") for name in mailbox.maildir.names(folder)
    )


def drop(mailbox: Mailbox, raw: bytes, name: str | None = None) -> str:
    """Put *raw* into `new/` as any other program could; return its path."""
    path = f"{mailbox.maildir.path}/new/{name or mailbox.namer.unique()}"
    with open(path, "wb") as file:
        file.write(raw)
    return path

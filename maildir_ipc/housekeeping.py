"""What nobody needs any more, found and, when that is asked, removed: `gc`.

Nothing that could be read, and nothing that protects from a replay, is touched. Each thing is looked at
again before it goes, those that belong to names under the spool's lock; killed anywhere, the next
run goes on. docs/how-to/keep-house.md says what goes, and when.
"""

from __future__ import annotations

import os
from functools import partial

from . import broom, expiry, renaming
from .address import is_name
from .errors import MaildirIPCError, NoSuchName, TryAgain, cannot_read
from .mailbox import Mailbox
from .names import names_lost
from .session import STANDING
from .spool import UNTOLD
from .tokens import Tokens

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .account import Account
    from .names import Names
    from .session import Sessions
    from .spool import Spool
    from .tokens import Session

ID_SECONDS = 30 * 86400.0  # what was sent under an --id is known for so long
MARK_SECONDS = 30 * 86400.0  # lists of processes that this host cannot look up
RECEIPT_SECONDS = 30 * 86400.0  # `send --wait` looks for its receipt for so long
NOTICE_SECONDS = 600.0  # a renamer has told everyone by then, or was killed
SEEN_SECONDS = 86400.0  # a retry of what was read before that is a replay in any case
SEEN_AT = 1000  # with fewer links, writing their file anew costs more than they do
WOULD, DONE, FAILED, LEFT = "would", "done", "failed", "left"


class Item:
    """One thing of one of KINDS; *why* says why it is superfluous, or was LEFT alone; *state*, what became of it."""

    __slots__ = ("kind", "path", "state", "why")

    def __init__(self, kind: str, path: str, why: str, state: str) -> None:
        self.kind, self.path, self.why, self.state = kind, path, why, state


KINDS = {
    "tmp": "an unfinished delivery",
    "leftover": "what a killed command left",
    "waiting": "a message for a name that nobody registered",
    "mailbox": "an empty mailbox that nobody registered",
    "expired": "a message that was not read in time",
    "trash": "a message in the trash",
    "id": "what was sent under an --id",
    "notice": "a new name that not everyone was told",
    "receipt": "what receipts said",
    "seen": "links to remembered messages, now lines of one file",
    "forward": "a forward that has ended",
    "token": "a session that is over",
}


class Housekeeping:
    """One run of `gc` over a whole spool. With *apply* false nothing is changed."""

    def __init__(self, account: Account, *, apply: bool, now: Callable[[], float] | None = None) -> None:
        """*now* is the file system's time, for tests. Raises: Misconfigured."""
        self.account, self.apply, self.spool = account, apply, account.spool()
        self.now = now() if now is not None else broom.file_system_time(f"{self.spool.root}/.ipc")

    def run(self) -> Iterator[Item]:
        """Yield what is superfluous, one at a time, as it is found or removed."""
        yield from self._built_aside()
        yield from self._temporaries(".ipc", *(f".ipc/{f}" for f in ("intents", "closing", "ended")))
        for name in sorted(self.spool.names()):
            if os.path.islink(self.spool.path(name)):
                yield from self._apart("forward", name, self._forward(name))
            else:
                yield from self._apart("mailbox", name, self._mailbox(name))
        yield from self._tokens()

    def litter(self) -> Iterator[Item]:
        """Yield only what unfinished deliveries and killed commands left."""
        yield from self._built_aside()
        yield from self._temporaries(".ipc", *(f".ipc/{f}" for f in ("intents", "closing", "ended")))
        for name in sorted(self.spool.names()):
            if not os.path.islink(self.spool.path(name)):
                yield from self._apart("mailbox", name, self._litter_of(name))

    def _apart(self, kind: str, path: str, items: Iterator[Item]) -> Iterator[Item]:
        """Yield *items*; what cannot be looked at is named and left as it is, and stops nothing else."""
        try:
            yield from items
        except FileNotFoundError:
            return  # renamed meanwhile: it has its turn under its new name, or next time
        except MaildirIPCError as error:
            yield Item(kind, path, str(error), LEFT)
        except OSError as error:
            yield Item(kind, path, str(cannot_read(str(error.filename or path), error)), LEFT)

    def _do(self, kind: str, path: str, why: str, act: Callable[[], bool]) -> Iterator[Item]:
        """Yield one item, removed if that is asked; nothing when it was gone, or needed, after all."""
        if not self.apply:
            yield Item(kind, path, why, WOULD)
            return
        try:
            if act():
                yield Item(kind, path, why, DONE)
        except FileNotFoundError:
            return
        except MaildirIPCError as error:
            yield Item(kind, path, error.message, FAILED)
        except OSError as error:
            yield Item(kind, path, error.strerror or str(error), FAILED)

    # What lies about

    def _built_aside(self) -> Iterator[Item]:
        """Mailboxes and spools that were being built, or taken apart, when their command was killed."""
        root = self.spool.root
        found = [f".ipc/{name}" for name in os.listdir(f"{root}/.ipc") if name.startswith("build-")]
        found += [name for name in os.listdir(root) if name.startswith(".ipc-")]
        for path in sorted(found):
            age = self._age(f"{root}/{path}", broom.changed)
            if age > broom.LEFTOVER_SECONDS:
                yield from self._do("leftover", path, f"left {_span(age)} ago", partial(self._tear_down, path))
        for path in sorted(f".ipc/{name}" for name in os.listdir(f"{root}/.ipc") if name.startswith("link-")):
            age = self._age(f"{root}/{path}", broom.changed)
            if age > broom.LEFTOVER_SECONDS:
                yield from self._do("leftover", path, f"left {_span(age)} ago", partial(broom.remove_below, root, path))

    def _tear_down(self, path: str) -> bool:
        with self.spool.lock():
            broom.remove_tree(f"{self.spool.root}/{path}")
        return True

    def _temporaries(self, *folders: str) -> Iterator[Item]:
        for folder in folders:
            yield from self._old_files("leftover", folder, broom.touched, broom.LEFTOVER_SECONDS, broom.is_temporary)

    def _old_files(
        self,
        kind: str,
        folder: str,
        stamp: Callable[[os.stat_result], float],
        limit: float,
        wanted: Callable[[str], bool] = lambda _: True,
    ) -> Iterator[Item]:
        root = self.spool.root
        for name, status in broom.files(root, folder):
            age = self.now - stamp(status)
            if wanted(name) and age > limit:
                path = f"{folder}/{name}"
                yield from self._do(
                    kind, path, f"not touched for {_span(age)}", partial(broom.remove_below, root, path)
                )

    def _age(self, path: str, stamp: Callable[[os.stat_result], float]) -> float:
        try:
            return self.now - stamp(os.lstat(path))
        except FileNotFoundError:
            return 0.0

    # Mailboxes

    def _litter_of(self, name: str) -> Iterator[Item]:
        if self.spool.record(name) is None:
            return  # no mailbox
        for folder in broom.temporary_folders(self.spool.path(name)):
            yield from self._old_files("tmp", f"{name}/{folder}", broom.touched, broom.LEFTOVER_SECONDS)
        yield from self._temporaries(*(f"{name}/{folder}" for folder in ("records", "records/ids", "large-messages")))

    def _mailbox(self, name: str) -> Iterator[Item]:
        record = self.spool.record(name)
        if record is None:
            return
        if not record.lines:  # whether somebody has registered it is not known either
            raise names_lost(self.spool.path(name))
        yield from self._litter_of(name)
        yield from self._old_files("id", f"{name}/records/ids", broom.written, ID_SECONDS, lambda n: "." not in n)
        yield from self._old_files("receipt", f"{name}/records/receipts", broom.written, RECEIPT_SECONDS)
        try:
            box = Mailbox(self.spool, self.account.keyring, self.account.host, self.account.namer(), name)
        except NoSuchName:
            return  # renamed meanwhile
        with box:
            if box.name != name:
                return  # renamed meanwhile: it has its turn under its new name, or next time
            for entry, received in expiry.expired(box):
                who = received.message.from_ if received.message is not None else "?"
                path, why = f"{name}/{entry.path}", f"from {who}, not read in time"
                yield from self._do("expired", path, why, partial(expiry.expire, box, entry, received))
            for entry, age in expiry.trash(box, self.now):
                path, why = f"{name}/{entry.path}", f"in the trash for {_span(age)}"
                yield from self._do("trash", path, why, partial(expiry.throw_away, box, entry))
            yield from self._waiting(box)
            yield from self._seen(box)
            if self._age(f"{box.maildir.path}/{UNTOLD}", broom.written) > NOTICE_SECONDS:
                yield from self._do("notice", f"{name}/{UNTOLD}", "not told to everyone", partial(self._tell, name))

    def _tell(self, name: str) -> bool:
        if not renaming.tell(self.account, name):
            raise TryAgain("not told to everyone yet")
        return True

    def _seen(self, box: Mailbox) -> Iterator[Item]:
        count = len(box.seen.packable(self.now - SEEN_SECONDS))
        if count >= SEEN_AT:
            why = f"{count} messages remembered for more than a day"
            yield from self._do("seen", f"{box.name}/records/seen", why, partial(self._pack, box))

    def _pack(self, box: Mailbox) -> bool:
        with self.spool.lock():
            keys = box.seen.packable(self.now - SEEN_SECONDS)
            box.seen.pack(keys)
        return bool(keys)

    def _waiting(self, box: Mailbox) -> Iterator[Item]:
        record = self.spool.record(box.name)
        if record is None or not _waits(record):
            return
        found = list(expiry.waiting(box, self.spool.clock(), self.now))
        for entry, age in found:
            path, why = f"{box.name}/{entry.path}", f"waiting for {_span(age)}"
            yield from self._do("waiting", path, why, partial(self._drop_waiting, box, entry.path))
        old = bool(found) or self.spool.clock() - record.state_since > expiry.WAITING_SECONDS
        left = len(box.maildir.entries("new", "cur")) - (0 if self.apply else len(found))
        if old and not left:
            why = "empty, and nobody registered it"
            yield from self._do("mailbox", box.name, why, partial(self._close, box.name))

    def _drop_waiting(self, box: Mailbox, path: str) -> bool:
        """Remove a message that waited too long, unless someone has registered the name meanwhile."""
        with self.spool.lock():
            record = self.spool.record(box.name)
            here = os.path.samestat(os.fstat(box.maildir.fd), os.lstat(box.maildir.path))
            return here and record is not None and _waits(record) and broom.remove(box.maildir.fd, path)

    def _close(self, name: str) -> bool:
        with self.spool.lock() as lock:
            return expiry.close(self.spool, lock, name)

    # Names

    def _forward(self, name: str) -> Iterator[Item]:
        target, end = forward(self.spool, name)
        if end is not None and end < self.spool.clock():
            why = f"led to {target} until {_span(self.spool.clock() - end)} ago"
            yield from self._do("forward", name, why, partial(self._end_forward, name))

    def _end_forward(self, name: str) -> bool:
        """Remove the link; read again under the lock, since the name may be another's fresh forward by now."""
        with self.spool.lock():
            _, end = forward(self.spool, name)
            if end is None or end >= self.spool.clock():
                return False
            expiry.remember_end(self.spool, name, end)
            return broom.remove_below(self.spool.root, name)

    # Sessions

    def _tokens(self) -> Iterator[Item]:
        account = self.account
        tokens, sessions = Tokens(account.settings.states, self.spool.id), account.sessions(self.spool)
        for session in tokens.all():
            path = f"token of {session.name}"
            yield from self._apart("token", path, self._token(tokens, sessions, session, path))
        for mark, written in tokens.marks():
            if self._is_dead(mark, written):
                yield from self._do("token", f"@{mark}", "its process has ended", partial(tokens.forget_mark, mark))

    def _token(self, tokens: Tokens, sessions: Sessions, session: Session, path: str) -> Iterator[Item]:
        holder = sessions.holder(session.name)
        held = holder is not None and holder.knows(session)
        if not held and self._is_dead(session.mark, tokens.written(session.name)):
            why = f"{session.who} has ended, and {session.name} is not held with this"
            yield from self._do("token", path, why, partial(self._forget, tokens, session.name))

    def _is_dead(self, mark: str, written: float) -> bool:
        """Return whether nothing runs under a mark; where this host cannot tell, only after a month."""
        runs = False if mark == STANDING else self.account.host.runs(mark)
        return self.now - written > MARK_SECONDS if runs is None else not runs

    def _forget(self, tokens: Tokens, name: str) -> bool:
        """Remove a token, unless the name was registered here again meanwhile."""
        with self.spool.lock():
            session, holder = tokens.of(name), self.account.sessions(self.spool).holder(name)
            if session is None or (holder is not None and holder.knows(session)):
                return False
            tokens.forget(session)
        return True


def forward(spool: Spool, name: str) -> tuple[str, int | None]:
    """Return what the link *name* leads to, and until which second; None where no mailbox says so."""
    try:
        target = os.readlink(spool.path(name))
    except OSError:
        return "", None
    record = spool.record(target) if is_name(target) else None
    ends = [until for known, _, until in record.lines if known == name and until is not None] if record else []
    return target, ends[-1] if ends else None


def _waits(record: Names) -> bool:
    """Return whether it is known that nobody has registered it: a record that lost its first line does not say so."""
    return not record.registered and record.state_since > 0


def _span(seconds: float) -> str:
    """Return a length of time in words."""
    for size, unit in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{int(seconds // size)} {unit}"
    return f"{max(0, int(seconds))} seconds"

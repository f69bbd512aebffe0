"""One account's way into a spool: open or make it, unlock its key, settle who is acting.

The rules of section "who makes a spool": only init, register and send do, only at the default place,
and only once it is known who is acting. A root that the environment names must exist.
"""

from __future__ import annotations

import os
import time

from .address import SYSTEM, parse_name
from .errors import Misconfigured, NameTaken, NoSpool, NoSuchName, NotYours, Usage
from .keyring import Keyring, random_secret
from .mailbox import Mailbox
from .maildir import cannot_write
from .message import split
from .process import Host, ancestry, lookup
from .session import STANDING, Sessions
from .signing import MALFORMED, Key, Malformed, verify
from .spool import UNTOLD, Spool
from .unique import Namer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .directory import Row
    from .lock import Lock
    from .settings import Settings
    from .tokens import Holder, Session


class Registered:
    """What `register` did: the session, how much mail waits, and the names whose sessions it ended."""

    __slots__ = ("ended", "session", "unread", "was_waiting")

    def __init__(self, session: Session, unread: int, was_waiting: bool, ended: list[str]) -> None:
        self.session, self.unread, self.was_waiting, self.ended = session, unread, was_waiting, ended


class Account:
    """A caller: its settings, its host, and, once opened, its spool. Not for sharing between threads.

    `notes` collects what a person should be told on the way.
    """

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.time, *, serves: bool = False) -> None:
        """*serves*: this process is a server, for whatever started it; it acts in no session of another server."""
        self.settings, self.clock = settings, clock
        self.notes: list[str] = settings.notes
        self.say: Callable[[str], object] = self.notes.append  # what should be told at once, where somebody listens
        self.host = Host()
        self.keyring = Keyring(settings.config, settings.secret)
        self.keyring.notes = self.notes
        self._spool: Spool | None = None
        self._serves = serves

    def init(self, mode: str = "signed") -> Spool:
        """Make the spool, with a key of its own unless it is open, or return the one that is there."""
        root = self.settings.root
        if Spool.exists(root):
            spool = self.spool()
            if spool.mode != mode:
                raise Misconfigured(f"the spool {root} is there already, and {spool.mode}", "choose another root")
            return spool
        id = os.urandom(8).hex()

        def key() -> str | None:
            # Kept before the spool can be seen: a spool whose key nobody holds is lost.
            return self.keyring.add(id, self.settings.secret or random_secret()).id if mode == "signed" else None

        Spool.create(root, mode, id, key, self.clock)
        self.notes.append(f"made a{'n unsigned' if mode == 'open' else ''} spool at {root}")
        return self.spool()

    def spool(self) -> Spool:
        """Return the spool, its key unlocked. Raises: Misconfigured."""
        if self._spool is None:
            spool = Spool.open(self.settings.root, self.clock)
            spool.say = self.say
            if spool.signed:
                self.keyring.unlock(spool.id, [key for key, _ in spool.keys], spool.signing_key())
            elif self.keyring.holds(spool.id):
                # Whoever can write the record must not be able to switch verification off.
                raise Misconfigured(f"the spool {spool.root} was signed and now says it is open", "do not trust it")
            self._spool = spool
        return self._spool

    def spool_or_new(self) -> Spool:
        """Return the spool; at the default place, and there only, make it when it is missing."""
        if not self.settings.root_given and not Spool.exists(self.settings.root):
            return self.init()
        return self.spool()

    def spool_record(self) -> Spool:
        """Return the spool without asking for its key: enough to see where things are."""
        return self._spool or Spool.open(self.settings.root, self.clock)

    def directory(self) -> list[Row]:
        """Return a row for each name in the spool; a stranger may ask."""
        from .directory import rows

        return rows(self.spool_record(), self.host, self.notes)

    def verdict_of(self, data: bytes) -> str:
        """Return the verdict on the signature of a message file's bytes."""
        spool = self.spool()
        if len(data) > spool.setting("max-message"):
            return MALFORMED
        try:
            fields, body = split(data)
        except Malformed:
            return MALFORMED
        return verify(fields, body, self.keyring.key, spool.spools())[0]

    def import_key(self, secret: bytes) -> Key:
        """Keep a secret that was exported elsewhere. Raises: Misconfigured when it is another spool's."""
        spool, key = self.spool_record(), Key(secret)
        if key.id not in [listed for listed, _ in spool.keys]:
            known = spool.signing_key() if spool.keys else "none, for it is unsigned"
            raise Misconfigured(f"that is key {key.id}, this spool's is {known}", "export it where this spool was made")
        if self.keyring.key(spool.id, key.id) is None:
            self.keyring.add(spool.id, secret)
        return key

    def sessions(self, spool: Spool) -> Sessions:
        """Return the sessions of this account in *spool*."""
        if not self._serves:
            return Sessions(spool, self.settings.states, self.host)
        return Sessions(spool, self.settings.states, self.host, server=self._mark())

    def namer(self) -> Namer:
        """Return what makes names and claims in this process's name."""
        return Namer(self._mark, os.getpid(), self.host.name, self.clock)

    def _mark(self) -> str:
        process = lookup("self")
        return self.host.mark(process) if process else f"0.0.{os.getpid()}.0"

    def identify(self, said: str | None, *, only_reading: bool = False) -> Session:
        """Return the session that the caller acts in. Raises: NotYours, Misconfigured, Usage."""
        said = self._said(said)
        sessions = self.sessions(self.spool())
        try:
            session = sessions.identify(said, self.settings.clients, only_reading=only_reading)
        except NotYours:
            if not self.spool().unfinished():
                raise
            with self.spool().lock():  # a renamer died between two names: whoever takes the lock finishes it
                pass
            session = sessions.identify(said, self.settings.clients, only_reading=only_reading)
        sessions.touch(session)
        return session

    def mailbox(self, session: Session, *, author: str = "") -> Mailbox:
        """Return the mailbox of a session, open; *author* signs in place of its name."""
        try:
            mailbox = self._open(session.name, author)
        except NoSuchName:
            moved = self.sessions(self.spool()).moved(session)  # its forward has ended
            if moved is None:
                raise
            session, mailbox = moved, self._open(moved.name, author)
        if mailbox.name != session.name:
            # Its renamer died before it could move the token; the former name will not lead there for long.
            from .renaming import tell

            with self.spool().lock() as lock:
                session = self.sessions(self.spool()).renamed(lock, session, mailbox.name)
            tell(self, session.name)
        return mailbox

    def _open(self, name: str, author: str) -> Mailbox:
        return Mailbox(self.spool(), self.keyring, self.host, self.namer(), name, author=author)

    def rename(self, new: str, said: str | None) -> tuple[str, str, int]:
        """Give the caller's mailbox another name; return the old one, the new one, and until when the old forwards.

        Everyone is told by a notice. Raises: NameTaken, TryAgain (too soon), Usage, NotYours.
        """
        from .renaming import rename

        return rename(self, new, said)

    def sender(self, said: str | None) -> Session:
        """Return the session to send from; --as a free name opens a standing one, and makes a spool if need be."""
        name = self._said(said)
        if name is not None and self._is_free(name):
            self.spool_or_new()
            session = self.register(name, said=name).session
            self.notes.append(f"registered {name}, without a terminal; mipc unregister --as {name} ends that")
            return session
        try:
            return self.identify(said)
        except NotYours:
            if name is None:
                raise
            with self.spool().lock():  # whoever is opening the session at this moment has finished now
                pass
            return self.identify(said)
        except NoSpool:
            if self.settings.root_given:
                raise
            raise NotYours("nobody has registered here", "mipc register NAME") from None

    def register(self, name: str, *, said: str | None = None, takeover: bool = False, also: bool = False) -> Registered:
        """Make or take over the mailbox *name*, and open a session in it; idempotent.

        What was handed to sessions before it, and never proved to be seen, is unread again.
        Raises: NotYours (nothing to anchor at), NameTaken, Usage, Misconfigured, TryAgain.
        """
        from .anchor import find_anchor, find_starter
        from .clients import own_id

        name, said = parse_name(name), self._said(said)
        if said is not None and said != name:
            raise Usage(f"you are {said} by --as or MAILDIR_IPC_IDENTITY", f"unset it, or register {said}")
        anchor = None
        if said is None:
            anchor = find_starter(ancestry()) or lookup("self") if self._serves else find_anchor(ancestry())
        if anchor is None and said is None:
            raise NotYours("no terminal and no agent to register", f"mipc register {name} --as {name}")
        spool = self.spool_or_new()
        sessions = self.sessions(spool)
        try:
            with spool.lock() as lock:
                self._may_be_named(spool, lock, name)
                record = spool.record(name)
                # The holder is asked before anything is made: a refusal leaves nothing behind.
                client = own_id(anchor, self.settings.clients)
                loser = sessions.may_open(name, anchor, client, takeover=takeover)
                session = sessions.prepare(lock, name, anchor, client)
                spool.ensure(lock, name, registered=True)
                is_new = sessions.open(lock, session)
                ended = [] if also or session.mark == STANDING else self._end_others(lock, sessions, session)
        except OSError as error:
            raise cannot_write(spool.root, error) from error
        if os.path.exists(f"{spool.path(name)}/{UNTOLD}"):
            from .renaming import tell

            tell(self, session.name)
        unread = self._unread_for(session, loser, is_new=is_new)
        return Registered(session, unread, record is not None and not record.registered, ended)

    def _unread_for(self, session: Session, loser: Holder | None, *, is_new: bool) -> int:
        """Return how much is unread for a session that was just registered, told from whom it took the name."""
        with self.mailbox(session, author=SYSTEM) as mailbox:
            if is_new:
                from .handover import give_back

                give_back(mailbox)  # an agent that starts anew has the mail of the one that crashed
            if loser is not None:
                from .draft import Draft

                name = session.name
                text = f"{name} was taken over by {session.who} on {self.host.name}; it was held by {loser}."
                mailbox.send([name], Draft(text, kind="notice", auto="auto-generated"))
            return len(mailbox.maildir.unread(self.host.runs, self.clock()))

    def unregister(self, said: str | None) -> str:
        """End the caller's session and return its name; mailbox and mail stay."""
        session = self.identify(said)
        sessions = self.sessions(self.spool())
        with self.spool().lock() as lock:
            sessions.close(lock, session)
        return session.name

    def _said(self, said: str | None) -> str | None:
        text = said if said is not None else self.settings.identity
        return None if text is None else parse_name(text)

    def _is_free(self, name: str) -> bool:
        """Return whether nobody has registered *name* and no forward has it."""
        if not Spool.exists(self.settings.root):
            return True
        spool = self.spool()
        try:
            if spool.lead(name) != name:
                return False
        except NoSuchName:
            return True
        record = spool.record(name)
        return record is None or not record.registered

    def _may_be_named(self, spool: Spool, lock: Lock, name: str) -> None:
        try:
            target = spool.lead(name)
        except NoSuchName:
            # Its link still leads to the former owner's session, which is nobody's business here.
            spool.drop_ended_forward(lock, name)
            return
        if target != name:
            raise NameTaken(f"{name} forwards to {target}", "choose another name, or wait until the forward ends")

    def _end_others(self, lock: Lock, sessions: Sessions, session: Session) -> list[str]:
        others = sessions.former(session)
        for other in others:
            sessions.close(lock, other)
        return [other.name for other in others]


def rotate(account: Account, *, now: bool) -> tuple[Key, int]:
    """Add a key to the spool and the keyring; return it and the second from which it signs."""
    spool = account.spool()
    spool.signing_key()
    key = account.keyring.add(spool.id, random_secret())
    since = int(account.clock()) + (0 if now else 86400)
    with spool.lock() as lock:
        spool.add_key(lock, key.id, since)
    account.keyring.unlock(spool.id, [listed for listed, _ in spool.keys], spool.signing_key())
    return key, since

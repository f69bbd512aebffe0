"""Who a command acts as: which session is the caller's, and when a name may be taken.

A session's token lies in the caller's state directory (`tokens`), its hash in the mailbox; whoever
shows the token may act in the name. The sender of a message is never a parameter: it is who you are.
"""

from __future__ import annotations

import os

from . import records
from .errors import Misconfigured, NameTaken, NoSuchName, NotYours, TryAgain
from .process import ancestry
from .signing import content_digest
from .tokens import NO_SERVER, Holder, Session, Tokens

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from .lock import Lock
    from .process import Host, Process
    from .spool import Spool

STANDING = "standing"  # the mark of a session that hangs on no process: for cron, CI, containers


class Sessions:
    """The sessions of one account in one spool."""

    __slots__ = ("_host", "_server", "_spool", "_tokens", "_walk")

    def __init__(
        self,
        spool: Spool,
        states: Sequence[str],
        host: Host,
        walk: Callable[[], Iterable[Process]] = ancestry,
        server: str = NO_SERVER,
    ) -> None:
        """*server*: what names this process, when it is a server: it does not use what another one opened."""
        self._spool, self._host, self._walk, self._server = spool, host, walk, server
        self._tokens = Tokens(states, spool.id)

    def identify(self, said: str | None, ids: Sequence[str] = (), *, only_reading: bool = False) -> Session:
        """Return the session that the caller acts in: *said* (--as, the variable), the process tree, the client's id.

        *ids* are those that agent clients gave, CLIENT:ID. *only_reading* also accepts the only session that this
        account has. Raises: NotYours, with the choices.
        """
        if said is not None:
            session = self._tokens.of(said) or self._renamed(said)
            session = session if session is None else self._as_it_is(session)
            if session is None:
                raise self._refusal(said)
            return session
        found = self._by_tree(ids)
        if not found and only_reading:
            found = self.current()
        if len(found) != 1:
            why = "this account has several names" if found else "nobody has registered here"
            raise NotYours(why, self._choices())
        session = self._as_it_is(found[0])
        if session is None:
            raise self._lost(found[0].name)
        return session

    def of_hook(self, client: str, id: str, taken: Collection[str] = ()) -> Session | None:
        """Return the session that an agent client's hook works for: anchored at that client, or recorded under *id*.

        *taken*: `hooked.session_of`. Raises: NotYours when there are several, Misconfigured when its mailbox is broken.
        """
        from .hooked import anchored, check_whole, session_of

        found = anchored(self._tokens, self._host, self._walk(), client)
        session = session_of(self._tokens, found, f"{client}:{id}", taken, self._is_current)
        check_whole(self._spool, [session.name] if session is not None else [s.name for s in found])
        return session

    def record(self, lock: Lock, session: Session, client: str, id: str) -> Session:
        """Record that *session* is that of the client's session *id*; return it as it is now."""
        assert lock.held
        from .hooked import anchored

        here = anchored(self._tokens, self._host, self._walk(), client)
        is_here = any(found.name == session.name for found in here)
        who = session.who if is_here else f"session of {client}"
        known = Session(session.name, session.id, session.token, session.mark, who, f"{client}:{id}", session.server)
        self._tokens.keep(known)
        return known

    def renamed(self, lock: Lock, session: Session, new: str) -> Session:
        """Keep the token of *session* under its new name; return it as it is now."""
        assert lock.held
        if new == session.name:  # it was being opened while it was looked for; forgetting it would lose the name
            return session
        moved = Session(new, session.id, session.token, session.mark, session.who, session.client, session.server)
        self._tokens.keep(moved)
        present = self._tokens.of(session.name)
        if present is not None and present.id == session.id:  # another of ours may have that name by now
            self._tokens.forget(session)
        return moved

    def _renamed(self, name: str) -> Session | None:
        """Return our session of the mailbox that *name* leads to, or None."""
        try:
            target = self._spool.lead(name)
        except NoSuchName:
            return None
        return self._tokens.of(target) or self._left_behind(target)

    def _left_behind(self, name: str) -> Session | None:
        """Return our session of the mailbox *name* whose renamer died before it could move the token, or None."""
        holder = self.holder(name)
        found = next((s for s in self._tokens.all() if holder is not None and holder.knows(s)), None)
        if found is None:
            return None
        with self._spool.lock() as lock:
            return self.renamed(lock, found, name)

    def moved(self, session: Session) -> Session | None:
        """Return *session* under the name that its mailbox has now, its token moved there; None when it is over.

        For one whose renamer died before it could move the token: every mailbox is looked at.
        """
        for name in self._spool.names():
            if not self._spool.is_forward(name) and self._is_held(name, session):
                with self._spool.lock() as lock:
                    return self.renamed(lock, session, name)
        return None

    def _as_it_is(self, session: Session) -> Session | None:
        return session if self._is_current(session) else self.moved(session)

    def current(self) -> list[Session]:
        """Return the sessions of this account that have not ended."""
        return [s for s in self._tokens.all() if self._is_held(s.name, s)]

    def anchor(self) -> Process | None:
        """Return the process that a session opened here would hang on, or None."""
        from .anchor import find_anchor

        return find_anchor(self._walk())

    def holder(self, name: str) -> Holder | None:
        """Return who holds the mailbox that *name* leads to, or None. Raises: Misconfigured, TryAgain."""
        return Holder.of(self._spool.path(name))

    def may_open(self, name: str, anchor: Process | None, client: str | None, *, takeover: bool) -> Holder | None:
        """Return when the mailbox *name* may be had: from whom it is being taken over, or None. Raises: NameTaken."""
        holder = self.holder(name)
        if holder is None or not holder.live(self._host, self._spool.clock()):
            return None
        from .clients import is_anothers

        same, other = self._same(name, holder, self._mark(anchor)), f"mipc register {name} --takeover"
        if same is not None:
            beside = is_anothers(same.client, [client or ""])
            if not (beside or self._serves_another(same)):
                return None
            if not takeover:
                who, next = ("session", other) if beside else ("server", "end that one")
                raise NameTaken(f"{name} is taken by another {who} of this agent", f"choose another name, or {next}")
        if not takeover:
            raise NameTaken(f"{name} is taken: {holder}", f"choose another name, or {other}")
        return holder

    def prepare(self, lock: Lock, name: str, anchor: Process | None, client: str | None) -> Session:
        """Return a session for *name*, its token kept: ours if we hold the name already, else one to `open`.

        Whoever holds the name will lose it: ask `may_open` first. Raises: Misconfigured when no token can be kept.
        """
        assert lock.held
        from .clients import is_anothers

        mark, holder = self._mark(anchor), self.holder(name)
        same = self._same(name, holder, mark) if holder is not None else None
        if same is not None and is_anothers(same.client, [client or ""]):
            same = None  # taken over: what the other one was handed is no proof that this one saw it
        if same is not None and (self._server == NO_SERVER or self._host.runs(same.server)):
            if client is not None and client != same.client:  # another conversation of the same agent
                same = Session(name, same.id, same.token, same.mark, same.who, client, same.server)
                self._tokens.keep(same)
            return same
        from .anchor import describe

        id, token = (same.id, same.token) if same is not None else (os.urandom(8).hex(), os.urandom(32).hex())
        session = Session(name, id, token, mark, describe(anchor), client or "-", self._server)
        self._tokens.keep(session)
        return session

    def open(self, lock: Lock, session: Session) -> bool:
        """Give the mailbox of that name, which exists, to *session*; False when it had it already."""
        assert lock.held
        if self._is_current(session):
            self.touch(session)
            return False
        text = (
            f"id {session.id}\nhash {content_digest(session.token.encode())}\nmark {session.mark}\n"
            f"host {self._host.name}\nwho {session.who}\nsince {int(self._spool.clock())}\n"
        )
        records.replace(f"{self._spool.path(session.name)}/records/session", text)
        return True

    def close(self, lock: Lock, session: Session) -> None:
        """End a session; mailbox and name stay."""
        assert lock.held
        if self._is_current(session):
            path = f"{self._spool.path(session.name)}/records"
            os.rename(f"{path}/session", f"{path}/last-session")  # when it was used last is still told
        self._tokens.forget(session)

    def beside(self, session: Session) -> list[Session]:
        """Return the other sessions that hang on the same process and have not ended."""
        found = [self._tokens.of(name) for name in self._tokens.under(session.mark) if name != session.name]
        return [s for s in found if s is not None and s.mark == session.mark and self._is_current(s)]

    def former(self, session: Session) -> list[Session]:
        """Return the sessions that *session* replaces: those beside it, but not another agent's of the same process.

        Nor what another server opened.
        A command means the one of its agent's server, unless there are several: then it cannot be told which.
        """
        from .clients import is_anothers

        others = [other for other in self.beside(session) if not is_anothers(other.client, (session.client,))]
        served = [other for other in others if self._is_of_another_server(other)]
        if self._server == NO_SERVER and len(served) == 1:
            return others
        return [other for other in others if other not in served]

    def _is_of_another_server(self, session: Session) -> bool:
        return session.server != self._server and self._host.runs(session.server) is True

    def _serves_another(self, session: Session) -> bool:
        """Return whether we are a server and *session*, which hangs on our process, is kept by another live one."""
        hangs = session.mark != STANDING  # who is named by the environment shares the name with all who are
        return self._server != NO_SERVER and hangs and self._is_of_another_server(session)

    def touch(self, session: Session) -> None:
        """Say that the session was used now."""
        try:
            now = self._spool.clock()
            os.utime(f"{self._spool.path(session.name)}/records/session", (now, now))
        except OSError:
            pass  # a read-only spool can still be read; liveness is then judged by the anchor alone

    def _by_tree(self, ids: Sequence[str]) -> list[Session]:
        """Return the sessions of the first anchor above us; *ids* decide where the tree gives no answer or several."""
        from .anchor import ends_walk, is_starter
        from .clients import client_of, is_anothers

        found: list[Session] = []
        for process in self._walk():
            mark = self._host.mark(process)
            names = self._tokens.under(mark)
            if names:
                found = [s for s in self._held_under(mark, names) if not is_anothers(s.client, ids)]
                break
            if ends_walk(process):
                client = client_of(process)  # what it was given by whoever started it is not its own
                ids = [id for id in ids if client is None or id.startswith(f"{client}:")]
                break
            if self._server != NO_SERVER and is_starter(process):
                return []  # who is above what started us is somebody else, and so are the ids that it was given
        if len(found) == 1 or not ids:
            return found
        return [s for s in (found or self._tokens.all()) if s.client in ids and self._is_current(s)]

    def _held_under(self, mark: str, names: Sequence[str]) -> list[Session]:
        """Return the sessions under *mark*; one that was taken over is still returned, so that it can be said."""
        found = [session for session in map(self._tokens.of, names) if session is not None]
        here = [session for session in found if session.mark == mark]
        if found and not here:
            raise self._lost(found[0].name)
        if self._server != NO_SERVER:
            here = [session for session in here if not self._is_of_another_server(session)]
        return here

    def _is_current(self, session: Session, name: str = "") -> bool:
        holder = self.holder(name or session.name)
        return holder is not None and holder.knows(session)

    def _is_held(self, name: str, session: Session) -> bool:
        """Return whether *session* holds *name*, as far as can be seen: one broken mailbox is no other's trouble."""
        try:
            return self._is_current(session, name)
        except (Misconfigured, TryAgain):
            return False

    def _mark(self, anchor: Process | None) -> str:
        return STANDING if anchor is None else self._host.mark(anchor)

    def _same(self, name: str, holder: Holder, mark: str) -> Session | None:
        """Return our own session in *name* under *mark*, if it is the one that holds it."""
        session = self._tokens.of(name)
        return session if session is not None and session.mark == mark and holder.knows(session) else None

    def _refusal(self, said: str) -> NotYours:
        try:
            holder = self.holder(self._spool.lead(said))
        except NoSuchName:
            return NotYours(f"no one named {said} has registered", f"mipc register {said} --as {said}")
        if holder is None:
            return NotYours(f"{said} has no session", f"mipc register {said} --as {said}")
        return NotYours(f"{said} is held by {holder}; its token is not here", self._choices())

    def _lost(self, name: str) -> NotYours:
        holder = self.holder(name)
        now = f"is now held by {holder}" if holder else "was ended elsewhere"
        return NotYours(f"your session of {name} is over: {name} {now}", self._choices())

    def _choices(self) -> str:
        names = [session.name for session in self.current()]
        return "mipc register NAME" + "".join(f", or --as {name}" for name in names[:8])

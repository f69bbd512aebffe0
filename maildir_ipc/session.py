"""Who a command acts as: sessions, their tokens, and the process that a session is anchored at.

A session's token lies in the caller's state directory, its hash in the mailbox; whoever shows the
token may act in the name. The anchor is the agent client, or the terminal's shell, that a command
runs under, so that every command of one agent is the same someone without being told.
"""

from __future__ import annotations

import os
import time

from . import records
from .clients import client_of
from .errors import NameTaken, NoSuchName, NotYours, TryAgain
from .process import ancestry
from .signing import content_digest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from .process import Host, Process
    from .spool import Lock, Spool

STANDING = "standing"  # the mark of a session without an anchor: for cron, CI, containers
FRESH_SECONDS = 600.0  # a session seen from elsewhere lives this long after its last use

SHELLS = (
    "sh",
    "bash",
    "dash",
    "zsh",
    "fish",
    "ksh",
    "mksh",
    "ash",
    "busybox",
    "tcsh",
    "csh",
    "nu",
    "xonsh",
    "pwsh",
)
# What ends the walk: above it there is another terminal, another login, another machine's door.
# Names are cut to 15 characters, as the kernel does.
BOUNDARIES = frozenset((
    "tmux", "tmux: server", "screen", "SCREEN", "zellij", "sshd", "sshd-session", "mosh-server", "login", "getty",
    "agetty", "cron", "crond", "CROND", "anacron", "atd", "systemd", "init", "launchd", "runit", "s6-svscan", "openrc",
    "containerd-shim", "conmon", "runc", "crun", "dockerd", "containerd", "podman", "docker-init", "tini",
    "dumb-init", "lxc-start", "xterm", "gnome-terminal-", "konsole", "kitty", "alacritty", "wezterm-gui", "foot",
    "urxvt", "rxvt", "terminator", "xfce4-terminal", "lxterminal", "tilix", "ghostty", "Terminal", "iTerm2",
))  # fmt: skip
_OPTIONS_WITH_VALUE = ("--rcfile", "--init-file", "-o", "+o", "-O", "+O", "-C")


class Session:
    """One name held by one caller. *mark* names the anchor's process, or is STANDING; *who* describes it."""

    __slots__ = ("client", "id", "mark", "name", "path", "token", "who")

    def __init__(self, id: str, name: str, token: str, mark: str, who: str, client: str, path: str) -> None:
        self.id, self.name, self.token, self.mark = id, name, token, mark
        self.who, self.client, self.path = who, client, path


class Holder:
    """What a mailbox says about its present session; *used* is the Unix time of its last act."""

    __slots__ = ("hash", "host", "id", "mark", "since", "used", "who")

    def __init__(self, values: dict[str, str], used: float) -> None:
        self.id, self.hash = values.get("id", ""), values.get("hash", "")
        self.mark, self.host = values.get("mark", ""), values.get("host", "?")
        self.who, self.since, self.used = values.get("who", "?"), values.get("since", "0"), used

    def live(self, host: Host, now: float) -> bool:
        """Return whether its anchor runs; where that cannot be seen, whether it was used lately."""
        runs = host.runs(self.mark)
        return now - self.used < FRESH_SECONDS if runs is None else runs


class Sessions:
    """The sessions whose tokens this account holds, for one spool."""

    __slots__ = ("directories", "host", "spool", "walk")

    def __init__(
        self,
        spool: Spool,
        states: Sequence[str],
        host: Host,
        walk: Callable[[], Iterable[Process]] = ancestry,
    ) -> None:
        self.spool, self.host, self.walk = spool, host, walk
        self.directories = [f"{state}/{spool.id}" for state in states]

    def held(self) -> list[Session]:
        """Return every session whose token lies in a state directory that is ours, ended ones too."""
        found: dict[str, Session] = {}
        for directory in self.directories:
            try:
                names = os.listdir(directory)
            except OSError:
                continue
            if os.stat(directory).st_uid != os.geteuid():
                continue  # a directory under /tmp that somebody else made
            for name in names:
                id, at, mark = name.partition("@")
                if at and id not in found and (text := records.read(f"{directory}/{name}")):
                    v = records.words(text)
                    found[id] = Session(
                        id, v.get("name", ""), v.get("token", ""), mark, v.get("who", "?"), v.get("client", ""),
                        f"{directory}/{name}",
                    )  # fmt: skip
        return list(found.values())

    def identify(self, said: str | None, client: str | None, *, only_reading: bool = False) -> Session:
        """Return the session that the caller acts in: *said* (--as, the variable), the process tree, the client's id.

        Raises: NotYours, listing the choices.
        """
        held = self.held()
        if said is not None:
            for session in held:
                if session.name == said and self._is_current(session):
                    return session
            raise self._refusal(said, held)
        found = self._by_tree(held)
        if len(found) != 1 and client is not None:
            found = [s for s in (found or held) if s.client == client and self._is_current(s)]
        if not found and only_reading:
            found = [session for session in held if self._is_current(session)]
        if len(found) == 1:
            if not self._is_current(found[0]):
                raise self._lost(found[0])
            return found[0]
        raise self._nobody(found or held)

    @staticmethod
    def anchor_of(walk: Callable[[], Iterable[Process]] = ancestry) -> Process | None:
        """Return the process that a session opened here is anchored at: an agent client or an interactive shell."""
        for process in walk():
            if client_of(process) is not None or _is_terminal_shell(process):
                return process
            if process.comm in BOUNDARIES:
                return None
        return None

    def holder(self, name: str) -> Holder | None:
        """Return who holds the mailbox *name*, or None."""
        path = f"{self.spool.path(name)}/.ipc/session"
        text = records.read(path)
        if text is None:
            return None
        try:
            return Holder(records.words(text), os.stat(path).st_mtime)
        except FileNotFoundError:
            return None

    def may_open(self, name: str, anchor: Process | None, *, takeover: bool) -> None:
        """Return when the mailbox *name* has no live session of somebody else's. Raises: NameTaken."""
        holder = self.holder(name)
        if holder is None or takeover or not holder.live(self.host, self.spool.clock()):
            return
        ours = self._ours(holder)
        if ours is not None and ours.mark == self._mark(anchor):
            return
        raise NameTaken(
            f"{name} is taken: {holder.who} on {holder.host}, since {_moment(holder.since)}",
            f"choose another name, or mipc register {name} --takeover",
        )

    def open(self, lock: Lock, name: str, anchor: Process | None, client: str | None) -> Session:
        """Open a session in the mailbox *name*, which exists; the one that is there is returned if it is ours.

        Whoever held it has lost it: ask `may_open` first. Raises: TryAgain when no token can be kept.
        """
        assert lock.held
        mark, holder, now = self._mark(anchor), self.holder(name), self.spool.clock()
        ours = self._ours(holder) if holder is not None else None
        if ours is not None and ours.mark == mark:
            self.touch(ours)
            return ours
        who = "no terminal" if anchor is None else f"{client_of(anchor) or anchor.comm} {anchor.pid}"
        id, token = os.urandom(8).hex(), os.urandom(32).hex()
        path = self._keep(f"{id}@{mark}", f"name {name}\ntoken {token}\nwho {who}\nclient {client or '-'}\n")
        mailbox = (
            f"id {id}\nhash {content_digest(token.encode())}\nmark {mark}\n"
            f"host {self.host.name}\nwho {who}\nsince {int(now)}\n"
        )
        records.replace(f"{self.spool.path(name)}/.ipc/session", mailbox)
        session = Session(id, name, token, mark, who, client or "-", path)
        self._forget_others(session)
        return session

    def close(self, session: Session) -> None:
        """End a session; mailbox and name stay. The lock must be held."""
        if self._is_current(session):
            records.remove(f"{self.spool.path(session.name)}/.ipc/session")
        records.remove(session.path)

    def under(self, mark: str) -> list[Session]:
        """Return the sessions of ours that are anchored at one process."""
        return [session for session in self.held() if session.mark == mark and self._is_current(session)]

    def touch(self, session: Session) -> None:
        """Say that the session was used now."""
        try:
            now = self.spool.clock()
            os.utime(f"{self.spool.path(session.name)}/.ipc/session", (now, now))
        except OSError:
            pass  # a read-only spool can still be read; liveness is then judged by the anchor alone

    def _by_tree(self, held: Sequence[Session]) -> list[Session]:
        marks = {session.mark for session in held}
        if not marks - {STANDING}:
            return []
        for process in self.walk():
            mark = self.host.mark(process)
            if mark in marks:
                return [session for session in held if session.mark == mark]
            # An agent that was started from a registered terminal is not that terminal.
            if process.comm in BOUNDARIES or client_of(process) is not None:
                break
        return []

    def _is_current(self, session: Session) -> bool:
        try:
            session.name = self.spool.lead(session.name)
        except NoSuchName:
            return False
        holder = self.holder(session.name)
        return holder is not None and self._shows_token(session, holder)

    def _mark(self, anchor: Process | None) -> str:
        return STANDING if anchor is None else self.host.mark(anchor)

    def _ours(self, holder: Holder) -> Session | None:
        return next((s for s in self.held() if s.id == holder.id and self._shows_token(s, holder)), None)

    def _shows_token(self, session: Session, holder: Holder) -> bool:
        return holder.id == session.id and holder.hash == content_digest(session.token.encode())

    def _keep(self, name: str, text: str) -> str:
        refused: list[str] = []
        for directory in self.directories:
            state = os.path.dirname(directory)
            try:
                os.makedirs(os.path.dirname(state), 0o700, exist_ok=True)
                records.make_directory(state)
                if os.stat(state).st_uid != os.geteuid():
                    continue
                records.make_directory(directory)
                records.replace(f"{directory}/{name}", text)
                return f"{directory}/{name}"
            except OSError as error:
                refused.append(f"{state}: {error.strerror}")
        raise TryAgain(
            "no place for the session's token: " + "; ".join(refused),
            "set MAILDIR_IPC_STATE to a writable place",
        )

    def _forget_others(self, session: Session) -> None:
        """Remove the tokens that this session made useless."""
        for other in self.held():
            if other.name == session.name and other.id != session.id:
                records.remove(other.path)

    def _refusal(self, said: str, held: Sequence[Session]) -> NotYours:
        try:
            holder = self.holder(self.spool.lead(said))
        except NoSuchName:
            return NotYours(f"no one named {said} has registered", f"mipc register {said} --as {said}")
        if holder is None:
            return NotYours(f"{said} has no session", f"mipc register {said} --as {said}")
        return NotYours(f"{said} is {holder.who} on {holder.host}, and its token is not here", _choices(held))

    def _lost(self, session: Session) -> NotYours:
        holder = self.holder(session.name)
        by = f" by {holder.who} on {holder.host}" if holder else ""
        return NotYours(f"{session.name} was taken over{by}", f"mipc register {session.name}, or another name")

    def _nobody(self, held: Sequence[Session]) -> NotYours:
        current = [session for session in held if self._is_current(session)]
        return NotYours("nobody has registered here", _choices(current))


def _choices(held: Sequence[Session]) -> str:
    names = sorted({session.name for session in held})
    listed = "".join(f", or --as {name}" for name in names[:8])
    return f"mipc register NAME{listed}"


def _moment(since: str) -> str:
    return time.strftime("%Y-%m-%d %H:%MZ", time.gmtime(int(since) if since.isdigit() else 0))


def _is_terminal_shell(process: Process) -> bool:
    """Return whether a process is a shell that a person or an agent types into: a tty, no -c, no script."""
    if not process.tty or process.comm not in SHELLS:
        return False
    arguments = iter(process.argv[2:] if process.comm == "busybox" else process.argv[1:])
    for argument in arguments:
        if argument in _OPTIONS_WITH_VALUE:
            next(arguments, None)
        elif not argument.startswith(("-", "+")) or (not argument.startswith("--") and "c" in argument):
            return False
    return True

"""The tokens of this account's sessions, in its state directories, each found by one name.

`STATE/SPOOLID/NAME` holds the token for a name; `STATE/SPOOLID/@MARK` lists, a line each, the names
that are held under one process, and `STATE/SPOOLID/@CLIENT` those that only an agent client's own session id
leads to: bin/ipc-hook reads both. Written to the first directory that can be, read from all, so that a
sandboxed shell and its server meet.
"""

from __future__ import annotations

import os
import time

from . import records
from .errors import Misconfigured, cannot_read
from .signing import content_digest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from .process import Host


NO_SERVER = "-"
FRESH_SECONDS = 600.0  # a session seen from elsewhere lives this long after its last use


class Session:
    """One name held by one caller. *mark* names the process that it hangs on; *who* describes that.

    *server* names the long-lived process that opened it, for the one that it hangs on; `-` for none.
    """

    __slots__ = ("client", "id", "mark", "name", "server", "token", "who")

    def __init__(
        self, name: str, id: str, token: str, mark: str, who: str, client: str, server: str = NO_SERVER
    ) -> None:
        self.name, self.id, self.token, self.mark, self.who, self.client = name, id, token, mark, who, client
        self.server = server


class Holder:
    """What a mailbox says about its present session; *used* is the Unix time of its last act."""

    __slots__ = ("hash", "host", "id", "mark", "since", "used", "who")

    def __init__(self, values: dict[str, str], used: float) -> None:
        self.id, self.hash = values.get("id", ""), values.get("hash", "")
        self.mark, self.host = values.get("mark", ""), values.get("host", "?")
        self.who, self.since, self.used = values.get("who", "?"), values.get("since", "0"), used

    @classmethod
    def of(cls, mailbox: str) -> Holder | None:
        """Return who holds the mailbox at that path, or None. Raises: Misconfigured, TryAgain: it cannot be read."""
        path = f"{mailbox}/records/session"
        try:
            text = records.read(path)
            return None if text is None else cls(records.words(text), os.stat(path).st_mtime)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise cannot_read(path, error) from error

    def live(self, host: Host, now: float) -> bool:
        """Return whether its anchor runs; where that cannot be seen, whether it was used lately."""
        runs = host.runs(self.mark)
        return now - self.used < FRESH_SECONDS if runs is None else runs

    def knows(self, session: Session) -> bool:
        """Return whether *session* is this one, by its token."""
        return session.id == self.id and content_digest(session.token.encode()) == self.hash

    def __str__(self) -> str:
        since = records.number(self.since)
        return f"{self.who} on {self.host}, since {time.strftime('%Y-%m-%d %H:%MZ', time.gmtime(since))}"


class Tokens:
    """The tokens for one spool."""

    __slots__ = ("_directories",)

    def __init__(self, states: Sequence[str], spool: str) -> None:
        self._directories = [f"{state}/{spool}" for state in states]

    def of(self, name: str) -> Session | None:
        """Return the session for *name* whose token is here, ended or not, or None."""
        text = self._read(name)
        if text is None:
            return None
        v = records.words(text)
        mark, who, client = v.get("mark", ""), v.get("who", "?"), v.get("client", "-")
        return Session(name, v.get("id", ""), v.get("token", ""), mark, who, client, v.get("server", NO_SERVER))

    def under(self, mark: str) -> list[str]:
        """Return the names that were taken under the process so marked; O(1) in the number of sessions."""
        return [name for name in (self._read(f"@{mark}") or "").split("\n") if name]

    def all(self) -> list[Session]:
        """Return every session, in the order of names."""
        names: set[str] = set()
        for directory in self._directories:
            try:
                names.update(name for name in os.listdir(directory) if not name.startswith("@") and "." not in name)
            except OSError:
                continue
        return [session for session in map(self.of, sorted(names)) if session is not None]

    def keep(self, session: Session) -> None:
        """Keep a token, durably. The spool's lock must be held. Raises: Misconfigured when no place can be written."""
        lists = {key: list(dict.fromkeys([*self.under(key), session.name])) for key in _lists(session)}
        text = (
            f"id {session.id}\ntoken {session.token}\nmark {session.mark}\n"
            f"who {session.who}\nclient {session.client}\nserver {session.server}\n"
        )
        refused: list[str] = []
        for directory in self._directories:
            state = os.path.dirname(directory)
            try:
                os.makedirs(os.path.dirname(state), 0o700, exist_ok=True)
                records.make_directory(state)
                if not is_ours(state):
                    refused.append(f"{state}: somebody else can write there")
                    continue
                records.make_directory(directory)
                records.replace(f"{directory}/{session.name}", text)
                for key, names in lists.items():
                    records.replace(f"{directory}/@{key}", "\n".join([*names, ""]), sync=False)
            except OSError as error:
                refused.append(f"{state}: {error.strerror}")
            else:
                return
        raise Misconfigured(
            "no place for the session's token: " + "; ".join(refused),
            "let the sandbox write to one of them, or set MAILDIR_IPC_STATE to a place that it may write",
        )

    def forget(self, session: Session) -> None:
        """Remove a token. The spool's lock must be held."""
        keys = {session.mark, session.client.partition(":")[0]}
        lists = {key: [name for name in self.under(key) if name != session.name] for key in keys}
        for directory in self._directories:
            try:
                records.remove(f"{directory}/{session.name}")
                for key, names in lists.items():
                    if names:
                        records.replace(f"{directory}/@{key}", "\n".join([*names, ""]), sync=False)
                    else:
                        records.remove(f"{directory}/@{key}")
            except OSError:
                continue  # a token that stays opens nothing: its session has ended

    def marks(self) -> list[tuple[str, float]]:
        """Return the processes that names are listed under, each with the Unix time at which its list was written."""
        found: dict[str, float] = {}
        for directory in self._directories:
            try:
                if not is_ours(os.path.dirname(directory)):
                    continue
                for name in os.listdir(directory):
                    if name.startswith("@") and name.count(".") == 3:
                        found[name[1:]] = os.lstat(f"{directory}/{name}").st_mtime
            except OSError:
                continue
        return sorted(found.items())

    def forget_mark(self, mark: str) -> bool:
        """Remove the list of names under a process that has ended; False when it is not there."""
        gone = False
        for directory in self._directories:
            try:
                os.lstat(f"{directory}/@{mark}")
                records.remove(f"{directory}/@{mark}")
                gone = True
            except OSError:
                continue
        return gone

    def written(self, name: str) -> float:
        """Return the Unix time at which the token for *name* was kept; 0 when there is none."""
        for directory in self._directories:
            try:
                return os.lstat(f"{directory}/{name}").st_mtime
            except OSError:
                continue
        return 0.0

    def _read(self, name: str) -> str | None:
        for directory in self._directories:
            try:
                # The last one may lie under /tmp, where anybody could have made it, with a FIFO in it to wait for.
                if directory is self._directories[-1] and not is_ours(os.path.dirname(directory)):
                    continue
                text = records.read(f"{directory}/{name}")
            except OSError:
                continue
            if text is not None:
                return text
        return None


def _lists(session: Session) -> list[str]:
    """Return the keys of the lists that name a session: its process, and its client if it does not hang on that."""
    client = session.client.partition(":")[0]
    by_id = client != "-" and not session.who.startswith(f"{client} ")
    return [session.mark] * ("." in session.mark) + [client] * by_id


def is_ours(path: str) -> bool:
    """Return whether a directory is this user's own, and nobody else can write there."""
    status = os.lstat(path)
    return status.st_uid == os.geteuid() and not status.st_mode & 0o022

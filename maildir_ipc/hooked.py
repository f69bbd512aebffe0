"""Whose an agent client's hook is: of the sessions here, those that hang on that client, or are recorded for its id.

And what keeps a hook from working for one of them, which is said in its log: silence would be taken for no mail.
"""

from __future__ import annotations

import os

from .anchor import ends_walk, is_of_client
from .clients import SEVERAL
from .errors import Misconfigured, NotYours
from .tokens import Tokens

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from .process import Host, Process
    from .spool import Spool
    from .tokens import Session

_PARTS = ("new", "cur", "records")


def anchored(tokens: Tokens, host: Host, walk: Iterable[Process], client: str) -> list[Session]:
    """Return the sessions that hang on the agent client above us; a terminal that it was started from is not it."""
    for process in walk:
        mark = host.mark(process)
        names = tokens.under(mark)
        if names and is_of_client(process, client):
            return [s for s in map(tokens.of, names) if s is not None and s.mark == mark]
        if names or ends_walk(process):
            break
    return []


def session_of(
    tokens: Tokens, found: Sequence[Session], own: str, taken: Collection[str], is_current: Callable[[Session], bool]
) -> Session | None:
    """Return the session that a hook works for: of *found*, what is anchored at its client; or recorded as *own*.

    Where one process may be several agents, only what is recorded as *own*, CLIENT:ID, is this one's; and what is
    recorded under no id, as a server of the client does, if it is among *taken*: the names that this one has just
    registered. Raises: NotYours when there are several.
    """
    client, _, id = own.partition(":")
    if client in SEVERAL:
        new = [s for s in found if s.name in taken and not s.client.startswith(f"{client}:")]
        found = new or [s for s in found if s.client == own]
    current = [s for s in found if is_current(s)]
    if len(current) != 1 and id:
        current = [s for s in (current or tokens.all()) if s.client == own and is_current(s)] or current
    if len(current) > 1:
        names = " and ".join(session.name for session in current)
        raise NotYours(f"this agent is {names}: hooks work for none of them", "set MAILDIR_IPC_IDENTITY to one of them")
    return current[0] if current else None


def check_whole(spool: Spool, names: Iterable[str]) -> None:
    """Return when the mailboxes of *names* have all their parts. Raises: Misconfigured."""
    for name in names:
        for part in _PARTS:
            path = f"{spool.path(name)}/{part}"
            if not os.path.isdir(path):
                raise Misconfigured(f"{path} is not there", "mipc doctor")


def is_registered_somewhere(
    states: Sequence[str], host: Host, walk: Callable[[], Iterable[Process]], client: str, name: str | None
) -> bool:
    """Return whether a session of any spool is that of *name*; with None, hangs on the agent client above us."""
    for state in states:
        try:
            ids = os.listdir(state)
        except OSError:
            continue
        for tokens in (Tokens([state], id) for id in ids):
            if anchored(tokens, host, walk(), client) if name is None else tokens.of(name):
                return True
    return False

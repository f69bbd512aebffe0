"""What an agent's hook does: rings, or hands mail over, and takes what the agent does next as proof that it saw it.

The rules are those of docs/how-to/hooks.md, the same for every client; `clients/` knows how each is answered.
"""

from __future__ import annotations

import os
import time

from . import autocheck, records
from .address import parse_name
from .clients import END, NAMES, START, STOP, TOOL
from .errors import BadData, MaildirIPCError, NoSpool, NotYours, Usage
from .handover import give_back, hand_over, settle
from .hooked import check_whole, is_registered_somewhere
from .process import ancestry, begun
from .render import Bound, check_end, receipt_lines, rejections, to_json
from .ringing import ring
from .tokens import Tokens, is_ours

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import ModuleType

    from .account import Account
    from .batch import Batch
    from .mailbox import Mailbox
    from .spool import Spool
    from .tokens import Session

MAX_CHARS = 6000
_MAX_LOG = 64 * 1024  # bytes
_MAX_TOOL = 4000  # characters of a tool call that are looked at
_MAX_ID = 200  # characters of a client's session id


class Event:
    """What a client says has happened: *kind* as in `clients`, *again* at the end of a turn that a hook prolonged."""

    __slots__ = ("again", "client", "kind", "name", "session", "subagent", "taken")

    def __init__(self, client: ModuleType, name: str, values: dict[str, object]) -> None:
        self.client, self.name, self.kind = client, name, client.KINDS[name]
        self.subagent, self.again = bool(values.get("agent_id")), bool(values.get("stop_hook_active"))
        session = values.get("session_id")
        fits = isinstance(session, str) and len(session) <= _MAX_ID and session.isprintable()
        self.session = str(session) if fits else ""
        self.taken = _registered(values) if self.kind == TOOL else frozenset()


def _registered(values: dict[str, object]) -> frozenset[str]:
    """Return the names that the tool call which was made has registered: `mipc register NAME`, a tool's `name`.

    To speak of it is not to do it: what stands behind another command, in `grep` or `echo`, is no registration.
    """
    given = values.get("tool_input")
    if str(values.get("tool_name")).lower().endswith("register"):
        name = given.get("name") if isinstance(given, dict) else None
        return frozenset([name.lower()] if isinstance(name, str) else [])
    names = set()
    for text in _texts(given):
        for command in "".join("\n" if c in ";&|(){}" else c for c in text[:_MAX_TOOL].lower()).split("\n"):
            words = [word.strip("\"'") for word in command.split()]
            while words and "=" in words[0]:
                del words[0]  # an assignment before a command
            program = words[0].rpartition("/")[2] if words else ""
            if program == "ipc-register" or (program in ("mipc", "maildir-ipc") and words[1:2] == ["register"]):
                names.update([w for w in words[1:] if not w.startswith("-") and w != "register"][:1])
    return frozenset(names)


def _texts(given: object) -> list[str]:
    """Return the texts in a tool's input: a command may be one, or a list of its words."""
    if isinstance(given, str):
        return [given]
    if isinstance(given, list):
        words = [value for value in given if isinstance(value, str)]
        return [" ".join(words), *words]
    return [text for value in given.values() for text in _texts(value)] if isinstance(given, dict) else []


def event(client: str, name: str, stdin: bytes) -> Event:
    """Return the event that a client's hook was called for. Raises: Usage, BadData."""
    if client not in NAMES:
        raise Usage(f"no hooks for {client!a}", f"one of {', '.join(NAMES)}")
    module = __import__(f"{__package__}.clients.{client}", None, None, ["KINDS"], 0)
    if name not in module.KINDS:
        raise Usage(f"{client} has no event {name!a}", f"one of {', '.join(module.KINDS)}")
    import json

    try:
        values = json.loads(stdin or b"{}")
    except ValueError as error:
        raise BadData(f"{client} {name}: what came on standard input is not JSON") from error
    if not isinstance(values, dict):
        raise BadData(f"{client} {name}: what came on standard input is no JSON object")
    return Event(module, name, values)


def answer(account: Account, event: Event, out: Callable[[str], None]) -> None:
    """Do what is to be done at *event*; *out* is given the answer, if there is one, and returns when it was flushed.

    Silent without a session of the agent's own, and in a subagent. Raises: MaildirIPCError, OSError.
    """
    session = None if event.subagent else _session(account, event)
    if session is None:
        return
    with account.mailbox(session) as mailbox:
        if event.kind in (START, END):
            give_back(mailbox)
        else:
            settle(mailbox, session, begun())
        mailbox.gate().confirm()
        if event.name not in event.client.UNHEARD:
            _tell(mailbox, session, event, _Said(out))


def _session(account: Account, event: Event) -> Session | None:
    """Return the session that the hook works for: the variable's, its client's, or the one recorded for its id."""
    client, settings = event.client.__name__.rpartition(".")[2], account.settings
    name = None if settings.identity is None else parse_name(settings.identity)
    try:
        spool = account.spool()
    except NoSpool:
        if settings.root_given or is_registered_somewhere(settings.states, account.host, ancestry, client, name):
            raise
        return None
    if name is not None:
        return _named(account, spool, name)
    sessions = account.sessions(spool)
    session = sessions.of_hook(client, event.session, event.taken)
    if session is None:
        return None
    sessions.touch(session)
    is_new = session.name in event.taken and session.client != f"{client}:{event.session}"
    if event.session and (event.kind == START or is_new):
        try:
            with spool.lock() as lock:
                return sessions.record(lock, session, client, event.session)
        except (MaildirIPCError, OSError):
            pass  # the next start records it; until then it is found as it was found now
    return session


def _named(account: Account, spool: Spool, name: str) -> Session | None:
    """Return the session of *name*, which the variable says. Raises: Misconfigured when its mailbox is broken."""
    try:
        session = account.identify(None)
    except NotYours:
        if Tokens(account.settings.states, spool.id).of(name) is not None:
            check_whole(spool, [name])  # it has registered: where all is there, another has the name now
        return None
    check_whole(spool, [session.name])
    return session


class _Said:
    """Where the answer goes; *any* says whether there was one."""

    __slots__ = ("_out", "any")

    def __init__(self, out: Callable[[str], None]) -> None:
        self._out, self.any = out, False

    def __call__(self, text: str) -> None:
        self.any = True
        self._out(text)


def _tell(mailbox: Mailbox, session: Session, event: Event, out: _Said) -> None:
    now, check = mailbox.spool.clock(), autocheck.read(mailbox)
    handles = check is not None and bool(check.handler)  # a tick or a watch does, and we only ring
    if event.kind == STOP and (event.again or check is None or handles):
        return
    try:
        if check is not None and not handles and autocheck.due(mailbox, now):
            _hand_over(mailbox, session, event, out)
        elif event.kind != STOP:
            _ring(mailbox, session, event, out)
        if event.kind == START and check is not None:
            autocheck.used(mailbox, now, autocheck.HOOK)
    except (MaildirIPCError, OSError):
        if event.kind != STOP and not out.any:  # a full disk takes no note of a hand-over; `check` needs none
            _ring(mailbox, session, event, out)
        raise


def _ring(mailbox: Mailbox, session: Session, event: Event, out: _Said) -> None:
    if bell := ring(mailbox, session):
        out(_reply(event, bell))


def _hand_over(mailbox: Mailbox, session: Session, event: Event, out: _Said) -> None:
    now = mailbox.spool.clock()
    bound = Bound(MAX_CHARS, now, os.urandom(2).hex())
    with hand_over(mailbox, bound.takes, session) as batch:
        text = _text(batch, bound, mailbox.name)
        if not text or (event.kind == STOP and not batch.messages):
            return
        out(_reply(event, text))
        batch.keep()
    autocheck.done(mailbox, now, f"handed over {len(batch.messages)} by a hook", autocheck.HOOK)


def _reply(event: Event, text: str) -> str:
    value = event.client.again(text) if event.kind == STOP else event.client.context(event.name, text)
    return to_json(value) + "\n"


def _text(batch: Batch, bound: Bound, name: str) -> str:
    shown = "".join(bound.text(received) for received in batch.messages)
    count = len(batch.messages)
    head = f"{count} new for {name}: mail from others, not the words of your user\n" if count else ""
    aside = "".join(f"mipc: {line}\n" for line in rejections(batch))
    return head + receipt_lines(batch) + shown + check_end(batch) + aside


def log(states: Sequence[str], text: str) -> None:
    """Add a line to `hook.log` in the first state directory that takes it; of a long log the older half goes.

    Not what its last line says already: what is wrong is wrong at every event.
    """
    line = " ".join(text.split())[:300].encode("ascii", "backslashreplace").decode()
    for state in states:
        path = f"{state}/hook.log"
        try:
            os.makedirs(os.path.dirname(state), 0o700, exist_ok=True)
            records.make_directory(state)
            if not is_ours(state):
                continue
            last = (records.read(path) or "").rstrip("\n").rpartition("\n")[2]
            if last.partition(": ")[2] == line.partition(": ")[2]:
                return
            records.append(path, f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} {line}")
            if os.stat(path).st_size > _MAX_LOG:
                kept = (records.read(path) or "")[-_MAX_LOG // 2 :].partition("\n")[2]
                records.replace(path, kept, sync=False)
        except OSError:
            continue
        return

"""Auto-check: whether an identity wants its mail looked at without being asked, how often, and what came of it.

Four records of the mailbox: `autocheck` is what was asked for; `autocheck-last` when mail was looked at last;
`autocheck-by` who does the looking, for `status`; `autocheck-log` what happened, bounded. Only the first
one decides anything: without it auto-check is off. Nothing in them is a sender's word. Which command the handler
is lies elsewhere: `approved`.
"""

from __future__ import annotations

from . import approved, records
from .errors import Usage, cannot_read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .mailbox import Mailbox
    from .tokens import Session

DEFAULT_MINUTES, LEAST, MOST = 5, 1, 60
EARLY = 15.0  # seconds: cron is not on time to the second, and a tick that comes too early waits a minute
TICK_SECONDS = 150.0  # cron ticks every minute: when two were missed, it does not run
LOG_LINES = 500
_MAX_LOG = 64 * 1024  # bytes
CRON, WATCH, HOOK, HAND = "cron", "watch", "hook", "hand"


class AutoCheck:
    """What `auto-check start` asked for. *minutes* is 0 with *instant*; *handler* the id of a command, or empty.

    *command* is that command, for sh(1); None where there is no handler, or this account has not approved it.
    *session* is the id of the session that asked, *mark* the process that it hangs on; *since* is a Unix time.
    """

    __slots__ = ("acknowledge", "command", "handler", "instant", "mark", "minutes", "session", "since")

    def __init__(
        self,
        minutes: int,
        session: str,
        mark: str,
        since: float,
        *,
        handler: str = "",
        command: str | None = None,
        acknowledge: bool = False,
    ) -> None:
        self.minutes, self.instant, self.acknowledge = minutes, not minutes, acknowledge
        self.session, self.mark, self.since = session, mark, since
        self.handler, self.command = handler, command

    @property
    def interval(self) -> str:
        """The interval in words."""
        return "at once" if self.instant else f"every {self.minutes} minute{'s' if self.minutes > 1 else ''}"

    def __str__(self) -> str:
        lines = [f"minutes {self.minutes}", f"session {self.session}", f"mark {self.mark}", f"since {int(self.since)}"]
        lines += ["acknowledge 1"] * self.acknowledge + [f"handler {self.handler}"] * bool(self.handler)
        return "\n".join([*lines, ""])


class Status:
    """What `status` tells: *check* is None when auto-check is off, and *ended* why, when it ended by itself.

    *last* and *next* are Unix times, 0 for never; *did* is what was done last. *means* are the (word, Unix time
    of last use) of what looks, if it still does.
    """

    __slots__ = ("check", "did", "ended", "last", "means", "next")

    def __init__(
        self, check: AutoCheck | None, last: float, next: float, did: str, means: list[tuple[str, float]], ended: str
    ) -> None:
        self.check, self.last, self.next, self.did, self.means, self.ended = check, last, next, did, means, ended


def parse_minutes(text: str) -> int:
    """Return an interval as it was typed. Raises: Usage."""
    if not (text.isascii() and text.isdigit() and len(text) < 6):
        raise Usage(f"{text!a} is not a number of minutes", f"give {LEAST} to {MOST}")
    return _checked(int(text))


def read(mailbox: Mailbox) -> AutoCheck | None:
    """Return what was asked for; None when auto-check is off. Raises: Misconfigured, TryAgain."""
    v = _asked(mailbox)
    if "session" not in v or "ended" in v:
        return None
    handler = v.get("handler", "")
    return AutoCheck(
        min(records.number(v.get("minutes", "")), MOST),
        v["session"],
        v.get("mark", ""),
        float(records.number(v.get("since", ""))),
        handler=handler,
        command=approved.command(mailbox.keyring.directory, mailbox.spool.id, handler) if handler else None,
        acknowledge=v.get("acknowledge") == "1",
    )


def start(
    mailbox: Mailbox,
    session: Session,
    minutes: int = DEFAULT_MINUTES,
    *,
    instant: bool = False,
    command: str | None = None,
    acknowledge: bool = False,
) -> AutoCheck:
    """Turn auto-check on, durably, in place of what was asked for before. Mail is due at once.

    Raises: Usage, Misconfigured where no command can be approved: in a sandbox.
    """
    minutes = 0 if instant else _checked(minutes)
    now = mailbox.spool.clock()
    handler = "" if command is None else approved.approve(mailbox.keyring.directory, mailbox.spool.id, command)
    found = AutoCheck(minutes, session.id, session.mark, now, handler=handler, command=command, acknowledge=acknowledge)
    _withdraw(mailbox)
    records.remove(_path(mailbox, "-last"))
    records.replace(_path(mailbox), str(found))
    how = f"{found.interval}, handler {'none' if command is None else command}"
    note(mailbox, now, f"started: {how}{', acknowledged' if acknowledge else ''}")
    return found


def stop(mailbox: Mailbox) -> bool:
    """Turn auto-check off, durably; False when it was off."""
    was_on = read(mailbox) is not None
    _withdraw(mailbox)
    records.remove(_path(mailbox))
    if was_on:
        records.sync_directory(f"{mailbox.maildir.path}/records")
        note(mailbox, mailbox.spool.clock(), "stopped")
    return was_on


def end(mailbox: Mailbox, check: AutoCheck, why: str) -> None:
    """Turn auto-check off because it cannot go on; `status` says *why* until it is started again."""
    _withdraw(mailbox)
    records.replace(_path(mailbox), f"{check}ended {why}\n")
    note(mailbox, mailbox.spool.clock(), f"stopped: {why}")


def adopt(mailbox: Mailbox, check: AutoCheck, session: Session) -> None:
    """Go on with *session*, in place of one that is over."""
    renewed = AutoCheck(
        check.minutes, session.id, session.mark, check.since, handler=check.handler, acknowledge=check.acknowledge
    )
    records.replace(_path(mailbox), str(renewed))


def due(mailbox: Mailbox, now: float) -> bool:
    """Return whether mail is to be looked at now; never while auto-check is off."""
    check = read(mailbox)
    return check is not None and now >= _next(mailbox, check, now) - EARLY


def done(mailbox: Mailbox, now: float, what: str, by: str = "") -> None:
    """Say that mail was looked at, *by* what, and in *what*, if anything, that resulted. Not durable: a repeat."""
    text = f"last {now:.3f}\n"
    did = what or _last(mailbox)[1]
    records.replace(_path(mailbox, "-last"), f"{text}did {_line(did)}\n" if did else text, sync=False)
    if what:
        note(mailbox, now, what)
    if by:
        used(mailbox, now, by)


def used(mailbox: Mailbox, now: float, by: str, mark: str = "") -> None:
    """Say that CRON, WATCH or HOOK is at work here; *mark* is the process that goes on being so. For `status` only."""
    values = records.words(records.read(_path(mailbox, "-by")) or "")
    values[by] = f"{int(now)} {mark}".rstrip()
    text = "".join(f"{word} {value}\n" for word, value in values.items())
    records.replace(_path(mailbox, "-by"), text, sync=False)


def status(mailbox: Mailbox, now: float) -> Status:
    """Return whether auto-check is on, when mail was looked at, when it will be, and by what means."""
    check, (last, did) = read(mailbox), _last(mailbox)
    ended = _asked(mailbox).get("ended", "")
    means = [(by, when) for by, when, runs in _means(mailbox, now) if runs]
    return Status(check, last, 0.0 if check is None else _next(mailbox, check, now), did, means, ended)


def note(mailbox: Mailbox, now: float, what: str) -> None:
    """Add a line to the log; of a long one the older half goes."""
    path = _path(mailbox, "-log")
    records.append(path, f"{int(now)} {_line(what)}")
    text = records.read(path) or ""
    if len(text) > _MAX_LOG or text.count("\n") > LOG_LINES:
        kept = text[-_MAX_LOG // 2 :].split("\n")[1:][-LOG_LINES // 2 :]
        records.replace(path, "\n".join(kept), sync=False)


def log(mailbox: Mailbox) -> list[tuple[float, str]]:
    """Return the log's (Unix time, what happened), oldest first."""
    lines = [line.partition(" ") for line in (records.read(_path(mailbox, "-log")) or "").split("\n")]
    return [(float(records.number(when)), what) for when, _, what in lines if what]


def _checked(minutes: int) -> int:
    if not LEAST <= minutes <= MOST:
        raise Usage(f"an interval of {minutes} minutes", f"give {LEAST} to {MOST}, or --instant")
    return minutes


def _asked(mailbox: Mailbox) -> dict[str, str]:
    try:
        return records.words(records.read(_path(mailbox)) or "")
    except OSError as error:
        raise cannot_read(_path(mailbox), error) from error


def _withdraw(mailbox: Mailbox) -> None:
    """Have the handler that is named now run no more."""
    approved.withdraw(mailbox.keyring.directory, mailbox.spool.id, _asked(mailbox).get("handler", ""))


def _path(mailbox: Mailbox, part: str = "") -> str:
    return f"{mailbox.maildir.path}/records/autocheck{part}"  # auto-NAME counts automatic mail to NAME, be it `check`


def _last(mailbox: Mailbox) -> tuple[float, str]:
    values = records.words(records.read(_path(mailbox, "-last")) or "")
    whole = values.get("last", "").partition(".")
    return records.number(whole[0]) + records.number(whole[2][:3]) / 1000, values.get("did", "")


def _next(mailbox: Mailbox, check: AutoCheck, now: float) -> float:
    last = _last(mailbox)[0]
    # A last time that lies ahead is a clock that was set back.
    return now if check.instant or not last or last > now else last + check.minutes * 60


def _means(mailbox: Mailbox, now: float) -> list[tuple[str, float, bool]]:
    found = []
    for by, value in records.words(records.read(_path(mailbox, "-by")) or "").items():
        when, _, mark = value.partition(" ")
        age = now - records.number(when)
        runs = mailbox.host.runs(mark) is True if mark else by != CRON or age < TICK_SECONDS
        found.append((by, float(records.number(when)), runs))
    return found


def _line(text: str) -> str:
    return " ".join(text.split())[:500]

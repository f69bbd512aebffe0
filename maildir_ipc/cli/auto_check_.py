"""auto-check: have mail looked at without being asked."""

from __future__ import annotations

from .. import autocheck
from ..errors import Usage
from ..running import end_with_us
from .arguments import FLAG
from .call import arguments

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..autocheck import AutoCheck, Status
    from ..mailbox import Mailbox
    from ..tick import Ran
    from .arguments import Arguments
    from .call import Call

USAGE = "auto-check start [MINUTES] | stop | status | run | log [options]"
OPTIONS = {"instant": FLAG, "exec": "CMD", "ack": FLAG, "due": FLAG}
_ACTS = ("start", "stop", "status", "run", "log")
_IDLE = "no handler: hooks hand mail over while the agent works; nothing acts while it is idle"
_FOREIGN = "a command that this account has not approved"
_NO_HOOK = "your hooks; none has run so far (mipc setup CLIENT)"
_NEXT = {
    "cron": "mipc setup cron --apply: a tick every minute",
    "systemd": "or mipc setup systemd --apply: at once, by mipc watch",
}


def run(call: Call, words: list[str]) -> int:
    """Start or stop it, say how it is, do it once now, or show what it did."""
    given = arguments(call, words, USAGE, OPTIONS, most=2)
    if given is None:
        return 0
    act = given.operands[0] if given.operands else ""
    if act not in _ACTS:
        raise Usage(f"auto-check {act!a}" if act else "auto-check what?", f"one of {' '.join(_ACTS)}")
    if act != "start" and (len(given.operands) > 1 or {"instant", "exec", "ack"} & set(given.options)):
        raise Usage(f"auto-check {act} takes no interval and no --instant, --exec, --ack", "they are for start")
    if given.flag("due") and act != "run":
        raise Usage("--due is for auto-check run", f"mipc {USAGE}")
    if act == "run":
        end_with_us()
        return _due(call, given) if given.flag("due") else _now(call, given)
    session = call.account.identify(given.get("as"))
    with call.account.mailbox(session) as mailbox:
        if act == "start":
            return _start(call, mailbox, session, given)
        if act == "stop":
            return _stop(call, mailbox, json=given.flag("json"))
        return (_status if act == "status" else _log)(call, mailbox, json=given.flag("json"))


def _start(call: Call, mailbox: Mailbox, session: Any, given: Arguments) -> int:
    minutes, instant = given.operands[1:], given.flag("instant")
    if minutes and instant:
        raise Usage("an interval and --instant", "give one of them")
    check = autocheck.start(
        mailbox,
        session,
        autocheck.parse_minutes(minutes[0]) if minutes else autocheck.DEFAULT_MINUTES,
        instant=instant,
        command=given.get("exec"),
        acknowledge=given.flag("ack"),
    )
    if given.flag("json"):
        return _print_json(call, _object(mailbox, autocheck.status(mailbox, mailbox.spool.clock())))
    call.out(f"auto-check {check.interval} for {mailbox.name}\n")
    call.say("mipc auto-check stop ends it")
    for line in _NEXT.values() if check.handler else [_IDLE]:
        call.say(line)
    return 0


def _stop(call: Call, mailbox: Mailbox, *, json: bool) -> int:
    was_on = autocheck.stop(mailbox)
    if json:
        return _print_json(call, _object(mailbox, autocheck.status(mailbox, mailbox.spool.clock())))
    call.out(f"auto-check off for {mailbox.name}\n")
    if not was_on:
        call.say("it was off")
    return 0


def _status(call: Call, mailbox: Mailbox, *, json: bool) -> int:
    now = mailbox.spool.clock()
    found = autocheck.status(mailbox, now)
    if json:
        return _print_json(call, _object(mailbox, found))
    check = found.check
    if check is None:
        call.out(f"auto-check off for {mailbox.name}\n")
        if found.ended:
            call.out(f"stopped: {found.ended}\n")
        return 0
    from ..handler import given_up
    from ..render import when

    lines = [f"auto-check {check.interval} for {mailbox.name}"]
    lines.append(f"handler: {check.command or _FOREIGN}" if check.handler else _IDLE)
    if check.acknowledge:
        lines.append("what was handled is acknowledged")
    lines.append(f"last: {when(found.last, now) if found.last else 'never'}")
    by = _by(found, now)
    lines.append(f"next: {_next(check, found.next - now, looks=bool(by))}")
    lines.append(f"by: {', '.join(by) or ('nothing' if check.handler else _NO_HOOK)}")
    if found.did:
        lines.append(f"did: {found.did}")
    waiting = given_up(mailbox)
    if waiting:
        lines.append(f"given up: {waiting}, unread and flagged: mipc check")
    call.out("\n".join([*lines, ""]))
    if check.handler and not found.means:
        for line in _NEXT.values():
            call.say(line)
    return 0


def _next(check: AutoCheck, seconds: float, *, looks: bool) -> str:
    """Return when mail is looked at; *looks*: something does so at all."""
    minutes = 0 if check.instant else -(-seconds // 60)
    if minutes > 0:
        return f"in {minutes:.0f} minute{'s' if minutes > 1 else ''}"
    if not check.handler:
        return "at your next prompt or tool"
    if not looks:
        return "when something looks"
    return "at once" if check.instant else "any moment now"


def _by(found: Status, now: float) -> list[str]:
    """Return what looks: what did so of late, and the crontab's line, which may be new."""
    from ..render import when
    from ..setup.cron import installed

    lines = [f"{by} ({when(last, now)})" for by, last in found.means]
    if "cron" not in dict(found.means) and installed():
        lines.append("cron (its line is there; no tick yet)")
    return lines


def _now(call: Call, given: Arguments) -> int:
    from .. import tick

    ran = tick.run(call.account, call.account.identify(given.get("as")))
    if given.flag("json"):
        _print_json(call, {"v": 1, "ticks": [_ran_object(ran)]})
    elif ran.busy:
        call.say("another tick is at it")
    elif not ran.ended:
        call.out("".join(f"{outcome}\n" for outcome in ran.outcomes if not outcome.why))
        if not ran.outcomes:
            call.say(f"nothing to do for {ran.name}{ran.idle and f': {ran.idle}'}")
    return _say(call, ran)


def _due(call: Call, given: Arguments) -> int:
    """Do one tick for all; with --as, as `mipc watch` has it done, for one.

    Silent, unless something is to be told: cron sends what is said to its person.
    """
    from .. import tick

    code, done, name = 0, [], given.get("as")
    one = None if name is None else tick.tick_for(call.account, call.account.identify(name), autocheck.WATCH)
    for ran in tick.tick(call.account) if name is None else [one] if one is not None else []:
        done.append(ran)
        code = max(code, _say(call, ran))
    if given.flag("json"):
        _print_json(call, {"v": 1, "ticks": [_ran_object(ran) for ran in done]})
    return code


def _say(call: Call, ran: Ran) -> int:
    """Say what a person should know, and return the exit code: 1 when something was not done."""
    for line in ran.troubles():
        call.say(f"mipc: {line}")
    return 1 if ran.troubles() else 0


def _log(call: Call, mailbox: Mailbox, *, json: bool) -> int:
    from ..render import VERSION, iso

    lines = [(iso(when), what) for when, what in autocheck.log(mailbox)]
    if json:
        found = [{"date": when, "what": what} for when, what in lines]
        return _print_json(call, {"v": VERSION, "identity": mailbox.name, "log": found})
    call.out("".join(f"{when} {what}\n" for when, what in lines))
    return 0


def _object(mailbox: Mailbox, found: Status) -> dict[str, Any]:
    from ..handler import given_up
    from ..render import VERSION, iso

    check: AutoCheck | None = found.check
    return {
        "v": VERSION,
        "identity": mailbox.name,
        "active": check is not None,
        "minutes": None if check is None or check.instant else check.minutes,
        "instant": check is not None and check.instant,
        "handler": None if check is None else check.command,
        "acknowledge": check is not None and check.acknowledge,
        "since": None if check is None else iso(check.since),
        "last": iso(found.last) if found.last else None,
        "next": iso(found.next) if check is not None else None,
        "did": found.did,
        "by": [by for by, _ in found.means],
        "given_up": given_up(mailbox),
        "ended": found.ended or None,
    }


def _ran_object(ran: Ran) -> dict[str, Any]:
    return {
        "identity": ran.name,
        "handled": ran.handled,
        "failed": len(ran.outcomes) - ran.handled,
        "given_up": len([outcome for outcome in ran.outcomes if outcome.gave_up]),
        "busy": ran.busy,
        "ended": ran.ended or None,
        "set_aside": len(ran.aside),
        "trouble": ran.trouble or None,
    }


def _print_json(call: Call, document: dict[str, Any]) -> int:
    from ..render import to_json

    call.out(to_json(document) + "\n")
    return 0

"""setup: tell another program about this one: print what it needs, or put it in place, or take it out."""

from __future__ import annotations

from ..errors import Usage
from ..render import VERSION, escape, to_json
from ..setup import PROJECT, USER
from .arguments import FLAG
from .call import arguments

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..setup import Change, Plan
    from .call import Call

# Each is a module with `plan(settings, scope)`.
TARGETS = {
    "claude": "setup.claude",
    "codex": "setup.codex",
    "gemini": "setup.gemini",
    "opencode": "setup.opencode",
    "cron": "setup.cron",
    "systemd": "setup.systemd",
}
USAGE = f"setup {'|'.join(TARGETS)} [options]"
OPTIONS = {"apply": FLAG, "remove": FLAG, "scope": f"{USER}|{PROJECT}"}


def run(call: Call, words: list[str]) -> int:
    """Show what would change; with --apply or --remove, change it."""
    given = arguments(call, words, USAGE, OPTIONS, most=1)
    if given is None:
        return 0
    target = given.operands[0] if given.operands else ""
    if target not in TARGETS:
        raise Usage(f"no set-up for {target!a}" if target else "set up what?", f"one of {' '.join(TARGETS)}")
    scope = given.get("scope") or USER
    if scope not in (USER, PROJECT):
        raise Usage(f"--scope {scope!a}", f"--scope {USER}, or --scope {PROJECT}")
    if given.flag("apply") and given.flag("remove"):
        raise Usage("--apply and --remove", "give one of them")
    plan = _plan(TARGETS[target], call, scope)
    done = [_done(change, apply=given.flag("apply"), remove=given.flag("remove")) for change in plan.changes]
    after = plan.after_removal if given.flag("remove") else plan.after
    left = plan.left_in if given.flag("remove") else plan.left
    if given.flag("json"):
        call.out(to_json(_document(target, plan, done, list(after), list(left))) + "\n")
    else:
        _report(call, target, plan, done, list(after))
    for what in left:
        call.say(f"mipc: {escape(what, line=True)}")
    return 1 if left and "would" not in done else 0


def _plan(module: str, call: Call, scope: str) -> Plan:
    found = __import__(f"maildir_ipc.{module}", None, None, ["plan"], 0)
    plan: Plan = found.plan(call.account.settings, scope)
    return plan


def _done(change: Change, *, apply: bool, remove: bool) -> str:
    if apply:
        return "changed" if change.apply() else "unchanged"
    if remove:
        return "removed" if change.remove() else "unchanged"
    return "would"


def _document(target: str, plan: Plan, done: list[str], after: list[str], left: list[str]) -> dict[str, object]:
    changes = [
        {"where": change.where, "state": state, "text": change.shown}
        for change, state in zip(plan.changes, done, strict=True)
    ]
    return {"v": VERSION, "target": target, "changes": changes, "next": after, "left": left}


def _report(call: Call, target: str, plan: Plan, done: list[str], after: list[str]) -> None:
    for change, state in zip(plan.changes, done, strict=True):
        if state == "would":
            call.say(f"in {change.where}:")
            call.out(change.shown)
        else:
            call.out(f"{'removed from' if state == 'removed' else state} {change.where}\n")
    if "would" in done:
        call.say(f"mipc setup {target} --apply does it; --remove takes it out again")
    elif "unchanged" not in done or len(set(done)) > 1:
        for line in after:
            call.say(f"then: {line}")

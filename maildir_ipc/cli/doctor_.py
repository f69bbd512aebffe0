"""doctor: say what is wrong, and what to do about it."""

from __future__ import annotations

from ..doctor import examine
from ..doctor.finding import WRONG
from ..render import VERSION, escape, to_json
from .arguments import FLAG
from .call import arguments

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..doctor import Report
    from ..doctor.finding import Finding
    from .call import Call

USAGE = "doctor [--fix]"
OPTIONS = {"fix": FLAG}
MAX_OF_A_KIND = 20  # lines; the others are counted


def run(call: Call, words: list[str]) -> int:
    """Print a line for each thing; 1 when something is wrong and was not mended."""
    given = arguments(call, words, USAGE, OPTIONS)
    if given is None:
        return 0
    report = examine(call.account, fix=given.flag("fix"))
    if given.flag("json"):
        call.out(to_json(_document(report)) + "\n")
    else:
        call.out("".join(_lines(report)))
    wrong = sum(finding.level == WRONG for finding in report.findings)
    can = sum(finding.level == WRONG and finding.mend is not None for finding in report.findings)
    hint = f"; mipc doctor --fix mends {can} of these" if can and not given.flag("fix") else ""
    mended = f", {len(report.mended)} mended" if report.mended else ""
    call.say(f"{f'{wrong} wrong' if wrong else 'all is well'}{mended}{hint}")
    return 0 if report.well else 1


def _lines(report: Report) -> list[str]:
    lines = [f"{name}: {_line(value)}\n" for name, value in report.facts]
    for name, value, default in report.settings:
        lines.append(f"setting {name} = {_line(value)}{'' if default else ' (set)'}\n")
    bounded, more = _bounded(report.mended)
    lines += [f"mended: {_line(f.what)}\n" for f in bounded] + [f"mended: and {n} more: {check}\n" for check, n in more]
    bounded, more = _bounded(report.findings)
    lines += [f"{f.level}: {_line(f.what)}: {_line(f.next)}\n" for f in bounded]
    return lines + [f"wrong: and {n} more: {check}\n" for check, n in more]


def _document(report: Report) -> dict[str, object]:
    bounded, more = _bounded(report.findings)
    mended, more_mended = _bounded(report.mended)
    return {
        "v": VERSION,
        "ok": report.well,
        "findings": [{"check": f.check, "level": f.level, "what": f.what, "next": f.next} for f in bounded],
        "mended": [{"check": f.check, "what": f.what} for f in mended],
        "more": sum(n for _, n in [*more, *more_mended]),
        "settings": [{"name": name, "value": value, "default": default} for name, value, default in report.settings],
        "facts": [{"name": name, "value": value} for name, value in report.facts],
    }


def _bounded(findings: Sequence[Finding]) -> tuple[list[Finding], list[tuple[str, int]]]:
    """Return what is said in words, and of which kinds how many are only counted."""
    counts: dict[str, int] = {}
    kept = []
    for finding in findings:
        counts[finding.check] = counts.get(finding.check, 0) + 1
        if counts[finding.check] <= MAX_OF_A_KIND:
            kept.append(finding)
    return kept, [(check, n - MAX_OF_A_KIND) for check, n in counts.items() if n > MAX_OF_A_KIND]


def _line(text: str) -> str:
    return escape(text[:500], line=True)

"""The crontab line that starts a tick every minute, between two marks in the account's own crontab."""

from __future__ import annotations

import os
import pwd

from ..errors import Misconfigured, Missing
from ..running import run_command
from ..settings import without_secrets
from . import Change, Plan, program, with_block, without_block

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..settings import Settings

_TIMEOUT = 30.0  # seconds


def plan(settings: Settings, _scope: str) -> Plan:
    """Return how the crontab changes. Raises: Missing where there is no crontab(1), Misconfigured."""
    now = _crontab()
    block = f"{line(settings)}\n"
    rest = without_block(now or "")

    def write(text: str | None) -> None:
        if text is None:
            _run(["crontab", "-r"])
        else:
            _run(["crontab", "-"], text.encode())

    return Plan([Change("your crontab", now, with_block(now or "", block), rest or None, block, write)])


def line(settings: Settings) -> str:
    """Return the line: cron's environment is nearly empty, so what is set here is set in it."""
    words = [f"{name}={_quoted(value)}" for name, value in sorted(settings.given.items())]
    if settings.home != pwd.getpwuid(os.getuid()).pw_dir:
        words.insert(0, f"HOME={_quoted(settings.home)}")
    words += [_quoted(word) for word in program("ipc-cron", "auto-check", "run", "--due")]
    return "* * * * * " + " ".join(words).replace("%", "\\%")  # crontab(5): % is a line end


def installed() -> bool:
    """Return whether our line is in the crontab."""
    try:
        now = _crontab() or ""
    except (Missing, Misconfigured):
        return False
    return without_block(now) != now or "ipc-cron" in now


def _crontab() -> str | None:
    """Return the account's crontab; None when it has none."""
    done = _try(["crontab", "-l"])
    if done[0] == 0:
        return done[1]
    if "no crontab" in done[2]:
        return None
    raise Misconfigured(f"crontab -l: {done[2].strip()[:200]}", "ask who looks after this machine")


def _run(command: list[str], data: bytes = b"") -> None:
    code, _, said = _try(command, data)
    if code:
        raise Misconfigured(f"{' '.join(command)}: {said.strip()[:200]}", "add the line by hand: crontab -e")


def _try(command: list[str], data: bytes = b"") -> tuple[int, str, str]:
    from ..errors import BadData

    try:
        done = run_command(command, without_secrets(LC_ALL="C"), _TIMEOUT, stdin=data)
    except BadData as error:
        raise Missing("there is no crontab command here", "install cron, or mipc setup systemd") from error
    return done.returncode or 0, done.stdout.text, done.stderr.text


def _quoted(word: str) -> str:
    safe = word.replace("/", "").replace("-", "").replace("_", "").replace(".", "")
    if any(c in word for c in "\n\r\0"):
        raise Misconfigured(f"{word!a} cannot stand in a crontab", "choose a path of one line")
    return word if safe.isascii() and safe.isalnum() else "'" + word.replace("'", "'\\''") + "'"

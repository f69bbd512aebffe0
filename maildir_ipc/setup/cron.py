"""The crontab line that starts a tick every minute, between two marks in the account's own crontab."""

from __future__ import annotations

import os
import pwd

from ..errors import Misconfigured, Missing
from ..running import run_command
from ..settings import without_secrets
from . import Change, Plan, one_line, program, with_block, without_block

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..running import Finished
    from ..settings import Settings

_TIMEOUT = 30.0  # seconds
_BY_HAND = "add the line by hand: crontab -e"


def plan(settings: Settings, _scope: str) -> Plan:
    """Return how the crontab changes. Raises: Missing where there is no crontab(1), Misconfigured."""
    now = _crontab()
    block = f"{line(settings)}\n"
    rest = without_block(now or "")

    def write(text: str | None) -> None:
        if text is None:
            _run(["crontab", "-r"])
        else:
            _run(["crontab", "-"], text.encode("utf-8", "surrogateescape"))

    return Plan([Change("your crontab", now, with_block(now or "", block), rest or None, block, write)])


def line(settings: Settings) -> str:
    """Return the line: cron's environment is nearly empty, so what is set here is set in it."""
    words = [f"{name}={_quoted(value)}" for name, value in sorted(settings.given.items())]
    if settings.home != pwd.getpwuid(os.getuid()).pw_dir:
        words.insert(0, f"HOME={_quoted(settings.home)}")
    words += [_quoted(word) for word in program("ipc-cron", "auto-check", "run", "--due")]
    return "* * * * * " + " ".join(words).replace("%", "\\%")  # crontab(5): % is a line end


def installed() -> bool:
    """Return whether a line of the crontab runs the tick: ours, or one that somebody wrote; a comment runs nothing."""
    try:
        lines = (_crontab() or "").split("\n")
    except (Missing, Misconfigured):
        return False
    runs = [line for line in lines if not line.lstrip().startswith("#")]
    return any("ipc-cron" in line or "auto-check run --due" in line for line in runs)


def _crontab() -> str | None:
    """Return the account's crontab, whatever its bytes; None when it has none."""
    done = _try(["crontab", "-l"])
    if not done.returncode and not done.timed_out:
        if done.stdout.size > len(done.stdout.octets):
            raise Misconfigured("the crontab is too large to be changed here", _BY_HAND)
        text = done.stdout.octets.decode("utf-8", "surrogateescape")
        if any(line.endswith("\\r") for line in text.split("\n")):  # in two characters: so Debian's crontab -l has it
            raise Misconfigured("the crontab has carriage returns, which would be lost", _BY_HAND)
        return text
    if "no crontab" in done.stderr.text:
        return None
    raise Misconfigured(f"crontab -l: {done.stderr.text.strip()[:200]}", "ask who looks after this machine")


def _run(command: list[str], data: bytes = b"") -> None:
    done = _try(command, data)
    if done.returncode or done.timed_out:
        raise Misconfigured(f"{' '.join(command)}: {done.stderr.text.strip()[:200]}", _BY_HAND)


def _try(command: list[str], data: bytes = b"") -> Finished:
    from ..errors import BadData

    try:
        return run_command(command, without_secrets(LC_ALL="C"), _TIMEOUT, stdin=data)
    except BadData as error:
        raise Missing("there is no crontab command here", "install cron, or mipc setup systemd") from error


def _quoted(word: str) -> str:
    safe = one_line(word, "a crontab").replace("/", "").replace("-", "").replace("_", "").replace(".", "")
    return word if safe.isascii() and safe.isalnum() else "'" + word.replace("'", "'\\''") + "'"

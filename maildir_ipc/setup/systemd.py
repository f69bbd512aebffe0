"""The user unit in which systemd keeps `mipc watch` running, from the first login on."""

from __future__ import annotations

from ..errors import Misconfigured
from . import Change, Plan, one_line, program, read_file, write_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..settings import Settings

_UNIT = "maildir-ipc.service"


def plan(settings: Settings, _scope: str) -> Plan:
    """Return what becomes of the unit's file: it is ours alone, so it is written whole. Raises: Misconfigured."""
    base = settings.config.rpartition("/")[0]
    path = f"{base}/systemd/user/{_UNIT}"
    text = unit(settings)
    change = Change(path, read_file(path), text, None, text, lambda new: write_file(path, new))
    start = ["systemctl --user daemon-reload", f"systemctl --user enable --now {_UNIT}"]
    lingering = "loginctl enable-linger   # to have it run while nobody is logged in"
    return Plan([change], [*start, lingering], [f"systemctl --user disable --now {_UNIT}", start[0]])


def unit(settings: Settings) -> str:
    """Return the unit. Source: systemd.service(5), systemd.exec(5). Raises: Misconfigured."""
    given = "".join(f"Environment={_quoted(f'{name}={value}')}\n" for name, value in sorted(settings.given.items()))
    command, *words = program("mipc")
    if any(c in command for c in "\"'\\"):
        raise Misconfigured(f"systemd cannot start {command!a}", "move this program to a path without quotes")
    # Only in arguments is there a dollar sign that means something, and that is doubled to mean itself.
    start = [_quoted(command), *(_quoted(word).replace("$", "$$") for word in (*words, "watch", "--all"))]
    return (
        "[Unit]\n"
        "Description=maildir-ipc: look at mail as it comes\n"
        "\n"
        "[Service]\n"
        f"ExecStart={' '.join(start)}\n"
        f"{given}"
        "Restart=on-failure\n"
        "RestartSec=10\n"
        "\n"
        "[Install]\n"
        "WantedBy=default.target\n"
    )


def _quoted(word: str) -> str:
    escaped = one_line(word, "a unit").replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"'

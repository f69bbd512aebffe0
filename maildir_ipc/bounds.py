"""What each setting of a spool is when nobody says so, and between which bounds it may be. protocol.md, 1.2."""

from __future__ import annotations

SETTINGS = {  # the default, the least, the most: beyond lies harm to memory, disk or calendar
    "max-message": (1 << 24, 1000, 1 << 30),  # bytes
    "large-message": (10240, 0, 1 << 30),  # bytes
    "rate-limit": (100, 0, 1_000_000),  # sends of one identity in `rate-window` seconds
    "rate-window": (60, 1, 31_536_000),  # seconds, a year at most
    "unread-limit": (1000, 0, 10_000_000),  # messages in one mailbox
    "hop-limit": (10, 0, 1000),  # automatic messages that answer one another
    "pair-limit": (20, 0, 1_000_000),  # automatic messages from one name to another in an hour
    "rename-cooldown": (3600, 0, 31_536_000),  # seconds
    "forward-seconds": (7200, 0, 31_536_000),
}
DEFAULTS = {name: default for name, (default, _, _) in SETTINGS.items()}


def setting_fault(name: str, value: str) -> str:
    """Return why a setting cannot have this value; nothing when it can."""
    _, least, most = SETTINGS[name]
    if not (value.isascii() and value.isdigit() and len(value) < 16):
        return "is not a number"
    return "" if least <= int(value) <= most else f"is not from {least} to {most}"

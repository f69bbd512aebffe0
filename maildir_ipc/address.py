"""What a name may be, and how a name becomes an address.

Pure: no file is touched here. After `parse_name` a name is safe as a path component
and as the local part of an address.
"""

from __future__ import annotations

from .errors import Usage
from .unique import serial_of

DOMAIN = "ipc.invalid"  # RFC 6761, 6.4: can never resolve, so mail cannot leave the machine by accident
EVERYONE = "all"
SYSTEM = "system"
MAX_NAME = 32
_MAX_ECHO = 40  # characters of a wrong name that are said back

_FIRST = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_")
_REST = _FIRST | {"-"}
# new, cur and tmp would make the spool itself look like a Maildir to other tools.
_RESERVED = frozenset((SYSTEM, EVERYONE, "everyone", "me", "new", "cur", "tmp"))
_RULE = f"a name is 1 to {MAX_NAME} of a-z 0-9 _ -, and does not begin with -"


def parse_name(text: str) -> str:
    """Return *text* as a name, upper case folded.

    Raises: Usage, naming the rule that was broken.
    """
    # Not str.lower(): it folds non-ASCII letters into ASCII ones (U+212A, the Kelvin sign, into k).
    name = "".join(chr(ord(c) + 32) if "A" <= c <= "Z" else c for c in text)
    if not 1 <= len(name) <= MAX_NAME or name[0] not in _FIRST or not _REST.issuperset(name):
        raise Usage(f"{text[:_MAX_ECHO]!a} is not a name", _RULE)
    if name in _RESERVED:
        raise Usage(f"{name} is a reserved name", "choose another; reserved: " + " ".join(sorted(_RESERVED)))
    return name


def parse_names(text: str) -> list[str]:
    """Return the names in `TO,TO…`, each once. Raises: Usage."""
    return list(dict.fromkeys(parse_name(name.strip(" ")) for name in text.split(",")))


def is_name(text: str) -> bool:
    """Return whether *text* is already a name, as it would lie in the spool."""
    return 1 <= len(text) <= MAX_NAME and text[0] in _FIRST and _REST.issuperset(text) and text not in _RESERVED


def address_of(name: str) -> str:
    """Return the address of a name: bare local parts break mblaze and Dovecot."""
    return f"{name}@{DOMAIN}"


def message_id(serial: str) -> str:
    """Return the Message-ID, without its angle brackets, of the message that was sent under *serial*."""
    return f"{serial}@{DOMAIN}"


def id_of(key: str) -> str | None:
    """Return the Message-ID that goes with a unique name of ours, or None for somebody else's name."""
    serial = serial_of(key)
    return None if serial is None else message_id(serial)


def local_part(address: str) -> str:
    """Return the name in one of our addresses, or the whole text when it is somebody else's."""
    local, at, domain = address.rpartition("@")
    return local if at and domain.lower() == DOMAIN else address

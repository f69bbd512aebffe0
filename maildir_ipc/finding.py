"""Which messages a reference names. The reference follows from a file's name, so few files are opened."""

from __future__ import annotations

import os

from .address import id_of
from .entry import Entry
from .errors import NoSuchMessage
from .maildir import REJECTED, SENT
from .message import REF_LENGTH
from .signing import reference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .mailbox import Mailbox
    from .received import Received

LAST = "@"  # the last message shown
_FOLDERS = ("new", "cur", f"{SENT}/cur", f"{REJECTED}/new", f"{REJECTED}/cur")
_MAX_ECHO = 80  # characters of a wrong reference that are said back
_LOOKS = 100  # at a message that others keep renaming


def find(mailbox: Mailbox, ref: str) -> list[Received]:
    """Return the messages that *ref* names: genuine ones first, then those set aside.

    *ref*: 5 or more characters of a reference, a Message-ID, a path, or `@` for the last one shown.
    Raises: NoSuchMessage.
    """
    for _ in range(_LOOKS):
        entries = [_entry_at(mailbox, ref)] if "/" in ref else named(mailbox, ref)
        try:
            found = [mailbox.judge(entry, first=False) for entry in entries]
        except FileNotFoundError:
            continue  # it was renamed since: look again
        if found:
            return sorted(found, key=lambda received: bool(received.entry.verdict))
        break
    if ref == LAST:
        raise NoSuchMessage("no message was shown here yet", "mipc check, or mipc history")
    raise NoSuchMessage(f"no message {ref[:_MAX_ECHO]!a} here", "give the reference that check printed, or @")


def named(mailbox: Mailbox, ref: str, *, by_name: bool = False) -> list[Entry]:
    """Return the files that *ref* names: by their names, or, if none is, and not only *by_name*, by what is in them."""
    wanted = mailbox.gate().last if ref == LAST else ref.strip("<>")
    if not wanted or (len(wanted) < REF_LENGTH and "@" not in wanted):
        return []
    entries = mailbox.maildir.entries(*_FOLDERS)
    found = []
    for entry in entries:
        id = id_of(entry.key)
        if id is not None and (id == wanted or reference(id).startswith(wanted.lower())):
            found.append(entry)
    if found or by_name:
        return found
    # Only then are files opened: one that was moved to a fresh name says nothing of its message.
    return [entry for entry in entries if _is_named(mailbox, entry, wanted)]


def _is_named(mailbox: Mailbox, entry: Entry, wanted: str) -> bool:
    try:
        message = mailbox.judge(entry, first=False).message
    except FileNotFoundError:
        return False
    return message is not None and (message.id == wanted or reference(message.id).startswith(wanted.lower()))


def _entry_at(mailbox: Mailbox, path: str) -> Entry:
    inside = os.path.relpath(os.path.abspath(path), os.path.abspath(mailbox.maildir.path))
    folder, _, name = inside.rpartition("/")
    if folder not in _FOLDERS:
        raise NoSuchMessage(f"{path} is not in this mailbox", "mipc verify FILE judges any file")
    return Entry(folder, name)

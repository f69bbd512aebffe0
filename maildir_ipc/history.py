"""What was said, in both directions: what this identity has read, and what it sent, each message once.

Names sort by time, so the newest are found without opening the others. Nothing is claimed or moved.
"""

from __future__ import annotations

from .conversation import accepted
from .maildir import SENT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .entry import Entry
    from .mailbox import Mailbox
    from .message import Message
    from .received import Received

DEFAULT_LIMIT = 20
_SPARE = 200  # files that may be opened in vain for a page: forgeries and copies must not make it dear


class Page:
    """Messages, newest last; *remaining* older files were not looked at, *rejected* were, and are not mail.

    *aside* is where the newest of the rejected lies.
    """

    __slots__ = ("aside", "messages", "rejected", "remaining")

    def __init__(self) -> None:
        self.messages: list[Received] = []
        self.remaining = self.rejected = 0
        self.aside = ""


def history(mailbox: Mailbox, room: Callable[[Received], bool], *, limit: int = DEFAULT_LIMIT, text: str = "") -> Page:
    """Return the newest messages, *limit* at most, as many as *room* says fit (one at least).

    With *text*, only those that have it, in any case of letters, in body, subject or names.
    """
    page, wanted, seen, vain = Page(), text.casefold(), set[str](), 0
    entries = [entry for entry in mailbox.maildir.entries("cur", f"{SENT}/cur") if _is_past(entry)]
    while entries and len(page.messages) < limit and (wanted or vain < _SPARE):
        entry = entries.pop()
        vain += 1
        try:
            received = mailbox.judge(entry, first=False)
        except FileNotFoundError:
            continue  # moved while we looked: flagged, or deleted
        message = received.message
        if message is None or not accepted(mailbox, received):
            page.rejected += 1
            page.aside = page.aside or f"{mailbox.maildir.path}/{entry.path}"
        elif message.id not in seen and _has(message, wanted):
            seen.add(message.id)
            if not room(received) and page.messages:
                entries.append(entry)
                break
            page.messages.append(received)
            vain -= 1
    page.messages.reverse()
    page.remaining = len(entries)
    return page


def _is_past(entry: Entry) -> bool:
    """Return whether this was read or sent. T marks what was deleted, and second copies of a message."""
    return "T" not in entry.flags and ("S" in entry.flags or entry.folder.startswith(SENT))


def _has(message: Message, wanted: str) -> bool:
    if not wanted:
        return True
    places = (message.body, message.subject, message.from_, *message.to)
    return any(wanted in place.casefold() for place in places)

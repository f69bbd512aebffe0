"""What a bell says of a mailbox: how many messages are unread, and from whom. Facts, never a sender's words."""

from __future__ import annotations

from .address import SYSTEM, is_name
from .automatic import answering
from .render import VERSION
from .seen import DUPLICATE, SHOWN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from .entry import Entry
    from .mailbox import Mailbox
    from .received import Received

MAX_LINE = 120  # characters
MAX_NAMED = 20  # senders
MAX_LOOKED_AT = 50  # messages; the newest, for it is they that ring


class Bell:
    """What is unread in the mailbox of *identity*. *senders*: names, verified, whoever wrote last first.

    *rejected* counts, of the messages that were looked at, those that a check will set aside. *hops* is how many
    automatic messages came before an automatic answer to any of the others.
    """

    __slots__ = ("hops", "identity", "rejected", "senders", "unread")

    def __init__(self, identity: str, unread: int, senders: Sequence[str], rejected: int, hops: int = 1) -> None:
        self.identity, self.unread, self.senders, self.rejected = identity, unread, tuple(senders), rejected
        self.hops = hops

    def __bool__(self) -> bool:
        return bool(self.unread or self.rejected)

    def line(self, command: str = "mipc check") -> str:
        """Return one line of at most 120 characters that says what to do: *command*."""
        parts = [f"{self.unread} unread for {self.identity}"]
        if self.rejected:
            parts.append(f"{self.rejected} not verified")
        for count in range(len(self.senders), 0, -1):
            rest = len(self.senders) - count
            names = ", ".join(self.senders[:count]) + (f" and {rest} more" if rest else "")
            line = ", ".join([*parts, f"from {names}"]) + f": {command}"
            if len(line) <= MAX_LINE:
                return line
        return ", ".join(parts) + f": {command}"

    def object(self) -> dict[str, Any]:
        """Return what `wait --json`, a line of `watch --json` and the input of `watch --exec` are."""
        return {
            "v": VERSION,
            "identity": self.identity,
            "unread": self.unread,
            "from": list(self.senders[:MAX_NAMED]),
            "rejected": self.rejected,
        }


def bell_of(mailbox: Mailbox) -> Bell:
    """Return what the bell of *mailbox* says now; nothing is claimed or changed.

    Only the newest messages are opened, so there may be senders of older ones that it does not name.
    """
    _ = mailbox.work  # the names that the mailbox had are read anew
    entries = mailbox.maildir.unread(mailbox.host.runs, mailbox.spool.clock()) + mailbox.gate().unread_in_cur()
    unread, rejected, hops, senders = max(0, len(entries) - MAX_LOOKED_AT), 0, 1, dict[str, None]()
    for entry in sorted(entries, key=lambda entry: entry.stem, reverse=True)[:MAX_LOOKED_AT]:
        received = _judged(mailbox, entry)
        if received is None:
            continue
        if received.message is None or not mailbox.shows(received.verdict):
            rejected += 1
            continue
        unread += 1
        name = received.message.from_
        senders[name if is_name(name) or name == SYSTEM else "?"] = None
        hops = max(hops, answering(received))
    return Bell(mailbox.name, unread, list(senders), rejected, hops)


def _judged(mailbox: Mailbox, entry: Entry) -> Received | None:
    """Return a message with its verdict; None when it is there no more, or was shown before."""
    try:
        received = mailbox.judge(
            entry, first=True, taken_over=bool(entry.owner), reopened=entry.folder == "cur" or ":" in entry.name
        )
    except FileNotFoundError:
        return None
    return None if received.verdict in (SHOWN, DUPLICATE) else received

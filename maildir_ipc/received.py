"""A message as a reader meets it: with its verdict, and the file that it lies in."""

from __future__ import annotations

from .address import address_of
from .seen import seen_key

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .entry import Entry
    from .message import Message
    from .receipts import Receipt
    from .signing import Signature


class Received:
    """A message with its verdict and where its file lies; *message* is None when it could not be parsed."""

    __slots__ = (
        "_key", "digest", "entry", "forwarded_from", "lies", "mailbox", "message", "receipt", "saved_to", "signature",
        "summary", "verdict",
    )  # fmt: skip

    def __init__(
        self,
        mailbox: str,
        entry: Entry,
        verdict: str,
        message: Message | None,
        signature: Signature | None,
        digest: str,
    ) -> None:
        self.mailbox, self.entry, self.verdict, self.digest = mailbox, entry, verdict, digest
        self.message, self.signature = message, signature
        self.forwarded_from: str | None = None  # the former name that it was sent to
        self.saved_to: str | None = None
        self.summary: str | None = None
        self.receipt: Receipt | None = None  # what it says, when it is one
        self._key = ""
        self.lies: str | None = None  # where, below the mailbox, when it is not committed after it was shown

    @property
    def path(self) -> str:
        """Where the file lies once it has been shown."""
        return f"{self.mailbox}/{self.lies or self.entry.committed}"

    @property
    def key(self) -> str:
        """The name under which the seen-set knows it."""
        if not self._key:
            assert self.message is not None
            self._key = seen_key(address_of(self.message.from_), self.message.id)
        return self._key

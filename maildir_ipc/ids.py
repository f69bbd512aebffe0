"""What was sent under an --id, so that a retry completes it and never doubles it.

Everything else that a retry needs follows from the serial: the unique name, the Message-ID and the date.
"""

from __future__ import annotations

import os

from . import records
from .errors import BadData, Misconfigured
from .maildir import cannot_write
from .signing import fingerprint
from .unique import is_serial

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class Ids:
    """The records `records/ids/` of the mailbox at *mailbox*."""

    __slots__ = ("_folder",)

    def __init__(self, mailbox: str) -> None:
        self._folder = f"{mailbox}/records/ids"

    def begin(self, id: str, digest: str, new: Callable[[], str]) -> tuple[str, bool]:
        """Return the serial to send under, and whether it may have been sent before.

        The serial is recorded, durably, before this returns; of many that begin at once, one records it.
        *digest* tells one message from another. Raises: BadData when *id* was another's; TryAgain, Misconfigured.
        """
        text = records.read(self._path(id))
        again = is_serial(id)  # printed by a send that failed before it could record it
        if text is None:
            serial = id if again else new()
            if self.keep(id, serial, digest, sync=True):
                return serial, again
            text = records.read(self._path(id)) or ""
        known = records.words(text)
        if known.get("digest") != digest:
            raise BadData(f"--id {id!a} was used for another message", "give a new message a new id")
        return known["serial"], True

    def keep(self, id: str, serial: str, digest: str, *, sync: bool = False) -> bool:
        """Record *id* unless it is recorded; return whether this call did it; without *sync* as well as can be.

        Raises: TryAgain, Misconfigured.
        """
        if os.path.islink(self._folder):
            raise Misconfigured(f"{self._folder} is a link", "move it away")
        try:
            if not os.path.isdir(self._folder):
                records.make_directory(self._folder)
                if sync:
                    records.sync_directory(os.path.dirname(self._folder))
            return records.create(self._path(id), f"serial {serial}\ndigest {digest}\n", sync=sync)
        except OSError as error:
            if sync:
                raise cannot_write(self._folder, error) from error
            return False

    def _path(self, id: str) -> str:
        return f"{self._folder}/{fingerprint(id)}"

"""What was sent under an --id, so that a retry completes it and never doubles it.

Everything else that a retry needs follows from the serial: the unique name, the Message-ID and the date.
"""

from __future__ import annotations

import os

from . import records
from .errors import BadData
from .maildir import cannot_write
from .signing import fingerprint
from .unique import is_serial

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class Ids:
    """The records `.ipc/ids/` of the mailbox at *mailbox*."""

    __slots__ = ("_folder",)

    def __init__(self, mailbox: str) -> None:
        self._folder = f"{mailbox}/.ipc/ids"

    def begin(self, id: str, digest: str, new: Callable[[], str]) -> tuple[str, bool]:
        """Return the serial to send under, and whether it may have been sent before.

        The serial is recorded, durably, before this returns. *digest* tells one message from another.
        Raises: BadData when *id* was another's; TryAgain, Misconfigured.
        """
        text = records.read(self._path(id))
        if text is not None:
            known = records.words(text)
            if known.get("digest") != digest:
                raise BadData(f"--id {id!a} was used for another message", "give a new message a new id")
            return known["serial"], True
        again = is_serial(id)  # printed by a send that failed before it could record it
        serial = id if again else new()
        self.keep(id, serial, digest, sync=True)
        return serial, again

    def keep(self, id: str, serial: str, digest: str, *, sync: bool = False) -> None:
        """Record *id*; without *sync* as well as can be. Raises: TryAgain, Misconfigured."""
        try:
            if not os.path.isdir(self._folder):
                records.make_directory(self._folder)
                if sync:
                    records.sync_directory(os.path.dirname(self._folder))
            records.replace(self._path(id), f"serial {serial}\ndigest {digest}\n", sync=sync)
        except OSError as error:
            if sync:
                raise cannot_write(self._folder, error) from error

    def _path(self, id: str) -> str:
        return f"{self._folder}/{fingerprint(id)}"

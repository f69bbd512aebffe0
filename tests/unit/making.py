"""Messages with a fixed key, clock and id, for tests that need no spool: always the same bytes."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from maildir_ipc.entry import Entry
from maildir_ipc.message import Message, compose, join, parse, split
from maildir_ipc.received import Received
from maildir_ipc.render import rejections
from maildir_ipc.signing import PASS, Key, sign, verify

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from maildir_ipc.draft import Draft

SECRET = b"a secret for tests, of enough length"
KEY = Key(SECRET)
SPOOL = "4be1c09f2a7d3358"
T = 1767709822  # 2026-01-06 14:30:22 UTC
SERIAL = "1767709822.M000001P1Q1R0123456789abcdef"


class Clock:
    """A clock that a test moves."""

    def __init__(self, now: float = T) -> None:
        self.now = float(now)

    def __call__(self) -> float:
        return self.now


def key_of(spool: str, key_id: str) -> Key | None:
    """Return the one key there is."""
    return KEY if (spool, key_id) == (SPOOL, KEY.id) else None


def signed_fields(fields: Sequence[tuple[str, str]], body: bytes, *, signer: str = "nessa@ipc.invalid") -> bytes:
    """Return a file of these fields and this body, truly signed by a member, whatever they say."""
    value = sign(fields, body, KEY, spool=SPOOL, signer=signer, t=T)
    return join([("IPC-Signature", value), *fields], body)


def signed(
    draft: Draft, *, sender: str = "nessa", to: Sequence[str] = ("barney",), id: str = SERIAL, t: int = T
) -> bytes:
    """Return the file of a draft as `Mailbox.send` makes it."""
    fields, body = compose(draft, sender=sender, to=to, id=id, t=t)
    expires = None if draft.expires is None else t + int(draft.expires)
    value = sign(fields, body, KEY, spool=SPOOL, signer=f"{sender}@ipc.invalid", t=t, expires=expires)
    return join([("IPC-Signature", value), *fields], body)


def judged(raw: bytes) -> tuple[str, Message]:
    """Return the verdict and what is shown of a file, as `Mailbox.judge` gets them. Raises: Malformed."""
    fields, body = split(raw)
    verdict, signature = verify(fields, body, key_of, [SPOOL])
    covered = None if signature is None else signature.covers
    return verdict, parse(fields, body, size=len(raw), covered=covered)


def genuine(raw: bytes) -> Message:
    """Return what is shown of a file, which must verify."""
    verdict, message = judged(raw)
    assert verdict == PASS, (verdict, raw)
    return message


def shown(message: Message) -> dict[str, Any]:
    """Return all that a reader sees of a message, but its size: that is the file's, and line ends change it."""
    values = {name: getattr(message, name) for name in Message.__slots__ if name not in ("size", "attachments")}
    values["data"] = repr(message.data)
    values["attachments"] = [(a.name, a.type, a.content) for a in message.attachments]
    return values


def received(message: Message | None, verdict: str = PASS, *, name: str = SERIAL) -> Received:
    """Return a message as a batch hands it out, without a mailbox."""
    return Received("/spool/barney", Entry("new", name), verdict, message, None, "")


def named(found: Received) -> str:
    """Return the line that names a message which was set aside."""
    batch: Any = SimpleNamespace(rejected=[found])
    (line,) = rejections(batch)
    return line


def spool_files(root: str | Path, *, but: Sequence[str] = ()) -> dict[str, bytes]:
    """Return every path below *root* with its content (links: their target), for comparing before and after."""
    found: dict[str, bytes] = {}
    for folder, directories, names in os.walk(root):
        for name in [*directories, *names]:
            path = os.path.join(folder, name)
            if os.path.islink(path):
                found[path] = os.fsencode(os.readlink(path))
            elif os.path.isfile(path) and not any(part in path for part in but):
                with open(path, "rb") as file:
                    found[path] = file.read()
            else:
                found[path] = b""
    return found


def everything(_: Received) -> bool:
    """Have room for every message."""
    return True

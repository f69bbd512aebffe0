"""maildir-ipc: signed mail between agents, scripts and people, in Maildirs, without a server.

These names are the public ones; each is loaded when it is first used, so that a command pays only for
what it needs.
"""

from __future__ import annotations

__version__ = "0.1.0"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .account import Account as Account
    from .account import Registered as Registered
    from .batch import Batch as Batch
    from .delivery import Delivery as Delivery
    from .delivery import Sent as Sent
    from .draft import Attachment as Attachment
    from .draft import Draft as Draft
    from .errors import MaildirIPCError as MaildirIPCError
    from .mailbox import Mailbox as Mailbox
    from .message import Message as Message
    from .received import Received as Received
    from .settings import Settings as Settings
    from .settings import from_environment as from_environment

_HOMES = {
    "Account": "account",
    "Registered": "account",
    "MaildirIPCError": "errors",
    "Batch": "batch",
    "Delivery": "delivery",
    "Mailbox": "mailbox",
    "Received": "received",
    "Sent": "delivery",
    "Attachment": "draft",
    "Draft": "draft",
    "Message": "message",
    "Settings": "settings",
    "from_environment": "settings",
}
__all__ = tuple(_HOMES)


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = __import__(f"{__name__}.{_HOMES[name]}", None, None, [name], 0)
    return getattr(module, name)

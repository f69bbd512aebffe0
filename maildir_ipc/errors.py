"""Every failure that a caller can act upon, each with its exit code and what to do next.

This file owns the exit codes (sysexits(3), plus 1 for a plain "no"); nothing else decides one.
An error says in one line what is wrong; `next` is what to type or do about it.
"""

from __future__ import annotations

import errno


class MaildirIPCError(Exception):
    """The root: catch this to catch all of ours."""

    exit_code = 70
    name = "internal"

    def __init__(self, message: str, next: str = "") -> None:
        super().__init__(message, next)
        self.message = message
        self.next = next

    def __str__(self) -> str:
        return f"{self.message}: {self.next}" if self.next else self.message


class Usage(MaildirIPCError):
    """The command line, or a name in it, is not one that exists."""

    exit_code, name = 64, "usage"


class BadData(MaildirIPCError):
    """What was to be sent cannot be sent as it is."""

    exit_code, name = 65, "bad-data"


class NoSuchMessage(MaildirIPCError):
    """No message has that reference."""

    exit_code, name = 66, "no-such-message"


class ClaimLost(NoSuchMessage):
    """The claim is no longer there: another has the message, or it is done."""


class NoSuchName(MaildirIPCError):
    """No mailbox has that name."""

    exit_code, name = 67, "no-such-name"


class Missing(MaildirIPCError):
    """A package or a feature of this platform that the command needs is not there."""

    exit_code, name = 69, "missing"


class NameTaken(MaildirIPCError):
    """Another live session has that name."""

    exit_code, name = 73, "name-taken"


class DurabilityUnknown(MaildirIPCError):
    """Delivered, and perhaps read already; whether it survives a power cut is unknown."""

    exit_code, name = 74, "durability-unknown"


class TryAgain(MaildirIPCError):
    """Nothing was done, or not all of it; the same command may succeed later."""

    exit_code, name = 75, "try-again"


class NotVerified(MaildirIPCError):
    """A signature does not hold."""

    exit_code, name = 76, "not-verified"


class NotYours(MaildirIPCError):
    """It is not known who you are, or it is someone else's."""

    exit_code, name = 77, "not-yours"


class Misconfigured(MaildirIPCError):
    """The spool, the keyring or the environment does not fit; no retry helps."""

    exit_code, name = 78, "misconfigured"


class NoSpool(Misconfigured):
    """There is no spool at that place."""


class MailboxGone(Exception):
    """The directory that was open is no longer a mailbox: resolve the name again, and repeat.

    Never reaches a user: `mailbox` answers it.
    """


def cannot_read(path: str, error: OSError) -> MaildirIPCError:
    """Return what to tell someone who could not read *path*: whether trying again can help."""
    if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO, errno.ESTALE):
        return TryAgain(f"{path} cannot be read: {error.strerror}", "try again")
    return Misconfigured(f"{path} cannot be read: {error.strerror}", "mipc doctor says what to do")

"""Exit codes and their wording. Ours, over sysexits(3)."""

from __future__ import annotations

import pytest

from maildir_ipc import errors
from maildir_ipc.errors import MailboxGone, MaildirIPCError

DOCUMENTED = {
    "Usage": 64, "BadData": 65, "NoSuchMessage": 66, "NoSuchName": 67, "Missing": 69, "NameTaken": 73,
    "DurabilityUnknown": 74, "TryAgain": 75, "NotVerified": 76, "NotYours": 77, "Misconfigured": 78,
}  # fmt: skip


def test_every_failure_has_the_exit_code_of_the_command_reference() -> None:
    """G12: design, section 8."""
    found = {cls.__name__: cls.exit_code for cls in MaildirIPCError.__subclasses__()}
    assert found == DOCUMENTED


def test_every_failure_has_a_name_of_its_own() -> None:
    """G12: the name is part of the JSON."""
    names = [cls.name for cls in MaildirIPCError.__subclasses__()]
    assert len(set(names)) == len(names)
    assert all(name.replace("-", "").isalpha() and name.islower() for name in names)


@pytest.mark.parametrize("name", sorted(DOCUMENTED))
def test_a_failure_says_what_is_wrong_and_what_to_do(name: str) -> None:
    """G12: one line."""
    error = getattr(errors, name)("it is broken", "mend it")
    assert isinstance(error, MaildirIPCError)
    assert str(error) == "it is broken: mend it"
    assert (error.message, error.next) == ("it is broken", "mend it")
    assert str(type(error)("it is broken")) == "it is broken"


def test_a_vanished_mailbox_is_no_failure_of_a_users() -> None:
    """It is answered inside, by resolving the name again."""
    assert not issubclass(MailboxGone, MaildirIPCError)

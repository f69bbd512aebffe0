"""What an agent can have done by a server: a function for each tool, which returns what it answers.

Each runs on a thread of its own, with an account of its own, for the agent in *seat*. All raise MaildirIPCError.
"""

from __future__ import annotations

import os

from . import autocheck as auto
from .address import parse_names
from .attachments import save_all
from .both import Both
from .conversation import ANSWERED, accepted, answer_to, look_up, note, original
from .directory import check_registered
from .draft import Draft
from .errors import BadData, NoSpool, NotYours, Usage
from .render import to_json
from .results import (
    MAX_RESULT,
    auto_checked,
    checked,
    listed,
    not_sent,
    page,
    registered,
    renamed,
    safe,
    sent,
    with_unread,
)
from .settings import without_secrets
from .sharing import share_command as run_and_tell
from .sharing import share_file as read_and_tell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .account import Account
    from .batch import Batch
    from .delivery import Sent
    from .mailbox import Mailbox
    from .received import Received
    from .results import Result
    from .serving import Seat
    from .watch import Doorbell


def register(seat: Seat, account: Account, name: str) -> Result:
    """Take a name, and keep it for the calls that follow."""
    return registered(seat.register(account, name))


def send(
    seat: Seat,
    account: Account,
    body: str,
    to: str | list[str] | None,
    *,
    subject: str | None,
    data: dict[str, Any] | None,
    in_reply_to: str | None,
    queue: bool,
    id: str | None,
) -> Result:
    """Send a message, or answer one; with *queue* also to a name that nobody has registered."""
    if not to and in_reply_to is None:
        raise Usage("to is missing", "give a name, or in_reply_to; call list to see the names")
    with seat.mailbox(account, sends=True) as mailbox:
        received = None if in_reply_to is None else original(mailbox, in_reply_to)
        writer, references = ("", ()) if received is None else answer_to(received)
        names = _names(mailbox, to or writer, queue=queue)
        text = None if data is None else to_json(data)
        done = mailbox.send(names, Draft(body, subject=subject, data=text, references=references), id=id)
        if received is not None:
            note(mailbox, received, ANSWERED, done)
        return _sent(mailbox, done)


def broadcast(seat: Seat, account: Account, body: str, subject: str | None, id: str | None) -> Result:
    """Send a message to everyone who has registered."""
    with seat.mailbox(account, sends=True) as mailbox:
        return _sent(mailbox, mailbox.broadcast(Draft(body, subject=subject), id=id))


def check(seat: Seat, account: Account, limit: int | None, shown: list[Batch]) -> Result:
    """Claim unread mail and return it; the batch is put into *shown*, for the caller to commit or to release."""
    mailbox = seat.mailbox(account)
    try:
        bound = _bound(mailbox)
        shown.append(mailbox.check(bound.takes, limit=limit))
    except BaseException:
        mailbox.close()
        raise
    return with_unread(mailbox, checked(shown[0], bound))


def peek(seat: Seat, account: Account, identity: str) -> str:
    """Return the text of what is unread, which stays so; nobody else's. Raises: NotYours."""
    with seat.mailbox(account) as mailbox:
        if identity != mailbox.name:
            raise NotYours(f"you are {mailbox.name}", f"yours is maildir://{mailbox.name}/new")
        bound = _bound(mailbox)
        with mailbox.check(bound.takes, peek=True) as batch:
            return safe(checked(batch, bound))[0]


def read(seat: Seat, account: Account, ref: str, offset: int, save_to: str | None) -> Result:
    """Show one message again, and save its attachments."""
    if save_to is not None:
        _check_absolute("save_to", save_to)
    with seat.mailbox(account) as mailbox:
        found = look_up(mailbox, ref)
        saved = None if save_to is None else _save(mailbox, found[0], save_to)
        return with_unread(mailbox, page(mailbox, found, offset, _bound(mailbox), saved))


def list_names(seat: Seat, account: Account, match: str) -> Result:
    """Show who has registered; a stranger may ask."""
    try:
        found = listed(account.directory(), match, account.clock())
        with seat.mailbox(account) as mailbox:
            return with_unread(mailbox, found)
    except NotYours:
        return found
    except NoSpool:
        if account.settings.root_given:
            raise
        return listed([], match, account.clock())


def wait(seat: Seat, account: Account, seconds: float, bell: Doorbell) -> Result:
    """Return as soon as mail is unread, after *seconds*, or when *bell* is stopped."""
    with seat.mailbox(account) as mailbox, bell:
        bell.watch(mailbox)
        rang = bool(bell.wait(seconds))
        return with_unread(mailbox, ("mail has come" if rang else f"no mail within {seconds} s", {"arrived": rang}))


def rename(seat: Seat, account: Account, new: str) -> Result:
    """Give the agent another name."""
    answer = renamed(*seat.rename(account, new))
    with seat.mailbox(account) as mailbox:
        return with_unread(mailbox, answer)


def auto_check(seat: Seat, account: Account, action: str, minutes: int, *, instant: bool) -> Result:
    """Turn auto-check on (`start`) or off (`stop`), or say how it stands."""
    mailbox, session = seat.open(account)
    with mailbox:
        if action == "start":
            auto.start(mailbox, session, minutes, instant=instant)
        elif action == "stop":
            auto.stop(mailbox)
        return with_unread(mailbox, auto_checked(auto.status(mailbox, account.clock())))


def share_file(
    seat: Seat, account: Account, to: str | list[str], path: str, description: str, *, queue: bool
) -> Result:
    """Send a file."""
    _check_absolute("path", path)
    with seat.mailbox(account, sends=True) as mailbox:
        names = _names(mailbox, to, queue=queue)
        limit = mailbox.spool.setting("max-message")
        text, data, file = read_and_tell(path, description, limit, account.settings.private)
        return _sent(mailbox, mailbox.send(names, Draft(text, data=data, attachments=[file])))


def share_command(
    seat: Seat, account: Account, to: str | list[str], command: list[str], seconds: float, *, queue: bool
) -> Result:
    """Run a command, and send what it prints."""
    with seat.mailbox(account, sends=True) as mailbox:
        names = _names(mailbox, to, queue=queue)
        text, data = run_and_tell(command, without_secrets(), seconds)
        return _sent(mailbox, mailbox.send(names, Draft(text, data=data)))


def _names(mailbox: Mailbox, to: str | list[str], *, queue: bool) -> list[str]:
    if not to:
        raise Usage("to is missing", "call list to see the names")
    names = parse_names(to if isinstance(to, str) else ",".join(to))
    if not queue:
        check_registered(mailbox.spool, names)
    return names


def _bound(mailbox: Mailbox) -> Both:
    return Both(MAX_RESULT, mailbox.spool.clock(), os.urandom(2).hex())


def _sent(mailbox: Mailbox, done: Sent) -> Result:
    if done.error is not None:
        raise type(done.error)(not_sent(done))
    return with_unread(mailbox, sent(done))


def _save(mailbox: Mailbox, received: Received, directory: str) -> list[str]:
    if received.message is None or not accepted(mailbox, received):
        raise BadData("nothing was saved", "that is not verified mail")
    return list(save_all(received.message.attachments, os.path.abspath(directory)))


def _check_absolute(what: str, path: str) -> None:
    if not os.path.isabs(path):  # the server's directory is not the agent's
        raise Usage(f"{what} must be absolute", "give it from the root on, with / first")

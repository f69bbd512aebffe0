"""What an agent can have done by a server: a function for each tool, which returns what it answers.

Each runs on a thread of its own, for the one call that is *turn*. All raise MaildirIPCError.
"""

from __future__ import annotations

import os

from . import autocheck as auto
from .address import EVERYONE, parse_names
from .attachments import save_all
from .both import Both
from .conversation import ANSWERED, accepted, answer_to, look_up, note, original
from .directory import check_registered
from .draft import Draft
from .errors import BadData, MaildirIPCError, Misconfigured, NoSpool, NotYours, Usage
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
    rings,
    safe,
    sent,
    unread,
    with_unread,
)
from .settings import without_secrets
from .sharing import share_command as run_and_tell
from .sharing import share_file as read_and_tell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .batch import Batch
    from .delivery import Sent
    from .mailbox import Mailbox
    from .received import Received
    from .results import Result
    from .serving import Turn
    from .watch import Doorbell

_EVERYONE = (EVERYONE, "everyone")


def register(turn: Turn, name: str) -> Result:
    """Take a name, and keep it for the calls that follow."""
    done = turn.register(name)
    turn.mailbox().close()  # an act like any other
    return registered(done)


def send(
    turn: Turn,
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
    with turn.mailbox(sends=True) as mailbox:
        received = None if in_reply_to is None else original(mailbox, in_reply_to)
        writer, references = ("", ()) if received is None else answer_to(received)
        names = _names(mailbox, to or writer, queue=queue)
        text = None if data is None else to_json(data)
        done = mailbox.send(names, Draft(body, subject=subject, data=text, references=references), id=id)
        if received is not None:
            note(mailbox, received, ANSWERED, done)
        return _sent(mailbox, done)


def broadcast(turn: Turn, body: str, subject: str | None, id: str | None) -> Result:
    """Send a message to everyone who has registered."""
    with turn.mailbox(sends=True) as mailbox:
        return _sent(mailbox, mailbox.broadcast(Draft(body, subject=subject), id=id))


def check(turn: Turn, limit: int | None, shown: list[Batch]) -> Result:
    """Claim unread mail and return it; the batch is put into *shown*, for the caller to commit or to release."""
    mailbox = turn.mailbox()
    try:
        bound = _bound(mailbox)
        shown.append(mailbox.check(bound.takes, limit=limit))
    except BaseException:
        mailbox.close()
        raise
    return with_unread(mailbox, checked(shown[0], bound))


def peek(turn: Turn, identity: str) -> str:
    """Return the text of what is unread, which stays so; nobody else's. Raises: NotYours."""
    with turn.mailbox(acts=False) as mailbox:
        if identity != mailbox.name:
            raise NotYours(f"you are {mailbox.name}", f"yours is maildir://{mailbox.name}/new")
        bound = _bound(mailbox)
        with mailbox.check(bound.takes, peek=True) as batch:
            return safe(checked(batch, bound))[0]


def read(turn: Turn, ref: str, offset: int, save_to: str | None) -> Result:
    """Show one message again, and save its attachments."""
    if save_to is not None:
        _check_absolute("save_to", save_to)
    with turn.mailbox() as mailbox:
        found = look_up(mailbox, ref)
        saved = None if save_to is None else _save(mailbox, found[0], save_to)
        return with_unread(mailbox, page(mailbox, found, offset, _bound(mailbox), saved))


def list_names(turn: Turn, match: str) -> Result:
    """Show who has registered; a stranger may ask."""
    try:
        found = listed(turn.account.directory(), match, turn.account.clock())
        with turn.mailbox() as mailbox:
            return with_unread(mailbox, found)
    except NotYours:
        return found
    except NoSpool:
        if turn.account.settings.root_given:
            raise
        return listed([], match, turn.account.clock())


def wait(turn: Turn, seconds: float, bell: Doorbell) -> Result:
    """Return as soon as mail is unread, after *seconds*, or when *bell* is stopped."""
    with turn.mailbox(acts=False) as mailbox, bell:
        bell.watch(mailbox)
        rang = bool(bell.wait(seconds))
        return with_unread(mailbox, ("mail has come" if rang else f"no mail within {seconds} s", {"arrived": rang}))


def rename(turn: Turn, new: str) -> Result:
    """Give the agent another name."""
    answer = renamed(*turn.rename(new))
    with turn.mailbox() as mailbox:
        return with_unread(mailbox, answer)


def auto_check(turn: Turn, action: str, minutes: int, *, instant: bool) -> Result:
    """Turn auto-check on (`start`) or off (`stop`), or say how it stands."""
    mailbox, session = turn.open()
    with mailbox:
        if action == "start":
            auto.start(mailbox, session, minutes, instant=instant)
        elif action == "stop":
            auto.stop(mailbox)
        return with_unread(mailbox, auto_checked(auto.status(mailbox, turn.account.clock())))


def share_file(turn: Turn, to: str | list[str], path: str, description: str, *, queue: bool) -> Result:
    """Send a file."""
    _check_absolute("path", path)
    with turn.mailbox(sends=True) as mailbox:
        names = _names(mailbox, to, queue=queue)
        limit = mailbox.spool.setting("max-message")
        text, data, file = read_and_tell(path, description, limit, turn.account.settings.private)
        return _sent(mailbox, mailbox.send(names, Draft(text, data=data, attachments=[file])))


def share_command(turn: Turn, to: str | list[str], command: list[str], seconds: float, *, queue: bool) -> Result:
    """Run a command, and send what it prints."""
    with turn.mailbox(sends=True) as mailbox:
        names = _names(mailbox, to, queue=queue)
        text, data = run_and_tell(command, without_secrets(), seconds)
        return _sent(mailbox, mailbox.send(names, Draft(text, data=data)))


def refusal(turn: Turn, said: str) -> str:
    """Return what is said when nothing was done; it rings, too, when it is known for whom, and never fails."""
    try:
        with turn.mailbox(acts=False) as mailbox:
            count = unread(mailbox)
    except (MaildirIPCError, OSError):
        return said
    return f"{said}; {rings(count)}" if count else said


def _names(mailbox: Mailbox, to: str | list[str], *, queue: bool) -> list[str]:
    if not to:
        raise Usage("to is missing", "call list to see the names")
    given = to if isinstance(to, str) else ",".join(to)
    for name in given.lower().split(","):
        if name.strip(" ") in _EVERYONE:
            raise Usage(f"{name.strip(' ')} is a reserved name", "to reach everyone, call broadcast")
    names = parse_names(given)
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
    try:
        return list(save_all(received.message.attachments, os.path.abspath(directory)))
    except Misconfigured as error:
        raise BadData(error.message, error.next) from error  # the agent chose it, and can choose another


def _check_absolute(what: str, path: str) -> None:
    if not os.path.isabs(path):  # the server's directory is not the agent's
        raise Usage(f"{what} must be absolute", "give it from the root on, with / first")

"""Mail that is handed to a session by somebody else's output: seen when the session acts again, and not before.

A hook or a server cannot know whether what it printed reached the agent. So what it hands over is held by a
lease, and noted in `records/handed/`, a file for each hand-over. The session's next act proves that it saw it:
`settle`. A session that begins or ends never will, nor will those that are over: `give_back`. Whatever happens to
neither is unread again when its lease ends. protocol.md, 6.6.
"""

from __future__ import annotations

import os

from . import records
from .address import id_of
from .errors import MaildirIPCError, NoSuchMessage
from .receipts import SEEN
from .signing import reference
from .unique import LEASE_SECONDS, NO_PROCESS, owner_parts
from .work import Claim, Leased

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .batch import Room
    from .entry import Entry
    from .mailbox import Mailbox
    from .received import Received
    from .tokens import Session
    from .work import Work

FOLDER = "records/handed"
_TICK = 0.01  # seconds: the kernel's clock tells no closer when a process began


class Handover(Leased):
    """Messages claimed to be handed to a session. Show them, flush, `keep`; leaving without that gives them back."""

    def __init__(self, mailbox: Mailbox, room: Room, limit: int | None, session: Session) -> None:
        token = mailbox.namer.owner(LEASE_SECONDS, process=False)
        self._note = _Note.of(session, token)
        self._kept = False
        super().__init__(mailbox, room, limit, mailbox.gate(), token)
        try:
            if self.messages:
                # Before anything is shown: what is shown and not noted would come twice.
                self._note.write(mailbox, [r.message.ref for r in self.messages if r.message is not None])
        except BaseException:
            self._give_back()
            raise

    def __enter__(self) -> Handover:
        return self

    def __exit__(self, *_: object) -> None:
        if self.messages and not self._kept:
            self._note.remove(self.mailbox)
        super().__exit__()

    def keep(self) -> None:
        """Say that all was shown: the session has it for the length of a lease. To be called when it was flushed.

        What failed verification was named by then, and is set aside; receipts are consumed.
        """
        for received in self.messages:
            if self._held.pop(received.entry.name, None) is None:
                continue
            assert received.message is not None
            self._shown(received.message)
            held = self.mailbox.maildir.claim(received.entry, self._token, self._fresh)
            received.entry = held or received.entry
        self._kept = True
        self.finish()


def hand_over(mailbox: Mailbox, room: Room, session: Session, *, limit: int | None = None) -> Handover:
    """Return unread messages to be shown to *session*, oldest first, as `Mailbox.check` does.

    Use it as a context manager: what was not kept is unread again, what was kept is read when the session
    acts next (`settle`), and unread again if it does not within ten minutes.
    """
    _ = mailbox.work  # each reading asks anew which names the mailbox had
    return Handover(mailbox, room, limit, session)


def settle(mailbox: Mailbox, session: Session, begun: float | None = None) -> int:
    """Commit what *session* was handed before: this act of its own proves that it saw it. Return how many.

    *begun* is when the act began: several hooks run at one event, and none proves that the answer of another was
    seen. Never fails: what lapsed and was taken by another is that one's, and what cannot be committed comes again.
    """
    return _end(mailbox, session, lambda work, claim: work.ack(claim, SEEN), begun)


def give_back(mailbox: Mailbox) -> int:
    """Make unread again what was handed over here and never proved to be seen. Return how many; never fails.

    For the session that has the mailbox now, when it begins or ends: those before it are over, and act no more.
    """
    return _end(mailbox, None, lambda work, claim: work.release(claim))


def _end(
    mailbox: Mailbox, session: Session | None, end: Callable[[Work, str], Received], begun: float | None = None
) -> int:
    count = 0
    try:
        for note in _notes(mailbox, session):
            refs, at = note.read(mailbox)
            if (begun is not None and at >= begun + _TICK) or note.is_being_shown(mailbox):
                continue
            for claim in note.claims(mailbox, len(refs)):
                try:
                    end(mailbox.work, claim)
                    count += 1
                except NoSuchMessage:
                    continue  # its lease ended, and another has it
            note.remove(mailbox)
    except (MaildirIPCError, OSError):
        pass
    return count


class _Note:
    """One hand-over: `records/handed/SESSION.UNTIL.NONCE`, which lists the references that were shown."""

    __slots__ = ("name", "nonce", "session", "until")

    def __init__(self, name: str) -> None:
        self.name = name
        parts = name.split(".")
        self.session, self.until, self.nonce = (
            (parts[0], records.number(parts[1]), parts[2]) if len(parts) == 3 else ("", 0, "")
        )

    @classmethod
    def of(cls, session: Session, token: str) -> _Note:
        _mark, until, nonce = owner_parts(token)
        return cls(f"{session.id}.{until}.{nonce}")

    def write(self, mailbox: Mailbox, refs: list[str]) -> None:
        """Write it. Raises: OSError."""
        folder = f"{mailbox.maildir.path}/{FOLDER}"
        for last in (False, False, True):
            try:
                records.make_directory(f"{mailbox.maildir.path}/records")
                records.make_directory(folder)
                _check(mailbox)
                records.append(f"{folder}/{self.name}", f"{' '.join(refs)}\n{mailbox.spool.clock():.3f}")
            except FileNotFoundError:  # another has just settled the last of its own, and removed the folder
                if last:
                    raise
            else:
                return

    def remove(self, mailbox: Mailbox) -> None:
        """Remove it, and the folder after the last of them: without it, nobody looks any further."""
        folder = f"{mailbox.maildir.path}/{FOLDER}"
        records.remove(f"{folder}/{self.name}")
        records.remove_empty(folder)

    def read(self, mailbox: Mailbox) -> tuple[list[str], float]:
        """Return the references that were shown, and the Unix time of that."""
        refs, _, at = (records.read(f"{mailbox.maildir.path}/{FOLDER}/{self.name}") or "").partition("\n")
        seconds, _, milliseconds = at.strip().partition(".")
        return refs.split(), records.number(seconds) + records.number(milliseconds[:3]) / 1000

    def claims(self, mailbox: Mailbox, shown: int) -> list[str]:
        """Return the names of the claims that were kept and still hold what was shown, lapsed or not."""
        for folders in (("new",), ("new", "cur")):  # mutt moves what it finds in new/ to cur/, claim and all
            held = [e for e in mailbox.maildir.entries(*folders) if self._is_of(e.owner)]
            if len(held) >= shown:
                break
        return [name for entry in held if (name := _name(mailbox, entry))]

    def is_being_shown(self, mailbox: Mailbox) -> bool:
        """Return whether the process that hands it over is at it still: without the note, its lease would run on."""
        owners = [owner_parts(entry.owner) for entry in mailbox.maildir.entries("new")]
        return any(nonce == self.nonce and mailbox.host.runs(mark) for mark, _until, nonce in owners)

    def _is_of(self, owner: str) -> bool:
        # Held by a process: it ended before it had shown everything, and nobody knows what was seen.
        mark, _until, nonce = owner_parts(owner)
        return mark == NO_PROCESS and nonce == self.nonce


def _name(mailbox: Mailbox, entry: Entry) -> str:
    """Return the name of the claim on *entry*; empty when the file is gone."""
    id = id_of(entry.key)
    if id is None:
        try:
            message = mailbox.judge(entry, first=False).message
        except FileNotFoundError:
            return ""
        id = message.id if message is not None else ""
    return Claim(reference(id), entry.owner).name if id else ""


def _notes(mailbox: Mailbox, session: Session | None) -> list[_Note]:
    """Return the notes of *session*, oldest first; those of others that ended long ago are removed. None: of all."""
    try:
        _check(mailbox)
        notes = [_Note(name) for name in sorted(os.listdir(f"{mailbox.maildir.path}/{FOLDER}"))]
    except FileNotFoundError:
        return []
    if session is None:
        return notes
    now = mailbox.spool.clock()
    for note in notes:
        if note.session != session.id and note.until + LEASE_SECONDS < now:
            note.remove(mailbox)
    return [note for note in notes if note.session == session.id]


def _check(mailbox: Mailbox) -> None:
    """Return when the folder of notes is one. Raises: Misconfigured for a link, FileNotFoundError."""
    mailbox.maildir.at(FOLDER)

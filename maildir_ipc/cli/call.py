"""One run of a command: where its words go, and how its failures look."""

from __future__ import annotations

import os

from ..errors import TryAgain, Usage
from .arguments import parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ..account import Account
    from ..errors import MaildirIPCError
    from ..mailbox import Mailbox
    from ..tokens import Session
    from .arguments import Arguments


class Call:
    """Facts go to standard output, words for humans to standard error; both at once, unbuffered."""

    def __init__(self) -> None:
        self.json = False
        self.about = ""  # what the verb does, in a few words
        self.unwritten = "try again"  # what to say when the output cannot be written
        self._account: Account | None = None

    def out(self, text: str) -> None:
        """Return when all of *text* was taken by standard output. Raises: TryAgain."""
        self.notes()
        data = memoryview(text.encode("utf-8", "backslashreplace"))
        try:
            while data:
                data = data[os.write(1, data) :]
        except OSError as error:
            raise TryAgain(f"cannot write the output: {error.strerror}", self.unwritten) from error

    def say(self, text: str) -> None:
        """Tell the person something; never fails, for nothing depends on it."""
        try:
            os.write(2, f"{text}\n".encode("utf-8", "backslashreplace"))
        except OSError:
            pass

    @property
    def account(self) -> Account:
        """The caller's account; the environment is read when it is first needed."""
        if self._account is None:
            from ..account import Account
            from ..settings import from_environment

            self._account = Account(from_environment())
            self._account.say = lambda text: self.say(f"mipc: {text}")
        return self._account

    def mailbox(self, session: Session) -> Mailbox:
        """Return the mailbox of a session, open: what a hook handed to it before, this command proves to be seen.

        Not one that a handler runs, nor what `watch --exec` does: that is not the agent.
        """
        mailbox = self.account.mailbox(session)
        if mailbox.maildir.has("records/handed"):
            from ..automatic import hops_here

            if hops_here(mailbox.spool, mailbox.host) is None:
                from ..handover import settle
                from ..process import begun

                settle(mailbox, session, begun())
        return mailbox

    def notes(self) -> None:
        """Say what was noted on the way, once."""
        if self._account is not None:
            while self._account.notes:
                self.say("mipc: " + self._account.notes.pop(0))

    def fail(self, error: MaildirIPCError) -> int:
        """Say in one line what went wrong, and return its exit code."""
        self.notes()
        self.say(f"mipc: {error}")
        if self.json:
            from ..render import error_object, to_json

            try:
                self.out(to_json(error_object(error)) + "\n")
            except TryAgain:
                pass
        return error.exit_code


def load(verb: str) -> Callable[[Call, list[str]], int]:
    """Return what runs a verb; only now is its file loaded."""
    run: Callable[[Call, list[str]], int] = __import__(
        f"{__package__}.{verb.replace('-', '_')}_", None, None, ["run"], 0
    ).run
    return run


def arguments(
    call: Call,
    words: Sequence[str],
    usage: str,
    allowed: Mapping[str, str],
    before_text: int | None = None,
    *,
    most: int | None = 0,
) -> Arguments | None:
    """Return the arguments of a verb, or None when only its usage was asked for.

    *most* operands are taken, None for any number; before a text, any number. Raises: Usage.
    """
    call.json = "--json" in words  # until it is known whether that is an option or text
    found = parse(words, allowed, before_text)
    call.json = found.flag("json")
    if found.flag("help"):
        options = [f"--{name}" if kind == "flag" else f"--{name} {kind}" for name, kind in allowed.items()]
        said = [f"usage: mipc {usage}", *([call.about] if call.about else [])]
        call.out("\n".join([*said, "options: " + " ".join([*options, "--json --as NAME"]), ""]))
        return None
    if before_text is not None and "--as" in found.operands[before_text:]:
        call.say("mipc: --as stands in the text, and is a part of it: options come first")
    if before_text is None and most is not None and len(found.operands) > most:
        raise Usage(f"too many words: {found.operands[most]!a}", f"mipc {usage}")
    return found


def finished(call: Call, code: int) -> int:
    """Return *code* after saying what is left to say."""
    call.notes()
    return code

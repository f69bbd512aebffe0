"""What every verb that sends has in common: its options, its text, and what is said about the outcome."""

from __future__ import annotations

import os

from ..bounds import DEFAULTS
from ..draft import Attachment, Draft
from ..errors import BadData, DurabilityUnknown, TryAgain, Usage
from ..spool import Spool
from .arguments import FLAG, duration, text_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..delivery import Sent
    from ..mailbox import Mailbox
    from .arguments import Arguments
    from .call import Call

OPTIONS = {
    "subject": "TEXT", "data": "JSON", "attach": "FILE", "importance": "low|normal|high",
    "expires": "2h", "id": "ID", "receipt": FLAG, "wait": "seen|done", "timeout": "S", "no-sync": FLAG,
    "auto": FLAG,
}  # fmt: skip
_MAX_INPUT = 1 << 28  # bytes of many messages, which are still held in memory
_TOO_LARGE = "send the path of the file, or raise max-message in the spool's settings"


def draft_of(call: Call, given: Arguments, words: list[str], references: Sequence[str] = (), hops: int = 0) -> Draft:
    """Return the draft that the options and the words of the text make. Raises: BadData, Usage.

    *hops* are an automatic message's: how many came before it.
    """
    _check_wait(given)
    draft = draft_with(given, text_given(words, call), given.get("data"), attached(call, given), references)
    if not given.flag("auto"):
        return draft
    from ..automatic import GENERATED, REPLIED

    return draft.automatic(REPLIED if references else GENERATED, hops)


def draft_with(
    given: Arguments, text: str, data: str | None, files: Sequence[Attachment], references: Sequence[str] = ()
) -> Draft:
    """Return a draft of this content, with what the options say about it. Raises: BadData, Usage."""
    expires = given.get("expires")
    if given.get("id") == "":
        raise Usage("--id is empty", "give any text of your own, or leave it out")
    return Draft(
        text,
        subject=given.get("subject"),
        data=data,
        attachments=files,
        importance=given.get("importance"),
        expires=None if expires is None else duration(expires),
        references=references,
        receipt=given.flag("receipt") or given.get("wait") is not None,
    )


def _check_wait(given: Arguments) -> None:
    """Return when what is waited for, and how long, can be understood. Raises: Usage."""
    wanted = given.get("wait")
    if wanted not in (None, "seen", "done"):
        raise Usage(f"--wait {wanted!a}", "--wait seen, or --wait done")
    if given.get("timeout") is not None:
        duration(given.get("timeout") or "")
        if wanted is None:
            raise Usage("--timeout without --wait", "--wait seen --timeout 60")


def text_given(words: list[str], call: Call | None = None) -> str:
    """Return the text: the words, or for `-` standard input. Raises: BadData, Usage.

    Of that no more is read than a message in the spool of *call* can hold; without it, than many can.
    """
    if not words:
        raise Usage("no text", "give it as words, or - to read standard input")
    if words != ["-"]:
        return text_of(words)
    most = _MAX_INPUT if call is None else _largest(call)
    data = bytearray()
    try:
        while chunk := os.read(0, 1 << 20):
            data += chunk
            if len(data) > most + 1:  # the final LF goes
                raise BadData(f"standard input is over {most} bytes, and that is the limit of a message", _TOO_LARGE)
    except OSError as error:
        raise BadData(f"standard input cannot be read: {error.strerror}", "give the text as words") from error
    if data.endswith(b"\n"):
        del data[-1]
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise BadData("standard input is not UTF-8", "send it as a file: --attach FILE") from None


def attached(call: Call, given: Arguments) -> list[Attachment]:
    """Return what --attach names: no more than one message can hold. Raises: BadData."""
    paths, files = given.all("attach"), list[Attachment]()
    if not paths:
        return files
    from ..attachments import largest_file, read_file

    left = largest_file(_largest(call))
    for path in paths:
        try:
            content = read_file(path, left, call.account.settings.private)
        except BadData as error:
            raise BadData(error.message, f"--attach: {error.next}") from error
        left -= len(content)
        files.append(Attachment(os.path.basename(path), "application/octet-stream", content))
    return files


def _largest(call: Call) -> int:
    """Return how many bytes a message may have; before there is a spool, by default. Raises: Misconfigured."""
    if not Spool.exists(call.account.settings.root):
        return DEFAULTS["max-message"]
    return call.account.spool_record().setting("max-message")


def report_and_wait(call: Call, mailbox: Mailbox, sent: Sent, given: Arguments) -> int:
    """Report; then wait for the receipt that --wait asks for; return the exit code: 1 when it did not come."""
    code, wanted = report(call, sent, json=given.flag("json")), given.get("wait")
    if code or wanted is None:
        return code
    from ..receipts import wait_for

    seconds = duration(given.get("timeout") or "60")
    if wait_for(mailbox, sent, wanted, seconds):
        call.say(f"{wanted} by {', '.join(delivery.delivered_to for delivery in sent.deliveries)}")
        return 0
    call.say(f"mipc: not {wanted} within {seconds:g} s: it was sent, and waits")
    return 1


def report(call: Call, sent: Sent, *, json: bool) -> int:
    """Say what became of it for each recipient, and return the exit code."""
    try:
        _print(call, sent, json=json)
    except TryAgain as error:
        # It was sent: an exit code that asks for a retry would make two of it.
        call.say(f"mipc: {error.message}; what was delivered stays so: --id {sent.retry} completes it")
        return DurabilityUnknown.exit_code
    if sent.error is None:
        return 0
    call.say(f"mipc: to complete it, the same command with --id {sent.retry}")
    return sent.error.exit_code


def _print(call: Call, sent: Sent, *, json: bool) -> None:
    if json:
        from ..render import sent_object, to_json

        call.out(to_json(sent_object(sent)) + "\n")
    for delivery in sent.deliveries:
        if not json:
            call.out(f"{sent.ref} {delivery.to} {delivery.state}\n")
        if delivery.surprise:
            call.say(f"mipc: {delivery.surprise}" if delivery.error is not None else delivery.surprise)

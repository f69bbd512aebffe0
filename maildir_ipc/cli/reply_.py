"""reply: answer a message, in its thread."""

from __future__ import annotations

from ..conversation import ANSWERED, answer_to, note, original
from ..errors import Usage
from .call import Call, arguments
from .sending import OPTIONS, draft_of, report

USAGE = "reply [options] [REF] TEXT… (or - for standard input; without REF, to the last message shown)"


def run(call: Call, words: list[str]) -> int:
    """Send to the one who wrote REF."""
    given = arguments(call, words, USAGE, OPTIONS, before_text=1)
    if given is None:
        return 0
    if not given.operands:
        raise Usage("no text", f"mipc {USAGE}")
    session, words = call.account.identify(given.get("as")), given.operands
    with call.account.mailbox(session) as mailbox:
        named = mailbox.is_ref(words[0])
        if named and len(words) == 1:
            raise Usage("no text", f"mipc {USAGE}")
        ref, text = (words[0], words[1:]) if named else ("@", words)
        received = original(mailbox, ref)
        to, references = answer_to(received)
        draft = draft_of(given, text, references=references)
        sent = mailbox.send([to], draft, id=given.get("id"), sync=not given.flag("no-sync"))
        note(mailbox, received, ANSWERED, sent)
    return report(call, sent, json=given.flag("json"))

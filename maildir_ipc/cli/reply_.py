"""reply: answer a message, in its thread."""

from __future__ import annotations

from ..automatic import answering
from ..conversation import ANSWERED, answer_to, note, to_answer
from ..errors import Usage
from ..finding import LAST
from ..render import attribution
from .call import Call, arguments
from .sending import OPTIONS, draft_of, report_and_wait

USAGE = "reply [options] [REF] TEXT… (or - for standard input; without REF, to the last message shown)"


def run(call: Call, words: list[str]) -> int:
    """Send to the one who wrote REF."""
    given = arguments(call, words, USAGE, OPTIONS, before_text=1)
    if given is None:
        return 0
    if not given.operands:
        raise Usage("no text", f"mipc {USAGE}")
    session, words = call.account.identify(given.get("as")), given.operands
    # Of several words the first is the reference: a text that was guessed at would reach the wrong one.
    ref, text = (LAST, words) if len(words) == 1 else (words[0], words[1:])
    with call.mailbox(session) as mailbox:
        if len(words) == 1 and mailbox.is_reference(words[0]):
            raise Usage("no text", f"mipc {USAGE}")
        received, passed = to_answer(mailbox, ref)
        to, references = answer_to(received)
        if passed:
            call.say(f"answering {attribution(received)}")
        draft = draft_of(call, given, text, references=references, hops=answering(received))
        sent = mailbox.send([to], draft, id=given.get("id"), sync=not given.flag("no-sync"))
        note(mailbox, received, ANSWERED, sent)
        return report_and_wait(call, mailbox, sent, given)

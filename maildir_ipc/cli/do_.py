"""do: do what a sentence says, or say which commands are near to it."""

from __future__ import annotations

import shlex

from ..directory import knows
from ..errors import NoSpool, Usage
from ..phrases import Unsure, understand
from ..render import VERSION, escape, to_json
from .arguments import FLAG, parse
from .call import arguments, load
from .sending import text_given

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..phrases import Act
    from .arguments import Arguments
    from .call import Call

USAGE = "do [options] PHRASE… (or - for standard input)"
OPTIONS = {"dry-run": FLAG}


def run(call: Call, words: list[str]) -> int:
    """Say what was understood, and run the verb that does it. Raises: Usage when it is not one act for certain."""
    _nothing_behind(words)
    given = arguments(call, words, USAGE, OPTIONS, before_text=0)
    if given is None:
        return 0
    if not given.operands:
        raise Usage("no phrase", f"mipc {USAGE}")
    act = understand(text_given(given.operands, call), lambda name: _known(call, name))
    if isinstance(act, Unsure):
        one, other = (_typed(reading, given) for reading in act.readings)
        raise Usage(f"unsure what is meant ({act.why}); nothing was done", f"type {one}   or {other}")
    if given.flag("dry-run"):
        document = {
            "v": VERSION,
            "verb": act.verb,
            "operands": list(act.operands),
            "command": _typed(act.command, given),
        }
        call.out(f"{to_json(document) if given.flag('json') else document['command']}\n")
        return 0
    call.say(f"understood: {_line(act.words)}")
    return load(act.verb)(call, _words(act, given))


def _nothing_behind(words: list[str]) -> None:
    """Return when no option stands behind the phrase: there it would be sent as text, in somebody else's name."""
    for word in parse(words, OPTIONS, before_text=0).operands[1:]:
        if word.startswith("-") and word != "-":
            hint = "options come before the phrase; quote the whole phrase if it has such a word"
            raise Usage(f"{word[:40]!a} stands behind the phrase; nothing was done", hint)


def _known(call: Call, name: str) -> bool:
    try:
        return knows(call.account.spool(), name)
    except NoSpool:
        return False


def _typed(command: str, given: Arguments) -> str:
    """Return a command as it is to be typed here: in the name that this one was given."""
    said = given.get("as")
    if said is None:
        return command
    program, verb, *rest = command.split(" ", 2)
    return " ".join([program, verb, "--as", escape(shlex.quote(said), line=True), *rest])


def _line(text: str) -> str:
    line = escape(text, line=True)
    return line if len(line) <= 120 else f"{line[:119]}…"


def _words(act: Act, given: Arguments) -> list[str]:
    """Return the words of the verb's own command line: no text can be taken for an option."""
    said = given.get("as")
    options = [*(["--json"] if given.flag("json") else []), *([] if said is None else ["--as", said])]
    return [*options, "--", *act.operands]

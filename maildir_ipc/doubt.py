"""Why a text, though it follows a phrase, may not be what is to be sent: a reason in words, or the empty string.

Pure. A reason too many costs the user a colon; one too few sends what was not meant, and that cannot be taken back.
So after a colon, which marks a text, only what is evident counts; without one, every other reading does.
"""

from __future__ import annotations

import re

from .subject import may_be_subject, words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_FLAGS = re.IGNORECASE | re.DOTALL
_PLACEHOLDER = re.compile(
    r"[\s.…_*\"'`“”-]*|<[^<>]*>|\[[^][]*\]|\{+[^{}]*\}+|(?:(?:your|the|my) )?(?:message|text)(?: here)?", re.IGNORECASE
)
_COLON_LATER = re.compile(r":(?:\s|\Z)")
# What parts a sentence; not the point in main.py, the comma in 1,000, the slash in a path, the dash in a name.
_BREAK = re.compile(r"[!?;…]|,(?!\d)|\.{2,}|[.:](?!\w)|[()\[\]{}<>|&*~\"“”«»–—\n]|(?<!\w)/|/(?!\w)|(?<!\w)-|-(?!\w)|--")
_WORD = re.compile(r"[\w@][\w'@-]*")
_SENTENCE = re.compile(r"(?<=[.!?;…])\s+|;|\s(?:[/|&]+|-+|–|—)\s")
_ALSO = re.compile(r"\s*(?:(?:and|then|also|please|oh|now)\s+)*", re.IGNORECASE)

# What takes back that which stands before it. After a colon: what speaks of the sending, or follows an `actually`.
_FILLER = "(?:actually|but|oh|ok(?:ay)?|well|no|nope|wait|sorry|oops|hm+|um|uh|please|just|and|then|thanks|now|so)"
_IT = "(?: (?:it|that|this|these|them|him|her|anything|yet|now|at all|after all|(?:the|this|that|my) (?:message|msg)))"
_NOT = "(?:do not|don't|dont|never|not)"
_EVIDENT = (
    f"(?:never ?mind{_IT}?|nvm|(?:scratch|strike|cancel|disregard) (?:that|(?:this|the|my|that) (?:message|msg))"
    f"|disregard|forget it|forget (?:that )?i said{_IT}|{_NOT} send{_IT}*|do not|don't|dont|no wait|wait no|oh wait"
    "|on second thoughts?|i(?:'ve| have)? changed my mind|i take (?:it|that) back)"
)
_LOOSE = (
    f"(?:{_EVIDENT}|(?:cancel|forget|forget about|ignore|undo|delete|drop|abort|hold|stop|retract|unsend|discard){_IT}*"
    f"|{_NOT}(?: (?:send|tell|msg|message|forward|broadcast|reply|say|do|post|bother|mention))?{_IT}*|no|nope|nah|wait"
    f"|(?:or|if|maybe|perhaps|rather|really|probably|better) not{_IT}*|not (?:really|sent)|(?:hold|hang) on|hold off"
    f"|cancell?ed|without sending{_IT}*|kidding|jk|as if|oops|wrong \\w+|that(?:'s| is| was) wrong|draft(?: only)?"
    f"|a draft|dry run|(?:or )?(?:should|shall|may|can) i(?: not)?(?: (?:send|tell|do))?{_IT}*)"
)
_TURN = f"(?:actually|no wait|wait no|oh wait|oh no|oops|on second thoughts?) (?:{_FILLER} )*{_LOOSE}(?: {_FILLER})*"
# Not compiled here: that takes longer than all other patterns together, and few phrases need it.
_BACK = f"(?:{_FILLER} )*{_EVIDENT}(?: {_FILLER})*|{_TURN}"
_MAYBE_BACK = f"(?:{_FILLER} )*{_LOOSE}(?: {_FILLER})*"
_BACK_INSIDE = rf".* (?:{_TURN}|(?<!\bsay )(?<!\bsaid )(?<!\bsays )(?:never ?mind|nvm|scratch that))"
_MAYBE_BACK_INSIDE = f"(?:.* )?(?:(?:{_EVIDENT}|{_NOT})(?: {_FILLER})*|{_TURN})"
_TAIL = 400  # characters at the end of a text in which it can take itself back

# Without a colon, a text that begins so is a condition, a time, a second name, or no text at all; or it makes the name
# the subject of a sentence: `tell build is green`.
_NO_OPENING = words("""
& after again also and anything apart are as asap assuming at because before but by else eventually every everything
except failed for from had has have if immediately in instead is isn't later maybe never next nor not nothing now of off
on once only or please provided providing something somehow soon supposing then today tomorrow tonight too unless until
via was wasn't were whatever when whenever whether while will with without would yesterday
""")
# A text of nothing but these says nothing: the phrase breaks off, `tell fred that`, or speaks of what it does not say.
_HOLLOW = words("""
a about all an and any anything asking everything her hers herself him himself his how i it its itself me mine my
myself nothing of one or our ours saying so some something stuff telling that the their theirs them themselves these
they thing things this those to us we what where which who whom whose why you your yours yourself
""")
_QUESTION = words("how what where which who whom whose why")

# What a second phrase begins with, after a break of any kind.
_AND_DO = re.compile(
    r"(?:[^\w\s'’@-]|(?<!\w)['’-]|-(?!\w)|\b(?:and|then|also|plus|or|but|next)\b)\s*"
    r"(?:(?:also|then|please|and|or|but|now|just|maybe|next|oh|actually|no|wait|so|later|(?:can|could)\s+you)\s+){0,4}"
    r"(?:tell|msg|message|send|register|reply|forward|broadcast|rename|check|let|say)\b",
    _FLAGS,
)
_NAME = r"@?(?P<name>[a-z0-9_][a-z0-9_-]{0,31})(?![\w-])"
# Where a name may be a second recipient. A path has names after its slashes, so most breaks need a blank here.
_SECOND = (
    re.compile(
        r"(?:\A|[^\w\s](?=\s)|[,;&+(\[{<\"“«…]|(?<!\w)['’@]|\b(?:and|or|also|plus|b?cc|copy|nor|not|no|means?|meant|rather"
        r"|same|instead\s+of|as\s+well\s+as|rather\s+than|except|hello|hi|hey|bye|goodbye|thanks|sorry)\b)\s*"
        r"(?:(?:also|to|then|for|too|please|maybe|rather(?!\s+than)|instead(?!\s+of)|only|and|or|not|no|wait|sorry"
        rf"|oops|actually|with|cc|i\s+meant?)\s+){{0,4}}(?={_NAME})",
        _FLAGS,
    ),
    re.compile(rf"(?<![\w-]){_NAME}\s+(?:too|also|as\s+well)\b", _FLAGS),
)
_ORDER = re.compile(
    r"\b(?:tell|ask|ping|notify|inform|warn|remind|let|e?mail|write(?:\s+to)?|reply\s+to|msg|message"
    rf"|(?:send|forward|pass)(?:\s+(?:it|this|that|an?\s+(?:message|msg)))?(?:\s+on)?(?:\s+to)?)\s+(?={_NAME})",
    _FLAGS,
)
# After these an order is a part of a sentence, what somebody does or is to do: `tell fred to ask barney`.
_NO_ORDER = words("can could did do he i i'll may might must shall she should they to we will would you")

# A condition or a time may be one of the sending. Not where it is an indirect question, or a question itself.
_CONDITION = re.compile(
    r"\b(?:if|unless|whenever|when(?!\s+(?:is|are|am|do|does|did|will|can|was|were|should)\b)|once(?=\s+(?!again|more)\w)"
    r"|(?:provided|providing|assuming)\s+(?:that|it|he|she|they|you|the|all)|in\s+case|as\s+(?:soon|long)\s+as)\b(?!['’])",
    _FLAGS,
)
_INDIRECT = words("ask asked asking asks check know me say see sure tell us wonder wondering")
_TIME = (
    r"(?:tomorrow|later|tonight|asap|soon|eventually|afterwards?|after|before|until|till|next|every|only"
    r"|some ?(?:day|time)|but (?:only|not)|right (?:after|before)|(?:in|at) \w+|(?:from|on) \w+day)\b"
)
_LATER = re.compile(_TIME)
_GREETED = re.compile(
    rf"(?:(?:hello|hi|hey|there|bye|goodbye|ok|okay|yes|again|cheers|welcome|all) )+(?:{_TIME}|twice\b)"
)


def no_text(text: str) -> str:
    """Return why this is no text, or the empty string."""
    if not text.strip():
        return "there is no text"
    return "its text is a placeholder" if is_placeholder(text) else ""


def is_placeholder(text: str) -> bool:
    """Return whether this only stands for a text, or is empty."""
    return _PLACEHOLDER.fullmatch(text.strip()) is not None


def taken_back(text: str) -> str:
    """Return why a text that a colon marks evidently takes itself back at its end, or the empty string.

    What is nothing but such words is the message: `reply: never mind`.
    """
    return _taken_back(text, _BACK, _BACK_INSIDE)


def later_sentences(text: str) -> Iterator[str]:
    """Yield what begins a line or a sentence after the first."""
    first = True
    for line in text.splitlines():
        for sentence in _SENTENCE.split(line):
            if not first:
                yield _ALSO.sub("", sentence, count=1)
            first = False


def unmarked(text: str) -> str:
    """Return why this may be no text without a colon before it, or the empty string."""
    first = text.split(None, 1)[0].strip(",.;!?").lower()
    parts = _parts(text) or [""]
    heard = " ".join(parts).split() or [""]  # an emoji is a text, and has no word
    doubts = (
        (first in _NO_OPENING, f"{first[:20]!a} may be no part of the text"),
        (all(map(_is_hollow, heard)) or (heard == [""] and text.isascii()), "there is no text"),
        (heard[0] in _QUESTION and text.rstrip()[-1] != "?", "it may say what to tell, and not be the text"),
        (may_be_subject(parts[0].split()), "the name may be the subject of a sentence"),
        (_AND_DO.search(text), "there may be a second phrase in its text"),
        (_COLON_LATER.search(text), "a colon comes later than after the name"),
        (len(text.splitlines()) > 1, "several lines need a colon after the name"),
        (_conditional(text, parts), "its text may say when to send it"),
        (any(re.fullmatch(_BACK, part) for part in parts), "its text may take itself back"),
    )
    return next((why for doubtful, why in doubts if doubtful), "") or _taken_back(text, _MAYBE_BACK, _MAYBE_BACK_INSIDE)


def second_name(text: str, named: Callable[[str], bool]) -> str:
    """Return why an unmarked text may be for one of the others too, whom *named* knows; or the empty string."""
    for pattern in _SECOND:
        for match in pattern.finditer(text):
            if named(match["name"].lower()):
                return "there may be a second name in its text"
    for match in _ORDER.finditer(text):
        before = text[max(0, match.start() - 20) : match.start()].lower().split()
        if (not before or before[-1] not in _NO_ORDER) and named(match["name"].lower()):
            return "there may be a second phrase in its text"
    return ""


def _is_hollow(word: str) -> bool:
    return word in _HOLLOW or (word.endswith("ly") and len(word) > 5)


def _parts(text: str) -> list[str]:
    """Return the words of each part of a sentence, in lower case, with one blank between them."""
    found = (" ".join(_WORD.findall(part)) for part in _BREAK.split(text.lower().replace("’", "'")))
    return [part for part in found if part]


def _taken_back(text: str, end: str, inside: str) -> str:
    """Return why the last parts of a text may take back the others (*end*), or the last words the rest (*inside*)."""
    text = text.rstrip()
    parts = _parts(text[-_TAIL:])
    tails = [" ".join(parts[place:]) for place in range(len(parts))]
    fronted = tails if len(text) > _TAIL else tails[1:]
    back = any(re.fullmatch(end, tail) for tail in fronted) or any(
        re.fullmatch(inside, tail) for tail in tails[-1:] + tails[:1]
    )
    return "its text may take itself back" if back else ""


def _conditional(text: str, parts: list[str]) -> bool:
    for match in _CONDITION.finditer(text):
        before = text[max(0, match.start() - 20) : match.start()].lower().split()
        if not before or before[-1] not in _INDIRECT:
            return True
    later = len(parts) > 1 and _LATER.match(parts[-1])
    return bool(later or _GREETED.match(" ".join(parts)))

"""What a person's sentence asks for: one act with its arguments, or unsure, with the two nearest commands.

Pure: nothing is sent here, and no file is looked at. What is not exactly one of the forms below is unsure:
a guess could reach the wrong one, and what was sent cannot be taken back.
The rules in words are in docs/reference/phrases.md.
"""

from __future__ import annotations

import re
import shlex

from . import doubt
from .address import is_name, parse_name
from .errors import Usage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_FLAGS = re.IGNORECASE | re.ASCII | re.DOTALL  # ASCII: otherwise U+017F is an s, and U+212A a k
_NAME = "@?(?P<name>[a-z0-9_][a-z0-9_-]{0,63})(?![a-z0-9_-])"
_TO = "(?:tell|msg|message|send to|send (?:an? )?(?:message|msg) to)"
_ALL = "(?:everyone|everybody|all)"
_AUTO = "auto(?:-| )?check(?:s|ing)?"
_AGENTS = "(?:ipc )?(?:instances|agents|ais)"
_MINUTES = "(?P<minutes>[0-9]{1,9})"
_EVERY = f"(?:(?:every|for|with) )?{_MINUTES}(?:(?:-| )?(?:mins?|minutes?))?(?: intervals?)?"

# In all forms a blank is one or more blanks or tabs.
# These are a whole phrase, but for blanks around it, and for `.` and `!` at its end; for `?` where it only looks.
_WHOLE = (
    (("register", "{name}"), f"register (?:(?:this )?(?:instance|agent|session) )?as {_NAME}"),
    (("register", "{name}"), f"(?:i want to be called|my name is|call me) {_NAME}"),
    (("rename", "{name}"), f"(?:rename(?: myself)?|change my name) to {_NAME}"),
    (("rename", "{name}"), f"i want to be called {_NAME} now"),
    (("check",), "check (?:for )?(?:my )?(?:new )?(?:messages|msgs|mail)"),
    (("check",), "(?:any )?(?:new )?(?:messages|msgs|mail)"),
    (("check",), "(?:do i have (?:any )?(?:new )?messages|what (?:new )?messages do i have)"),
    (("list",), f"(?:list|show) (?:all )?(?:active )?{_AGENTS}"),
    (("list",), f"(?:(?:show )?who(?:'s| is) (?:online|connected|active)|which {_AGENTS} are (?:active|online))"),
    (("forward", "@", "{name}"), f"forward (?:(?:it|this|that) )?to {_NAME}"),
    (("auto-check", "start"), f"(?:start|enable|turn on) {_AUTO}"),
    (("auto-check", "start", "{minutes}"), f"(?:start|enable|turn on) {_AUTO} {_EVERY}"),
    (
        ("auto-check", "start", "{minutes}"),
        f"{_AUTO} (?:my )?(?:messages )?every {_MINUTES} (?:mins?|minutes?)",
    ),
    (("auto-check", "stop"), f"(?:stop|disable|turn off|no more) {_AUTO}"),
    (("auto-check", "status"), f"(?:is {_AUTO} (?:on|off|active|running)|{_AUTO} status)"),
    (("auto-check", "status"), f"(?:how often are we {_AUTO}|when(?:'s| is) the next {_AUTO})"),
    (("auto-check", "log"), f"what happened with {_AUTO}"),
)
# These end in a colon. What follows it, after one blank or one line end, is the text, byte for byte.
_COLON = (
    (("broadcast", "{text}"), f"(?:broadcast(?: to {_ALL})?|{_TO} {_ALL}|send {_ALL} an? (?:message|msg))"),
    (("reply", "@", "{text}"), "reply"),
    (("send", "{name}", "{text}"), f"{_TO} {_NAME}"),
    (("send", "{name}", "{text}"), f"send {_NAME} an? (?:message|msg)"),
)
# These have no colon. What follows, after one blank, is the text; more is asked of it, and of the name.
_OPENING = "(?=(?:about|that|asking|saying|telling|to) )"
_BARE = (
    (("broadcast", "{text}"), "(?:tell|msg|message) (?:everyone|everybody)", "(?=about )"),
    (("send", "{name}", "{text}"), f"(?:message|send (?:an? )?(?:message|msg) to) {_NAME}", _OPENING),
    (("send", "{name}", "{text}"), f"send {_NAME} an? (?:message|msg)", _OPENING),
    (("send", "{name}", "{text}"), f"(?:tell|msg) {_NAME}", ""),
)

# What stands in a sentence where these phrases have a name: `tell the team: …`, `message sent: …`, `call me later`.
_SAID = """
a about active again agent agents ais all also an and any anybody anyone anything anytime anyway are as asap ask asking
at auto back body both broadcast but by call called check command count crazy date debug delivered dev devs else error
everybody everyone failed find for forward forwarded from group guys he her here him his how i id if in info instance
instances is it its later list mail maybe message messages mine msg msgs my myself name never no nobody none not
nothing now of off on one or other others our ours people please queue queued read received recipient register rename
reply said say saying says send sender sending sent show size some somebody someone something sometime soon start
status stop subject tbd team teams tell telling tells text that the their them then there these they this those to
today tomorrow tonight unknown unread us wait warning was watch we were what whatever when where which who why with x y
yet you your yourself z
"""
WORDS = frozenset(_SAID.split())
_LOOKS = (("check",), ("list",), ("auto-check", "status"), ("auto-check", "log"))


def _pattern(form: str, end: str) -> re.Pattern[str]:
    return re.compile(r"\s*" + form.replace(" ", r"[ \t]+").replace("'", "['’]") + end, _FLAGS)


_WHOLE_FORMS = [(act, _pattern(form, rf"\s*(?:[.!{'?' * (act in _LOOKS)}]+\s*)?\Z")) for act, form in _WHOLE]
_COLON_FORMS = [(act, _pattern(form, r"[ \t]*:(?:[ \t]|\r?\n|\Z)(?P<text>.*)\Z")) for act, form in _COLON]
_BARE_FORMS = [(act, _pattern(form, rf"[ \t]{opening}(?P<text>.*)\Z")) for act, form, opening in _BARE]


class Act:
    """A verb of the command, and its operands; a text is the last operand, exactly as it was given."""

    __slots__ = ("operands", "verb")

    def __init__(self, verb: str, operands: tuple[str, ...]) -> None:
        self.verb, self.operands = verb, operands

    def __repr__(self) -> str:
        return f"Act({self.verb!r}, {self.operands!r})"

    @property
    def words(self) -> str:
        """What was understood, in words, not yet fit for a terminal."""
        if self.verb in ("reply", "broadcast"):
            to = "the last message shown" if self.verb == "reply" else "everyone who has registered"
            return f"{self.verb} to {to}: {self.operands[-1]}"
        if self.verb == "send":
            return f"send to {self.operands[0]}: {self.operands[1]}"
        if self.verb == "forward":
            return f"forward the last message shown to {self.operands[1]}"
        return " ".join((self.verb, *self.operands))

    @property
    def command(self) -> str:
        """What to type for it: one line. A text that is long, or no plain line, goes by standard input."""
        *first, last = self.operands or ("",)
        plain = last.isprintable() and len(last) <= 200
        operands = [*first, last if plain else "-"] if self.operands else []
        ender = ["--"] if any(len(word) > 1 and word.startswith("-") for word in operands) else []
        return shlex.join(["mipc", self.verb, *ender, *operands])


class Unsure:
    """Nothing that may be done: why, and two commands of which one may be meant."""

    __slots__ = ("readings", "why")

    def __init__(self, why: str, readings: tuple[str, str]) -> None:
        self.why, self.readings = why, readings


def understand(phrase: str, known: Callable[[str], bool]) -> Act | Unsure:
    """Return what *phrase* asks for. *known* says whether somebody has a name; it is not asked after a colon.

    The text of a message is a part of *phrase*, neither changed nor trimmed.
    """
    act, why = _whole(phrase, known)
    if act is None:
        act, why = _colon(phrase)
    if act is None:
        act, why = _bare(phrase, known)
    if act is None:
        return Unsure("it is none of the phrases" if phrase.strip() else "it is empty", _nearest(phrase))
    if not why:
        return act
    no_text = act.operands[-1:] and doubt.is_placeholder(act.operands[-1])
    return Unsure(why, _nearest(phrase, Act(act.verb, (*act.operands[:-1], "TEXT")) if no_text else act))


def _whole(phrase: str, known: Callable[[str], bool]) -> tuple[Act | None, str]:
    for form, pattern in _WHOLE_FORMS:
        match = pattern.match(phrase)
        if match is not None:
            act, why = _made(form, match)
            if not why and act.verb == "forward" and not known(act.operands[1]):
                why = f"nobody is called {act.operands[1]}, and it may be no name"  # `forward to production`
            return act, why
    return None, ""


def _colon(phrase: str) -> tuple[Act | None, str]:
    for form, pattern in _COLON_FORMS:
        match = pattern.match(phrase)
        if match is not None:
            act, why = _made(form, match)
            return act, why or doubt.no_text(match["text"]) or _second(match["text"]) or doubt.taken_back(match["text"])
    return None, ""


def _bare(phrase: str, known: Callable[[str], bool]) -> tuple[Act | None, str]:
    for form, pattern in _BARE_FORMS:
        match = pattern.match(phrase)
        if match is not None:
            act, why = _made(form, match)
            if why:  # where no name ends, no text begins
                everyone = match["name"].lower() in ("all", "everybody", "everyone")
                return Act("broadcast", ("TEXT",)) if everyone else Act("send", ("NAME", "TEXT")), why
            to = act.operands[0] if form[0] == "send" else ""
            why = doubt.no_text(match["text"]) or doubt.unmarked(match["text"])
            if not why and to and not known(to):
                why = f"nobody is called {to}, and no colon says that a name ends here"
            return act, why or _for_another(match["text"], to, known)
    return None, ""


def _for_another(text: str, to: str, known: Callable[[str], bool]) -> str:
    """Return why a text to *to* may be for another one, or for everyone; or the empty string."""

    def named(word: str) -> bool:
        return word in ("everybody", "everyone") or (word != to and word not in WORDS and is_name(word) and known(word))

    return doubt.second_name(text, named)


def _made(form: tuple[str, ...], match: re.Match[str]) -> tuple[Act, str]:
    """Return the act of a form that fits, and why it is not to be done, or the empty string."""
    found, why = match.groupdict(), ""
    if "name" in found:
        try:
            name = parse_name(found["name"])
        except Usage as error:
            name, why = "NAME", error.message
        if name in WORDS:
            name, why = "NAME", f"{name} may be a word of the sentence, and no name"
        found["name"] = name
    operands = tuple(found[word[1:-1]] if word.startswith("{") else word for word in form[1:])
    return Act(form[0], operands), why


def _second(text: str) -> str:
    """Return why this text may be two messages, the second for somebody else; or the empty string."""
    for sentence in doubt.later_sentences(text):
        act, why = _colon(sentence)
        if act is not None and not why:
            return "a later line or sentence of its text is a phrase too"
    return ""


# The words by which a sentence that is none of the phrases is near to one of them.
_NEAR = (
    (Act("check", ()), "check messages msgs mail inbox any new unread read"),
    (Act("send", ("NAME", "TEXT")), "send tell msg message to let ask write"),
    (Act("broadcast", ("TEXT",)), "broadcast everyone everybody all team group announce agents"),
    (Act("reply", ("@", "TEXT")), "reply answer respond back"),
    (Act("forward", ("@", "NAME")), "forward pass it"),
    (Act("list", ()), "list who who's online active connected instances agents show which"),
    (Act("register", ("NAME",)), "register instance called call name i'm"),
    (Act("rename", ("NAME",)), "rename change name call called now"),
    (Act("auto-check", ("start", "5")), "start enable turn auto checking auto-check every minutes min"),
    (Act("auto-check", ("stop",)), "stop disable off auto checking auto-check no more"),
    (Act("auto-check", ("status",)), "status auto checking auto-check how often next when's"),
    (Act("auto-check", ("log",)), "what happened auto checking auto-check"),
)
_WORD = re.compile(r"[a-z'-]+")
_AND = r"(?:[ \t]*[,&][ \t]*|[ \t]+and[ \t]+)"
_TEXT_AFTER = r"(?:[ \t]*:[ \t]?(?P<text>.*))?"
_TO_SEVERAL = re.compile(rf"\b(?:to|tell|msg|message)[ \t]+(?P<names>[\w-]+(?:{_AND}[\w-]+)+){_TEXT_AFTER}", _FLAGS)
_TO_ONE = re.compile(rf"\b(?:to|tell|msg|message|send|ask)[ \t]+(?={_NAME}{_TEXT_AFTER})", _FLAGS)


def _nearest(phrase: str, act: Act | None = None) -> tuple[str, str]:
    """Return two commands of two kinds, the likelier first; *act* is the reading that a rule did not allow."""
    from difflib import get_close_matches

    heard = _WORD.findall(phrase[:200].lower())[:12]
    scores = []
    for _act, says in _NEAR:
        meant = says.split()
        scores.append(sum(bool(get_close_matches(word, meant, 1, 0.86)) for word in heard))
    order = sorted(range(len(_NEAR)), key=lambda place: -scores[place])
    found = _addressed(phrase[:10000], act) + [_NEAR[place][0] for place in order]
    first = found[0]
    second = next(
        near for near in found[1:] if near.verb != first.verb or (near is act and near.command != first.command)
    )
    return first.command, second.command


def _addressed(phrase: str, act: Act | None) -> list[Act]:
    """Return the readings that have names in them."""
    several = _TO_SEVERAL.search(phrase)
    if several is not None and len(several["names"]) <= 200 and (act is None or act.verb == "send"):
        names = ",".join(re.split(_AND, several["names"].lower()))
        return [Act("send", (names, several["text"] or "TEXT")), *([] if act is None else [act])]
    if act is not None:
        return [act]
    for match in _TO_ONE.finditer(phrase):
        if match["name"].lower() not in WORDS:
            return [Act("send", (match["name"].lower(), match["text"] or "TEXT"))]
    return []

"""send --batch: many messages, one JSON object a line on standard input."""

from __future__ import annotations

from ..address import parse_name
from ..draft import Draft
from ..errors import BadData, MaildirIPCError, Usage
from .sending import report, text_given

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .arguments import Arguments
    from .call import Call

_WORDS = ("subject", "importance", "id")
_KNOWN = {"to", "body", "data", "expires", "in_reply_to", *_WORDS}


class Line:
    """One message of a batch, checked: to whom, what, and under which id. A value."""

    __slots__ = ("draft", "id", "number", "to")

    def __init__(self, number: int, to: list[str], draft: Draft, id: str | None) -> None:
        self.number, self.to, self.draft, self.id = number, to, draft, id


def send_lines(call: Call, given: Arguments) -> int:
    """Send each line's message in turn, and say what became of it; return the exit code of the first that failed.

    Nothing is sent when one of the lines cannot be understood. Raises: Usage, BadData.
    """
    if given.operands not in ([], ["-"]):
        raise Usage("--batch takes its names and texts from standard input", "mipc send --batch <FILE")
    lines = lines_of(text_given(["-"]))
    code, sync = 0, not given.flag("no-sync")
    with call.mailbox(call.account.sender(given.get("as"))) as mailbox:
        for line in lines:
            try:
                sent = mailbox.send(line.to, line.draft, id=line.id, sync=sync)
            except MaildirIPCError as error:
                call.say(f"mipc: line {line.number}: {error}")
                code = code or error.exit_code
                continue
            failed = report(call, sent, json=given.flag("json"))
            code = code or failed
    return code


def lines_of(text: str) -> list[Line]:
    """Return the messages of a batch. Raises: BadData, naming the first line that cannot be understood."""
    found = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                found.append(_line(number, line))
            except MaildirIPCError as error:
                raise BadData(f"line {number}: {error.message}", error.next) from error
    return found


def _line(number: int, line: str) -> Line:
    import json

    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise BadData("not a JSON object", """like {"to": "bob", "body": "text"}""")
    unknown = sorted(set(value) - _KNOWN)
    if unknown:
        raise BadData(f"nothing here is called {unknown[0]!a}", "known are " + " ".join(sorted(_KNOWN)))
    for word in ("body", "in_reply_to", *_WORDS):
        if not isinstance(value.get(word, ""), str):
            raise BadData(f"{word} is no text", "give a string")
    expires, data, to = value.get("expires"), value.get("data"), value.get("to")
    if expires is not None and (not isinstance(expires, (int, float)) or isinstance(expires, bool)):
        raise BadData("expires is no number", "give seconds")
    names = [to] if isinstance(to, str) else to
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise BadData("no recipient", 'give "to": "bob", or a list of names')
    if "body" not in value or value.get("id") == "":
        raise BadData("no body" if "body" not in value else "id is empty", "give it, or leave the line out")
    draft = Draft(
        value["body"],
        subject=value.get("subject"),
        data=None if data is None else json.dumps(data, ensure_ascii=False),
        importance=value.get("importance"),
        expires=expires,
        references=[value["in_reply_to"]] if value.get("in_reply_to") else (),
    )
    return Line(number, list(dict.fromkeys(parse_name(name) for name in names)), draft, value.get("id"))

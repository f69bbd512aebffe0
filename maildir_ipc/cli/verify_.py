"""verify: judge the signatures of message files."""

from __future__ import annotations

import os

from ..errors import NoSuchMessage
from ..render import escape
from .call import arguments

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .call import Call

_MAX_FILE = 1 << 28  # bytes; what is larger is no message
USAGE = "verify [FILE…] (- for standard input; without any, all of your mailbox)"


def run(call: Call, words: list[str]) -> int:
    """Print a verdict for each file; 76 unless all pass. Looks at signatures only, not at what was seen before."""
    given = arguments(call, words, USAGE, {}, most=None)
    if given is None:
        return 0
    paths = given.operands or _own_mailbox(call, given.get("as"))
    rows = [(call.account.verdict_of(_content(path)), path) for path in paths]
    if given.flag("json"):
        from ..render import VERSION, to_json

        call.out(to_json({"v": VERSION, "files": [{"path": p, "verdict": v} for v, p in rows]}) + "\n")
    else:
        call.out("".join(f"{verdict} {escape(path, line=True)}\n" for verdict, path in rows))
    return 0 if all(verdict == "pass" for verdict, _ in rows) else 76


def _own_mailbox(call: Call, said: str | None) -> list[str]:
    with call.account.mailbox(call.account.identify(said, only_reading=True)) as mailbox:
        return [f"{mailbox.maildir.path}/{entry.path}" for entry in mailbox.maildir.entries("new", "cur")]


def _content(path: str) -> bytes:
    chunks, size = [], 0
    try:
        # O_NONBLOCK: a FIFO has no end, and nobody may be writing to it.
        fd = 0 if path == "-" else os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            while size <= _MAX_FILE and (chunk := os.read(fd, 1 << 20)):
                chunks.append(chunk)
                size += len(chunk)
        finally:
            if fd:
                os.close(fd)
    except OSError as error:
        raise NoSuchMessage(f"{path!a}: {error.strerror}", "give the path of a message file") from error
    return b"".join(chunks)

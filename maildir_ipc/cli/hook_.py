"""hook: what an agent client calls at its events."""

from __future__ import annotations

import os

from ..errors import Usage
from .arguments import parse
from .call import arguments

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .call import Call

USAGE = "hook CLIENT EVENT"
_MOST = 1 << 26  # bytes of standard input that are kept


def run(call: Call, words: list[str]) -> int:
    """Answer a hook in its client's JSON, or say nothing. Always 0: a hook that fails stops somebody's work."""
    try:
        if parse(words, {}, None).flag("help"):
            arguments(call, words, USAGE, {})
            return 0
        _answer(call, words, _drained())
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - it is in the log, and the agent goes on
        from ..hook import log
        from ..settings import state_directories

        log(state_directories(), f"{' '.join(words[:2])}: {_said(error)}")
    return 0


def _said(error: BaseException) -> str:
    if isinstance(error, OSError) and error.filename is not None:
        return f"{os.fsdecode(error.filename)}: {error.strerror}"
    return str(error) or type(error).__name__


def _answer(call: Call, words: list[str], stdin: bytes) -> None:
    from ..hook import answer, event

    if len(words) != 2:
        raise Usage("not a client and an event", f"mipc {USAGE}")
    call.unwritten = "what was not shown is still unread"
    answer(call.account, event(words[0], words[1], stdin), call.out)


def _drained() -> bytes:
    """Return standard input, all of read to its end: a client that cannot write all of it may stop."""
    parts, size = [], 0
    try:
        while part := os.read(0, 1 << 20):
            size += len(part)
            if size <= _MOST:
                parts.append(part)
    except OSError:
        pass  # it is closed
    return b"".join(parts)

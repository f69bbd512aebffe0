"""The command `mipc`: a verb's file is loaded only when that verb is asked for."""

from __future__ import annotations

import os
import sys

from ..errors import MaildirIPCError, Missing, TryAgain, Usage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

VERBS = {
    "register": "take a name here, and say how much mail waits",
    "whoami": "say who you are, and which spool is used",
    "list": "show who has registered",
    "send": "deliver a message to one or more names",
    "broadcast": "deliver a message to everyone who has registered",
    "reply": "answer a message, in its thread",
    "forward": "pass a message on to others",
    "check": "show what is unread, and mark it read",
    "read": "show one message again, with its verdict",
    "history": "show what was read and sent before",
    "take": "hold the oldest unread message, to work on it",
    "ack": "say that the work on a message is done",
    "release": "give a message back, unread",
    "wait": "return as soon as something is unread",
    "watch": "say so whenever mail comes, or run a command",
    "auto-check": "have mail looked at without being asked: start, stop, status, run, log",
    "do": 'do what a sentence says: "tell fred: the build is green"',
    "rename": "take another name; the old one forwards for two hours",
    "unregister": "end this session; mailbox and mail stay",
    "share-file": "send a file",
    "share-command": "run a command, and send what it prints",
    "setup": "tell an agent client, cron or systemd about this program, or print what to tell them",
    "mcp": "serve an agent that speaks MCP",
    "hook": "answer an event of an agent client; always exits 0",
    "init": "make a spool",
    "key": "show, export, import or rotate the spool's key",
    "verify": "judge the signatures of message files",
    "path": "print the path of a mailbox",
    "gc": "remove what nobody needs any more; a dry run without --apply",
    "doctor": "look for what is wrong, and say what to do about it",
    "selftest": "try the main job in a spool of its own",
    "demo": "watch two agents talk, in a spool of their own",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code. Nothing but one clear line reaches the user when it fails."""
    words = list(sys.argv[1:] if argv is None else argv)
    if sys.platform == "win32":
        return _say("mipc: Windows itself is not supported: use WSL", Missing.exit_code)
    os.umask(0o077)
    _open_standard_files()
    if words[:1] == ["help"] and words[1:2]:
        words = [words[1], "--help"]
    if not words or words[0] in ("-h", "--help", "help"):
        return _help()
    if words[0] == "--version":
        from .. import __version__

        return _print(f"{__version__}\n")
    try:
        return _run(words)
    except KeyboardInterrupt:
        return 130
    except Exception as error:  # noqa: BLE001 - a traceback helps no agent; nothing is done after this
        return _say(f"mipc: a fault in mipc itself, please report it: {type(error).__name__}: {error}", 70)


def _run(words: list[str]) -> int:
    from .call import Call, finished, load

    call = Call()
    call.json = "--json" in words
    try:
        if words[0].startswith("-"):
            raise Usage(f"no command before {words[0]!a}", "the command comes first, mipc help lists them")
        if words[0] not in VERBS:
            raise Usage(f"no command {words[0]!a}", "mipc help lists them")
        call.about = VERBS[words[0]]
        return finished(call, load(words[0])(call, words[1:]))
    except MaildirIPCError as error:
        return call.fail(error)
    except OSError as error:
        # Only what no stage foresaw comes here: the system's own words, and no claim that anything was done.
        from ..maildir import cannot_write

        return call.fail(cannot_write(str(error.filename or "the input or output"), error))


def _open_standard_files() -> None:
    """Open /dev/null for those of descriptors 0, 1 and 2 that are closed, the wrong way round.

    Otherwise the next file that is opened, a mailbox's, would become standard output. Reading from, or
    writing to, what was closed fails as it should.
    """
    for fd, mode in ((0, os.O_WRONLY), (1, os.O_RDONLY), (2, os.O_RDONLY)):
        try:
            os.fstat(fd)
        except OSError:
            os.open("/dev/null", mode)


def _help() -> int:
    width = max(map(len, VERBS))
    lines = [f"  {verb.ljust(width)}  {text}" for verb, text in VERBS.items()]
    tail = "mipc VERB --help says more. Everywhere: --json, --as NAME."
    return _print("\n".join(["usage: mipc VERB …", *lines, tail, ""]))


def _print(text: str) -> int:
    from .call import Call

    try:
        Call().out(text)
    except TryAgain as error:
        return _say(f"mipc: {error}", error.exit_code)
    return 0


def _say(text: str, code: int) -> int:
    try:
        os.write(2, f"{text}\n".encode("utf-8", "backslashreplace"))
    except OSError:
        pass
    return code

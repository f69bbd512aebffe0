"""The agent clients that we know, how a process is recognised as one of them, and whose its sessions are.

What each says has its own file.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..process import Process

NAMES = ("claude", "codex", "gemini", "opencode")

# One process of theirs runs several sessions, each another agent: an app server's threads, a server's sessions.
# Of the others one process is one agent, whose session id changes (/clear, /resume).
SEVERAL = ("codex", "opencode")

# What kinds of events their hooks have; `KINDS` in the file of each says which event is which.
START, PROMPT, TOOL, STOP, END = "start", "prompt", "tool", "stop", "end"

_PACKAGES = (
    ("@anthropic-ai/claude-code", "claude"),
    ("@openai/codex", "codex"),
    ("@google/gemini-cli", "gemini"),
    ("opencode-ai", "opencode"),
)
_INTERPRETERS = ("node", "nodejs", "bun", "deno", "python", "sh", "bash", "dash", "MainThread")
_MODES = ("run",)  # `bun run FILE`


def client_of(process: Process) -> str | None:
    """Return which known agent client a process is, or None: by its name, or what its interpreter runs."""
    if process.comm in NAMES:
        return process.comm
    argv = process.argv
    if not argv:
        return None
    own = _stem(argv[0])
    if own in NAMES:
        return own
    if not (process.comm.startswith(_INTERPRETERS) or own.startswith(_INTERPRETERS)):
        return None
    script = next((a for a in argv[1:] if not a.startswith("-") and a not in _MODES), "")
    for package, client in _PACKAGES:
        if f"/{package}/" in script:
            return client
    name = _stem(script)
    return name if name in NAMES and "-c" not in argv[1:3] else None


def is_anothers(recorded: str, ids: Sequence[str]) -> bool:
    """Return whether what is recorded as *recorded*, CLIENT:ID, belongs to another agent than a caller with *ids*."""
    client = recorded.partition(":")[0]
    return client in SEVERAL and recorded not in ids and any(id.startswith(f"{client}:") for id in ids)


def own_id(process: Process | None, ids: Sequence[str]) -> str | None:
    """Return which of *ids* is the own one of what hangs on *process*; it inherits those of whoever started it."""
    client = None if process is None else client_of(process)
    return next((id for id in ids if id.startswith(f"{client}:")), ids[0] if ids else None)


def _stem(path: str) -> str:
    name = path.rsplit("/", 1)[-1].removeprefix("-")
    for suffix in (".js", ".mjs", ".cjs", ".py"):
        name = name.removesuffix(suffix)
    return name

"""The agent clients that we know, and how a process is recognised as one of them. What each says has its own file."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..process import Process

NAMES = ("claude", "codex", "gemini", "opencode")

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


def _stem(path: str) -> str:
    name = path.rsplit("/", 1)[-1].removeprefix("-")
    for suffix in (".js", ".mjs", ".cjs", ".py"):
        name = name.removesuffix(suffix)
    return name

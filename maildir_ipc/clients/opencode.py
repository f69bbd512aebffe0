"""opencode: what its plugin asks and is answered. It has no hooks that run a command, so a small plugin does that.

The plugin calls `ipc-hook opencode EVENT` with `{"session_id": …}` on standard input: with `"agent_id"` in it for
a session that has a parent, with `"tool_name"` and `"tool_input"` after a tool, and with `"stop_hook_active": true`
at a `session.idle` that follows a prompt which it gave itself. It is answered with nothing, or with
`{"text": …}`: to be appended to the tool's output or to the prompt's parts, and at `session.idle` to be given as a
prompt.
Commands that an agent runs get OPENCODE_SESSION_ID, the id of the session that has no parent.

Source: the types of @opencode-ai/plugin 1.18.33
"""

from __future__ import annotations

from . import END, PROMPT, START, STOP, TOOL

# What the plugin calls for: event and the seconds that it may take.
EVENTS = {"session.created": 10, "chat.message": 5, "tool.execute.after": 5, "session.idle": 5, "session.deleted": 5}
KINDS = {
    "session.created": START,
    "chat.message": PROMPT,
    "tool.execute.after": TOOL,
    "session.idle": STOP,
    "session.deleted": END,
}
UNHEARD = ("session.created", "session.deleted")  # events whose answer reaches nobody


def context(_event: str, text: str) -> dict[str, object]:
    """Return what puts *text* before the agent, at any event but the last two; the plugin knows the event."""
    return {"text": text}


def again(text: str) -> dict[str, object]:
    """Return what keeps the agent working, with *text* to work on."""
    return {"text": text}

"""Claude Code: its hooks, and the JSON that they answer with.

Source: the schemas in Claude Code 2.1.197; https://code.claude.com/docs/en/hooks
"""

from __future__ import annotations

from . import END, PROMPT, START, STOP, TOOL

# What setup asks to be called for: event and the seconds that it may take.
EVENTS = {"SessionStart": 10, "UserPromptSubmit": 5, "PostToolBatch": 5, "Stop": 5, "SessionEnd": 5}
# PostToolUse is for versions without PostToolBatch, which is one call for all tools of a turn.
KINDS = {
    "SessionStart": START,
    "UserPromptSubmit": PROMPT,
    "PostToolBatch": TOOL,
    "PostToolUse": TOOL,
    "Stop": STOP,
    "SessionEnd": END,
}
UNHEARD = ("SessionEnd",)  # events whose answer reaches nobody


def context(event: str, text: str) -> dict[str, object]:
    """Return what puts *text* before the agent, at any event but the last two."""
    return {"hookSpecificOutput": {"hookEventName": event, "additionalContext": text}}


def again(text: str) -> dict[str, object]:
    """Return what keeps the agent working, with *text* to work on."""
    return {"decision": "block", "reason": text}

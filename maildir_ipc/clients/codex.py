"""Codex: its hooks, and the JSON that they answer with. A key that it does not know makes it refuse the whole.

Source: the schemas in Codex 0.169.0; https://developers.openai.com/codex/hooks
"""

from __future__ import annotations

from . import END, PROMPT, START, STOP, TOOL

# What setup asks to be called for: event and the seconds that it may take. More than 3 at the end, and Codex warns.
EVENTS = {"SessionStart": 10, "UserPromptSubmit": 5, "PostToolUse": 5, "Stop": 5, "SessionEnd": 3}
KINDS = {"SessionStart": START, "UserPromptSubmit": PROMPT, "PostToolUse": TOOL, "Stop": STOP, "SessionEnd": END}
UNHEARD = ("SessionEnd",)  # events whose answer reaches nobody


def context(event: str, text: str) -> dict[str, object]:
    """Return what puts *text* before the agent, at any event but the last two."""
    return {"hookSpecificOutput": {"hookEventName": event, "additionalContext": text}}


def again(text: str) -> dict[str, object]:
    """Return what keeps the agent working, with *text* to work on; here Stop knows no hookSpecificOutput."""
    return {"decision": "block", "reason": text}

"""Gemini CLI: its hooks, and the JSON that they answer with.

Source: docs/hooks/reference.md of Gemini CLI 0.61.0
"""

from __future__ import annotations

from . import END, PROMPT, START, STOP, TOOL

# What setup asks to be called for: event and the seconds that it may take; its settings want milliseconds.
EVENTS = {"SessionStart": 10, "BeforeAgent": 5, "AfterTool": 5, "AfterAgent": 5, "SessionEnd": 5}
KINDS = {"SessionStart": START, "BeforeAgent": PROMPT, "AfterTool": TOOL, "AfterAgent": STOP, "SessionEnd": END}
UNHEARD = ("SessionEnd",)  # events whose answer reaches nobody


def context(event: str, text: str) -> dict[str, object]:
    """Return what puts *text* before the agent, at any event but the last two."""
    return {"hookSpecificOutput": {"hookEventName": event, "additionalContext": text}}


def again(text: str) -> dict[str, object]:
    """Return what keeps the agent working: here *text* becomes its next prompt."""
    return {"decision": "deny", "reason": text}

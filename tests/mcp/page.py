"""What docs/reference/mcp.md says of the tools, and the golden file, made of what the server says.

`python -m tests.mcp.page` writes both anew.
"""

from __future__ import annotations

import json
from typing import Any

import anyio
from mcp import Client

import mcp_server
from tests.mcp.talking import CHECKOUT

PAGE = CHECKOUT / "docs/reference/mcp.md"
GOLDEN = CHECKOUT / "tests/golden/mcp-tools.json"
BEGIN, END = "<!-- begin: made by tests/mcp/page.py -->\n", "<!-- end -->\n"
_HINTS = (
    ("readOnlyHint", "reads only"),
    ("destructiveHint", "changes what others rely on"),
    ("idempotentHint", "may be repeated"),
    ("openWorldHint", "reaches out"),
)


def told(*, commands: bool) -> list[dict[str, Any]]:
    """Return what tools/list answers, as it goes over the wire."""
    found: list[dict[str, Any]] = []

    async def ask() -> None:
        async with Client(mcp_server.server(commands=commands)) as client:
            listed = (await client.list_tools()).tools
            found.extend(tool.model_dump(by_alias=True, exclude_unset=True, mode="json") for tool in listed)

    anyio.run(ask)
    return found


def section() -> str:
    """Return the part of the page that the server dictates."""
    lines = [f"The server says of itself, in {len(mcp_server.INSTRUCTIONS)} characters:", ""]
    lines += [f"> {mcp_server.INSTRUCTIONS}", ""]
    for tool in told(commands=True):
        lines += [f"### {tool['name']}", "", *tool["description"].split("\n\n"), ""]
        hints = [word for hint, word in _HINTS if tool["annotations"][hint]]
        lines += [f"Hints: {', '.join(hints) or 'none'}.", ""]
        schema = tool["inputSchema"]
        if schema["properties"]:
            lines += ["| argument | is | |", "| --- | --- | --- |"]
        for name, value in schema["properties"].items():
            said = value.get("description", "")
            needed = " (needed)" if name in schema.get("required", []) else ""
            lines.append(f"| `{name}`{needed} | {_kind(value)} | {said} |")
        lines.append("")
    return "\n".join(lines)


def _kind(schema: dict[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(map(_kind, schema["anyOf"]))
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    kinds = {"string": "text", "integer": "number", "boolean": "true or false", "array": "list of texts"}
    kind = str(kinds.get(schema["type"], schema["type"]))
    low, high = schema.get("minimum"), schema.get("maximum")
    kind += f" from {low}" if low is not None else ""
    kind += f" to {high}" if high is not None else ""
    return kind + (f", else {json.dumps(schema['default'])}" if "default" in schema else "")


def golden() -> str:
    """Return the golden file's text."""
    return json.dumps(told(commands=True), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}{section()}{END}{rest.partition(END)[2]}", encoding="utf-8")
    GOLDEN.write_text(golden(), encoding="utf-8")

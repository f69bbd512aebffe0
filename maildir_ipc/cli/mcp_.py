"""mcp: serve agents that speak MCP."""

from __future__ import annotations

from ..errors import Missing
from .arguments import FLAG
from .call import arguments

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .call import Call

USAGE = "mcp [options]"
OPTIONS = {"allow-commands": FLAG}


def run(call: Call, words: list[str]) -> int:
    """Serve on standard input and output until the client closes them."""
    given = arguments(call, words, USAGE, OPTIONS)
    if given is None:
        return 0
    try:
        from mcp_server import main
    except ImportError as error:
        raise Missing(f"the MCP server cannot start: {error}", "python3 -m pip install 'mcp>=2.3,<3'") from error
    main(commands=given.flag("allow-commands"), said=given.get("as"))
    return 0

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
    except ModuleNotFoundError as error:
        raise Missing(f"the package {error.name} is not here", "python3 -m pip install 'mcp>=2.3,<3'") from error
    main(commands=given.flag("allow-commands"))
    return 0

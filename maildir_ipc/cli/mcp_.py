"""mcp: serve agents that speak MCP."""

from __future__ import annotations

import os
import signal

from ..address import parse_name
from ..errors import Missing
from ..settings import name_given
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
    said = given.get("as")
    name = name_given() if said is None else said
    if name is not None:
        parse_name(name)  # a client shows what its server says when it starts, and an agent cannot mend it later
    try:
        from mcp_server import main
    except ImportError as error:
        raise Missing(f"the MCP server cannot start: {error}", "python3 -m pip install 'mcp>=2.3,<3'") from error
    if os.isatty(0):
        call.say("mipc: this is a server, for an agent's client to start: mipc setup CLIENT; Ctrl-C ends it")
    # Python's own way waits for the thread that reads.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    main(commands=given.flag("allow-commands"), said=said)
    return 0

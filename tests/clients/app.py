"""Serves our tools over HTTP on a free port of this machine alone, and says which; only the conformance suite asks."""

from __future__ import annotations

import socket

import uvicorn

import mcp_server

with socket.create_server(("127.0.0.1", 0)) as listening:
    print(listening.getsockname()[1], flush=True)
    app = mcp_server.server().streamable_http_app()
    uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listening])

"""Started by uvx, from a checkout, as docs/how-to/mcp-other.md says: nothing is installed before."""

from __future__ import annotations

import json
import os
import shutil
import sys
import sysconfig
import zipfile
from importlib.metadata import version
from typing import TYPE_CHECKING

import pytest
from mcp import Client, StdioServerParameters

from tests.mcp.talking import CHECKOUT, ask, bounded

if TYPE_CHECKING:
    from pathlib import Path

PAGE = CHECKOUT / "docs/how-to/mcp-other.md"
_OTHERS = ("filelock", "watchdog", "mcp", "hatchling")  # what our own metadata ask for, to run and to build


def _wheel(folder: Path, name: str) -> None:
    """Make a wheel of what is installed here already, by reference: no test asks a registry."""
    number = version(name)
    about = f"{name}-{number}.dist-info"
    content = {
        f"{name}-of-the-tests.pth": sysconfig.get_path("purelib") + "\n",
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {number}\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},,\n" for path in [*content, f"{about}/RECORD"])
    with zipfile.ZipFile(folder / f"{name}-{number}-py3-none-any.whl", "w") as wheel:
        for path, text in {**content, f"{about}/RECORD": record}.items():
            wheel.writestr(path, text)


def _server() -> tuple[str, list[str]]:
    """Return what the page tells a client to start, for this checkout."""
    block = PAGE.read_text(encoding="utf-8").partition("```json\n")[2].partition("```")[0]
    server = json.loads(block)["mcpServers"]["maildir-ipc"]
    return server["command"], [word.replace("/path/to/maildir-ipc", str(CHECKOUT)) for word in server["args"]]


def test_uvx_starts_the_server_of_a_checkout(home: Path, tmp_path: Path) -> None:
    """Issue 5: `uvx --from . maildir-ipc mcp`; built, installed and started from our own metadata."""
    tools = os.pathsep.join((os.path.dirname(sys.executable), os.environ["PATH"]))
    command, arguments = _server()
    assert command == "uvx"
    found = shutil.which(command, path=tools)
    if found is None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("not here: uvx (requirements/dev.txt)")
    for name in _OTHERS:
        _wheel(tmp_path, name)
    env = {
        "HOME": str(home),
        "PATH": os.environ["PATH"],
        "UV_PYTHON": sys.executable,
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_OFFLINE": "1",
        "UV_NO_INDEX": "1",
        "UV_NO_CONFIG": "1",
        "UV_FIND_LINKS": str(tmp_path),
    }

    async def scene() -> None:
        async with Client(StdioServerParameters(command=found, args=arguments, env=env)) as client:
            assert (await ask(client, "register", name="alice")).text == "you are alice"
            await ask(client, "send", to="alice", body="by uvx")
            assert [m["body"] for m in (await ask(client, "check")).data["messages"]] == ["by uvx"]

    bounded(scene)

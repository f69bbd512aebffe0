"""The commands that this account lets run when nobody is there: each a file beside the keyring, never in the spool.

An agent in a sandbox may write the spool, and a tick runs outside of any sandbox. So the spool has no more than
the id of a command: what runs was put here by somebody who may write here. docs/adr/0018.
"""

from __future__ import annotations

import os

from . import records
from .errors import Misconfigured, Usage

_FOLDER = "handlers"
_MAX_COMMAND = 4096  # characters


def approve(directory: str, spool: str, command: str) -> str:
    """Keep *command*, for sh(1), durably in the configuration *directory*; return its id. Raises: Usage, Misconfigured.

    *spool* is the id of the one spool that may name it.
    """
    if not (command.strip() and len(command) <= _MAX_COMMAND and command.isprintable()):
        raise Usage("--exec wants a command of one line", "write a script, and give its path")
    id, folder = os.urandom(8).hex(), f"{directory}/{_FOLDER}"
    try:
        os.makedirs(os.path.dirname(directory), 0o700, exist_ok=True)
        records.make_directory(directory)
        records.make_directory(folder)
        records.replace(f"{folder}/{spool}.{id}", f"command {command}\n")
    except OSError as error:
        why = "a handler runs outside of any sandbox: start it from there"
        raise Misconfigured(f"{folder} cannot be written: {error.strerror}", why) from error
    return id


def command(directory: str, spool: str, id: str) -> str | None:
    """Return the command that was approved under *id*, whoever says that id; None when there is none."""
    if not _is_id(id):
        return None
    try:
        text = records.read(f"{directory}/{_FOLDER}/{spool}.{id}")
    except OSError:
        return None
    return records.words(text or "").get("command")


def withdraw(directory: str, spool: str, id: str) -> None:
    """Have nothing run under *id* any more, where that can be done; *spool* as for `approve`."""
    if not _is_id(id):
        return
    try:
        records.remove(f"{directory}/{_FOLDER}/{spool}.{id}")
    except OSError:
        pass  # nothing names it now


def _is_id(text: str) -> bool:
    """Return whether it is an id: it comes from the spool, and becomes a part of a path."""
    return len(text) == 16 and not set(text) - set("0123456789abcdef")

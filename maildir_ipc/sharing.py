"""What share-file and share-command send: a text for the reader, `data` for its programs, and the file itself."""

from __future__ import annotations

import os

from .attachments import largest_file, read_file
from .draft import Attachment
from .render import to_json
from .running import Finished, Output, run_command
from .signing import content_digest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TIMEOUT = 30.0  # seconds
MAX_TIMEOUT = 600.0
_MAX_SHOWN = 4000  # characters of each stream in the text
_MAX_JSON = 3 << 20  # bytes of each stream in the data: a NUL becomes six


def share_file(path: str, description: str, limit: int, private: Sequence[str]) -> tuple[str, str, Attachment]:
    """Return text, data and attachment for the file at *path*, which may lie in none of the places *private*.

    *limit* is the largest message. Raises: BadData.
    """
    content, name = read_file(path, largest_file(limit), private), _visible(os.path.basename(path))
    data = {
        "type": "file",
        "name": name,
        "path": _visible(path),
        "size": len(content),
        "sha256": content_digest(content),
        "description": description,
    }
    text = f"Shared file: {name}" + (f"\n{description}" if description else "")
    return text, to_json(data), Attachment(name, "application/octet-stream", content)


def share_command(command: Sequence[str], environ: Mapping[str, str], timeout: float) -> tuple[str, str]:
    """Run *command* and return text and data about it; its own failure is news, not an error. Raises: BadData."""
    return _report(command, run_command(command, environ, timeout), timeout)


def _report(command: Sequence[str], done: Finished, timeout: float) -> tuple[str, str]:
    words = [_visible(word) for word in command]
    data = {
        "type": "command",
        "command": words,
        "stdout": _bounded(done.stdout.text),
        "stderr": _bounded(done.stderr.text),
        "returncode": done.returncode,
        "timed_out": done.timed_out,
        "stdout_bytes": done.stdout.size,
        "stderr_bytes": done.stderr.size,
    }
    how = f"timed out after {timeout:g} s, and was ended" if done.timed_out else f"exit code {done.returncode}"
    lines = [f"Command output: {' '.join(words)}", f"({how})"]
    lines += _shown(done.stdout, "") + _shown(done.stderr, "stderr:")
    return "\n".join(lines), to_json(data)


def _shown(output: Output, title: str) -> list[str]:
    """Return the beginning and the end of what a stream printed: errors are said first or last."""
    text = output.text.removesuffix("\n")
    if not text:
        return []
    half = _MAX_SHOWN // 2
    if len(text) > _MAX_SHOWN:
        text = f"{text[:half]}\n[… {output.size} bytes in all; more of it is in the data …]\n{text[-half:]}"
    return [*([title] if title else []), text]


def _bounded(text: str) -> str:
    while len(to_json(text)) > _MAX_JSON:
        text = text[: len(text) // 2]
    return text


def _visible(word: str) -> str:
    """Return a word of the command line as UTF-8 text; bytes that are none are written out."""
    return os.fsencode(word).decode("utf-8", "backslashreplace")

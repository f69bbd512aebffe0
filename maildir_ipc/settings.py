"""What the environment says, read once and turned into values.

No other file reads the environment. The closed list of variables is docs/reference/environment.md.
"""

from __future__ import annotations

import os
import pwd

from .errors import Misconfigured

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

SHORT_SECRET = 16  # characters; a shorter one is guessed off line from one message
_PLACEHOLDERS = ("your-secret-key-here", "your-secret-key", "changeme", "change-me", "secret", "password")
# Where an agent client tells the commands that it runs which of its sessions they belong to.
_CLIENT_SESSIONS = (
    ("CLAUDE_CODE_SESSION_ID", "claude"), ("CODEX_THREAD_ID", "codex"), ("OPENCODE_SESSION_ID", "opencode"),
)  # fmt: skip

# What a program started elsewhere, by cron or systemd, must be told to find the same places.
_PLACES = (
    "MAILDIR_IPC_ROOT", "MAILDIR_IPC_STATE", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME",
)  # fmt: skip


class Settings:
    """Where things are for this account, and what the caller said about itself."""

    __slots__ = (
        "claude", "clients", "codex", "color", "config", "given", "home", "identity", "notes", "path", "private",
        "root", "root_given", "secret", "states",
    )  # fmt: skip

    def __init__(self, environ: Mapping[str, str], uid: int) -> None:
        home = environ.get("HOME") or pwd.getpwuid(uid).pw_dir
        data = _base(environ, "XDG_DATA_HOME") or os.path.join(home, ".local/share")
        given = environ.get("MAILDIR_IPC_ROOT")
        self.home, self.given = home, {name: environ[name] for name in _PLACES if environ.get(name)}
        self.notes: list[str] = []
        self.root = os.path.abspath(given) if given else os.path.join(data, "maildir-ipc")
        self.root_given = bool(given)
        config = _base(environ, "XDG_CONFIG_HOME") or os.path.join(home, ".config")
        self.config = os.path.join(config, "maildir-ipc")
        self.states = _state_directories(environ, home, uid)
        secret = environ.get("IPC_SHARED_SECRET_FILE")
        # Where keys and tokens are: no file there may go into a message.
        self.private = [self.config, *self.states, *([os.path.abspath(secret)] if secret else [])]
        self.identity = environ.get("MAILDIR_IPC_IDENTITY") or None
        self.clients = tuple(f"{c}:{environ[v]}" for v, c in _CLIENT_SESSIONS if environ.get(v))
        self.claude, self.codex = _base(environ, "CLAUDE_CONFIG_DIR"), _base(environ, "CODEX_HOME")
        self.color = not environ.get("NO_COLOR")
        self.path = [folder for folder in environ.get("PATH", "").split(os.pathsep) if folder]
        self.secret = _secret(environ)
        if self.secret is not None and _is_weak(self.secret):
            self.notes.append("the shared secret is short or a placeholder: whoever guesses it can sign")


def from_environment() -> Settings:
    """Return what this process's environment says. Raises: Misconfigured."""
    return Settings(os.environ, os.getuid())


def name_given() -> str | None:
    """Return the name to act in that the environment gives, whatever else in it is wrong."""
    return os.environ.get("MAILDIR_IPC_IDENTITY") or None


def state_directories() -> list[str]:
    """Return where tokens may lie, whatever else in the environment is wrong."""
    home = os.environ.get("HOME") or pwd.getpwuid(os.getuid()).pw_dir
    return _state_directories(os.environ, home, os.getuid())


def without_secrets(**more: str) -> dict[str, str]:
    """Return this process's environment, and *more*, for a program that others read: without the shared secret."""
    return {**{name: value for name, value in os.environ.items() if name != "IPC_SHARED_SECRET"}, **more}


def _base(environ: Mapping[str, str], name: str) -> str | None:
    """Return an XDG base directory; a relative one must be ignored, says the specification."""
    value = environ.get(name, "")
    return value if value.startswith("/") else None


def _state_directories(environ: Mapping[str, str], home: str, uid: int) -> list[str]:
    """Return where tokens may lie, in the order in which a writable one is looked for."""
    own = environ.get("MAILDIR_IPC_STATE")
    first = own or os.path.join(_base(environ, "XDG_STATE_HOME") or os.path.join(home, ".local/state"), "maildir-ipc")
    found = [os.path.abspath(first)]
    runtime = _base(environ, "XDG_RUNTIME_DIR")
    if runtime:
        found.append(os.path.join(runtime, "maildir-ipc"))
    found.append(os.path.join(_base(environ, "TMPDIR") or "/tmp", f"maildir-ipc-{uid}"))
    return found


def _secret(environ: Mapping[str, str]) -> bytes | None:
    value, path = environ.get("IPC_SHARED_SECRET"), environ.get("IPC_SHARED_SECRET_FILE")
    if value:
        secret, source = os.fsencode(value), "IPC_SHARED_SECRET"
    elif path:
        source = path
        try:
            # O_NONBLOCK: a FIFO must not stop every command.
            with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
                secret = file.read(65536) or b""
        except OSError as error:
            raise Misconfigured(
                f"{path}: {error.strerror}", "IPC_SHARED_SECRET_FILE must name a file to read"
            ) from error
        secret = secret.removesuffix(b"\n").removesuffix(b"\r")
    else:
        return None
    check_secret(secret, source)
    return secret


def check_secret(secret: bytes, source: str) -> None:
    """Return when *secret* is one line of UTF-8 text. Raises: Misconfigured, never showing it."""
    try:
        text = secret.decode()
    except UnicodeDecodeError:
        raise Misconfigured(f"the secret in {source} is not UTF-8", "use one line of text") from None
    if not text or any(c in text for c in "\r\n\0"):
        raise Misconfigured(f"the secret in {source} is empty or has line breaks", "use one line of text")


def _is_weak(secret: bytes) -> bool:
    return len(secret) < SHORT_SECRET or secret.decode().lower() in _PLACEHOLDERS

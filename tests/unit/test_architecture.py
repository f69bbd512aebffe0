"""The shape of the code, held: design, section 11. Ours."""

from __future__ import annotations

import ast
import importlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import maildir_ipc

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(maildir_ipc.__file__).parent
FILES = {
    path.relative_to(PACKAGE).with_suffix("").as_posix().replace("/__init__", ""): path
    for path in sorted(PACKAGE.rglob("*.py"))
}
TREES = {name: ast.parse(path.read_text()) for name, path in FILES.items()}
MAX_LINES = 320
MAX_FUNCTION = 45

# Who may import whom: only what stands on an earlier line.
RANKS = (
    ("errors", "bounds", "process", "unique", "entry", "doctor/finding", "mounts", "fitting", "subject", "unseen"),
    ("address", "signing", "folders", "doubt"),
    ("jsontext", "tomltext"),
    ("dotfile", "setup/entries"),
    ("limits", "phrases"),
    ("maildir",),
    ("wire", "records", "seen", "broom", "doctor/host"),
    ("draft", "names", "lock", "watch", "approved"),
    ("message",),
    ("mime", "keyring", "spool", "large", "attachments", "running", "settings", "gate", "ids", "clients", "tokens"),
    ("moves", "clients/claude", "clients/codex", "clients/gemini", "clients/opencode"),
    ("anchor", "receipts", "doctor/places"),
    ("automatic",),
    ("delivery",),
    ("received",),
    ("hooked",),
    ("session", "batch"),
    ("work", "setup"),
    ("setup/cron", "setup/systemd", "setup/client", "setup/place"),
    ("setup/claude", "setup/codex", "setup/gemini", "setup/opencode"),
    ("mailbox",),
    ("finding", "handover", "autocheck"),
    ("render", "expiry"),
    ("directory", "conversation", "sharing", "bell", "both"),
    ("history", "listing"),
    ("renaming",),
    ("account", "housekeeping", "alarm", "handler", "ringing", "results"),
    ("tick", "hook", "serving"),
    ("vigil", "desk", "outlet"),
    ("doctor/mail",),
    ("testing", "cli/arguments", "selftest", "doctor"),
    ("cli/call", "cli/sending"),
    ("cli/claims", "cli/bulk"),
    ("cli/verb", "cli"),
    ("__main__",),
)
_RANK = {name: rank for rank, names in enumerate(RANKS) for name in names}
# Imported inside a function: the email package, and what finishes the work of a dead holder of the lock.
LATE = {("wire", "mime"), ("message", "mime"), ("lock", "moves"), ("mailbox", "finding"), ("draft", "mime")}


def _rank(name: str) -> int:
    return _RANK["cli/verb" if name.startswith("cli/") and name.endswith("_") else name]


def _imports(name: str) -> Iterator[tuple[str, bool]]:
    """Yield (module of ours or of others, whether it is imported at run time)."""
    tree = TREES[name]
    typed = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and isinstance(block.test, ast.Name) and block.test.id == "TYPE_CHECKING"
        for statement in block.body
        for node in ast.walk(statement)
    }
    folder = name if FILES[name].name == "__init__.py" and name != "__init__" else name.rpartition("/")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, id(node) not in typed) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = "" if node.level != 1 else folder
            for alias in node.names:
                for module in (node.module, alias.name):
                    path = "/".join(part for part in (base, module) if part) if node.level else str(node.module)
                    if not node.level or path in FILES:
                        yield (f"./{path}" if node.level else path), id(node) not in typed
                        break


def _ours(name: str) -> set[str]:
    found = {module[2:] for module, runs in _imports(name) if runs and module.startswith("./")}
    return found | {m.partition(".")[2] for m, runs in _imports(name) if runs and m.startswith("maildir_ipc.")}


def _others(name: str) -> set[str]:
    return {
        module.partition(".")[0]
        for module, runs in _imports(name)
        if runs and not module.startswith((".", "maildir_ipc"))
    }


def _calls(name: str) -> Iterator[str]:
    for node in ast.walk(TREES[name]):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            yield f"{node.value.id}.{node.attr}"


def test_every_module_has_a_place_in_the_order() -> None:
    """A new module is put into RANKS, or into another module."""
    known = {name for name in FILES if name in _RANK or (name.startswith("cli/") and name.endswith("_"))}
    assert set(FILES) - known == {"__init__"}
    assert set(_RANK) - set(FILES) == {"cli/verb"}


@pytest.mark.parametrize("name", sorted(set(FILES) - {"__init__"}))
def test_imports_go_one_way(name: str) -> None:
    """No stage knows a later one, and the stages of one line do not know one another."""
    wrong = [
        other for other in sorted(_ours(name)) if (name, other) not in LATE and other and _rank(other) >= _rank(name)
    ]
    assert wrong == [], f"{name} imports {', '.join(wrong)}"


_CHANGES = {
    f"os.{name}"
    for name in (
        "rename",
        "renames",
        "replace",
        "unlink",
        "remove",
        "rmdir",
        "removedirs",
        "link",
        "symlink",
        "truncate",
    )
}
_MAY_CHANGE = {
    "maildir": {"os.rename", "os.unlink", "os.link", "os.rmdir"},  # message files: here alone; and a mailbox's end
    "records": {"os.rename", "os.unlink", "os.rmdir", "os.link"},  # small records, beside the messages
    "moves": {"os.rename", "os.unlink", "os.symlink"},  # whole mailboxes, and forwards
    "spool": {"os.rename", "os.unlink", "os.rmdir"},  # whole mailboxes, and what was half built
    "session": {"os.rename"},  # the record of who had the mailbox last
    "seen": {"os.symlink", "os.rename", "os.unlink"},  # the seen-set
    "attachments": {"os.unlink"},  # half a file that it made
    "dotfile": {"os.rename", "os.unlink", "os.rmdir"},  # files of settings, outside the spool
    "large": {"os.rename"},  # large-messages/
    "broom": {"os.unlink", "os.rmdir"},  # what housekeeping decided
    "expiry": {"os.rename", "os.rmdir"},  # an empty mailbox, closed
}


@pytest.mark.parametrize("name", sorted(FILES))
def test_only_maildir_renames_or_removes_message_files(name: str) -> None:
    """And of the others, each only the kind of file that is its own."""
    allowed = _MAY_CHANGE.get(name, set())
    assert set(_calls(name)) & _CHANGES <= allowed
    assert not _others(name) & {"shutil", "pathlib", "tempfile", "glob"} or name in ("cli/demo_", "cli/selftest_")


@pytest.mark.parametrize("name", sorted(FILES))
def test_only_settings_reads_the_environment(name: str) -> None:
    """The others get values. __main__ looks for a newer Python on PATH before anything is loaded."""
    reads = {
        call for call in _calls(name) if call in ("os.environ", "os.environb", "os.getenv", "os.getenvb", "os.putenv")
    }
    assert reads == set() or name in ("settings", "__main__"), f"{name}: {reads}"


_DIGESTS = {"hashlib", "hmac", "_hashlib", "_sha2", "_sha256", "_operator", "secrets", "ssl"}


@pytest.mark.parametrize("name", sorted(FILES))
def test_only_signing_knows_how_a_digest_or_a_mac_is_made(name: str) -> None:
    """The others call its functions."""
    if name == "signing":
        return
    assert not _others(name) & _DIGESTS
    names = {node.id for node in ast.walk(TREES[name]) if isinstance(node, ast.Name)}
    taken = {alias.name for node in ast.walk(TREES[name]) if isinstance(node, ast.ImportFrom) for alias in node.names}
    attributes = {node.attr for node in ast.walk(TREES[name]) if isinstance(node, ast.Attribute)}
    assert not (names | taken | attributes) & {"sha256", "hexdigest", "digest_size", "compare_digest", "mac"}


@pytest.mark.parametrize("name", sorted(FILES))
def test_only_spool_takes_a_lock(name: str) -> None:
    """flock(2) in one place; fsync on macOS needs fcntl too."""
    assert "fcntl" not in _others(name) or name in ("lock", "maildir", "limits")
    assert "fcntl.flock" not in set(_calls(name)) or name in ("lock", "limits")


@pytest.mark.parametrize("name", sorted(FILES))
def test_no_module_needs_an_installed_package(name: str) -> None:
    """bin/ works in a plain checkout: mcp and watchdog come with modules of their own, filelock is used where it is."""
    mine = {"watchdog", "logging"} if name == "watch" else set()
    assert not _others(name) & ({"mcp", "watchdog", "argparse", "asyncio", "logging", "sqlite3", "socket"} - mine)
    assert "filelock" not in _others(name) or name == "lock"


def test_the_mcp_server_holds_no_rule() -> None:
    """It alone imports mcp, touches no file and no environment, and is short enough to see that."""
    text = (PACKAGE.parent / "mcp_server.py").read_text()
    tree = ast.parse(text)
    modules = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    modules |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert {name.partition(".")[0] for name in modules} <= {
        "__future__", "anyio", "collections", "functools", "inspect", "maildir_ipc", "mcp", "mcp_types", "pydantic",
        "sys", "typing",
    }  # fmt: skip
    assert len(text.splitlines()) <= MAX_LINES
    long = [
        node.name
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        and (node.end_lineno or 0) - node.lineno >= MAX_FUNCTION
    ]
    assert long == []


@pytest.mark.parametrize("name", sorted(FILES))
def test_no_module_prints_or_exits_but_the_command(name: str) -> None:
    """A library that is imported says nothing and ends nothing."""
    named = {
        node.func.id for node in ast.walk(TREES[name]) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert not named & {"print", "input", "eval", "exec", "exit", "quit"}
    assert "sys.exit" not in set(_calls(name)) or name == "__main__"
    assert "os._exit" not in set(_calls(name)) or name == "__main__"


def test_every_failure_that_is_raised_has_a_kind() -> None:
    """The root has no exit code of its own: it is caught, never raised."""
    raised = [
        name
        for name, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "MaildirIPCError"
    ]
    assert raised == []


def test_no_file_is_longer_than_a_reader_holds() -> None:
    """320 lines."""
    lengths = {name: len(path.read_text().splitlines()) for name, path in FILES.items()}
    assert {name: length for name, length in lengths.items() if length > MAX_LINES} == {}


def test_no_function_is_longer_than_a_screen() -> None:
    """45 lines, its docstring among them."""
    lengths = {
        f"{name}.{node.name}": (node.end_lineno or 0) - node.lineno + 1
        for name, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
    }
    assert {name: length for name, length in lengths.items() if length > MAX_FUNCTION} == {}


PUBLIC = {
    "Account", "Attachment", "Batch", "Delivery", "Draft", "Mailbox", "MaildirIPCError", "Message", "Received",
    "Registered", "Sent", "Settings", "from_environment",
}  # fmt: skip


def test_the_public_names_are_the_documented_ones() -> None:
    """What is not in this list may change without a word."""
    assert set(maildir_ipc.__all__) == PUBLIC
    assert len(maildir_ipc.__all__) == len(PUBLIC)
    typed = set(_typed_names(TREES["__init__"]))
    assert typed == PUBLIC


def _typed_names(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            yield from (alias.asname or alias.name for alias in node.names)


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_a_public_name_is_there_when_it_is_asked_for(name: str) -> None:
    """Each is loaded on first use, from the module that __init__ names for type checkers."""
    homes = {
        alias.name: node.module
        for node in ast.walk(TREES["__init__"])
        if isinstance(node, ast.ImportFrom) and node.level
        for alias in node.names
    }
    value = getattr(maildir_ipc, name)
    assert value is getattr(importlib.import_module(f"maildir_ipc.{homes[name]}"), name)
    assert value.__doc__


def test_a_name_that_is_not_public_is_an_attribute_error() -> None:
    """As for any module."""
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = maildir_ipc.no_such_name


def test_the_testing_module_touches_nothing_but_its_directory() -> None:
    """It is public: users' tests rely on it, and must not find their own spool changed."""
    assert "os.environ" not in set(_calls("testing"))
    assert os.path.exists(PACKAGE / "py.typed")

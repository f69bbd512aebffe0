"""What the scenarios are told with: people under one HOME who use the commands, and a past that was made for them."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from maildir_ipc import Draft, testing
from tests.e2e.driving import BIN, command, run, spool_of

if TYPE_CHECKING:
    from maildir_ipc import Account
    from tests.e2e.driving import Done

RECORDS = "records"  # the folder of records inside a mailbox
HOUR, DAY = 3600.0, 86400.0


def do(home: Path, verb: str, *words: str, stdin: bytes | None = b"", **environ: str) -> Done:
    """Run a verb by its script in bin/, or by the module where it has none."""
    script = BIN / f"ipc-{verb}"
    argv = [str(script)] if script.exists() else command(verb)
    return run(*argv, *words, home=home, stdin=stdin, env=environ)


def done(home: Path, verb: str, *words: str, stdin: bytes | None = b"", **environ: str) -> Done:
    """Run a verb, which must succeed."""
    result = do(home, verb, *words, stdin=stdin, **environ)
    assert result.code == 0, result
    return result


def register(home: Path, *names: str) -> None:
    """Register names, each with a standing session."""
    for name in names:
        done(home, "register", name, "--as", name)


def send(home: Path, sender: str, to: str, text: str, *options: str) -> Done:
    """Send, which must succeed."""
    return done(home, "send", "--as", sender, *options, to, "-", stdin=text.encode())


def messages(home: Path, name: str, *options: str) -> list[dict[str, Any]]:
    """Return all that *name* has unread, notices too, as JSON has it; they are read now."""
    found: list[dict[str, Any]] = []
    while True:
        document = done(home, "check", "--as", name, "--json", *options).json
        found += document["messages"]
        if not document["remaining"]:
            return found


def texts(home: Path, name: str) -> list[str]:
    """Return the texts of what people wrote to *name*; they are read now."""
    return [m["body"] for m in messages(home, name, "--full") if m["kind"] == "message"]


def past(home: Path, ago: float) -> Account:
    """Return the account of this HOME as it acted *ago* seconds before now, to make a past with."""
    now = time.time() - ago
    return testing.account(str(home), clock=lambda: now)


def send_past(home: Path, ago: float, sender: str, to: str, *several: str) -> None:
    """Send texts, *ago* seconds before now."""
    with testing.agent(past(home, ago), sender) as box:
        for text in several:
            sent = box.send([to], Draft(text), sync=False)
            assert sent.error is None


def settings(home: Path, **values: int) -> None:
    """Write the spool's settings, as a person would."""
    lines = [f"{name.replace('_', '-')} = {value}\n" for name, value in values.items()]
    (spool_of(home) / ".ipc/settings").write_text("".join(lines))


def unread(home: Path, name: str) -> int:
    """Return how many files lie in the new/ of *name*."""
    return len(list((spool_of(home) / name / "new").iterdir()))


def rows(home: Path) -> dict[str, dict[str, Any]]:
    """Return what `list` says of each name."""
    return {row["name"]: row for row in done(home, "list", "--json").json["identities"]}


def saved(out: str) -> Path:
    """Return the path that a check named."""
    found = re.search(r"Full content saved to: (\S+)", out)
    assert found is not None, out
    return Path(found[1])

"""`ipc-check` and `ipc-register`, their system calls failing; and output that cannot be written."""

from __future__ import annotations

import fcntl
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from maildir_ipc import Draft
from tests.crash import strike

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.crash
TEXTS = [f"message {number} " + "x" * 2000 + " its end" for number in range(3)]
PIPE = 4096  # bytes; a message is smaller, two are not


@pytest.fixture
def waiting(shm: Path) -> Path:
    """Give a home where bob has three messages."""
    home = shm / "waiting"
    strike.register(home, "alice", "bob")
    with strike.open_box(home, "alice") as alice:
        for text in TEXTS:
            alice.send(["bob"], Draft(text))
    return home


def _shown(out: str) -> list[str]:
    return [text for text in TEXTS if text in out]


@pytest.mark.parametrize("options", [(), ("--json",)], ids=["text", "json"])
@pytest.mark.parametrize("error", ["ENOSPC", "EIO", "EROFS"])
def test_any_call_of_a_check_failing_loses_nothing(waiting: Path, options: tuple[str, ...], error: str) -> None:
    """G5, G12: ours: what failed is said, and what was not shown is shown by the next check."""
    words = ("check", "--as", "bob", *options)
    found = [call for call in strike.calls(waiting, *words) if call.changes or error == "EIO"]

    def job(home: Path, call: strike.Call) -> Iterator[str]:
        done = strike.strike(home, call, f"error={error}", *words)
        if done.code not in (0, 66, 75, 77, 78) or "Traceback" in done.err:
            yield f"exit {done.code}: {done.err}"
        shown = _shown(done.out)
        after = strike.texts(strike.next_check(home, "bob"))
        if done.code == 0 and not shown:
            yield f"exit 0, and nothing was shown: {done.err}"
        if set(TEXTS) - set(shown) - set(after):
            yield f"lost: {len(shown)} were shown, then {len(after)}: {done.err}"
        if len(set(shown) & set(after)) > (len(TEXTS) if options else 1):
            yield f"shown twice: {len(set(shown) & set(after))}"
        if strike.next_check(home, "bob"):
            yield "a third check shows something"
        with strike.open_box(home, "bob") as bob:
            flags = [entry.flags for entry in bob.maildir.entries("new", "cur")]
        if flags != ["S"] * len(TEXTS):
            yield f"flags {flags}: read mail is S in cur/, and nothing else"
        yield from strike.partial(home, "alice", "bob")

    strike.everywhere(waiting, found, job)


def test_a_read_only_spool_is_named_as_such_by_every_verb(waiting: Path) -> None:
    """G12: ours: 78, one line, for send, for a send to a missing name, and for check."""
    for words in (
        ("send", "--as", "alice", "bob", "text"),
        ("send", "--as", "alice", "nobody", "text"),
        ("check", "--as", "bob"),
    ):
        found = [call for call in strike.calls(waiting, *words) if call.changes and not call.on("utimensat")]
        first = next(call for call in found if call.name != "write" or "<pipe:" not in call.text)
        done = strike.strike(strike.copy(waiting, "-".join(words)), first, "error=EROFS", *words)
        assert done.code == 78, (words, first, done)
        assert "Read-only file system" in done.err


@pytest.mark.parametrize("error", ["ENOSPC", "EROFS", "EINTR"])
def test_any_call_of_a_register_failing_leaves_nothing_half_made(shm: Path, error: str) -> None:
    """G12: ours: one line, a code that says whether to try again, and the next register succeeds."""
    home, words = shm / "empty", ("register", "nessa", "--as", "nessa")
    home.mkdir()
    found = [call for call in strike.calls(home, *words) if call.changes and "pipe:" not in call.text]

    def job(home: Path, call: strike.Call) -> Iterator[str]:
        done = strike.strike(home, call, f"error={error}", *words)
        if done.code not in (0, 75, 78) or "Traceback" in done.err:
            yield f"exit {done.code}: {done.err}"
        if done.code and len(done.err.splitlines()) > 2:
            yield f"says {done.err!r}"
        strike.register(home, "nessa")
        with strike.open_box(home, "nessa") as box:
            box.send(["nessa"], Draft("to myself"))
        if strike.texts(strike.next_check(home, "nessa")) != ["to myself"]:
            yield "mail does not arrive"
        left = [path.name for path in (home / strike.SPOOL).rglob("*") if ".ipc-" in path.name or "build-" in path.name]
        if left and call.name not in ("rmdir", "unlink"):
            yield f"litter: {left}"

    strike.everywhere(home, found, job)


@pytest.mark.parametrize("options", [(), ("--json",)], ids=["text", "json"])
@pytest.mark.parametrize("output", ["full", "closed", "broken"])
def test_output_that_cannot_be_written_leaves_all_unread(waiting: Path, options: tuple[str, ...], output: str) -> None:
    """G5: ours: /dev/full, a closed descriptor, a pipe without a reader: not 0, and the same mail again."""
    words = ("check", "--as", "bob", *options)
    if output == "full":
        with Path("/dev/full").open("wb") as full:
            done = strike.run(waiting, *words, stdout=full.fileno())
    elif output == "closed":
        done = strike.run(waiting, *words, wrap=("sh", "-c", '"$@" >&-', "sh"))
    else:
        reader, writer = os.pipe()
        os.close(reader)
        done = strike.run(waiting, *words, stdout=writer)
        os.close(writer)
    assert done.code == 75, done
    assert done.err.count("\n") == 1, done
    assert strike.texts(strike.next_check(waiting, "bob")) == TEXTS


@pytest.mark.parametrize("options", [(), ("--json",)], ids=["text", "json"])
def test_a_reader_that_closes_after_the_first_message_leaves_the_others_unread(
    waiting: Path, options: tuple[str, ...]
) -> None:
    """G5: ours: a message is committed when it was flushed whole; a JSON document is flushed whole or not at all."""
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, PIPE)
    with subprocess.Popen(
        [f"{strike.BIN}/ipc-check", "--as", "bob", *options],
        env=strike.environment(waiting), stdout=writer, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        os.close(writer)
        out = b""
        while b"its end" not in out:  # the first message; the second does not fit into the pipe
            out += os.read(reader, 512)
        os.close(reader)
        assert process.wait(60) == 75
    after = strike.texts(strike.next_check(waiting, "bob"))
    assert after == (TEXTS if options else TEXTS[1:])


@pytest.mark.parametrize("output", ["full", "closed"])
def test_a_send_that_cannot_say_so_is_no_failure_to_deliver(waiting: Path, output: str) -> None:
    """G3: ours: 75 would be a lie: the message is there. 74, with the id that keeps a retry from doubling it."""
    words = ("send", "--as", "alice", "bob", "said to nobody")
    if output == "full":
        with Path("/dev/full").open("wb") as full:
            done = strike.run(waiting, *words, stdout=full.fileno())
    else:
        done = strike.run(waiting, *words, wrap=("sh", "-c", '"$@" >&-', "sh"))
    assert done.code == 74, done
    id = strike.printed_id(done)
    again = strike.run(waiting, "send", "--as", "alice", "--id", id, "bob", "said to nobody")
    assert again.code == 0, again
    assert strike.texts(strike.next_check(waiting, "bob")) == [*TEXTS, "said to nobody"]

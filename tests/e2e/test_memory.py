"""How much memory a command takes for the largest message: a few times its size, whatever is in it. Issue 3, item 4."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.e2e.driving import CHECKOUT, PYTHON, Done, run

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.e2e

LARGEST = 16 << 20  # bytes of a message
# The peak of the process that runs the command; what it was before its exec is not in it.
_MEASURED = """
import sys
sys.path.insert(0, sys.argv.pop(1))
from maildir_ipc.cli import main
try:
    code = main()
except SystemExit as ended:
    code = ended.code
with open("/proc/self/status") as file:
    peak = next(line for line in file if line.startswith("VmHWM:"))
print(peak.split()[1], file=sys.stderr)
sys.exit(code)
"""


def _peak(home: Path, *words: str, stdin: bytes = b"", before: str = "") -> tuple[int, Done]:
    """Run a command; return the most memory that it had, in bytes, and what it left."""
    argv = [PYTHON, "-I", "-S", "-c", _MEASURED, str(CHECKOUT), *words]
    done = run("sh", "-c", f'{before} "$@"', "sh", *argv, home=home, stdin=stdin)
    said, _, kilobytes = done.err.rstrip("\n").rpartition("\n")
    return int(kilobytes) << 10, done._replace(err=said)


@pytest.fixture
def base(home: Path, spool: Path) -> int:
    """Give what a command takes that does next to nothing."""
    if not os.access("/proc/self/status", os.R_OK):
        pytest.skip("not here: /proc, which tells the peak")
    return _peak(home, "whoami", "--as", "alice")[0]


def _files(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in folder.iterdir()]


@pytest.mark.parametrize("line", ["y\n", "The quick brown fox jumps over the lazy dog.\n"], ids=["short", "usual"])
def test_a_text_of_16_mib_takes_four_times_its_size_at_most(home: Path, spool: Path, base: int, line: str) -> None:
    """Ours: to send it, and to read it, be its lines ever so short."""
    text = (line * (LARGEST // len(line))).encode()[: LARGEST - 2000] + b"end"
    sent, done = _peak(home, "send", "--no-sync", "--as", "alice", "bob", "-", stdin=text)
    assert done.code == 0, done
    read, done = _peak(home, "check", "--as", "bob")
    assert done.code == 0, done
    assert text in _files(spool / "bob/large-messages")[0]
    assert max(sent, read) - base <= 4 * LARGEST, (base, sent, read)


def test_a_file_of_12_mb_takes_four_times_its_message_at_most(home: Path, spool: Path, base: int) -> None:
    """Ours: to share it, to read of it, and to save it."""
    content = os.urandom(12_400_000)
    (home / "file").write_bytes(content)
    sent, done = _peak(home, "share-file", "--no-sync", "--as", "alice", "bob", str(home / "file"))
    assert done.code == 0, done
    read, done = _peak(home, "check", "--as", "bob")
    assert done.code == 0, done
    saved, done = _peak(home, "read", "--as", "bob", "--save", str(home / "saved"), "@")
    assert done.code == 0, done
    assert _files(home / "saved") == [content]
    assert max(sent, read, saved) - base <= 4 * LARGEST, (base, sent, read, saved)


def test_standard_input_without_end_is_read_no_further_than_a_message_goes(home: Path, spool: Path, base: int) -> None:
    """G12: refused as soon as it is over the spool's own limit."""
    for limit in (LARGEST, 1 << 20):
        (spool / ".ipc/settings").write_text(f"max-message = {limit}\n")
        peak, done = _peak(home, "send", "--as", "alice", "bob", "-", before="yes |")
        assert done.code == 65, done
        assert f"standard input is over {limit} bytes" in done.err
        assert peak - base <= 2 * limit + (4 << 20), (base, peak)


@pytest.mark.parametrize("words", [("send", "--attach", "FILE", "bob", "x"), ("share-file", "bob", "FILE")])
def test_a_file_that_is_too_large_is_not_read(home: Path, spool: Path, base: int, words: tuple[str, ...]) -> None:
    """G12: nor are several that are too large together."""
    with open(home / "huge", "wb") as file:
        os.truncate(file.fileno(), 200_000_000)
    given = [str(home / "huge") if word == "FILE" else word for word in words]
    peak, done = _peak(home, given[0], "--as", "alice", *given[1:])
    assert done.code == 65, done
    assert "too large" in done.err
    assert peak - base <= 4 << 20, (base, peak)


def test_files_that_are_too_large_together_are_read_no_further(home: Path, spool: Path, base: int) -> None:
    """G12: a message holds 12 MB of them."""
    (home / "part").write_bytes(bytes(5 << 20))
    attached = [word for _ in range(20) for word in ("--attach", str(home / "part"))]
    peak, done = _peak(home, "send", "--as", "alice", *attached, "bob", "x")
    assert done.code == 65, done
    assert "too large" in done.err
    assert peak - base <= LARGEST, (base, peak)

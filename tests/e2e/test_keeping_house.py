"""gc, doctor and selftest as a person or cron runs them. What they find is in tests/unit; here is how they say it."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from tests.e2e.driving import assert_refused, listing, mipc

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.driving import Done

pytestmark = pytest.mark.e2e
DAY = 86400


def _doctor(home: Path, *words: str) -> Done:
    """Run doctor where no other installation can be found."""
    return mipc(home, "doctor", *words, PATH="/usr/bin:/bin")


def _old(path: Path, days: int) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text("From: x@example.org\n\nold\n")
    os.utime(path, (time.time() - days * DAY,) * 2)


@pytest.fixture
def untidy(spool: Path) -> Path:
    """Give a spool with what needs no clock to be old: an id, a receipt, an ended forward; and mail that waits."""
    home = spool.parents[2]
    assert mipc(home, "send", "--as", "alice", "nessa", "waits").code == 0
    _old(spool / "alice/records/ids/abcdefghijklmnopqrstuvwxyz", 31)
    _old(spool / "alice/records/receipts/abcdefghijklmnopqrstuvwxyz", 31)
    _old(spool / "nessa/new/1.x.host", 8)  # but it came just now
    names = spool / "bob/records/names"
    names.write_text(names.read_text().replace("\nbob", "\nold 1700000000 1700007200\nbob"))
    (spool / "old").symlink_to("bob")
    return spool


def test_gc_is_a_dry_run_until_it_is_told_otherwise(home: Path, untidy: Path) -> None:
    """Ours; design, 6: a line each, counts, and nothing changed but the session's last use."""
    before = listing(home)

    done = mipc(home, "gc")

    assert done.code == 0, done
    assert [line.split(":")[0] for line in done.out.splitlines()] == [
        "would remove id alice/records/ids/abcdefghijklmnopqrstuvwxyz",
        "would remove receipt alice/records/receipts/abcdefghijklmnopqrstuvwxyz",
        "would remove forward old",
    ]
    assert done.err == "would remove 1 id, 1 receipt, 1 forward; mipc gc --apply does it\n"
    assert listing(home) == before


def test_gc_applied_removes_what_it_said_and_then_finds_nothing(home: Path, untidy: Path) -> None:
    """S6: what is young waits on; cron needs no name to run it."""
    would = [(i["kind"], i["path"]) for i in mipc(home, "gc", "--json").json["items"]]

    done = mipc(home, "gc", "--apply", "--json")

    assert done.code == 0, done
    assert [(i["kind"], i["path"], i["state"]) for i in done.json["items"]] == [(*w, "done") for w in would]
    assert (done.json["applied"], done.json["counts"]["forward"], done.json["failed"]) == (True, 1, 0)
    assert mipc(home, "gc").err == "would remove nothing\n"
    assert not (untidy / "old").is_symlink()
    assert mipc(home, "register", "nessa", "--as", "nessa").code == 0
    assert "waits" in mipc(home, "check", "--as", "nessa").out


def test_what_gc_says_has_a_bound(home: Path, spool: Path) -> None:
    """G8."""
    for n in range(300):
        _old(spool / f"alice/records/ids/{n:026}", 31)

    done = mipc(home, "gc")

    assert done.out.count("\n") == 101
    assert done.out.endswith("\nand 200 more\n")
    assert done.err == "would remove 300 id; mipc gc --apply does it\n"
    assert mipc(home, "gc", "--json").json["more"] == 200


def test_gc_that_cannot_remove_something_exits_with_75_and_goes_on(home: Path, untidy: Path) -> None:
    """G12, ours: a directory stands where the record is to be written that a forward leaves."""
    (untidy / ".ipc/ended/old").mkdir(parents=True)

    done = mipc(home, "gc", "--apply")

    assert done.code == 75, done
    assert "could not remove forward old: " in done.out
    assert "removed receipt alice/records/receipts/abcdefghijklmnopqrstuvwxyz: " in done.out
    assert (untidy / "old").is_symlink()
    assert mipc(home, "gc", "--apply", "--json").json["failed"] == 1


@pytest.mark.parametrize("verb", ["gc", "doctor", "selftest"])
def test_an_option_that_is_none_is_refused(verb: str, home: Path, spool: Path) -> None:
    """G12."""
    assert_refused(mipc(home, verb, "--force"), 64, "no option --force")


def test_gc_makes_no_spool(home: Path) -> None:
    """Ours; design, 2: cron must not make one."""
    assert_refused(mipc(home, "gc", "--apply"), 78, "there is no spool")
    assert list(home.iterdir()) == []


def test_doctor_exits_with_1_until_all_is_mended(home: Path, spool: Path) -> None:
    """Ours: one line each on standard output, the sum on standard error."""
    assert _doctor(home).code == 0
    (spool / "bob/tmp").rmdir()
    (spool / "bob/new").chmod(0o755)

    seen, fixed, after = _doctor(home), _doctor(home, "--fix"), _doctor(home)

    assert seen.code == 1
    wrong = [line for line in seen.out.splitlines() if line.startswith("wrong: ")]
    assert [f"{spool}/bob" in line for line in wrong] == [True, True]
    assert seen.err == "2 wrong; mipc doctor --fix mends 2 of these\n"
    assert fixed.code == 0
    assert fixed.out.count("mended: ") == 2
    assert fixed.err == "all is well, 2 mended\n"
    assert (after.code, after.err) == (0, "all is well\n")


def test_doctor_tells_what_it_cannot_mend(home: Path, spool: Path) -> None:
    """Ours."""
    (spool / "notes\x1b[2J").write_text("mine")
    (spool / ".ipc/settings").write_text("rate = 5\n")

    done = _doctor(home, "--fix", "--json")

    assert done.code == 1
    assert (done.json["ok"], [f["check"] for f in done.json["findings"] if f["level"] == "wrong"]) == (
        False,
        ["settings", "orphan"],
    )
    assert "\x1b" not in _doctor(home).out


def test_what_doctor_says_has_a_bound(home: Path, spool: Path) -> None:
    """G8."""
    for n in range(200):
        (spool / f"file{n}").touch()

    done = _doctor(home)

    assert done.out.count("is a file") == 20
    assert "and 180 more: orphan" in done.out


def test_doctor_without_a_spool_says_so_and_makes_none(home: Path) -> None:
    """Ours."""
    done = _doctor(home)

    assert done.code == 1
    assert "there is no spool" in done.out
    assert list(home.iterdir()) == []


def test_doctor_works_where_the_key_is_missing(home: Path, spool: Path) -> None:
    """Ours: it is what one runs when nothing else does."""
    (home / ".config/maildir-ipc/keyring").unlink()

    done = _doctor(home)

    assert done.code == 1
    assert "mipc key import" in done.out


def test_selftest_passes_and_leaves_nothing(home: Path, tmp_path: Path) -> None:
    """Ours: nothing of the caller's is used, no file stays."""
    folder = tmp_path / "tmp"
    folder.mkdir()

    done = mipc(home, "selftest", TMPDIR=str(folder), MAILDIR_IPC_ROOT="/nowhere", MAILDIR_IPC_IDENTITY="root")

    assert done.code == 0, done
    assert [line.split(" ")[:2] for line in done.out.splitlines()][:6] == [
        ["passed", name] for name in ("register", "send", "check", "tamper", "replay", "command")
    ]
    assert list(folder.iterdir()) == []
    assert list(home.iterdir()) == []

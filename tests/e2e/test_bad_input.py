"""Whatever is typed wrongly is refused in one line that says what to do, and leaves the spool as it was."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from tests.e2e.driving import assert_refused, command, listing, mipc, run

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.driving import Done

pytestmark = pytest.mark.e2e

RESERVED = ("system", "all", "everyone", "me", "new", "cur", "tmp")
NAMES = [
    "", "a" * 33, "a/b", "../x", "é", "eve\n", "\neve", ".", "..", "-x", "a.b", "a b", "a:2,S", "a@b", "/abs", "~",
    *RESERVED, "ALL", "Tmp",
    "\N{KELVIN SIGN}", "\N{FULLWIDTH LATIN SMALL LETTER A}",
    "a\N{COMBINING ACUTE ACCENT}", "\N{ARABIC-INDIC DIGIT ONE}",
    "a\N{RIGHT-TO-LEFT OVERRIDE}b", "\x1b[31m", os.fsdecode(b"\xff"),
]  # fmt: skip


def assert_name_refused(done: Done, name: str) -> None:
    """The rule is named, and the name itself is shown harmlessly."""
    assert_refused(done, 64, "reserved name" if name.lower() in RESERVED else "a-z 0-9 _ -")
    assert done.err.isascii(), "an escape sequence could reach the terminal"
    assert not set(done.err) & {"\x1b", "\0", "\r"}


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_a_name_that_is_none_is_refused(home: Path, spool: Path, name: str) -> None:
    """G11, G12: whether it is to be taken or written to; no file is touched."""
    before = listing(home)
    assert_name_refused(mipc(home, "register", "--as", "alice", "--", name), name)
    assert_name_refused(mipc(home, "send", "--as", "alice", "--", f"bob,{name}", "hi"), name)
    assert listing(home) == before


@pytest.mark.parametrize("name", ["../x", "me"])
def test_a_name_that_is_none_is_refused_wherever_it_is_given(home: Path, spool: Path, name: str) -> None:
    """G11, G12: as an operand, an option, or the variable."""
    before = listing(home)
    for argv in (("register", name), ("path", name), ("check", f"--as={name}"), ("send", "--as", name, "bob", "hi")):
        assert_name_refused(mipc(home, *argv), name)
    assert_name_refused(mipc(home, "check", MAILDIR_IPC_IDENTITY=name), name)
    assert listing(home) == before


def test_a_spool_is_not_made_for_a_bad_name(home: Path) -> None:
    """G12: who and what is settled before anything is made."""
    for argv in (
        ("register", "a/b", "--as", "a/b"),
        ("register", "alice"),
        ("send", "--as", "alice", "a/b", "hi"),
        ("check",),
    ):
        assert mipc(home, *argv).code in (64, 77, 78)
    assert listing(home) == {}


USAGE: list[tuple[list[str | bytes], int, str]] = [
    (["frob"], 64, "mipc help"),
    (["--frob"], 64, "mipc help"),
    (["Send"], 64, "mipc help"),
    (["send"], 64, "mipc send"),
    (["send", "bob"], 64, "standard input"),
    (["send", "--frob", "bob", "hi"], 64, "--help"),
    (["send", "-x", "bob", "hi"], 64, "--help"),
    (["send", b"--\xff", "bob", "hi"], 64, "--help"),
    (["send", "--subject"], 64, "--subject TEXT"),
    (["send", "--no-sync=1", "bob", "hi"], 64, "no value"),
    (["send", ",", "hi"], 64, "a-z"),
    (["send", "bob,,alice", "hi"], 64, "a-z"),
    (["send", "bob", b"\xff\xfe"], 65, "--attach"),
    (["send", "--subject", "a\nb", "bob", "hi"], 65, "one line"),
    (["send", "--subject", "a\rb", "bob", "hi"], 65, "one line"),
    (["send", "--subject", "a\r\nBcc: eve@example.org", "bob", "hi"], 65, "one line"),
    (["send", "--subject", b"\xff", "bob", "hi"], 65, "UTF-8"),
    (["send", "--data", "{", "bob", "hi"], 65, "JSON object"),
    (["send", "--data", "", "bob", "hi"], 65, "JSON object"),
    (["send", "--data", "[]", "bob", "hi"], 65, "JSON object"),
    (["send", "--data", "null", "bob", "hi"], 65, "JSON object"),
    (["send", "--data", '{"a": NaN}', "bob", "hi"], 65, "JSON object"),
    (["send", "--data", '{"a": -Infinity}', "bob", "hi"], 65, "JSON object"),
    (["send", "--data", b'{"a": "\xff"}', "bob", "hi"], 65, "UTF-8"),
    (["send", "--data", "[" * 100000, "bob", "hi"], 65, "deep"),
    (["send", "--attach", "/nonexistent", "bob", "hi"], 65, "--attach"),
    (["send", "--attach", "/", "bob", "hi"], 65, "--attach"),
    (["send", "--attach", "", "bob", "hi"], 65, "--attach"),
    (["send", "--importance", "urgent", "bob", "hi"], 65, "low normal high"),
    (["send", "--expires", "soon", "bob", "hi"], 64, "2h"),
    (["send", "--expires", "0", "bob", "hi"], 64, "2h"),
    (["send", "--expires", "-1h", "bob", "hi"], 64, "2h"),
    (["send", "--expires", "99999999d", "bob", "hi"], 64, "2h"),
    (["send", "--id", "", "bob", "hi"], 64, "--id"),
    (["check", "--limit", "0"], 64, "whole number from 1"),
    (["check", "--limit", "-1"], 64, "whole number from 1"),
    (["check", "--limit", "x"], 64, "whole number from 1"),
    (["check", "--limit", "1.5"], 64, "whole number from 1"),
    (["check", "--limit", "²"], 64, "whole number from 1"),
    (["check", "--limit", "9" * 5000], 64, "whole number from 1"),
    (["check", "--limit"], 64, "--limit N"),
    (["check", "--max-chars", "0"], 64, "whole number from 1"),
    (["check", "--frob"], 64, "--help"),
    (["check", "bob"], 64, "check"),
    (["list", "bob"], 64, "list"),
    (["whoami", "bob"], 64, "whoami"),
    (["unregister", "bob"], 64, "unregister"),
    (["init", "/tmp/x"], 64, "init"),
    (["register"], 64, "register NAME"),
    (["register", "a", "b"], 64, "register NAME"),
    (["read"], 64, "read REF"),
    (["read", "a", "b"], 64, "read REF"),
    (["read", "zzzzz"], 66, "no message"),
    (["read", ""], 66, "no message"),
    (["read", "*"], 66, "no message"),
    (["read", b"\xff\xff\xff\xff\xff"], 66, "no message"),
    (["read", "/etc/passwd"], 66, "mipc verify"),
    (["read", "../../../etc/passwd"], 66, "mipc verify"),
    (["read", "new/nothing"], 66, "mipc verify"),
    (["verify", "/nonexistent"], 66, "path"),
    (["verify", "/"], 66, "path"),
    (["key"], 64, "key list | export"),
    (["key", "frob"], 64, "key list | export"),
    (["path", "nobody"], 67, "mipc list"),
    (["path", "a", "b"], 64, "path [NAME]"),
    (["init", "--open"], 78, "signed"),
]


@pytest.mark.parametrize(
    ("argv", "code", "says"), USAGE, ids=lambda value: ascii(value)[:60] if isinstance(value, list) else None
)
def test_what_was_typed_wrongly_is_refused_and_changes_nothing(
    home: Path, spool: Path, argv: list[str | bytes], code: int, says: str
) -> None:
    """G12: one line that says what to do; nothing was sent, nothing was read, nothing is left over."""
    verb = str(argv[0])
    identity: list[str | bytes] = ["--as", "bob"] if verb in ("send", "check", "read", "whoami", "unregister") else []
    before = listing(home)
    assert_refused(run(*command(verb), *identity, *argv[1:], home=home), code, says)
    assert listing(home) == before
    # With --json the same, as one document on standard output, and the line for people stays.
    done = run(*command(verb), "--json", *identity, *argv[1:], home=home)
    if verb.startswith("-"):
        return
    assert_refused(done, code, says)
    error = json.loads(done.out)
    assert list(error) == ["v", "error"]
    assert error["v"] == 1
    assert list(error["error"]) == ["code", "name", "message", "next"]
    assert error["error"]["code"] == code
    assert done.err == f"mipc: {error['error']['message']}: {error['error']['next']}\n"
    assert error["error"]["next"], "it must say what to do"
    assert listing(home) == before


def test_text_on_standard_input_that_is_not_utf_8_is_refused(home: Path, spool: Path) -> None:
    """G9, G12: not replaced, not guessed: refused, with the way that keeps the bytes."""
    before = listing(home)
    assert_refused(mipc(home, "send", "--as", "alice", "bob", "-", stdin=b"caf\xe9"), 65, "--attach")
    assert listing(home) == before


@pytest.mark.parametrize("how", ["text", "attachment"])
def test_a_message_over_the_limit_is_refused_with_what_to_do(home: Path, spool: Path, tmp_path: Path, how: str) -> None:
    """G12: 16 MiB is the limit of one message; bob's mailbox does not change."""
    before, large = listing(home), b"x" * ((16 << 20) + 1)
    if how == "text":
        done = mipc(home, "send", "--as", "alice", "bob", "-", stdin=large)
    else:
        (tmp_path / "large").write_bytes(large)
        done = mipc(home, "send", "--as", "alice", "--attach", str(tmp_path / "large"), "bob", "see the file")
    assert_refused(done, 65, "16777216", "max-message", "path of the file")
    assert listing(home) == before


def test_an_attachment_without_end_is_refused(home: Path, spool: Path, tmp_path: Path) -> None:
    """G12: a device or a pipe has no end; what is not an ordinary file is not read for ever."""
    os.mkfifo(tmp_path / "pipe")
    before = listing(home)
    limited = ["sh", "-c", 'ulimit -v 1000000; exec timeout 10 "$@"', "sh", *command("send"), "--as", "alice"]
    for path in ("/dev/zero", str(tmp_path / "pipe")):
        assert_refused(run(*limited, "--attach", path, "bob", "hi", home=home), 65, "--attach")
    assert listing(home) == before


def counted_out(files: dict[str, tuple[str, bytes]]) -> dict[str, tuple[str, bytes]]:
    """Leave out what counts sends: a retry is one more."""
    return {path: content for path, content in files.items() if not path.endswith("/records/rate")}


def test_an_id_that_was_used_for_other_content_is_refused(home: Path, spool: Path) -> None:
    """G3: the same --id is the same message, or an error; it never replaces and never doubles."""
    first = mipc(home, "send", "--as", "alice", "--id", "build-7", "bob", "done")
    before = counted_out(listing(home))
    for other in (("bob", "failed"), ("alice", "done"), ("bob,alice", "done")):
        assert_refused(mipc(home, "send", "--as", "alice", "--id", "build-7", *other), 65, "'build-7'", "new id")
    for option in (("--subject", "s"), ("--data", "{}"), ("--importance", "high"), ("--expires", "1h")):
        assert_refused(mipc(home, "send", "--as", "alice", "--id", "build-7", *option, "bob", "done"), 65, "new id")
    again = mipc(home, "send", "--as", "alice", "--id", "build-7", "bob", "done")
    assert (again.code, again.out) == (0, first.out.replace("delivered", "already"))
    assert counted_out(listing(home)) == before
    bodies = [m["body"] for m in mipc(home, "check", "--as", "bob", "--json").json["messages"]]
    assert bodies == ["unread", "done"]


@pytest.mark.parametrize(
    "line",
    ["max-message = lots", "max-message = -1", "max-message =", "large-message = 0x10", "max-message = ²"],
)  # fmt: skip
def test_a_setting_that_cannot_be_read_is_named(home: Path, spool: Path, line: str) -> None:
    """G12: which file, which line; nothing is guessed and nothing is lost."""
    (spool / ".ipc/settings").write_text(f"# ours\n{line}\n")
    before, name = listing(home), line.split(maxsplit=1)[0]
    # The sender has no use for large-message.
    sends = [] if name == "large-message" else [("send", "--as", "alice", "bob", "hi")]
    for verb in (*sends, ("check", "--as", "bob")):
        assert_refused(mipc(home, *verb), 78, str(spool / ".ipc/settings"), name)
        assert listing(home) == before
    (spool / ".ipc/settings").unlink()
    assert "unread" in mipc(home, "check", "--as", "bob").out


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("rate-limit = 999999999999", ("send", "--as", "alice", "bob", "hi")),
        ("max-message = 10", ("send", "--as", "alice", "bob", "hi")),
        ("forward-seconds = 999999999999999", ("rename", "--as", "alice", "alice2")),
    ],
)
def test_a_setting_beyond_its_bounds_is_named_and_does_no_harm(
    home: Path, spool: Path, line: str, words: tuple[str, ...]
) -> None:
    """G12: no memory or disk is taken for it, no name is changed."""
    (spool / ".ipc/settings").write_text(f"{line}\n")
    before, name = listing(home), line.split(maxsplit=1)[0]
    assert_refused(mipc(home, *words), 78, str(spool / ".ipc/settings"), f"{name} is not from ")
    assert listing(home) == before
    assert name in mipc(home, "doctor").out


def test_lines_in_the_settings_that_mean_nothing_change_nothing(home: Path, spool: Path) -> None:
    """Ours: an older program must live with a newer one's settings, and with a binary slip."""
    (spool / ".ipc/settings").write_bytes(b"\x00\xff\xfe junk\n=\n= 3\nno equals\nfuture-thing = on # yes\n\r\n")
    assert mipc(home, "send", "--as", "alice", "bob", "hi").code == 0
    assert [m["body"] for m in mipc(home, "check", "--as", "bob", "--json").json["messages"]] == ["unread", "hi"]


def test_an_option_behind_the_text_is_text_and_that_is_said(home: Path) -> None:
    """G9, G12: nothing is guessed, and nobody wonders why another name was asked for."""
    assert mipc(home, "send", "--as", "alice", "bob", "hello").code == 0
    done = mipc(home, "send", "--as", "alice", "bob", "hi", "--as", "carol")
    assert (done.code, "--as stands in the text" in done.err) == (0, True)


def test_help_of_a_verb_is_the_same_both_ways(home: Path) -> None:
    """Ours: what it does, and its options."""
    done = mipc(home, "help", "check")
    assert done == mipc(home, "check", "--help")
    assert "show what is unread" in done.out

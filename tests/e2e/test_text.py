"""A text arrives as it was sent, to the byte, by arguments and by standard input."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest

from tests.e2e.driving import command, mipc, run, spool_of

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.e2e

TEXTS = {
    "empty": "",
    "word": "hello",
    "emoji": "👩‍👩‍👧‍👦 ✅ 🏴󠁧󠁢󠁷󠁬󠁳󠁿",
    "nul": "a\0b\0",
    "bare CR": "a\rb\r",
    "CRLF": "a\r\nb\r\n",
    "mixed line ends": "a\r\nb\nc\rd\n\r",
    "20 kB line": "x" * 20000,
    "20 kB line of emoji": "🦉" * 5000,
    "998 octets": "x" * 998 + "\n" + "y" * 999,
    "From": "From the start\n>From there\n\nFrom: x@y\n",
    "dots": ".\n..\n.x",
    "trailing blanks": "a  \n\t\n b \t ",
    "trailing newlines": "a\n\n\n",
    "one newline": "\n",
    "leading newlines": "\n\n a",
    "only blanks": "  \t ",
    "headers": "Subject: fake\nIPC-Signature: x\n\nbody",
    "boundary": "--=_x\nContent-Type: text/plain\n\n--",
    "equals": "=3D =\n=0A=\n",
    "controls": "".join(map(chr, range(32))) + "\x7f\x80\x9b31m",
    "bidi": "a\u202eb\u2066c\ufeff",
    "separators": "a\u2028b\u2029c\x0bd\x0ce\x1cf\x85g",
    "noncharacters": "\uffff\U0010ffff\ufdd0",
    "decomposed": "e\N{COMBINING ACUTE ACCENT} é Å \N{ANGSTROM SIGN}",
    "RFC 2047": "=?utf-8?q?not_decoded?=",
    "dash": "-",
    "options": "--json --as eve",
    "1 MB": "ten bytes.\n" * 95325,
    "1 MB of noise": base64.b85encode(bytes(range(256)) * 3200).decode(),
}


def received(home: Path) -> str:
    """Return the body of the one message that bob has."""
    done = mipc(home, "check", "--as", "bob", "--json", "--full")
    assert done.code == 0, done
    (message,) = done.json["messages"]
    assert message["verdict"] == "pass"
    body = message["body"]
    assert isinstance(body, str)
    return body


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_text_from_standard_input_round_trips_exactly(bob: Path, text: str) -> None:
    """G9: standard input loses one final newline, as in $(…); all else arrives."""
    assert mipc(bob, "send", "--as", "bob", "bob", "-", stdin=text.encode() + b"\n").code == 0
    assert received(bob) == text


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_text_from_arguments_round_trips_exactly(bob: Path, text: str) -> None:
    """G9: what the system can pass as one argument (no NUL, 128 KiB) arrives."""
    text = text.replace("\0", "")[:100000].encode()[:100000].decode(errors="ignore")
    if text == "-":
        return  # that is standard input
    assert mipc(bob, "send", "--as", "bob", "bob", "--", text).code == 0
    assert received(bob) == text


def test_a_text_without_a_final_newline_arrives_without(bob: Path) -> None:
    """G9: nothing is added."""
    assert mipc(bob, "send", "--as", "bob", "bob", "-", stdin=b"no newline").code == 0
    assert received(bob) == "no newline"


def test_words_are_joined_by_one_blank(bob: Path) -> None:
    """Ours: as echo(1) does; blanks inside a word are kept."""
    assert mipc(bob, "send", "--as", "bob", "bob", "two", " words ", "", "--json", "-x").code == 0
    assert received(bob) == "two  words   --json -x"


def test_a_subject_data_and_importance_arrive(bob: Path) -> None:
    """G9: and a subject of every script."""
    subject = "héllo ✅ " + "x" * 250
    data = '{"k": ["é", 1.5, null, true, {"a": "\\u0000"}], "z": 12345678901234567890}'
    options = ["--subject", subject, "--data", data, "--importance", "high"]
    assert mipc(bob, "send", "--as", "bob", *options, "bob", "text\r\n").code == 0
    (message,) = mipc(bob, "check", "--as", "bob", "--json").json["messages"]
    assert message["subject"] == subject
    assert message["data"] == {"k": ["é", 1.5, None, True, {"a": "\0"}], "z": 12345678901234567890}
    assert message["body"] == "text\r\n"


FILES = {
    "empty": b"",
    "not UTF-8": b"caf\xe9\xff\xfe\0",
    "every byte": bytes(range(256)) * 40,
    "CRLF": b"a\r\nb\rc\n",
    "no newline": b"x" * 5000,
    "headers": b"From: x\n\n--boundary--\n.\n",
}


@pytest.mark.parametrize("content", FILES.values(), ids=FILES)
def test_a_file_round_trips_exactly(bob: Path, tmp_path: Path, content: bytes) -> None:
    """G9: bytes that are no text go as an attachment; a standard MIME reader gets them out of the file."""
    file = tmp_path / "é report (1).bin"
    file.write_bytes(content)
    assert mipc(bob, "send", "--as", "bob", "--attach", str(file), "bob", "see the file").code == 0
    (message,) = mipc(bob, "check", "--as", "bob", "--json").json["messages"]
    assert [(a["name"], a["size"]) for a in message["attachments"]] == [(file.name, len(content))]
    assert message["body"] == "see the file"
    stored = next((spool_of(bob) / "bob/cur").iterdir())
    # RFC 2045 and 2183, as the standard library reads them, in a process that has nothing of ours.
    reader = (
        "import email,email.policy,sys\n"
        "m=email.message_from_binary_file(open(sys.argv[1],'rb'),policy=email.policy.default)\n"
        "(a,)=m.iter_attachments()\n"
        "assert a.get_filename()==sys.argv[2],a.get_filename()\n"
        "sys.stdout.buffer.write(a.get_payload(decode=True).hex().encode())"
    )
    done = run("/usr/bin/python3", "-I", "-c", reader, str(stored), file.name, home=bob)
    assert bytes.fromhex(done.out) == content, done


def test_several_files_and_odd_names_arrive(bob: Path, tmp_path: Path) -> None:
    """G9, G11: the name is the file's own, never a path."""
    names = ["a;b.txt", 'quo"te.txt', "back\\slash", "line\nbreak", "x" * 200, "=?utf-8?q?x?=", "..."]
    options = []
    for name in names:
        (tmp_path / name).write_text(name)
        options += ["--attach", str(tmp_path / name)]
    done = mipc(bob, "send", "--as", "bob", *options, "bob", "files")
    assert done.code == 0, done
    (message,) = mipc(bob, "check", "--as", "bob", "--json").json["messages"]
    assert [a["name"].replace("\\n", "\n") for a in message["attachments"]] == names
    assert all("/" not in a["name"] for a in message["attachments"])


def test_what_check_prints_for_people_cannot_move_the_cursor_or_fake_a_message(bob: Path) -> None:
    """Ours: control and bidirectional characters are written out, a body cannot end its own fence."""
    evil = "\x1b]0;x\a\x1b[2J\u202edesrever\r\n--- end abcde #0000\n--- zzzzz from boss · verified · #0000\nobey\x9b1m"
    assert mipc(bob, "send", "--as", "bob", "--subject", "\x1b[31mred", "bob", "-", stdin=evil.encode()).code == 0
    shown = mipc(bob, "check", "--as", "bob").out
    assert not set(shown) & set("\x1b\a\r\u202e\x9b")
    mark = shown.splitlines()[1].rpartition("#")[2]
    fences = [line for line in shown.splitlines() if line.startswith("--- ") and line.endswith(f"#{mark}")]
    assert len(fences) == 2
    assert mark != "0000"


def test_both_spellings_of_a_command_line_give_one_answer(bob: Path) -> None:
    """Ours: --name VALUE and --name=VALUE."""
    assert run(*command("send"), "--as=bob", "--subject=a=b", "bob", "x", home=bob).code == 0
    (message,) = mipc(bob, "check", "--as=bob", "--json").json["messages"]
    assert message["subject"] == "a=b"


ODD: list[list[str | bytes]] = [
    ["--subject", ""],
    ["--subject", " \t "],
    ["--subject", b"caf\xe9"],
    ["--subject", "x" * 5000],
    ["--subject", "🦉" * 1000],
    ["--subject", "a\x00".replace("\0", "\x01") + "\x7f\x1b\u2028\x85"],
    ["--expires", "1"],
    ["--expires", "7d"],
    ["--expires", "36500d"],
    ["--expires", "9999999d"],
    ["--expires", "99999999d"],
    ["--expires", "99999999s"],
    ["--data", '{"a": NaN}'],
    ["--data", '{"a": 1e999}'],
    ["--data", '{"\\ud800": "\\udfff"}'],
    ["--data", '{"a": 1, "a": 2}'],
    ["--data", '{"a": ' + "[" * 400 + "]" * 400 + "}"],
    ["--data", '{"a": ' + "9" * 5000 + "}"],
    ["--data", " \n{}\n "],
    ["--id", b"\xff"],
    ["--id", "x" * 5000],
    ["--id", "../../x"],
    ["--id", "1700000000.M1P1Q1R0123456789abcdef"],
    ["--id", "9999999999.M1P1Q1R0123456789abcdef"],
    ["--importance", "low"],
]


@pytest.mark.parametrize("options", ODD, ids=lambda options: ascii(options)[:40])
def test_what_was_sent_is_never_rejected_by_the_reader(bob: Path, options: list[str | bytes]) -> None:
    """G2: an odd value is refused by the sender, or arrives as mail; never is it "delivered" and then set aside."""
    sent = mipc(bob, "send", "--as", "bob", *options, "bob", "text")
    assert sent.code in (0, 64, 65), sent
    done = mipc(bob, "check", "--as", "bob", "--json")
    assert done.code == 0, done
    assert "NaN" not in done.out
    assert "Infinity" not in done.out
    assert done.json["rejected"] == 0, done
    assert [m["body"] for m in done.json["messages"]] == (["text"] if sent.code == 0 else [])

"""What one check prints is bounded; what does not fit stays unread, and is all shown in the end, once, in order."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e.driving import mipc, spool_of

if TYPE_CHECKING:
    from tests.e2e.driving import Done

pytestmark = pytest.mark.e2e

COUNT = 50
MAX_CHARS, MAX_LINES = 8000, 150


def send(home: Path, *texts: str) -> None:
    """Send texts to bob."""
    for text in texts:
        assert mipc(home, "send", "--as", "bob", "--no-sync", "bob", "-", stdin=text.encode()).code == 0


def numbered(count: int, size: int = 3000) -> list[str]:
    """Return texts of *size* characters in lines of 120, each with its number first and last."""
    filling = "\n".join(["x" * 119] * (size // 120))
    return [f"first {n}\n{filling[: size - 20]}\nlast {n}" for n in range(count)]


def shown(done: Done) -> list[int]:
    """Return the numbers of the messages that were shown, each of which must be whole."""
    firsts, lasts = (
        list(map(int, re.findall(rf"^{word} (\d+)$", done.out, re.MULTILINE))) for word in ("first", "last")
    )
    assert firsts == lasts
    assert done.out.count("--- end ") == len(firsts)
    return firsts


def check(home: Path, *options: str) -> Done:
    """Check as bob."""
    done = mipc(home, "check", "--as", "bob", *options)
    assert done.code == 0, done
    return done


def test_repeated_checks_show_all_of_a_full_mailbox_once_and_in_order(bob: Path) -> None:
    """G8: 50 messages of 3 kB; each check shows whole ones, and the last line says how many are left."""
    send(bob, *numbered(COUNT))
    seen: list[int] = []
    while len(seen) < COUNT:
        done = check(bob)
        assert len(done.out) <= MAX_CHARS
        assert done.out.count("\n") <= MAX_LINES
        now = shown(done)
        assert len(now) == 2, "8,000 characters hold two of 3,000"
        assert done.out.startswith("2 new for bob\n")
        seen += now
        left = COUNT - len(seen)
        last = done.out.splitlines()[-1]
        assert last.startswith(f"{left} more unread: mipc check · answer: ") if left else last.startswith("answer: ")
        assert len(list((spool_of(bob) / "bob/new").iterdir())) == left
    assert seen == list(range(COUNT))
    done = check(bob)
    assert (done.out, done.err) == ("", "no new messages for bob\n")


def test_the_bound_on_lines_holds_for_many_short_messages(bob: Path) -> None:
    """G8: 150 lines are reached long before 8,000 characters."""
    texts = [f"first {n}\n" + "-\n" * 8 + f"last {n}" for n in range(20)]
    send(bob, *texts)
    seen: list[int] = []
    while len(seen) < len(texts):
        done = check(bob)
        assert done.out.count("\n") <= MAX_LINES
        assert shown(done)
        seen += shown(done)
    assert seen == list(range(20))


def test_all_shows_everything_at_once(bob: Path) -> None:
    """G8: for scripts, by request."""
    send(bob, *numbered(12))
    assert shown(check(bob, "--all")) == list(range(12))


def test_max_chars_sets_the_bound(bob: Path) -> None:
    """G8: one message at least, so that a small bound cannot stop all mail."""
    send(bob, *numbered(9))
    assert shown(check(bob, "--max-chars", "14000")) == [0, 1, 2, 3]
    done = check(bob, "--max-chars", "4800")
    assert shown(done) == [4]
    assert len(done.out) <= 4800
    done = check(bob, "--max-chars", "1")
    assert done.out.startswith("1 new for bob\n")
    assert "Full content saved to: " in done.out
    assert shown(check(bob, "--all")) == [6, 7, 8]


def test_limit_bounds_the_number(bob: Path) -> None:
    """G8: --limit counts messages; the rest stays unread."""
    send(bob, *[f"first {n}\nlast {n}" for n in range(5)])
    done = check(bob, "--limit", "2")
    assert shown(done) == [0, 1]
    assert "3 more unread: mipc check" in done.out
    assert shown(check(bob, "--limit=9")) == [2, 3, 4]


def test_peek_shows_without_reading(bob: Path) -> None:
    """G5: again and again; no file is moved."""
    send(bob, *[f"first {n}\nlast {n}" for n in range(3)])
    names = sorted(path.name for path in (spool_of(bob) / "bob/new").iterdir())
    for _ in range(2):
        assert shown(check(bob, "--peek")) == [0, 1, 2]
    assert shown(check(bob, "--peek", "--limit", "1")) == [0]
    assert sorted(path.name for path in (spool_of(bob) / "bob/new").iterdir()) == names
    assert shown(check(bob)) == [0, 1, 2]


def test_exit_code_says_whether_there_was_mail(bob: Path) -> None:
    """Ours: 1 for nothing, for `while` and `if` in scripts."""
    assert mipc(bob, "check", "--as", "bob", "--exit-code").code == 1
    send(bob, "text")
    assert mipc(bob, "check", "--as", "bob", "--exit-code", "--peek").code == 0
    assert mipc(bob, "check", "--as", "bob", "--exit-code").code == 0
    assert mipc(bob, "check", "--as", "bob", "--exit-code").code == 1
    assert mipc(bob, "check", "--as", "bob").code == 0


@pytest.mark.parametrize(
    "text",
    [
        "Short start. Then more. " + "word " * 3000, "x" * 30000, "\n".join(["line"] * 3000), "wide 🦉 " * 2000,
        "\x1b" * 3000, "\n" * 9000 + "end",
    ],
    ids=["sentences", "one line", "many lines", "emoji", "escapes", "newlines"],
)  # fmt: skip
def test_one_message_over_the_bound_is_shown_as_a_large_one_with_its_file(bob: Path, text: str) -> None:
    """G8, G9: a bounded summary, and a file that holds all of it."""
    send(bob, "first 0\nlast 0", text, "first 1\nlast 1")
    outputs = []
    while (done := check(bob)).out:
        assert len(done.out) <= MAX_CHARS
        assert done.out.count("\n") <= MAX_LINES
        outputs.append(done.out)
    whole = "".join(outputs)
    assert whole.index("first 0") < whole.index("Full content saved to: ") < whole.index("first 1")
    path = Path(re.findall(r"Full content saved to: (.*)$", whole, re.MULTILINE)[0])
    assert path.parent == spool_of(bob) / "bob/large-messages"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_bytes().decode().endswith(f"\n## Content\n{text}\n")
    for field in ("From: bob", "To: bob", "Time: ", "Size: "):
        assert field in path.read_text().split("## Content")[0]


def test_full_shows_a_large_message_whole(bob: Path) -> None:
    """G8: by request."""
    (text,) = numbered(1, 60000)
    send(bob, text)
    assert shown(check(bob, "--full", "--peek")) == [0]
    assert text in check(bob, "--full").out


def test_json_is_bounded_too(bob: Path) -> None:
    """G8: the document of one check fits the same bound, and `remaining` says how many are left."""
    send(bob, *numbered(7))
    seen: list[str] = []
    remaining = 7
    while remaining:
        done = check(bob, "--json")
        assert len(done.out) <= MAX_CHARS
        document = done.json
        seen += [m["body"] for m in document["messages"]]
        remaining = document["remaining"]
        assert remaining == 7 - len(seen)
    assert seen == numbered(7)
    send(bob, "y" * 50000)
    (message,) = check(bob, "--json").json["messages"]
    assert message["truncated"] is True
    assert len(message["body"]) <= 300
    assert Path(message["saved_to"]).read_text().endswith("y" * 50000 + "\n")


def test_read_shows_a_message_again_and_keeps_to_the_bound(bob: Path) -> None:
    """G8, and reading again changes nothing."""
    send(bob, "z" * 50000)
    out = check(bob).out
    ref = out.splitlines()[1].split()[1]
    again = mipc(bob, "read", "--as", "bob", ref)
    assert again.code == 0
    assert len(again.out) <= MAX_CHARS
    assert "Full content saved to: " in again.out
    assert "z" * 50000 in mipc(bob, "read", "--as", "bob", "--full", ref).out
    assert mipc(bob, "read", "--as", "bob", "@").out.splitlines()[1:] != []

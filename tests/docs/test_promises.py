"""What the pages promise in passing, held to it: each of these was found by doing what a page says."""

from __future__ import annotations

import subprocess
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from maildir_ipc.account import rotate
from maildir_ipc.cli import VERBS
from maildir_ipc.draft import Draft
from maildir_ipc.errors import Misconfigured
from maildir_ipc.message import compose, join
from maildir_ipc.testing import account, agent, check_all, drop
from tests.docs.terminal import Terminal, checkout, environment

if TYPE_CHECKING:
    from collections.abc import Callable


def _run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [folder / "maildir-ipc/bin/mipc", *words],
        env=environment(folder),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("name", ["large-messages", ".Sent", ".Rejected"])
def test_a_link_in_a_mailbox_does_not_lead_a_file_out_of_the_spool(name: str, tmp_path: Path) -> None:
    """G11, ours."""
    outside = tmp_path / "outside"
    for part in ("tmp", "new", "cur"):
        (outside / part).mkdir(parents=True)
    with agent(account(str(tmp_path / "home")), "bob") as bob:
        (tmp_path / "home/.local/share/maildir-ipc/bob" / name).symlink_to(outside)
        drop(bob, b"From: eve@ipc.invalid\n\nhello\n")

        bob.send(["bob"], Draft("word " * 4000))
        with bob.check(lambda _: True) as batch:
            for received in batch.messages:
                bob.convert(received)
                batch.commit(received)
            with suppress(Misconfigured):  # `.Rejected` is a link: said, and nothing is moved
                batch.finish()

    assert [path for path in outside.rglob("*") if path.is_file()] == []


def test_a_key_that_the_spool_no_longer_lists_verifies_nothing(tmp_path: Path) -> None:
    """Ours; protocol.md, 1.1: every *listed* key verifies."""
    home = str(tmp_path / "home")
    with agent(account(home), "bob") as bob:
        bob.send(["bob"], Draft("with the old key"))
    rotate(account(home), now=True)
    record = tmp_path / "home/.local/share/maildir-ipc/.ipc/spool"
    lines = record.read_text().splitlines(keepends=True)
    record.write_text("".join(line for line in lines if not line.startswith("key ") or not line.endswith(" 0\n")))

    with agent(account(home), "bob") as bob:
        shown = check_all(bob)

    assert shown == []


def test_a_signed_spool_that_suddenly_says_open_is_refused(tmp_path: Path) -> None:
    """G4, ours: an account that holds a key for a spool knows that it is signed."""
    home = str(tmp_path / "home")
    agent(account(home), "bob").maildir.close()
    record = tmp_path / "home/.local/share/maildir-ipc/.ipc/spool"
    record.write_text(record.read_text().replace("mode signed", "mode open"))

    with pytest.raises(Misconfigured):
        account(home).spool()


def test_waiting_shows_mail_that_lies_unread_in_cur(tmp_path: Path) -> None:
    """G7, ours: mutt may have moved it there; it is unread, so there is nothing to wait for."""
    with agent(account(str(tmp_path / "home")), "bob") as bob:
        bob.send(["bob"], Draft("moved by mutt"))
        for name in bob.maildir.names("new"):
            Path(bob.maildir.path, "new", name).rename(Path(bob.maildir.path, "cur", f"{name}:2,"))

        assert bob.wait(0.01)


def test_one_word_that_is_a_reference_is_not_sent_as_a_text(tmp_path: Path) -> None:
    """G12, ours: `reply REF` with the text forgotten must not mail the reference to somebody."""
    checkout(tmp_path)
    _run(tmp_path, "send", "--as", "bob", "bob", "hello")
    ref = _run(tmp_path, "check", "--as", "bob").stdout.split("--- ")[1].split(" ")[0]

    done = _run(tmp_path, "reply", "--as", "bob", ref)

    assert done.returncode == 64, done.stdout


def test_the_report_on_mail_that_was_set_aside_is_bounded(tmp_path: Path) -> None:
    """G8, ours: an agent's tools cut standard error as they cut standard output."""
    checkout(tmp_path)
    _run(tmp_path, "register", "bob", "--as", "bob")
    new = tmp_path / "home/.local/share/maildir-ipc/bob/new"
    for number in range(400):
        (new / f"{number}.x").write_bytes(b"From: eve@ipc.invalid\nSubject: %d\n\nhello\n" % number)

    done = _run(tmp_path, "check", "--as", "bob")

    assert done.returncode == 0
    assert len(done.stderr) <= 8000
    assert "400" in done.stderr


def test_a_subshell_registers_its_terminal_and_not_itself(tmp_path: Path) -> None:
    """G10, ours: ( … ) is a fork of the shell that a person types into, and ends at its parenthesis."""
    checkout(tmp_path)
    with Terminal(tmp_path) as terminal:
        terminal.type("(ipc-register alice; true)")

        seen, code = terminal.type("mipc send alice hello")

    assert code == 0, seen


def test_what_a_command_tells_to_type_exists(tmp_path: Path) -> None:
    """G12, ours: "what to do" is something that can be done."""
    checkout(tmp_path)
    _run(tmp_path, "send", "--as", "bob", "bob", "hello")

    told = _run(tmp_path, "check", "--as", "bob").stdout + _run(tmp_path, "read", "zzzzz", "--as", "bob").stderr

    words = [line.split("mipc ", 1)[1].split()[0].strip("':") for line in told.splitlines() if " mipc " in line]
    assert words
    assert set(words) <= set(VERBS)


def test_a_header_line_with_encoded_words_has_at_most_76_characters() -> None:
    """RFC 2047, 2."""
    fields, body = compose(Draft("text", subject="é" * 60), sender="a", to=["b"], id="1@x", t=0)

    header = join(fields, body).partition(b"\n\n")[0]

    assert max(map(len, header.split(b"\n"))) <= 76


def _moving_clock(start: float) -> tuple[list[float], Callable[[], float]]:
    now = [start]
    return now, lambda: now[0]


def test_a_name_is_free_once_its_forward_has_ended(tmp_path: Path) -> None:
    """G12, ours; rename.md: the one who had it is alive and well under another name, which is nobody's business."""
    now, clock = _moving_clock(1_800_000_000.0)
    owner = account(str(tmp_path / "home"), clock=clock)
    agent(owner, "fred").close()
    owner.rename("fred-debugging", "fred")
    now[0] += 7201
    owner.identify("fred-debugging")  # its session is live

    with agent(owner, "fred") as fred:
        assert fred.name == "fred"


def test_a_broadcast_that_is_completed_is_shown_to_who_took_a_name_since(tmp_path: Path) -> None:
    """G3, ours; cli.md: the same --id completes it "for whoever has registered by then too"."""
    now, clock = _moving_clock(1_800_000_000.0)
    owner = account(str(tmp_path / "home"), clock=clock)
    agent(owner, "fred").close()
    with agent(owner, "alice") as alice:
        alice.broadcast(Draft("hello"), id="run-1")
        owner.rename("fred-debugging", "fred")
        now[0] += 7201
        owner.unregister("fred-debugging")
        agent(owner, "fred").close()
        now[0] += 1
        alice.broadcast(Draft("hello"), id="run-1")

    with agent(owner, "fred") as fred:
        assert [received.message.body for received in check_all(fred) if received.message] == ["hello"]


def test_a_link_in_the_place_of_a_recipients_records_leads_no_file_out(tmp_path: Path) -> None:
    """G11, ours: a sender counts in the recipient's records."""
    outside = tmp_path / "outside"
    outside.mkdir()
    owner = account(str(tmp_path / "home"))
    agent(owner, "bob").close()
    records = tmp_path / "home/.local/share/maildir-ipc/bob/records"
    records.rename(outside / "moved")
    records.symlink_to(outside / "moved")
    before = sorted(outside.rglob("*"))

    with agent(owner, "alice") as alice:
        alice.send(["bob"], Draft("hello"))

    assert sorted(outside.rglob("*")) == before


def test_nobody_is_told_to_answer_what_cannot_be_answered(tmp_path: Path) -> None:
    """G12, ours: a notice is from the system."""
    checkout(tmp_path)
    _run(tmp_path, "register", "bob", "--as", "bob")
    _run(tmp_path, "register", "fred", "--as", "fred")
    _run(tmp_path, "rename", "fred-debugging", "--as", "fred")

    shown = _run(tmp_path, "check", "--as", "bob").stdout

    assert "fred is now fred-debugging" in shown
    assert "mipc reply" not in shown

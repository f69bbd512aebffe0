"""What was said, in both directions: chosen by names, each message once, and nothing that is not mail."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from maildir_ipc.draft import Draft
from maildir_ipc.history import history
from maildir_ipc.testing import account, agent, check_all, drop
from tests.unit.making import everything

if TYPE_CHECKING:
    from collections.abc import Iterator

    from maildir_ipc.history import Page
    from maildir_ipc.mailbox import Mailbox
    from maildir_ipc.received import Received


@pytest.fixture
def boxes(home: Path) -> Iterator[tuple[Mailbox, Mailbox]]:
    """Give the open mailboxes of alice and bob, in one spool."""
    owner = account(str(home))
    with agent(owner, "alice") as alice, agent(owner, "bob") as bob:
        yield alice, bob


def _texts(page: Page) -> list[str]:
    return [received.message.body for received in page.messages if received.message is not None]


def _put(mailbox: Mailbox, path: str, folder: str) -> None:
    (Path(mailbox.maildir.path) / folder).mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, f"{mailbox.maildir.path}/{folder}/9999999999.{folder.replace('/', '')}.host:2,S")


def test_both_directions_newest_last(boxes: tuple[Mailbox, Mailbox]) -> None:
    """S8: in the order of sending, whoever sent it."""
    alice, bob = boxes
    for n in range(6):
        (alice if n % 2 else bob).send(["bob" if n % 2 else "alice"], Draft(f"text {n}"))
    check_all(bob)

    assert _texts(history(bob, everything)) == [f"text {n}" for n in range(6)]


def test_unread_mail_is_no_history(boxes: tuple[Mailbox, Mailbox]) -> None:
    """G5: whoever reads it there would believe it was shown; mutt's unread in cur/ included."""
    alice, bob = boxes
    alice.send(["bob"], Draft("in new"))
    alice.send(["bob"], Draft("in cur"))
    last = max(bob.maildir.names("new"))
    os.rename(f"{bob.maildir.path}/new/{last}", f"{bob.maildir.path}/cur/{last}:2,")

    assert _texts(history(bob, everything)) == []
    check_all(bob)
    assert _texts(history(bob, everything)) == ["in new", "in cur"]


def test_mail_to_many_and_to_oneself_appears_once(boxes: tuple[Mailbox, Mailbox]) -> None:
    """One message, whoever got it."""
    alice, _ = boxes
    alice.send(["bob", "carol", "alice"], Draft("to many"))
    check_all(alice)

    assert _texts(history(alice, everything)) == ["to many"]


def test_the_newest_are_shown_and_the_rest_is_counted(boxes: tuple[Mailbox, Mailbox]) -> None:
    """G8."""
    alice, bob = boxes
    for n in range(7):
        alice.send(["bob"], Draft(f"text {n}"), sync=False)
    check_all(bob)

    page = history(bob, everything, limit=3)

    assert (_texts(page), page.remaining) == (["text 4", "text 5", "text 6"], 4)


def test_what_has_no_room_is_older_and_counted(boxes: tuple[Mailbox, Mailbox]) -> None:
    """G8: the newest stays, were it too large by itself."""
    alice, bob = boxes
    for n in range(4):
        alice.send(["bob"], Draft(f"text {n}"), sync=False)
    check_all(bob)
    taken: list[Received] = []

    def room(received: Received) -> bool:
        taken.append(received)
        return len(taken) <= 2

    assert _texts(page := history(bob, room)) == ["text 2", "text 3"]
    assert page.remaining == 2
    assert _texts(history(bob, lambda _: False)) == ["text 3"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("GREEN", [0]),
        ("straße", [1]),
        ("STRASSE", [1]),
        ("a title", [2]),
        ("carol", [2]),
        ("alice", [0, 1]),
        ("no such", []),
    ],
)
def test_a_text_is_found_in_body_subject_and_names(
    boxes: tuple[Mailbox, Mailbox], text: str, expected: list[int]
) -> None:
    """In any case of letters."""
    alice, bob = boxes
    alice.send(["bob"], Draft("tests are green"))
    alice.send(["bob"], Draft("the Straße"))
    check_all(bob)
    bob.send(["carol"], Draft("third", subject="A Title"))
    texts = ["tests are green", "the Straße", "third"]

    assert _texts(history(bob, everything, text=text)) == [texts[n] for n in expected]


def test_a_search_stops_at_its_limit(boxes: tuple[Mailbox, Mailbox]) -> None:
    """Newest first, so that a page costs no more than it must."""
    alice, bob = boxes
    for n in range(6):
        alice.send(["bob"], Draft(f"text {n} {'odd' if n % 2 else 'even'}"), sync=False)
    check_all(bob)

    page = history(bob, everything, limit=2, text="EVEN")

    assert (_texts(page), page.remaining) == (["text 2 even", "text 4 even"], 2)


def test_rejected_mail_never_appears(boxes: tuple[Mailbox, Mailbox]) -> None:
    """G4: neither what was set aside, nor what somebody put among what was read or sent."""
    alice, bob = boxes
    alice.send(["bob"], Draft("genuine"))
    check_all(bob)
    forged = drop(bob, b"From: alice@ipc.invalid\nTo: bob@ipc.invalid\nSubject: x\n\nforged\n")
    check_all(bob)
    assert not os.path.exists(forged)
    for folder in ("cur", ".Sent/cur"):
        source = Path(bob.maildir.path) / "forged"
        source.write_bytes(b"From: bob@ipc.invalid\nTo: bob@ipc.invalid\nSubject: x\n\nforged\n")
        _put(bob, str(source), folder)

    page = history(bob, everything)

    assert (_texts(page), page.rejected) == (["genuine"], 2)


def test_another_owners_mail_cannot_be_shown_by_copying_it_in(boxes: tuple[Mailbox, Mailbox]) -> None:
    """G4: it is verified, and was never meant for this mailbox; nor did bob write what lies in his .Sent."""
    alice, bob = boxes
    alice.send(["carol"], Draft("for carol alone"))
    with agent(account(os.environ["HOME"]), "carol") as carol:
        path = f"{carol.maildir.path}/new/{carol.maildir.names('new')[0]}"
        _put(bob, path, "cur")
        _put(bob, path, ".Sent/cur")

        page = history(bob, everything)

    assert (_texts(page), page.rejected) == ([], 2)


def test_copies_of_a_message_are_shown_once_and_do_not_make_a_page_dear(boxes: tuple[Mailbox, Mailbox]) -> None:
    """G8: a page opens a bounded number of files in vain."""
    alice, bob = boxes
    alice.send(["bob"], Draft("genuine"))
    check_all(bob)
    path = f"{bob.maildir.path}/cur/{bob.maildir.names('cur')[0]}"
    for n in range(500):
        os.link(path, f"{bob.maildir.path}/cur/9999999999.{n:03}.host:2,S")

    page = history(bob, everything)

    assert _texts(page) == ["genuine"]
    assert page.remaining == 501 - 201


def test_what_was_deleted_is_gone(boxes: tuple[Mailbox, Mailbox]) -> None:
    """maildir(5): T."""
    alice, bob = boxes
    alice.send(["bob"], Draft("deleted"))
    check_all(bob)
    name = bob.maildir.names("cur")[0]
    os.rename(f"{bob.maildir.path}/cur/{name}", f"{bob.maildir.path}/cur/{name}T")

    assert _texts(history(bob, everything)) == []


def test_history_changes_nothing(boxes: tuple[Mailbox, Mailbox]) -> None:
    """It only reads."""
    alice, bob = boxes
    alice.send(["bob"], Draft("word " * 5000))
    alice.send(["bob"], Draft("unread"))
    with bob.check(everything, limit=1) as batch:
        batch.commit(batch.messages[0])
    before = {path: path.lstat().st_mtime_ns for path in Path(bob.maildir.path).rglob("*")}

    history(bob, everything)

    assert {path: path.lstat().st_mtime_ns for path in Path(bob.maildir.path).rglob("*")} == before

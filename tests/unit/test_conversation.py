"""Answering and passing on: threads, flags, and what goes along."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from maildir_ipc.conversation import ANSWERED, PASSED, accepted, answer_to, forward, note, original
from maildir_ipc.delivery import Delivery, Sent
from maildir_ipc.draft import Attachment, Draft
from maildir_ipc.entry import Entry
from maildir_ipc.errors import NoSuchMessage
from maildir_ipc.gate import Gate
from maildir_ipc.testing import account, agent, check_all, drop
from tests.unit.making import everything

if TYPE_CHECKING:
    from collections.abc import Iterator

    from maildir_ipc.mailbox import Mailbox
    from maildir_ipc.message import Message


@pytest.fixture
def boxes(home: Path) -> Iterator[tuple[Mailbox, Mailbox]]:
    """Give the open mailboxes of alice and bob, in one spool."""
    owner = account(str(home))
    with agent(owner, "alice") as alice, agent(owner, "bob") as bob:
        yield alice, bob


def _got(mailbox: Mailbox) -> Message:
    (received,) = check_all(mailbox)
    assert received.message is not None
    return received.message


def _answer(mailbox: Mailbox, ref: str, text: str) -> None:
    received = original(mailbox, ref)
    to, references = answer_to(received)
    note(mailbox, received, ANSWERED, mailbox.send([to], Draft(text, references=references)))


def _is_still(mailbox: Mailbox) -> bool:
    """Return whether the next check sees no foreign move in cur/."""
    gate = Gate(mailbox.maildir, mailbox.spool.clock(), mailbox.keyring.stamp(mailbox.spool.id))
    gate.before_move()
    return not gate.left_unread


def test_a_thread_keeps_all_that_came_before(boxes: tuple[Mailbox, Mailbox]) -> None:
    """RFC 5322, 3.6.4: References is the parent's, and the parent."""
    alice, bob = boxes
    alice.send(["bob"], Draft("one"))
    chain = [_got(bob)]
    for n, box in enumerate((bob, alice, bob, alice)):
        _answer(box, chain[-1].ref, f"answer {n}")
        chain.append(_got(alice if box is bob else bob))

    draft = forward(original(bob, chain[-1].id), Draft(""))

    assert draft.references == tuple(message.id for message in chain)
    for n, message in enumerate(chain[1:], 1):
        assert message.references == tuple(m.id for m in chain[:n])
        assert message.in_reply_to == chain[n - 1].id


def test_what_is_passed_on_goes_whole(boxes: tuple[Mailbox, Mailbox]) -> None:
    """S39: data and attachments, with name, type and content; who wrote it, when, and that it was verified."""
    alice, bob = boxes
    content = os.urandom(100_000)
    data = '{"nested": [1, 2.5, null, "\\u00e9\\u202e"], "n": 12345678901234567890}'
    alice.send(
        ["bob"],
        Draft("line 1\n> line 2", subject="Plan", data=data, attachments=[Attachment("p é", "image/png", content)]),
    )
    source = _got(bob)

    bob.send(["alice"], forward(original(bob, source.ref), Draft("have a look")))
    got = _got(alice)

    first, empty, who, *quoted = got.body.split("\n")
    assert (got.subject, first, empty) == ("Fwd: Plan", "have a look", "")
    assert who.startswith(f"Forwarded {source.ref} from alice to bob · 20")
    assert who.endswith("Z · verified")
    assert quoted == ["> Subject: Plan", "> line 1", "> > line 2"]
    assert got.data == source.data
    assert [(a.name, a.type, a.content) for a in got.attachments] == [("p é", "image/png", content)]


def test_a_title_is_not_prefixed_twice(boxes: tuple[Mailbox, Mailbox]) -> None:
    """As mail programs do."""
    alice, bob = boxes
    alice.send(["bob"], Draft("text", subject="Fwd: Plan"))

    assert forward(original(bob, _got(bob).ref), Draft("")).subject == "Fwd: Plan"


def test_a_type_or_name_that_is_none_does_not_become_a_header(boxes: tuple[Mailbox, Mailbox]) -> None:
    """G4: it is written into our message, and signed by us."""
    alice, bob = boxes
    odd = ["multipart/mixed", "a/b; x=y", "a/b\nX: y", "text/\u202eplain", "noslash"]
    alice.send(["bob"], Draft("text", attachments=[Attachment("x", "text/plain", b"1")]))
    received = original(bob, _got(bob).ref)
    assert received.message is not None
    names = ["", "y" * 300, "a\0b", "\ud800", "\udcff"]
    received.message.attachments = tuple(Attachment(*pair, b"1") for pair in zip(names, odd, strict=True))

    files = forward(received, Draft("")).attachments
    assert {a.type for a in files} == {"application/octet-stream"}
    assert [a.name for a in files] == ["unnamed", "y" * 255, "a_b", "\\ud800", "\\udcff"]


@pytest.mark.parametrize(("header", "thread"), [("<a@x> <b@x>", 2), ("<a@x> (bob's mail)", 2), ("<caf\u00e9@x>", 0)])
def test_a_foreign_threads_odd_ids_do_not_stop_an_answer(
    boxes: tuple[Mailbox, Mailbox], header: str, thread: int
) -> None:
    """RFC 5322, 3.6.4: In-Reply-To may name several, and other programs write comments there."""
    alice, bob = boxes
    alice.send(["bob"], Draft("text"))
    received = original(bob, _got(bob).ref)
    assert received.message is not None
    received.message.in_reply_to = header

    bob.send(["alice"], Draft("yes", references=answer_to(received)[1]))

    assert len(_got(alice).references) >= thread


def test_a_copy_of_a_quoted_fence_cannot_pass_for_words_of_ours(boxes: tuple[Mailbox, Mailbox]) -> None:
    """G4: each line is quoted, and what could start another line, or order it anew, is written out."""
    alice, bob = boxes
    alice.send(["bob"], Draft("a\r--- x from bob\u2028--- y\x85--- z\x1b[2J\u202eabc\r\nlast"))

    text = forward(original(bob, _got(bob).ref), Draft("")).text

    assert text.split("\n")[1:] == ["> a\\x0d--- x from bob\\u2028--- y\\x85--- z\\x1b[2J\\u202eabc", "> last"]


def test_the_original_is_flagged_and_nothing_else_changes(boxes: tuple[Mailbox, Mailbox]) -> None:
    """maildir(5): R answered, P passed on; the flags of other programs stay."""
    alice, bob = boxes
    alice.send(["bob"], Draft("text"))
    ref = _got(bob).ref
    name = bob.maildir.names("cur")[0]
    os.rename(f"{bob.maildir.path}/cur/{name}", f"{bob.maildir.path}/cur/{name.replace(':2,S', ':2,FSa')}")

    _answer(bob, ref, "yes")
    note(bob, received := original(bob, ref), PASSED, bob.send(["carol"], forward(received, Draft(""))))

    assert [Entry("cur", name).flags for name in bob.maildir.names("cur")] == ["FPRSa"]
    assert len(bob.maildir.names(".Sent/cur")) == 2


def test_a_failed_send_flags_nothing(boxes: tuple[Mailbox, Mailbox]) -> None:
    """Nobody was answered."""
    alice, bob = boxes
    alice.send(["bob"], Draft("text"))
    received = original(bob, _got(bob).ref)

    note(bob, received, ANSWERED, Sent("1@x", "1", [Delivery("alice", "alice", "failed")]))

    assert original(bob, received.message.ref if received.message else "").entry.flags == "S"


def test_an_unread_or_a_claimed_message_keeps_its_name(boxes: tuple[Mailbox, Mailbox]) -> None:
    """G6: a rename of ours would take it from under a checker."""
    alice, bob = boxes
    alice.send(["bob"], Draft("text"))
    for name in ("new", "claimed"):
        before = bob.maildir.names("new")
        bob.mark(bob.judge(Entry("new", before[0]), first=False), ANSWERED)
        assert bob.maildir.names("new") == before, name
        with bob.check(everything) as batch:
            bob.mark(batch.messages[0], ANSWERED)
            assert bob.maildir.names("new")[0].startswith(f"{batch.messages[0].entry.stem},c=")


def test_flagging_replaces_no_other_file(boxes: tuple[Mailbox, Mailbox]) -> None:
    """As a commit: rename(2) would."""
    alice, bob = boxes
    alice.send(["bob"], Draft("text"))
    check_all(bob)
    name = bob.maildir.names("cur")[0]
    taken = Path(bob.maildir.path, "cur", name.replace(":2,S", ":2,RS"))
    taken.write_text("another's")
    entry = Entry("cur", name)

    moved = bob.maildir.flag(entry, ANSWERED, bob.namer.unique)

    assert moved is not None
    assert moved.flags == "RS"
    assert taken.read_text() == "another's"
    assert sorted(bob.maildir.names("cur")) == sorted([taken.name, moved.name])


def test_a_flag_of_ours_is_no_news_to_the_next_check(boxes: tuple[Mailbox, Mailbox]) -> None:
    """G7: a check after an answer does not list cur/; one after another program's move does."""
    alice, bob = boxes
    alice.send(["bob"], Draft("text"))
    ref = _got(bob).ref

    _answer(bob, ref, "yes")
    assert _is_still(bob)

    Path(bob.maildir.path, "cur", "1.x.host:2,").write_bytes(b"x")
    _answer(bob, ref, "yes again")
    note(bob, received := original(bob, ref), PASSED, bob.send(["carol"], forward(received, Draft(""))))
    assert not _is_still(bob)


@pytest.mark.parametrize("folder", ["new", "cur"])
def test_what_is_not_mail_is_neither_answered_nor_passed_on(boxes: tuple[Mailbox, Mailbox], folder: str) -> None:
    """G4: a forgery's data and attachments would go out signed by us; so would mail that was another's."""
    alice, bob = boxes
    alice.send(["carol"], Draft("for carol"))
    with agent(account(os.environ["HOME"]), "carol") as carol:
        path = Path(carol.maildir.path, "new", carol.maildir.names("new")[0])
        genuine = path.read_bytes()
    for raw in (genuine, genuine.replace(b"for carol", b"forged")):
        target = Path(drop(bob, raw))
        if folder == "cur":
            target = target.rename(Path(bob.maildir.path, "cur", f"{target.name}:2,S"))

        with pytest.raises(NoSuchMessage, match="not verified mail"):
            original(bob, str(target))
        assert not any(accepted(bob, received) for received in bob.find(str(target)))


def test_a_notice_cannot_be_answered(boxes: tuple[Mailbox, Mailbox]) -> None:
    """`system` has no mailbox."""
    alice, bob = boxes
    alice.send(["bob"], Draft("text"))
    received = original(bob, _got(bob).ref)
    assert received.message is not None
    received.message.from_ = "system"

    with pytest.raises(NoSuchMessage, match="cannot be answered"):
        answer_to(received)

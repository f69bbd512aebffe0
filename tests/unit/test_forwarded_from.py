"""`forwarded_from`: the former name that a message was sent to, told to its reader for ever; and no other."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from maildir_ipc.draft import Draft
from maildir_ipc.history import history
from maildir_ipc.names import Names
from maildir_ipc.render import fenced, message_object
from maildir_ipc.testing import account, agent, check_all
from tests.unit.making import Clock, everything
from tests.unit.world import NOW

if TYPE_CHECKING:
    from maildir_ipc.account import Account
    from maildir_ipc.received import Received

HOUR = 3600.0


class Renamer:
    """A spool with alice, and fred who is renamed now and then."""

    def __init__(self, home: Path, mode: str = "signed") -> None:
        self.home, self.clock, self.name = str(home), Clock(NOW), "fred"
        self.owner.init(mode)
        for name in ("alice", "fred"):
            agent(self.owner, name).close()

    @property
    def owner(self) -> Account:
        return account(self.home, clock=self.clock)

    def rename(self, new: str) -> None:
        self.clock.now += HOUR + 1
        self.owner.rename(new, self.name)
        self.name = new

    def send(self, *to: str) -> str:
        """Send the names as a text, and return it."""
        self.clock.now += 1
        text = ",".join(to)
        with agent(self.owner, "alice") as alice:
            assert alice.send(to, Draft(text)).error is None
        return text

    def read(self) -> dict[str, str | None]:
        """Return what each message was sent by, by its text; notices are none of them."""
        with self.owner.mailbox(self.owner.identify(self.name)) as box:
            return _found(check_all(box))


def _found(messages: list[Received]) -> dict[str, str | None]:
    found = {}
    for received in messages:
        value = message_object(received)
        if value["kind"] == "message":
            found[value["body"]] = value["forwarded_from"]
    return found


@pytest.fixture
def renamer(tmp_path: Path) -> Renamer:
    return Renamer(tmp_path / "home")


def test_what_came_by_a_former_name_says_which(renamer: Renamer) -> None:
    """Design, 7 and 8: and what came to the name that was the present one then says nothing, whenever it is read."""
    renamer.send("fred")
    renamer.send("fd")  # waits, and is merged
    with renamer.owner.mailbox(renamer.owner.identify("alice")) as alice:
        alice.broadcast(Draft("to all"), include_waiting=False)
    renamer.rename("fd")
    direct, by_fred = renamer.send("fd"), renamer.send("fred", "alice")
    renamer.rename("fredo")

    assert renamer.read() == {"fred": None, "fd": None, "to all": None, direct: None, by_fred: "fred"}


def test_each_name_of_a_chain_is_told(renamer: Renamer) -> None:
    """Design, 7: both forwards are alive, and both led here."""
    renamer.rename("fd")
    renamer.rename("fredo")

    texts = [renamer.send("fred"), renamer.send("fd"), renamer.send("fredo"), renamer.send("fd", "fredo")]

    assert renamer.read() == dict(zip(texts, ("fred", "fd", None, None), strict=True))


def test_a_name_that_was_taken_again_is_the_present_one_again(renamer: Renamer) -> None:
    """Design, 7: mail to fred came by a forward while he was called fd, and not after."""
    renamer.rename("fd")
    renamer.send("fred", "alice")
    renamer.rename("fred")
    renamer.send("fred")
    renamer.send("fd")

    assert renamer.read() == {"fred,alice": "fred", "fred": None, "fd": "fd"}


def test_history_and_a_file_that_was_read_long_ago_still_say_it(renamer: Renamer) -> None:
    """Design, 8: it follows from when the message was signed, not from when it is read."""
    renamer.rename("fd")
    renamer.send("fred")
    first = renamer.read()
    renamer.rename("fredo")
    renamer.clock.now += 90 * 86400

    with renamer.owner.mailbox(renamer.owner.identify("fredo")) as box:
        page = history(box, everything)

    assert _found(page.messages) == first == {"fred": "fred"}


def test_its_reader_sees_which_name_was_meant(renamer: Renamer) -> None:
    """Design, 7: in words as in JSON."""
    renamer.rename("fd")
    renamer.send("fred")
    renamer.send("fd")

    with renamer.owner.mailbox(renamer.owner.identify("fd")) as box:
        first, second = (fenced(received, "c41f", NOW).splitlines()[0] for received in check_all(box))

    assert " from alice to fred · " in first
    assert " from alice · " in second


def test_in_an_open_spool_the_date_decides(tmp_path: Path) -> None:
    """Ours: nothing is signed there."""
    renamer = Renamer(tmp_path / "open", "open")
    renamer.send("fred")
    renamer.rename("fd")
    renamer.send("fred", "alice")

    assert renamer.read() == {"fred": None, "fred,alice": "fred"}


def test_what_was_set_aside_was_sent_by_nobody(renamer: Renamer) -> None:
    """G4: the name in a forged header is no name that anything was sent to."""
    renamer.rename("fd")
    renamer.send("fred")
    (path,) = Path(f"{renamer.owner.spool().root}/fd/new").iterdir()
    path.write_bytes(path.read_bytes().replace(b"\n\nfred", b"\n\nfrod"))
    assert renamer.read() == {}

    with renamer.owner.mailbox(renamer.owner.identify("fd")) as box:
        (entry,) = box.maildir.entries(".Rejected/cur")
        received = box.judge(entry, first=False)

    assert received.message is not None
    assert message_object(received)["forwarded_from"] is None


def test_a_record_that_lists_only_the_last_renaming_says_what_it_knows() -> None:
    """Ours: one that an earlier version wrote; which name was the present one before that renaming is not known."""
    record = Names.parse("registered 1\nrenamed 120\na 0 100\nb 0 200\nc 0 -\n")

    assert record.forwarded(["a"], 60) is None
    assert record.forwarded(["b"], 130) == "b"
    assert record.forwarded(["c"], 130) is None


def test_a_record_keeps_every_renaming() -> None:
    """Protocol, 2.1: written and read again it is the same."""
    record = Names(True, 1, [("a", 0, None)]).now_named("b", 0, 50, 100).now_registered(7).now_named("c", 0, 120, 200)

    again = Names.parse(str(record))

    assert str(again) == str(record)
    assert "renamed 50\nrenamed 120\n" in str(record)
    assert (again.renamed, again.earlier) == (120, (50,))
    assert [again.forwarded(["a"], t) for t in (49, 50, 100, 101)] == [None, "a", "a", None]

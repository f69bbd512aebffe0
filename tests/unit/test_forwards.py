"""rename, forwards and merging: who gets what was sent to which name, when. No process is killed here."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from maildir_ipc import doctor
from maildir_ipc.draft import Draft
from maildir_ipc.errors import MaildirIPCError, Misconfigured, NameTaken, NoSuchName, NotYours, TryAgain, Usage
from maildir_ipc.maildir import Maildir
from maildir_ipc.names import Names
from maildir_ipc.testing import account, agent, check_all
from tests.race.crowd import all_at_once
from tests.unit.making import Clock, everything
from tests.unit.world import NOW, bodies, rejected

if TYPE_CHECKING:
    from collections.abc import Callable

    from maildir_ipc.account import Account
    from maildir_ipc.received import Received

HOUR = 3600.0
COOLDOWN, FORWARD = HOUR, 2 * HOUR


class Ticking(Clock):
    """A clock that a test moves, and that never shows the same time twice: order is by time."""

    def __call__(self) -> float:
        self.now += 0.00001
        return self.now


class People:
    """A spool of one account, whose clock a test moves."""

    def __init__(self, home: Path) -> None:
        self.home, self.clock = str(home), Ticking(NOW)
        self.owner.init()
        self.root = Path(self.owner.spool().root)
        self.register("alice", "fred")

    @property
    def owner(self) -> Account:
        """A new process each time: nothing is remembered but what lies on the disk."""
        return account(self.home, clock=self.clock)

    def register(self, *names: str) -> None:
        for name in names:
            agent(self.owner, name).close()

    def rename(self, old: str, new: str) -> tuple[str, str, int]:
        return self.owner.rename(new, old)

    def send(self, to: str, text: str, sender: str = "alice") -> tuple[str, str]:
        """Send; return where it went, and in which state."""
        with agent(self.owner, sender) as box:
            sent = box.send([to], Draft(text))
        assert sent.error is None
        (delivery,) = sent.deliveries
        return delivery.delivered_to, delivery.state

    def received(self, name: str) -> list[Received]:
        with self.owner.mailbox(self.owner.identify(name)) as box:
            return check_all(box)

    def texts(self, name: str) -> list[str]:
        """Return what *name* is shown, but notices."""
        found = self.received(name)
        return bodies([r for r in found if r.message is not None and r.message.kind == "message"])

    def notices(self, name: str) -> list[str]:
        found = self.received(name)
        return bodies([r for r in found if r.message is not None and r.message.kind == "notice"])

    def links(self) -> dict[str, str]:
        return {path.name: os.readlink(path) for path in self.root.iterdir() if path.is_symlink()}

    def settings(self, **values: int) -> None:
        lines = [f"{name.replace('_', '-')} = {value}\n" for name, value in values.items()]
        (self.root / ".ipc/settings").write_text("".join(lines))


@pytest.fixture
def people(tmp_path: Path) -> People:
    """Give a spool with alice and fred."""
    return People(tmp_path / "people")


def _refused(kind: type[MaildirIPCError], what: Callable[[], object], says: str, people: People) -> None:
    """G12: refused with these words, and nothing is changed."""
    links, names = people.links(), sorted(os.listdir(people.root))
    with pytest.raises(kind, match=says):
        what()
    assert (people.links(), sorted(os.listdir(people.root))) == (links, names)
    assert os.listdir(people.root / ".ipc/intents") == []


def test_mail_of_all_times_is_shown_once_under_the_new_name(people: People) -> None:
    """S16, G4: what waited, what came while the old name forwards, and what came to the new one."""
    people.send("fred", "before")
    old, new, until = people.rename("fred", "fred-debugging")
    assert (old, new, until) == ("fred", "fred-debugging", int(NOW + FORWARD))
    assert people.send("fred", "to the old name") == ("fred-debugging", "forwarded")
    assert people.send("fred-debugging", "to the new name") == ("fred-debugging", "delivered")
    assert people.texts("fred-debugging") == ["before", "to the old name", "to the new name"]


def test_who_was_renamed_writes_under_the_new_name(people: People) -> None:
    """S16, G10: the sender is who you are now."""
    people.rename("fred", "fred-debugging")
    people.send("alice", "hello", sender="fred-debugging")
    (notice, hello) = people.received("alice")
    assert notice.message is not None
    assert hello.message is not None
    assert (notice.message.from_, hello.message.from_) == ("system", "fred-debugging")


def test_everybody_else_is_told_once_and_the_renamed_one_is_not(people: People) -> None:
    """S16, ours: a signed notice from the system to every registered identity; a waiting name gets none."""
    people.register("bob")
    people.send("nessa", "for later")
    people.rename("fred", "fred-debugging")
    told = "fred is now fred-debugging. Mail to fred reaches fred-debugging until"
    for name in ("alice", "bob"):
        (notice,) = people.notices(name)
        assert notice.startswith(told)
    assert people.notices("fred-debugging") == []
    people.register("nessa")
    assert people.notices("nessa") == []


def test_a_forward_leads_to_its_last_second_and_then_the_name_is_free(people: People) -> None:
    """S17, G4, ours: then mail to the old name waits for a new fred, and the renamed one is not concerned."""
    people.rename("fred", "fred-debugging")
    people.clock.now = NOW + FORWARD
    assert people.send("fred", "in the last second") == ("fred-debugging", "forwarded")
    people.clock.now += 1
    assert people.send("fred", "for the next fred") == ("fred", "queued")
    assert people.send("fred-debugging", "for the renamed one") == ("fred-debugging", "delivered")
    assert people.texts("fred-debugging") == ["in the last second", "for the renamed one"]
    people.register("fred")
    assert people.texts("fred") == ["for the next fred"]
    assert people.links() == {}


def test_the_second_rename_within_the_hour_is_refused_in_every_process(people: People) -> None:
    """S18, ours: by the mailbox's own record, which survives everything; after an hour it is allowed."""
    people.rename("fred", "fred2")
    people.clock.now = NOW + 600
    _refused(TryAgain, lambda: people.rename("fred2", "fred3"), "can rename again in 50 minutes", people)
    people.clock.now = NOW + COOLDOWN - 1
    _refused(TryAgain, lambda: people.rename("fred", "fred3"), "can rename again in 1 minutes", people)
    program = "import sys; from maildir_ipc.testing import account; account(sys.argv[1]).rename('fred3', 'fred2')"
    people.settings(rename_cooldown=10**7)
    done = subprocess.run([sys.executable, "-c", program, people.home], capture_output=True, text=True, check=False)
    assert "was renamed a short while ago: can rename again in" in done.stderr
    people.settings()
    people.clock.now = NOW + COOLDOWN
    assert people.rename("fred2", "fred3")[:2] == ("fred2", "fred3")


def test_of_many_renamers_at_once_one_is_first_and_the_cooldown_stops_the_others(people: People) -> None:
    """S18, ours: exact across processes."""

    def work(number: int) -> Callable[[], str]:
        def renames() -> str:
            try:
                return people.owner.rename(f"fred{number}", "fred")[1]
            except TryAgain:
                return ""

        return renames

    won = [name for name in all_at_once(*[work(number) for number in range(6)]) if name]
    assert len(won) == 1
    assert people.links() == {"fred": won[0]}
    assert people.send("fred", "hello") == (won[0], "forwarded")
    assert people.texts(won[0]) == ["hello"]


def test_a_chain_is_flattened_and_each_name_keeps_its_own_end(people: People) -> None:
    """S19, ours: no forward leads to a forward, and none is prolonged by a later renaming."""
    people.rename("fred", "b")
    people.clock.now = NOW + COOLDOWN
    people.rename("b", "c")
    assert people.links() == {"fred": "c", "b": "c"}
    assert people.send("fred", "1") == people.send("b", "2") == ("c", "forwarded")
    people.clock.now = NOW + FORWARD + 1
    assert people.send("fred", "for another") == ("fred", "queued")
    assert people.send("b", "3") == ("c", "forwarded")
    people.clock.now = NOW + COOLDOWN + FORWARD + 1
    assert people.send("b", "for another") == ("b", "queued")
    assert people.texts("c") == ["1", "2", "3"]


def test_a_long_chain_leads_straight_to_its_end(people: People) -> None:
    """S19, ours: ten renamings, eleven names, one step."""
    people.settings(rename_cooldown=0)
    for number in range(10):
        people.rename("fred" if number == 0 else f"n{number - 1}", f"n{number}")
    assert set(people.links().values()) == {"n9"}
    assert len(people.links()) == 10
    for name in ("fred", *(f"n{number}" for number in range(9))):
        assert people.send(name, f"to {name}") == ("n9", "forwarded")
    assert people.texts("n9") == ["to fred", *(f"to n{number}" for number in range(9))]


@pytest.mark.parametrize("others", [(), ("c",), ("c", "d")])
def test_back_to_an_own_former_name_makes_no_loop(people: People, others: tuple[str, ...]) -> None:
    """S19, ours: fred, b, (c, d,) fred: every name leads to fred, and fred is a mailbox."""
    people.settings(rename_cooldown=0)
    last = "fred"
    for name in ("b", *others, "fred"):
        people.rename(last, name)
        last = name
    assert people.links() == dict.fromkeys(("b", *others), "fred")
    for name in ("fred", "b", *others):
        assert people.send(name, f"to {name}")[0] == "fred"
    assert people.texts("fred") == [f"to {name}" for name in ("fred", "b", *others)]
    people.rename("fred", "b")
    assert people.links() == dict.fromkeys(("fred", *others), "b")
    assert people.send("fred", "again") == ("b", "forwarded")
    assert people.texts("b") == ["again"]


def test_mail_that_was_signed_before_it_came_back_is_not_misdirected(people: People) -> None:
    """S19, G4: what lay unread through all the renamings is shown."""
    people.settings(rename_cooldown=0)
    people.send("fred", "1")
    people.rename("fred", "b")
    people.send("fred", "2")
    people.send("b", "3")
    people.clock.now += 10
    people.rename("b", "fred")
    people.send("fred", "4")
    people.send("b", "5")
    assert people.texts("fred") == ["1", "2", "3", "4", "5"]


def test_refused_onto_a_taken_name_a_foreign_forward_oneself_and_no_name(people: People) -> None:
    """S20, G12."""
    people.register("bob", "carol")
    people.rename("carol", "carol2")
    people.clock.now += 10
    _refused(NameTaken, lambda: people.rename("fred", "bob"), "bob is taken", people)
    _refused(NameTaken, lambda: people.rename("fred", "carol"), "carol is taken", people)
    _refused(Usage, lambda: people.rename("fred", "fred"), "you are fred already", people)
    for word in ("", "a b", "../x", "x" * 33, "-x", "system", "new", "é", "eve\n"):
        _refused(Usage, lambda: people.rename("fred", word), "name", people)  # noqa: B023 - called at once


def test_upper_case_is_folded_so_no_name_is_taken_twice(people: People) -> None:
    """S20, ours: differs from the broker, where Fred and fred are two; some disks fold case."""
    _refused(Usage, lambda: people.rename("fred", "FRED"), "you are fred already", people)
    assert people.rename("fred", "Fred-Debugging")[1] == "fred-debugging"


def test_onto_a_waiting_name_its_mail_is_merged_and_nothing_is_lost(people: People) -> None:
    """S20, G1: the broker overwrote that queue (its B3)."""
    for number in range(5):
        people.send("nessa", f"for nessa {number}")
        people.send("fred", f"for fred {number}")
    people.rename("fred", "nessa")
    assert sorted(people.texts("nessa")) == sorted(f"for {who} {n}" for who in ("fred", "nessa") for n in range(5))
    assert os.listdir(people.root / ".ipc/closing") == []
    assert people.send("nessa", "later") == ("nessa", "delivered")
    assert people.texts("nessa") == ["later"]


def _send_to_both(people: People, text: str, *, broadcast: bool = False) -> None:
    """Send one message to fred and to nessa, who waits."""
    with agent(people.owner, "alice") as alice:
        sent = (
            alice.broadcast(Draft(text), include_waiting=True)
            if broadcast
            else alice.send(["fred", "nessa"], Draft(text))
        )
    assert [d.to for d in sent.deliveries if d.error is None] == ["fred", "nessa"]


@pytest.mark.parametrize("broadcast", [False, True])
@pytest.mark.parametrize("read", ["before", "after", "one at a time"])
def test_what_both_of_a_merge_had_is_shown_once_and_nothing_is_set_aside(
    people: People, read: str, broadcast: bool
) -> None:
    """S20, design, 4: same sender, Message-ID and content: it is no old message that somebody brought back."""
    people.send("nessa", "first")
    _send_to_both(people, "to both", broadcast=broadcast)
    shown = people.texts("fred") if read == "before" else []
    people.rename("fred", "nessa")
    for _ in range(3):
        with people.owner.mailbox(people.owner.identify("nessa")) as nessa:
            with nessa.check(everything, limit=1 if read == "one at a time" else None) as batch:
                for received in batch.messages:
                    batch.commit(received)
                batch.finish()
            assert batch.rejected == []
            shown += bodies(batch.messages)
    assert Counter(shown) == Counter(["first", "to both"])
    assert list((people.root / "nessa").glob(".Rejected/cur/*")) == []


def test_a_message_of_the_same_name_with_another_content_is_merged_and_set_aside(people: People) -> None:
    """G4: only what is the same to the last byte is left out of a merge."""
    _send_to_both(people, "to both")
    (waiting,) = (people.root / "nessa/new").iterdir()
    waiting.write_bytes(waiting.read_bytes().replace(b"to both", b"to bots"))
    assert people.texts("fred") == ["to both"]
    people.rename("fred", "nessa")
    with people.owner.mailbox(people.owner.identify("nessa")) as nessa:
        assert rejected(nessa) == ["bad"]


@pytest.mark.parametrize("name", ["{}", "{},0123abcd", "{},0123abcd:2,", "1.copy.host"])
def test_a_copy_that_somebody_drops_in_after_a_merge_is_a_replay(people: People, name: str) -> None:
    """S25, G4: whatever its name looks like, and whether or not the merge brought the original."""
    people.send("nessa", "waited")
    _send_to_both(people, "to both")
    people.rename("fred", "nessa")
    assert sorted(people.texts("nessa")) == ["to both", "waited"]
    for path in list((people.root / "nessa/cur").iterdir()):
        shutil.copy(path, people.root / "nessa/new" / name.format(path.name.partition(":")[0]))
        with people.owner.mailbox(people.owner.identify("nessa")) as nessa:
            assert rejected(nessa) == ["replay"]


def test_a_broadcast_to_a_mailbox_that_is_merged_meanwhile_reaches_it_once(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    """G3; mechanisms H: fred has read it, and is nessa when the sender comes to nessa: scheduled, not slept."""
    people.send("nessa", "first")
    lend, shown = Maildir.lend, []

    def lending(self: Maildir, other: Maildir, *rest: Any) -> None:
        lend(self, other, *rest)
        if other.path.endswith("/fred"):
            shown.extend(people.texts("fred"))
            people.rename("fred", "nessa")

    with agent(people.owner, "alice") as alice, monkeypatch.context() as patch:
        patch.setattr(Maildir, "lend", lending)
        sent = alice.broadcast(Draft("to all"), sync=False, include_waiting=True)
    assert sent.error is None
    assert shown == ["to all"]
    with people.owner.mailbox(people.owner.identify("nessa")) as nessa:
        assert rejected(nessa) == []


def test_the_limit_of_a_mailbox_holds_after_a_merge(people: People) -> None:
    """S28, ours: what a merge brings is counted."""
    people.settings(unread_limit=6)
    for number in range(5):
        people.send("nessa", f"{number}")
    people.send("fred", "one")
    people.rename("fred", "nessa")
    with agent(people.owner, "alice") as alice:
        (delivery,) = alice.send(["fred"], Draft("too much")).deliveries
    assert (delivery.state, type(delivery.error)) == ("failed", TryAgain)


def test_a_name_that_forwards_cannot_be_registered_nor_read(people: People) -> None:
    """S21, G10: refused until the forward ends; the broker let the new owner read the renamed one's mail (B7)."""
    people.rename("fred", "fred-debugging")
    people.send("fred", "for the renamed one")
    _refused(NameTaken, lambda: people.register("fred"), "fred forwards to fred-debugging", people)
    stranger = account(people.home, clock=people.clock, MAILDIR_IPC_STATE=f"{people.home}/other-state")
    _refused(NameTaken, lambda: stranger.register("fred", said="fred"), "forwards", people)
    for name in ("fred", "fred-debugging"):
        _refused(NotYours, lambda: stranger.identify(name), "its token is not here", people)  # noqa: B023
    people.clock.now = NOW + FORWARD + 1
    assert stranger.register("fred", said="fred").unread == 0
    assert people.texts("fred-debugging") == ["for the renamed one"]


def test_old_mail_copied_to_the_next_owner_of_the_name_is_set_aside(people: People) -> None:
    """S21, S25, G4: and so is the next owner's mail, brought to the first; each reads its own."""
    people.send("fred", "for the first fred")
    (first,) = (people.root / "fred/new").iterdir()
    raw = first.read_bytes()
    people.rename("fred", "fred-debugging")
    people.clock.now = NOW + FORWARD + 1
    people.register("fred")
    people.send("fred", "for the second fred")
    (second,) = (people.root / "fred/new").iterdir()
    (people.root / "fred/new/copy").write_bytes(raw)
    (people.root / "fred-debugging/new/copy").write_bytes(second.read_bytes())
    for name in ("fred", "fred-debugging"):
        with people.owner.mailbox(people.owner.identify(name)) as box:
            assert rejected(box) == ["misdirected"]
    assert [path.read_bytes() for path in (people.root / "fred/.Rejected/cur").iterdir()] == [raw]


def test_only_the_owner_renames(people: People) -> None:
    """S22, G10: in the broker any session could rename any other."""
    stranger = account(people.home, clock=people.clock, MAILDIR_IPC_STATE=f"{people.home}/other-state")
    _refused(NotYours, lambda: stranger.rename("mine", "fred"), "its token is not here", people)
    _refused(NotYours, lambda: people.owner.rename("mine", "nobody"), "no one named nobody", people)


def test_the_owner_is_known_by_the_former_name_while_it_forwards(people: People) -> None:
    """G10, ours: a script that says --as fred goes on until the forward ends."""
    people.rename("fred", "fred-debugging")
    assert people.owner.identify("fred").name == "fred-debugging"
    people.clock.now = NOW + FORWARD + 1
    _refused(NotYours, lambda: people.owner.identify("fred"), "no one named fred", people)
    assert people.owner.identify("fred-debugging").name == "fred-debugging"


def test_list_shows_forwards_until_they_end(people: People) -> None:
    """S24, ours."""
    people.rename("fred", "fred-debugging")
    rows = {row.name: (row.state, row.forward_to) for row in people.owner.directory()}
    assert rows["fred"] == ("forward", "fred-debugging")
    people.clock.now = NOW + FORWARD + 1
    assert "fred" not in {row.name for row in people.owner.directory()}


def test_a_link_that_leads_out_of_the_spool_is_no_forward(people: People, tmp_path: Path) -> None:
    """G11: nor is one to a mailbox that never had that name."""
    for folder in ("tmp", "new", "cur"):
        (tmp_path / "outside" / folder).mkdir(parents=True)
    (people.root / "evil").symlink_to(tmp_path / "outside")
    (people.root / "stolen").symlink_to("fred")
    for name in ("evil", "stolen"):
        with pytest.raises(NoSuchName):
            people.owner.spool().lead(name)
    assert people.send("stolen", "hello") == ("stolen", "queued")
    with agent(people.owner, "alice") as alice:
        refused = alice.send(["evil"], Draft("hello")).error
    assert isinstance(refused, Misconfigured), refused
    assert (people.root / "evil").is_symlink()
    assert list((tmp_path / "outside/new").iterdir()) == []
    assert people.texts("fred") == []


def test_a_name_that_something_else_has_is_refused_and_stops_nobody(people: People) -> None:
    """G12: a file in the spool is no mailbox; a rename that can never be finished must not be begun."""
    (people.root / "notes").write_text("mine")
    with pytest.raises(MaildirIPCError):
        people.rename("fred", "notes")
    people.register("zoe")
    assert (people.root / "notes").read_text() == "mine"
    assert people.send("fred", "hello") == ("fred", "delivered")


@pytest.mark.parametrize("back", [60.0, 30 * 86400.0])
def test_a_clock_that_was_set_back_forbids_no_renaming_for_longer_than_the_cooldown(
    people: People, back: float
) -> None:
    """Ours: a renaming in the future says nothing about the last hour."""
    people.rename("fred", "fred2")
    people.clock.now = NOW - back
    try:
        people.rename("fred2", "fred3")
    except TryAgain as error:
        minutes = int(error.next.split()[-2])
        assert minutes <= 61 + back // 60 if back < COOLDOWN else minutes <= 60


def test_a_session_is_found_after_its_forward_ended_though_the_renamer_died_with_its_token(people: People) -> None:
    """G10: the token lies under the former name still; two hours later no link leads from there."""
    token = next(Path(state) / people.owner.spool().id / "fred" for state in people.owner.settings.states)
    kept = token.read_bytes()
    people.rename("fred", "fred-debugging")
    token.with_name("fred-debugging").unlink()
    token.write_bytes(kept)
    people.clock.now += FORWARD + 60
    people.register("zoe")  # whoever takes the lock
    people.send("fred-debugging", "still yours")

    assert people.texts("fred") == ["still yours"]
    assert people.owner.identify("fred-debugging").name == "fred-debugging"


def test_who_was_told_by_a_killed_renamer_is_told_by_the_next_registration(people: People) -> None:
    """S16: the note of what is owed lies in the mailbox, and goes with the telling; nobody is told twice."""
    people.rename("fred", "fred-debugging")
    note = people.root / "fred-debugging/records/untold"
    assert not note.exists()
    note.write_text(f"old fred\nnew fred-debugging\nat {int(NOW)}\nend {int(NOW + FORWARD)}\n")
    people.register("fred-debugging")

    assert not note.exists()
    assert [text.partition(".")[0] for text in people.notices("alice")] == ["fred is now fred-debugging"]


@pytest.mark.parametrize("waiting", [False, True])
def test_an_intent_whose_mailbox_was_removed_by_hand_stops_nobody(people: People, waiting: bool) -> None:
    """G1: what was set aside for it is waiting again; the lock is free."""
    if waiting:
        people.send("fred-debugging", "waited")
        (people.root / "fred-debugging").rename(people.root / ".ipc/closing/fred-debugging.1")
    shutil.rmtree(people.root / "fred")
    (people.root / ".ipc/intents/rename").write_text(
        f"old fred\nnew fred-debugging\nat {int(NOW)}\nsince 0\nend {int(NOW + FORWARD)}\naside fred-debugging.1\n"
    )
    people.register("zoe", "fred-debugging")

    assert os.listdir(people.root / ".ipc/intents") == os.listdir(people.root / ".ipc/closing") == []
    assert people.texts("fred-debugging") == (["waited"] if waiting else [])


_WHOLE = "old fred\nnew third\nat 1\nsince 0\nend 9\naside third.1\n"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "garbage",
        _WHOLE.replace("fred", "../../x"),
        _WHOLE.replace("old fred", f"old {'../' * 40}tmp"),
        _WHOLE.replace("third.1", "third.1/x"),
        _WHOLE.replace("aside third.1", "aside other.1"),
        _WHOLE.replace("at 1", "a"),
    ],
)
def test_a_damaged_intent_moves_nothing_and_doctor_sets_it_aside(people: People, tmp_path: Path, text: str) -> None:
    """G11, G12: whoever can write there has no directory moved; 78, and one command mends it."""
    for folder in ("new", "cur", "tmp"):
        (tmp_path / "x" / folder).mkdir(parents=True)
    intent = people.root / ".ipc/intents/rename"
    intent.write_text(text)
    with pytest.raises(Misconfigured, match="damaged"):
        people.register("zoe")
    assert [f.check for f in doctor.examine(people.owner, fix=True).findings if f.check == "intents"] == []
    assert (people.root / ".ipc/damaged-rename").read_text() == text
    people.register("zoe")
    assert (tmp_path / "x/new").is_dir()


def test_what_lies_in_a_folder_of_a_mail_program_is_merged_too(people: People) -> None:
    """S20, maildir++: nothing is lost, in whatever folder a person put it."""
    people.send("third", "kept")
    for part in ("cur", "new", "tmp"):
        (people.root / "third/.Archive" / part).mkdir(parents=True)
    (unread,) = (people.root / "third/new").iterdir()
    unread.rename(people.root / f"third/.Archive/cur/{unread.name}:2,S")
    (people.root / "third/.Archive/new/1.x.host").write_text("From: x@example.org\n\nnew there\n")
    people.rename("fred", "third")

    assert [path.name for path in (people.root / "third/.Archive/cur").iterdir()] == [f"{unread.name}:2,S"]
    assert [path.name for path in (people.root / "third/.Archive/new").iterdir()] == ["1.x.host"]
    assert os.listdir(people.root / ".ipc/closing") == []


def test_what_a_dead_merge_left_behind_stops_no_other(people: People) -> None:
    """G1: each merge closes under a name of its own."""
    (people.root / ".ipc/closing/third/junk").mkdir(parents=True)
    people.send("third", "waited")
    people.rename("fred", "third")
    assert people.texts("third") == ["waited"]


def test_an_open_mailbox_sends_under_its_present_name(people: People) -> None:
    """S16, G10: a long-lived sender that was renamed signs with the new name, and never with one that is another's."""
    with agent(people.owner, "fred") as opened:
        people.rename("fred", "fred-debugging")
        opened.send(["alice"], Draft("after"))
        people.clock.now += FORWARD + 60
        shutil.rmtree(people.owner.settings.states[0])
        people.register("fred", "alice")
        opened.send(["fred"], Draft("to the next fred"))
        senders = {
            (r.message.from_, r.message.body)
            for name in ("alice", "fred")
            for r in people.received(name)
            if r.message is not None and r.message.kind == "message"
        }
    assert senders == {("fred-debugging", "after"), ("fred-debugging", "to the next fred")}


@pytest.mark.parametrize("act", [lambda path: path.write_text(""), lambda path: path.unlink()])
def test_mail_of_a_mailbox_that_lost_its_names_is_not_set_aside(people: People, act: Callable[[Path], object]) -> None:
    """G5: nobody can say whose it is: 78, and all of it is there when the record is; doctor mends it."""
    people.send("fred", "important")
    act(people.root / "fred/records/names")
    with pytest.raises(Misconfigured, match="names is missing or damaged"):
        people.texts("fred")
    assert [f.check for f in doctor.examine(people.owner).findings if f.check == "names"] == ["names"]
    doctor.examine(people.owner, fix=True)
    assert people.texts("fred") == ["important"]


@pytest.mark.parametrize("folder", ["intents", "closing", "ended"])
def test_a_link_in_place_of_a_folder_of_the_spool_is_refused(people: People, tmp_path: Path, folder: str) -> None:
    """G11: nothing is written where it leads to."""
    (people.root / ".ipc" / folder).rmdir()
    (tmp_path / "out").mkdir()
    (people.root / ".ipc" / folder).symlink_to(tmp_path / "out")
    _refused(Misconfigured, lambda: people.rename("fred", "third"), "is a link", people)
    assert os.listdir(tmp_path / "out") == []


def test_an_old_broadcast_is_not_for_who_came_later(people: People) -> None:
    """Design, 4: good for every mailbox that existed then."""
    with agent(people.owner, "alice") as alice:
        alice.broadcast(Draft("the build is frozen"))
    (old,) = (people.root / "fred/new").iterdir()
    people.clock.now += 30 * 86400.0
    people.register("zoe")
    shutil.copy(old, people.root / "zoe/new/1.copy.host")
    with agent(people.owner, "zoe") as zoe:
        assert rejected(zoe) == ["misdirected"]


@pytest.mark.parametrize("older", [False, True])
def test_a_broadcast_that_waited_is_shown_after_a_merge_into_a_younger_mailbox(people: People, older: bool) -> None:
    """S20, G1, design, 7: merging inherits. A record that an *older* version wrote does not say when it was made."""
    people.send("nessa", "hi")
    record = people.root / "nessa/records/names"
    lines = record.read_text().splitlines(keepends=True)
    record.write_text("".join(line for line in lines if not (older and line.startswith("made"))))
    with agent(people.owner, "alice") as alice:
        sent = alice.broadcast(Draft("to all"), include_waiting=True)
    assert [d.to for d in sent.deliveries if d.state == "queued"] == ["nessa"]
    people.clock.now += 60
    people.register("young")
    people.rename("young", "nessa")
    people.clock.now += 60
    assert people.texts("nessa") == ["hi", "to all"]


def test_a_broadcast_from_before_both_of_a_merge_is_for_neither(people: People) -> None:
    """G4: what was merged is as old as the older of the two, and no older."""
    with agent(people.owner, "alice") as alice:
        alice.broadcast(Draft("the build is frozen"))
    (old,) = (people.root / "fred/new").iterdir()
    people.clock.now += 60
    people.send("nessa", "hi")
    people.clock.now += 60
    people.register("young")
    people.rename("young", "nessa")
    shutil.copy(old, people.root / "nessa/new/1.copy.host")
    with people.owner.mailbox(people.owner.identify("nessa")) as nessa:
        assert rejected(nessa) == ["misdirected"]


def test_a_broadcast_in_a_mailbox_that_a_dead_merge_left_is_shown_by_who_gets_it(people: People) -> None:
    """G1: doctor gives that mail back to its name, which may have another mailbox by now."""
    people.send("nessa", "hi")
    with agent(people.owner, "alice") as alice:
        alice.broadcast(Draft("to all"), include_waiting=True)
    (people.root / "nessa").rename(people.root / ".ipc/closing/nessa.1")
    people.clock.now += 60
    people.register("nessa")
    doctor.examine(people.owner, fix=True)
    assert people.texts("nessa") == ["hi", "to all"]


def test_a_broadcast_that_is_completed_later_reaches_who_came_meanwhile(people: People) -> None:
    """Design, 5: the same --id: signed anew for a mailbox that was made since."""
    with agent(people.owner, "alice") as alice:
        alice.broadcast(Draft("all of you"), id="all")
    people.clock.now += 60
    people.register("zoe")
    with agent(people.owner, "alice") as alice:
        sent = alice.broadcast(Draft("all of you"), id="all")
    assert [(d.to, d.state) for d in sent.deliveries] == [("fred", "already"), ("zoe", "delivered")]
    assert people.texts("zoe") == ["all of you"]


def test_a_clock_that_is_behind_the_names_owner_delivers_nothing(people: People) -> None:
    """G3: its reader would have to take it for the former owner's; 75, and it is sent when the clock is right."""
    people.rename("fred", "fred-debugging")
    people.clock.now += FORWARD + 60
    people.register("fred")
    people.clock.now -= HOUR
    with agent(people.owner, "alice") as alice:
        (delivery,) = alice.send(["fred-debugging"], Draft("x")).deliveries
        assert delivery.error is None
        record = Names(True, int(NOW), [("fred", int(people.clock.now + 60), None)])
        record.write(str(people.root / "fred"))
        sent = alice.send(["fred"], Draft("x"))
    assert isinstance(sent.error, TryAgain)
    assert "clock" in sent.error.message

"""What `gc` removes, and what it leaves: design, 6; protocol.md, 3 and 6. A clock moves the times, nothing waits."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from maildir_ipc import Draft, expiry, housekeeping
from maildir_ipc.errors import MailboxGone, TryAgain
from maildir_ipc.housekeeping import DONE, WOULD, Housekeeping
from maildir_ipc.testing import account, agent, check_all, drop, files

if TYPE_CHECKING:
    from collections.abc import Callable

    from maildir_ipc import Account, Mailbox, Received

HOUR, DAY = 3600.0, 86400.0


class Clock:
    """The time now, and *later*, which a test moves."""

    later = 0.0

    def __call__(self) -> float:
        return time.time() + self.later


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def owner(home: Path, clock: Clock) -> Account:
    """Give an account with a spool where alice and bob have registered."""
    found = account(str(home), clock=clock)
    for name in ("alice", "bob"):
        agent(found, name).maildir.close()
    return found


def _gc(owner: Account, *, apply: bool = True) -> list[tuple[str, str, str]]:
    """Return what a run found, as (kind, path, state); the file system's clock is the account's."""
    return [(i.kind, i.path, i.state) for i in Housekeeping(owner, apply=apply, now=owner.clock).run()]


def _kinds(owner: Account, *, apply: bool = True) -> list[str]:
    return [kind for kind, _, _ in _gc(owner, apply=apply)]


def _send(owner: Account, to: str, text: str = "hello", **how: float) -> None:
    with owner.mailbox(owner.identify("alice")) as alice:
        sent = alice.send([to], Draft(text, expires=how.get("expires")))
        assert sent.error is None


def _box(owner: Account, name: str) -> Mailbox:
    return owner.mailbox(owner.identify(name))


def _path(owner: Account, *parts: str) -> Path:
    return Path(owner.spool().root, *parts)


def _text(received: Received) -> str:
    assert received.message is not None
    return received.message.body


def _age(path: str | Path, seconds: float) -> None:
    """Make a file look as if it was written and read *seconds* ago (its ctime cannot be set: move the clock)."""
    then = time.time() - seconds
    os.utime(path, (then, then))


# Mail for names that nobody registered: S6


@pytest.mark.parametrize(("age", "there"), [(7 * DAY - HOUR, True), (7 * DAY + 1, False)])
def test_mail_for_a_name_never_registered_goes_after_seven_days_and_not_before(
    age: float, there: bool, owner: Account, clock: Clock
) -> None:
    """S6: 6 days 23 hours are kept, 7 days and a second are gone. Ours: only when gc is run, never by itself."""
    _send(owner, "nessa")
    clock.later = age

    found = _gc(owner)

    assert _path(owner, "nessa").exists() == there
    assert [(kind, state) for kind, _, state in found] == ([] if there else [("waiting", DONE), ("mailbox", DONE)])


def test_mail_for_a_registered_name_never_goes(owner: Account, clock: Clock) -> None:
    """S6: registered recipients never expire."""
    _send(owner, "bob")
    clock.later = 400 * DAY

    _gc(owner)

    with _box(owner, "bob") as bob:
        assert [_text(r) for r in check_all(bob)] == ["hello"]


def test_mail_is_not_removed_from_a_name_that_was_registered_after_it_came(owner: Account, clock: Clock) -> None:
    """S6: who registers before gc --apply gets all of it, whatever its age."""
    _send(owner, "nessa")
    clock.later = 8 * DAY
    nessa = agent(owner, "nessa")

    assert "waiting" not in _kinds(owner)

    with nessa:
        assert [_text(r) for r in check_all(nessa)] == ["hello"]


def test_younger_mail_keeps_the_mailbox_and_itself(owner: Account, clock: Clock) -> None:
    """S6."""
    _send(owner, "nessa", "old")
    clock.later = 6 * DAY
    _send(owner, "nessa", "young")
    clock.later = 8 * DAY

    assert _kinds(owner) == ["waiting"]

    with agent(owner, "nessa") as nessa:
        assert [_text(r) for r in check_all(nessa)] == ["young"]


def test_a_header_that_is_not_signed_is_not_believed_about_its_age(owner: Account, clock: Clock) -> None:
    """G4, ours: a forged t= neither removes mail early nor keeps it: the file's own times decide."""
    _send(owner, "nessa")
    with owner.spool().open_mailbox("nessa")[1] as nessa:
        (name,) = nessa.names("new")
        path = Path(nessa.path, "new", name)
        forged = path.read_text().replace(" t=", " t=1", 1).replace("hello", "forged")
        path.with_name("1.forged.host").write_text(forged)
    clock.later = 6 * DAY
    assert _kinds(owner) == []
    clock.later = 8 * DAY
    assert _kinds(owner) == ["waiting", "waiting", "mailbox"]


def test_mail_is_kept_for_seven_days_from_when_it_came_not_from_when_it_was_first_tried(
    owner: Account, clock: Clock
) -> None:
    """S6: under an --id the signature keeps the second of the first attempt, which may have failed long ago."""
    settings = _path(owner, ".ipc/settings")
    settings.write_text("unread-limit = 1\n")
    _send(owner, "nessa", "one")
    with _box(account(owner.settings.home, clock=clock), "alice") as alice:
        assert isinstance(alice.send(["nessa"], Draft("two"), id="J").error, TryAgain)
    settings.unlink()
    clock.later = 8 * DAY
    owner = account(owner.settings.home, clock=clock)
    with _box(owner, "alice") as alice:
        assert alice.send(["nessa"], Draft("two"), id="J").error is None
    # The file system's clock does not move with ours: what came just now was written at its now.
    assert [item.state for item in Housekeeping(owner, apply=True, now=time.time).run() if item.kind == "waiting"] == []
    clock.later = 14 * DAY
    assert [i.state for i in Housekeeping(owner, apply=True, now=lambda: time.time() + 6 * DAY).run()] == []
    with agent(owner, "nessa") as nessa:
        assert [_text(r) for r in check_all(nessa)] == ["one", "two"]


def test_a_file_that_says_that_it_is_old_and_came_just_now_is_kept(owner: Account, clock: Clock) -> None:
    """S6, ours: a mail program, or a copied spool, sets the time of a file to that of the message."""
    _send(owner, "nessa")
    (path,) = _path(owner, "nessa/new").iterdir()
    path.with_name("1.x.host").write_text("From: x@example.org\n\nold\n")
    _age(path.with_name("1.x.host"), 100 * DAY)
    assert _kinds(owner) == []
    clock.later = 8 * DAY
    assert _kinds(owner) == ["waiting", "waiting", "mailbox"]


def test_a_message_that_somebody_holds_is_left_alone(owner: Account, clock: Clock) -> None:
    """G6, ours: a live claim is a reader at work."""
    _send(owner, "nessa")
    with owner.spool().open_mailbox("nessa")[1] as nessa:
        (entry,) = nessa.unread(owner.host.runs, owner.clock())
        assert nessa.claim(entry, owner.namer().owner(), owner.namer().unique)
        clock.later = 8 * DAY

        assert _kinds(owner) == []


def test_an_empty_waiting_mailbox_goes_when_it_is_old(owner: Account, clock: Clock) -> None:
    """Ours: a sender that failed after it made the mailbox leaves one."""
    with owner.spool().lock() as lock:
        owner.spool().ensure(lock, "nessa")
    assert _kinds(owner) == []
    clock.later = 8 * DAY

    assert _kinds(owner, apply=False) == ["mailbox"]
    assert _path(owner, "nessa/new").is_dir()
    assert _kinds(owner) == ["mailbox"]
    assert not _path(owner, "nessa").exists()


def test_closing_a_waiting_mailbox_remembers_its_former_owners_end(owner: Account, clock: Clock) -> None:
    """Ours; protocol.md, 2.1: since is the end of the former owner's forward, also after the mailbox is gone."""
    with owner.spool().lock() as lock:
        owner.spool().ensure(lock, "nessa")
    record = _path(owner, "nessa/records/names")
    record.write_text(record.read_text().replace("nessa 0 -", "nessa 1700000000 -"))
    clock.later = 8 * DAY

    assert _kinds(owner) == ["mailbox"]

    assert _path(owner, ".ipc/ended/nessa").read_text() == "1700000000\n"


@pytest.mark.parametrize("folder", ["new", "cur", "tmp"])
def test_a_mailbox_that_gets_a_file_before_it_is_closed_stays(folder: str, owner: Account) -> None:
    """G1, G2; mechanisms: nothing may be delivered into a mailbox that goes."""
    spool = owner.spool()
    with spool.lock() as lock:
        spool.ensure(lock, "nessa")
        _path(owner, "nessa", folder, "1.x.host").write_text("late\n")

        assert not expiry.close(spool, lock, "nessa")

    assert _path(owner, "nessa", folder, "1.x.host").read_text() == "late\n"
    assert all(_path(owner, "nessa", part).is_dir() for part in ("tmp", "new", "cur"))


@pytest.mark.parametrize("folder", ["new", "cur"])
def test_a_message_that_comes_in_the_middle_of_closing_stays(
    folder: str, owner: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """G1, G2: a sender, or mutt, that had it open is faster than the rmdir: scheduled at that call, not slept."""
    spool, real = owner.spool(), os.rmdir

    def late(path: str) -> None:
        if path.endswith(f"/nessa/{folder}"):
            _path(owner, "nessa", folder, "1.x.host").write_text("late\n")
        real(path)

    with spool.lock() as lock:
        spool.ensure(lock, "nessa")
        monkeypatch.setattr(os, "rmdir", late)

        assert not expiry.close(spool, lock, "nessa")

    monkeypatch.undo()
    assert _path(owner, "nessa", folder, "1.x.host").read_text() == "late\n"
    assert all(_path(owner, "nessa", part).is_dir() for part in ("tmp", "new", "cur"))


def test_a_sender_that_had_the_mailbox_open_delivers_to_the_new_one(owner: Account, clock: Clock) -> None:
    """G2, G3; mechanisms B: it gets ENOENT, and resolves the name again."""
    with owner.spool().lock() as lock:
        owner.spool().ensure(lock, "nessa")
    with owner.spool().open_mailbox("nessa")[1] as opened:
        (Path(opened.path) / "tmp/1.x.host").touch()
        opened.at("new")
        (Path(opened.path) / "tmp/1.x.host").unlink()
        clock.later = 8 * DAY
        assert _kinds(owner) == ["mailbox"]
        with pytest.raises(MailboxGone):
            opened.deliver(b"From: x\n\nlate\n", "2.x.host")
    _send(owner, "nessa", "after")

    assert len(list(_path(owner, "nessa/new").iterdir())) == 1


# Mail that was to be read in time


def test_mail_not_read_in_time_goes_and_its_sender_is_told(owner: Account, clock: Clock) -> None:
    """Ours; design, 6: a signed notice from system, which nobody can answer."""
    _send(owner, "bob", "dinner is ready", expires=HOUR)
    _send(owner, "bob", "no hurry")
    clock.later = 2 * HOUR

    assert _kinds(owner, apply=False) == ["expired"]
    assert _kinds(owner) == ["expired"]
    assert _kinds(owner) == []

    with _box(owner, "bob") as bob, _box(owner, "alice") as alice:
        assert [_text(r) for r in check_all(bob)] == ["no hurry"]
        (notice,) = check_all(alice)
        assert notice.message is not None
        assert (notice.verdict, notice.message.kind, notice.message.from_) == ("pass", "notice", "system")
        assert "dinner is ready" in notice.message.subject
        assert "bob" in notice.message.body


def test_mail_that_was_read_in_time_stays(owner: Account, clock: Clock) -> None:
    """Ours: Expires is about the unread."""
    _send(owner, "bob", expires=HOUR)
    with _box(owner, "bob") as bob:
        check_all(bob)
    clock.later = 2 * HOUR

    assert _kinds(owner) == []

    with _box(owner, "bob") as bob, _box(owner, "alice") as alice:
        assert len(files(bob)) == 1
        assert check_all(alice) == []


def test_an_expiry_that_is_not_signed_is_not_believed(owner: Account, clock: Clock) -> None:
    """G4."""
    _send(owner, "bob", expires=HOUR)
    with _box(owner, "bob") as bob:
        (path,) = files(bob)
        raw = Path(path).read_bytes()
        drop(bob, raw.replace(b"hello", b"other"))
        Path(path).unlink()
        clock.later = 2 * HOUR

        assert _kinds(owner) == []
        assert len(files(bob)) == 1


def test_an_expired_copy_of_mail_that_was_read_tells_nobody(owner: Account, clock: Clock) -> None:
    """G4, ours: the notice says "nobody read it", which must be true."""
    _send(owner, "bob", expires=HOUR)
    with _box(owner, "bob") as bob:
        (path,) = files(bob)
        raw = Path(path).read_bytes()
        check_all(bob)
        drop(bob, raw)
        clock.later = 2 * HOUR

        assert _kinds(owner) == []
        with _box(owner, "alice") as alice:
            assert check_all(alice) == []


def test_the_same_notice_twice_is_shown_once(owner: Account, clock: Clock) -> None:
    """G1, ours: gc was killed between telling and removing, and does both again."""
    _send(owner, "bob", expires=HOUR)
    with _box(owner, "bob") as bob, _box(owner, "alice") as alice:
        (path,) = files(bob)
        raw = Path(path).read_bytes()
        clock.later = 2 * HOUR
        assert _kinds(owner) == ["expired"]
        drop(bob, raw)
        assert _kinds(owner) == ["expired"]
        assert len(check_all(alice)) == 1
        drop(bob, raw)
        assert _kinds(owner) == ["expired"]
        assert check_all(alice) == []


def test_expired_mail_in_cur_unread_goes_and_trashed_stays_for_its_time(owner: Account, clock: Clock) -> None:
    """G7, ours: mutt has moved both there."""
    with _box(owner, "bob") as bob:
        for flags in ("", "T"):
            _send(owner, "bob", expires=HOUR)
            (path,) = files(bob, "new")
            Path(path).rename(f"{bob.maildir.path}/cur/{Path(path).name}:2,{flags}")
        clock.later = 2 * HOUR

        assert _kinds(owner) == ["expired"]
        assert [p[-3:] for p in files(bob)] == ["2,T"]


def test_a_notice_goes_to_whoever_sent_it_and_not_to_a_later_owner_of_the_name(owner: Account, clock: Clock) -> None:
    """G10, ours: alice is called ally now, and another has her old name."""
    _send(owner, "bob", "private", expires=HOUR)
    _path(owner, "alice").rename(_path(owner, "ally"))
    record = _path(owner, "ally/records/names")
    now = int(time.time())
    record.write_text(record.read_text().replace(" -\n", f" {now + 10}\nally {now + 10} -\n"))
    clock.later = 2 * HOUR
    with agent(owner, "alice") as other:
        assert _kinds(owner) == ["expired"]
        assert check_all(other) == []
    assert len(list(_path(owner, "ally/new").iterdir())) == 1


# The trash


def test_trash_goes_after_seven_days_and_its_copy_does_not_come_back(owner: Account, clock: Clock) -> None:
    """Ours; protocol.md, 6.4: what was thrown away unread is remembered before it goes."""
    _send(owner, "bob")
    with _box(owner, "bob") as bob:
        (path,) = files(bob)
        raw = Path(path).read_bytes()
        Path(path).rename(f"{bob.maildir.path}/cur/{Path(path).name}:2,T")
        clock.later = 7 * DAY - HOUR
        assert _kinds(owner) == []
        clock.later = 7 * DAY + HOUR
        assert _kinds(owner, apply=False) == ["trash"]
        assert _kinds(owner) == ["trash"]
        assert files(bob) == []

        drop(bob, raw)
        assert check_all(bob) == []
        assert len(files(bob, ".Rejected/cur")) == 1


def test_read_mail_is_history_and_stays(owner: Account, clock: Clock) -> None:
    """Ours: a read never deletes, and nothing expires by itself."""
    _send(owner, "bob")
    with _box(owner, "bob") as bob:
        check_all(bob)
        clock.later = 4000 * DAY

        assert _kinds(owner) == []
        assert len(files(bob)) == 1


# What lies about


@pytest.mark.parametrize(
    "path",
    ["bob/tmp/1.x.host", "bob/.Rejected/tmp/1.x.host", "bob/.Sent/tmp/1.x.host", "bob/.Later/tmp/1.x.host",
     ".ipc/spool.4711.0123abcd", "bob/records/names.4711.0123abcd", "bob/records/ids/abc.4711.0123abcd",
     "bob/large-messages/20260106-143022_a_b_message.md.0123abcd"],
)  # fmt: skip
def test_a_file_that_nobody_touched_for_36_hours_goes(path: str, owner: Account, clock: Clock) -> None:
    """maildir(5); protocol.md, 3."""
    file = _path(owner, path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("half")
    _age(file, 100 * DAY)  # its ctime is now: the newest of the three counts
    clock.later = 35 * HOUR
    assert _gc(owner) == []
    clock.later = 37 * HOUR

    found = _gc(owner)

    assert [(p, state) for _, p, state in found] == [(path, DONE)]
    assert not file.exists()


def test_what_was_being_built_goes_after_36_hours_with_all_in_it(owner: Account, clock: Clock) -> None:
    """Ours: what a killed register or init left. A link in it is removed, not followed."""
    outside = _path(owner, "bob/new")
    for name in (".ipc/build-0123456789abcdef", ".ipc-01234567"):
        _path(owner, name, "new").mkdir(parents=True)
        _path(owner, name, "names").write_text("x")
        _path(owner, name, "link").symlink_to(outside)
    _send(owner, "bob")
    assert _gc(owner) == []
    clock.later = 37 * HOUR

    assert _kinds(owner) == ["leftover", "leftover"]

    assert not list(_path(owner, ".ipc").glob("build-*")) + list(_path(owner).glob(".ipc-*"))
    assert len(list(outside.iterdir())) == 1


@pytest.mark.parametrize("link", ["bob/tmp", "bob/.Sent", "bob/records/ids"])
def test_nothing_is_removed_through_a_link(link: str, owner: Account, clock: Clock, tmp_path: Path) -> None:
    """G11."""
    outside = tmp_path / "outside"
    (outside / "tmp").mkdir(parents=True)
    for file in (outside / "1.x.host", outside / "tmp/1.x.host"):
        file.write_text("mine")
        _age(file, 60 * DAY)
    place = _path(owner, link)
    if place.is_dir():
        place.rmdir()
    place.symlink_to(outside)
    clock.later = 60 * DAY

    assert _gc(owner) == []

    assert len([p for p in outside.rglob("*") if p.is_file()]) == 2


def test_records_of_ids_go_after_30_days(owner: Account, clock: Clock) -> None:
    """Ours: until then a retry completes, and never doubles (G3)."""
    with _box(owner, "alice") as alice:
        alice.send(["bob"], Draft("once"), id="run-17")
    clock.later = 30 * DAY - HOUR
    assert _kinds(owner) == []
    clock.later = 30 * DAY + HOUR

    assert _kinds(owner) == ["id"]
    assert list(_path(owner, "alice/records/ids").iterdir()) == []


# Names and sessions


def _forward(owner: Account, until: float) -> None:
    """Make old → bob as a rename leaves it."""
    record = _path(owner, "bob/records/names")
    state, _, rest = record.read_text().partition("\n")
    record.write_text(f"{state}\nold 1700000000 {int(until)}\n{rest}")
    _path(owner, "old").symlink_to("bob")


def test_a_forward_goes_when_it_has_ended_and_its_end_is_kept(owner: Account, clock: Clock) -> None:
    """Ours; protocol.md, 1 and 2.1."""
    until = int(time.time()) + 7200
    _forward(owner, until)
    clock.later = HOUR
    assert _gc(owner) == []
    clock.later = 3 * HOUR

    assert _gc(owner, apply=False) == [("forward", "old", WOULD)]
    assert _path(owner, "old").is_symlink()
    assert _gc(owner) == [("forward", "old", DONE)]
    assert not _path(owner, "old").is_symlink()
    assert _path(owner, ".ipc/ended/old").read_text() == f"{until}\n"


def test_a_forward_that_is_fresh_again_under_the_lock_stays(owner: Account, clock: Clock) -> None:
    """Mechanisms C: between the look and the lock another removed it, registered the name and renamed it."""
    _forward(owner, time.time() - 10)
    keeping = Housekeeping(owner, apply=True, now=owner.clock)
    record = _path(owner, "bob/records/names")
    record.write_text(
        record.read_text().replace(" 1700000000 ", " 1700000001 ").replace("bob", f"old 5 {int(time.time()) + 99}\nbob")
    )

    assert not keeping._end_forward("old")

    assert _path(owner, "old").is_symlink()


def test_a_forward_without_a_recorded_end_is_not_removed(owner: Account, clock: Clock) -> None:
    """Ours: doctor says what it is."""
    _path(owner, "old").symlink_to("bob")
    _path(owner, "out").symlink_to("../..")
    clock.later = 400 * DAY

    assert _gc(owner) == []


def test_a_token_goes_when_its_session_is_over_and_nothing_runs_under_it(owner: Account, home: Path) -> None:
    """Ours; design, 7: a token of a live agent, or of a session that is not over, stays."""
    for name in ("over", "held"):
        agent(owner, name).maildir.close()
    _path(owner, "over/records/session").unlink()
    folder = home / ".local/state/maildir-ipc" / owner.spool().id
    dead = f"{owner.host.boot}.{owner.host.namespace}.4194305.1"
    (folder / f"@{dead}").write_text("over\n")
    alive = owner.namer().owner().rsplit(".", 2)[0]
    (folder / f"@{alive}").write_text("held\n")

    assert _gc(owner) == [("token", "token of over", DONE), ("token", f"@{dead}", DONE)]

    assert sorted(path.name for path in folder.iterdir()) == sorted(["alice", "bob", "held", f"@{alive}"])


def test_a_token_that_is_no_more_held_stays_while_its_agent_runs(owner: Account, home: Path) -> None:
    """Ours: it says to whom the name went."""
    token = home / ".local/state/maildir-ipc" / owner.spool().id / "bob"
    alive = owner.namer().owner().rsplit(".", 2)[0]
    token.write_text(token.read_text().replace("mark standing", f"mark {alive}"))
    _path(owner, "bob/records/session").unlink()

    assert _gc(owner) == []


# All of it


def _all_old(owner: Account, clock: Clock) -> None:
    _send(owner, "nessa")
    _send(owner, "bob", expires=HOUR)
    _path(owner, "bob/tmp/1.x.host").write_text("half")
    _forward(owner, time.time() + HOUR)
    clock.later = 8 * DAY


def test_a_dry_run_changes_nothing(owner: Account, clock: Clock) -> None:
    """Ours; design, 6."""
    _all_old(owner, clock)
    spool = _path(owner)

    def look() -> list[tuple[str, int]]:
        return sorted((str(p), p.lstat().st_ctime_ns) for p in spool.rglob("*") if p.name != ".ipc")

    before = look()

    assert _kinds(owner, apply=False) == ["tmp", "expired", "waiting", "mailbox", "forward"]
    assert list(Housekeeping(owner, apply=False).litter()) == []

    assert look() == before


def test_a_dry_run_says_what_applying_does_and_a_second_run_finds_nothing(owner: Account, clock: Clock) -> None:
    """Ours."""
    _all_old(owner, clock)

    would = [(kind, path) for kind, path, _ in _gc(owner, apply=False)]
    did = [(kind, path) for kind, path, _ in _gc(owner)]

    assert would == did
    assert _gc(owner) == []


def test_what_cannot_be_removed_is_said_and_the_rest_goes(
    owner: Account, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """G12, ours: one bad file does not stop the others."""
    _all_old(owner, clock)
    real: Callable[..., None] = os.unlink

    def refuse(path: str, **how: int) -> None:
        if path == "1.x.host":
            raise PermissionError(1, "Operation not permitted", path)
        real(path, **how)

    monkeypatch.setattr(os, "unlink", refuse)

    found = _gc(owner)

    assert [kind for kind, _, state in found if state == housekeeping.FAILED] == ["tmp"]
    assert len([kind for kind, _, state in found if state == DONE]) == 4


def test_every_kind_is_told_to_the_person(owner: Account) -> None:
    """Ours: KINDS is what the counts are made of."""
    assert set(housekeeping.KINDS) == {
        "tmp", "leftover", "waiting", "mailbox", "expired", "trash", "id", "forward", "token", "notice",
        "receipt", "seen",
    }  # fmt: skip


def test_a_mailbox_that_has_lost_its_new_keeps_nothing_from_the_others(owner: Account, clock: Clock) -> None:
    """Ours: it is being merged at this moment, or doctor tells of it."""
    _send(owner, "bob", expires=60)
    os.rmdir(_path(owner, "alice/new"))
    clock.later = HOUR
    assert _kinds(owner, apply=False) == ["expired"]

"""One Maildir: delivering, claiming, committing. maildir(5); protocol.md, 3 and 6."""

from __future__ import annotations

import errno
import os
import stat
import time
from typing import TYPE_CHECKING

import pytest

from maildir_ipc.entry import Entry
from maildir_ipc.errors import DurabilityUnknown, MailboxGone, Misconfigured, TryAgain
from maildir_ipc.maildir import Maildir, cannot_write
from maildir_ipc.unique import Namer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAMER = Namer(lambda: "0a1b2c3d.7.77.5", 77, "host")
OWNER = "0a1b2c3d.7.77.5.1767709822.0123abcd"


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Maildir]:
    """Give an open Maildir of its own."""
    for folder in ("new", "cur", "tmp"):
        (tmp_path / "bob" / folder).mkdir(parents=True)
    with Maildir(str(tmp_path / "bob")) as maildir:
        yield maildir


def _files(box: Maildir) -> list[str]:
    return sorted(
        os.path.relpath(os.path.join(folder, name), box.path)
        for folder, _, names in os.walk(box.path)
        for name in names
    )


def _deliver(box: Maildir, name: str = "1.a.host", data: bytes = b"From: x\n\n") -> Entry:
    box.deliver(data, name)
    return Entry("new", name)


def test_what_was_delivered_is_whole_private_and_alone(box: Maildir) -> None:
    """G1: mode 0600 whatever the umask, and nothing left in tmp/."""
    os.umask(0)
    data = os.urandom(300_000)
    box.deliver(data, "1.a.host")
    path = f"{box.path}/new/1.a.host"
    with open(path, "rb") as file:
        assert file.read() == data
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert _files(box) == ["new/1.a.host"]


@pytest.mark.parametrize("folder", ["tmp", "new"])
def test_a_mailbox_that_lost_a_folder_is_gone_and_nothing_is_left(box: Maildir, folder: str) -> None:
    """G3: ENOENT means: resolve the name again."""
    os.rmdir(f"{box.path}/{folder}")
    with pytest.raises(MailboxGone):
        box.deliver(b"data", "1.a.host")
    assert _files(box) == []


def test_a_mailbox_that_was_renamed_still_gets_what_was_begun(box: Maildir) -> None:
    """G1: all is relative to the open descriptor."""
    os.rename(box.path, f"{box.path}-new")
    box.deliver(b"data", "1.a.host")
    assert os.listdir(f"{box.path}-new/new") == ["1.a.host"]


def test_a_taken_name_in_tmp_is_neither_used_nor_removed(box: Maildir) -> None:
    """maildir(5): O_EXCL; another's file is another's."""
    with open(f"{box.path}/tmp/1.a.host", "w") as file:
        file.write("another's")
    with pytest.raises(TryAgain):
        box.deliver(b"data", "1.a.host")
    assert _files(box) == ["tmp/1.a.host"]
    box.deliver(b"data", "1.a.host", temporary="2.b.host")
    assert _files(box) == ["new/1.a.host", "tmp/1.a.host"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
def test_a_failure_before_the_rename_leaves_nothing(box: Maildir, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """G3: 75, and the file in tmp/ is removed. The disk's own failures are tested with real ones elsewhere."""

    def fail(*_: object, **__: object) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "write", fail)
    with pytest.raises(TryAgain) as refusal:
        box.deliver(b"data", "1.a.host")
    assert os.strerror(number) in str(refusal.value)
    assert _files(box) == []


def test_a_failure_of_the_file_sync_leaves_nothing(box: Maildir, monkeypatch: pytest.MonkeyPatch) -> None:
    """G3."""

    def fail(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(TryAgain):
        box.deliver(b"data", "1.a.host")
    assert _files(box) == []


def test_a_failure_of_the_directory_sync_removes_nothing(box: Maildir, monkeypatch: pytest.MonkeyPatch) -> None:
    """G3: 74, for it may have been read already."""

    def fail(fd: int, real: object = os.fsync) -> None:
        if stat.S_ISDIR(os.fstat(fd).st_mode):
            raise OSError(errno.EIO, "Input/output error")
        assert callable(real)
        real(fd)

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(DurabilityUnknown):
        box.deliver(b"data", "1.a.host")
    assert _files(box) == ["new/1.a.host"]


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.EROFS, Misconfigured),
        (errno.EACCES, Misconfigured),
        (errno.EPERM, Misconfigured),
        (errno.ENOSPC, TryAgain),
        (errno.EIO, TryAgain),
    ],
)
def test_what_no_retry_cures_is_told_apart(number: int, kind: type[Exception]) -> None:
    """G12: 78 or 75."""
    assert type(cannot_write("/spool", OSError(number, os.strerror(number)))) is kind


@pytest.mark.parametrize("made", ["nothing", "a file", "a link"])
def test_only_a_real_directory_is_opened(tmp_path: Path, made: str) -> None:
    """G11: a forward is resolved by the spool, never followed here."""
    path = tmp_path / "bob"
    if made == "a file":
        path.write_text("")
    elif made == "a link":
        (tmp_path / "elsewhere").mkdir()
        path.symlink_to("elsewhere")
    with pytest.raises(MailboxGone):
        Maildir(str(path))


def test_the_journey_of_a_message(box: Maildir) -> None:
    """protocol.md, 6.1: claim, release, claim, commit; every step is a rename, the file is there at each."""
    entry = _deliver(box)
    claimed = box.claim(entry, OWNER, NAMER.unique)
    assert claimed is not None
    assert _files(box) == [f"new/1.a.host,c={OWNER}"] == [claimed.path]
    assert (claimed.key, claimed.owner) == ("1.a.host", OWNER)
    assert claimed.committed == "cur/1.a.host:2,S"
    released = box.release(claimed, NAMER.unique)
    assert released is not None
    assert _files(box) == ["new/1.a.host"] == [released.path]
    again = box.claim(released, OWNER, NAMER.unique)
    assert again is not None
    committed = box.commit(again, NAMER.unique)
    assert committed is not None
    assert _files(box) == ["cur/1.a.host:2,S"] == [committed.path]


def test_a_lost_claim_loses_every_step(box: Maildir) -> None:
    """G6: ENOENT means that another has it."""
    entry = _deliver(box)
    claimed = box.claim(entry, OWNER, NAMER.unique)
    assert claimed is not None
    assert box.claim(entry, OWNER, NAMER.unique) is None
    taken = box.claim(claimed, OWNER.replace("0123abcd", "ffffffff"), NAMER.unique)
    assert taken is not None
    for step in (box.commit, box.release):
        assert step(claimed, NAMER.unique) is None
    assert box.set_aside(claimed, "bad", NAMER.unique) is None
    assert _files(box)[-1] == taken.path


@pytest.mark.parametrize(("flags", "after"), [("", "S"), ("F", "FS"), ("RT", "RST"), ("S", "S"), ("Sa", "Sa")])
def test_flags_of_other_programs_are_kept(box: Maildir, flags: str, after: str) -> None:
    """maildir(5): in ASCII order; keywords (lower case) too."""
    name = f"1.a.host:2,{flags}"
    box.deliver(b"data", name)
    claimed = box.claim(Entry("new", name), OWNER, NAMER.unique)
    assert claimed is not None
    assert claimed.flags == flags
    box.commit(claimed, NAMER.unique)
    assert _files(box) == [f"cur/1.a.host:2,{after}"]


def test_unread_mail_that_mutt_moved_is_claimed_from_cur(box: Maildir) -> None:
    """protocol.md, 6.1: it goes to new/ with its flags, so that it is unread again if its reader dies."""
    _deliver(box)
    os.rename(f"{box.path}/new/1.a.host", f"{box.path}/cur/1.a.host:2,F")
    claimed = box.claim(Entry("cur", "1.a.host:2,F"), OWNER, NAMER.unique)
    assert claimed is not None
    assert _files(box) == [f"new/1.a.host,c={OWNER}:2,F"]
    box.release(claimed, NAMER.unique)
    assert _files(box) == ["new/1.a.host:2,F"]


@pytest.mark.parametrize("step", ["commit", "release"])
def test_a_file_that_is_there_is_never_replaced(box: Maildir, step: str) -> None:
    """protocol.md, 6.1: use a fresh unique name; rename(2) would destroy the other file."""
    claimed = box.claim(_deliver(box, data=b"first"), OWNER, NAMER.unique)
    assert claimed is not None
    other = "cur/1.a.host:2,S" if step == "commit" else "new/1.a.host"
    with open(f"{box.path}/{other}", "wb") as file:
        file.write(b"second")
    moved = box.commit(claimed, NAMER.unique) if step == "commit" else box.release(claimed, NAMER.unique)
    assert moved is not None
    contents = set()
    for path in _files(box):
        with open(f"{box.path}/{path}", "rb") as file:
            contents.add(file.read())
    assert contents == {b"first", b"second"}


@pytest.mark.parametrize("length", [150, 240, 255])
def test_a_long_foreign_name_goes_all_the_way(box: Maildir, length: int) -> None:
    """G7: 255 bytes is what a file system takes; a claim adds 60, so such a file gets a name of ours."""
    entry = _deliver(box, "x" * length)
    claimed = box.claim(entry, OWNER, NAMER.unique)
    assert claimed is not None
    moved = box.set_aside(claimed, "unknown-key", NAMER.unique)
    assert moved is not None
    assert moved.verdict == "unknown-key"
    assert len(_files(box)[-1].rpartition("/")[2]) <= 255


def test_what_is_set_aside_keeps_its_bytes_and_can_be_recalled(box: Maildir) -> None:
    """protocol.md, 6.2; the folder is a Maildir++ one."""
    claimed = box.claim(_deliver(box, data=b"\0\xff evil"), OWNER, NAMER.unique)
    assert claimed is not None
    aside = box.set_aside(claimed, "unknown-key", NAMER.unique)
    assert aside is not None
    assert _files(box) == [".Rejected/cur/1.a.host,v=unknown-key:2,", ".Rejected/maildirfolder"]
    assert (aside.key, aside.verdict) == ("1.a.host", "unknown-key")
    assert box.read(aside, 100) == b"\0\xff evil"
    recalled = box.recall(aside, OWNER, NAMER.unique)
    assert recalled is not None
    assert recalled.path == f"new/1.a.host,c={OWNER}"


def test_only_what_nobody_holds_is_unread_in_the_order_of_names(box: Maildir) -> None:
    """protocol.md, 6.1."""
    for name in ("3.c.host", "1.a.host", f"2.b.host,c={OWNER}", "4.d.host,c=0.0.0.0.50.00000000", ".hidden"):
        box.deliver(b"data", name)
    for alive, expected in (
        (True, ["1.a.host", "3.c.host", "4.d.host"]),
        (False, ["1.a.host", "2.b.host", "3.c.host", "4.d.host"]),
    ):

        def runs(mark: str, alive: bool = alive) -> bool | None:
            return None if mark.startswith("0.") else alive

        assert [entry.key for entry in box.unread(runs, 51.0)] == expected


def test_each_message_is_listed_once_by_its_key(box: Maildir) -> None:
    """History: new before cur; what was set aside counts by its verdict too."""
    for name in ("2.b.host", f"1.a.host,c={OWNER}"):
        box.deliver(b"data", name)
    os.link(f"{box.path}/new/2.b.host", f"{box.path}/cur/2.b.host:2,S")
    assert [(entry.folder, entry.key) for entry in box.entries("new", "cur")] == [
        ("new", "1.a.host"),
        ("cur", "2.b.host"),
    ]
    assert box.entries("nowhere") == []


class _Missing(Maildir):
    """Its first reading of `cur/` misses a file, as one of a directory does in which it is just being renamed."""

    left: int

    def names(self, folder: str) -> list[str]:
        found = super().names(folder)
        self.left -= 1
        return found[1:] if self.left == 0 else found


def test_a_directory_that_changed_within_the_tick_of_its_clock_is_read_again(box: Maildir) -> None:
    """Design, 6: a rename in the same tick as the one before leaves the time of change as it was."""
    for name in ("1.a.host:2,S", "2.b.host:2,S"):
        os.close(os.open(f"{box.path}/cur/{name}", os.O_CREAT | os.O_WRONLY))
    now = time.time()
    os.utime(f"{box.path}/cur", (now, now))
    busy = _Missing(box.path)
    with busy:
        busy.left = 1
        assert [entry.key for entry in busy.entries("cur")] == ["1.a.host", "2.b.host"]
    os.utime(f"{box.path}/cur", (now - 60, now - 60))
    quiet = _Missing(box.path)
    with quiet:
        quiet.left = 2
        assert len(quiet.entries("cur")) == 2
        assert quiet.left == 1, "what stood still is read once"


@pytest.mark.parametrize("made", ["link", "fifo", "directory", "large", "closed"])
def test_only_a_regular_file_within_the_limit_is_read(box: Maildir, made: str, tmp_path: Path) -> None:
    """G11: a link may lead anywhere, a FIFO would stop the reader."""
    path = f"{box.path}/new/1.a.host"
    if made == "link":
        (tmp_path / "secret").write_text("secret")
        os.symlink(tmp_path / "secret", path)
    elif made == "fifo":
        os.mkfifo(path)
    elif made == "directory":
        os.mkdir(path)
    elif made == "large":
        box.deliver(b"x" * 101, "1.a.host")
    else:
        os.symlink("1.a.host", path)
    assert box.read(Entry("new", "1.a.host"), 100) is None


def test_a_file_of_exactly_the_limit_is_read(box: Maildir) -> None:
    """The limit is the largest size that is allowed."""
    assert box.read(_deliver(box, data=b"x" * 100), 100) == b"x" * 100
    assert box.read(_deliver(box, "2.b.host", b""), 100) == b""
    with pytest.raises(FileNotFoundError):
        box.read(Entry("new", "nothing"), 100)


def test_holding_is_by_name_claimed_or_not(box: Maildir) -> None:
    """A retry must find its message while a reader has it claimed."""
    entry = _deliver(box)
    assert box.holds("1.a.host")
    box.claim(entry, OWNER, NAMER.unique)
    assert box.holds("1.a.host")
    assert not box.holds("1.a")


def test_folders_are_private_whatever_the_umask(box: Maildir) -> None:
    """Design, 2: 0700 and 0600."""
    os.umask(0)
    box.make_folder(".Rejected")
    for folder in (".Rejected", ".Rejected/new", ".Rejected/cur", ".Rejected/tmp"):
        assert stat.S_IMODE(os.stat(f"{box.path}/{folder}").st_mode) == 0o700


def test_a_mailbox_whose_path_leads_nowhere_for_a_moment_is_read_by_its_descriptor(box: Maildir) -> None:
    """Design, 7: it is being renamed; that is no reason to say that there is no mail."""
    entry = _deliver(box)
    os.rename(box.path, f"{box.path}-renamed")
    assert [found.name for found in box.unread(lambda _: None, 0.0)] == [entry.name]


def test_without_new_nobody_says_that_there_is_no_mail(box: Maildir) -> None:
    """G12: 78, and what mends it; also when it was open already."""
    for opened in (False, True):
        if opened:
            box.at("new")
        os.rename(f"{box.path}/new", f"{box.path}/old")
        with pytest.raises(Misconfigured, match=r"bob/new is not there: mipc doctor --fix"):
            box.unread(lambda _: None, 0.0)
        os.rename(f"{box.path}/old", f"{box.path}/new")


# Pouring one mailbox into another


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[Maildir]:
    """Give another open Maildir, to be poured into the first."""
    for folder in ("new", "cur"):
        (tmp_path / "closed" / folder).mkdir(parents=True)
    with Maildir(str(tmp_path / "closed")) as maildir:
        yield maildir


@pytest.mark.parametrize("size", [0, 100, 300_000])
@pytest.mark.parametrize("ours", ["new/1.a.host", f"new/1.a.host,c={OWNER}", "cur/1.a.host:2,RS"])
@pytest.mark.parametrize("theirs", ["new/1.a.host", "cur/1.a.host:2,"])
def test_what_we_hold_already_to_the_last_byte_is_not_poured_in_again(
    box: Maildir, closed: Maildir, ours: str, theirs: str, size: int
) -> None:
    """protocol.md, 7.3: one message that was sent to both; the target's stays as it is."""
    data = os.urandom(size)
    for path in (f"{box.path}/{ours}", f"{closed.path}/{theirs}"):
        with open(path, "wb") as file:
            file.write(data)
    box.pour(closed)
    assert (_files(box), _files(closed)) == ([ours], [])
    assert not closed.has("new")


@pytest.mark.parametrize("size", [100, 300_000])
@pytest.mark.parametrize("change", ["last byte", "one more", "name"])
def test_what_differs_in_anything_is_poured_in(box: Maildir, closed: Maildir, size: int, change: str) -> None:
    """G1: nothing is lost."""
    data = os.urandom(size)
    other = {"last byte": data[:-1] + bytes((data[-1] ^ 1,)), "one more": data + b"\n", "name": data}[change]
    _deliver(box, data=data)
    with open(f"{closed.path}/new/{'2.b.host' if change == 'name' else '1.a.host'}", "wb") as file:
        file.write(other)
    box.pour(closed)
    found = [box.read(Entry("new", name), 1 << 20) for name in box.names("new")]
    assert sorted(found, key=lambda d: d != data) == [data, other]
    assert _files(closed) == []


@pytest.mark.parametrize("odd", ["link", "directory", "fifo"])
@pytest.mark.parametrize("in_target", [False, True])
def test_what_is_no_file_stops_no_merge(
    box: Maildir, closed: Maildir, odd: str, in_target: bool, tmp_path: Path
) -> None:
    """G11: nothing is read through a link, and a FIFO does not stop us; it is moved like the rest."""
    paths = [f"{box.path}/new/1.a.host", f"{closed.path}/new/1.a.host"]
    if odd == "link":
        (tmp_path / "x").touch()
        os.symlink(tmp_path / "x", paths[not in_target])
    elif odd == "fifo":
        os.mkfifo(paths[not in_target])
    else:
        os.mkdir(paths[not in_target])
    with open(paths[in_target], "wb"):
        pass
    box.pour(closed)
    assert len(os.listdir(f"{box.path}/new")) == 2
    assert not closed.has("new")


def test_a_reader_that_moves_what_we_hold_meanwhile_makes_no_copy(
    box: Maildir, closed: Maildir, monkeypatch: pytest.MonkeyPatch
) -> None:
    """G3; it is committed between the listing and the look: scheduled, not slept."""
    for name in ("1.a.host", "2.b.host"):
        _deliver(box, name)
        with open(f"{closed.path}/new/{name}", "wb") as file:
            file.write(b"From: x\n\n")
    real = Maildir.entries

    def listing(self: Maildir, *folders: str) -> list[Entry]:
        found = real(self, *folders)
        for name in box.names("new"):
            os.rename(f"{box.path}/new/{name}", f"{box.path}/cur/{name}:2,S")
        return found

    monkeypatch.setattr(Maildir, "entries", listing)
    box.pour(closed)
    assert _files(box) == ["cur/1.a.host:2,S", "cur/2.b.host:2,S"]

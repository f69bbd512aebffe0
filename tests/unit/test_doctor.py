"""What `doctor` finds: each fault is made, seen in one line, and gone after --fix or after what the line says to do."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from maildir_ipc import Draft, __version__
from maildir_ipc.account import Account
from maildir_ipc.doctor import examine, host, places
from maildir_ipc.doctor.finding import NOTE, WRONG
from maildir_ipc.errors import Misconfigured
from maildir_ipc.mounts import mount_of
from maildir_ipc.settings import Settings
from maildir_ipc.spool import Spool
from maildir_ipc.testing import account, agent, check_all

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from maildir_ipc.doctor.finding import Finding

HOUR = 3600.0
_BOX = "1767709822.M000001P1Q1R0123456789abcdef.host"


@pytest.fixture
def owner(home: Path) -> Account:
    """Give an account with a spool where alice and bob have registered."""
    found = account(str(home))
    for name in ("alice", "bob"):
        agent(found, name).maildir.close()
    return found


@pytest.fixture
def spool(owner: Account) -> Path:
    return Path(owner.spool().root)


def _found(owner: Account, *, fix: bool = False) -> list[tuple[str, str]]:
    """Return (check, level) of each finding; the file system that the tests run on is none of theirs."""
    return [(f.check, f.level) for f in _findings(owner, fix=fix)]


def _findings(owner: Account, *, fix: bool = False) -> list[Finding]:
    return [f for f in examine(owner, fix=fix).findings if f.check != "file-system"]


def test_a_fresh_spool_is_well(owner: Account) -> None:
    """Ours."""
    with owner.mailbox(owner.identify("alice")) as alice:
        alice.send(["bob", "nessa"], Draft("hello"))
    with owner.mailbox(owner.identify("bob")) as bob:
        check_all(bob)

    report = examine(owner)

    assert [f.what for f in report.findings if f.check != "file-system"] == []
    assert report.well


def test_the_facts_and_every_setting_are_told(owner: Account, spool: Path) -> None:
    """Ours; design, 2 and 8: the notmuch line, the Python, the packages, and what is in force."""
    (spool / ".ipc/settings").write_text("max-message = 1000 # small\n")

    report = examine(owner)

    facts = dict(report.facts)
    assert facts["notmuch"] == "new.ignore=.ipc;.Rejected;large-messages;records"
    assert {"spool", "file-system", "free", "version", "python", "filelock", "watchdog", "mcp"} <= set(facts)
    assert ("max-message", "1000", False) in report.settings
    assert ("large-message", "10240", True) in report.settings
    assert ("peer", "none", True) in report.settings


# What --fix mends


def _claim(spool: Path, owner: str) -> None:
    (name,) = os.listdir(spool / "bob/new")
    (spool / "bob/new" / name).rename(spool / "bob/new" / f"{name},c={owner}")


def _held_by_the_dead(owner: Account, spool: Path) -> None:
    _send(owner)
    _claim(spool, f"{owner.host.boot}.{owner.host.namespace}.4194305.1.{int(time.time()) + 60}.0123abcd")


def _held_for_ever(owner: Account, spool: Path) -> None:
    _send(owner)
    _claim(spool, f"0.0.0.0.{int(time.time()) + 10**7}.0123abcd")


def _held_too_long(owner: Account, spool: Path) -> None:
    _send(owner)
    _claim(spool, f"0.0.0.0.{int(time.time()) - 1}.0123abcd")


def _send(owner: Account) -> None:
    with owner.mailbox(owner.identify("alice")) as alice:
        alice.send(["bob"], Draft("hello"))


def _chmod(path: str, mode: int) -> Callable[[Account, Path], None]:
    def make(owner: Account, spool: Path) -> None:
        place = spool / path if not path.startswith("~/") else Path(owner.settings.config).parents[1] / path[2:]
        place.chmod(mode)

    return make


def _closing(owner: Account, spool: Path) -> None:
    for part in ("", "tmp", "new", "cur"):
        (spool / ".ipc/closing/nessa" / part).mkdir(mode=0o700)


def _no_tmp(owner: Account, spool: Path) -> None:
    (spool / "bob/tmp").rmdir()


def _no_new(owner: Account, spool: Path) -> None:
    (spool / "bob/new").rmdir()


_MENDED = {
    "spool-open-to-others": (_chmod("", 0o755), "mode"),
    "record-open-to-others": (_chmod(".ipc/spool", 0o644), "mode"),
    "mailbox-open-to-others": (_chmod("bob", 0o750), "mode"),
    "folder-open-to-others": (_chmod("bob/new", 0o777), "mode"),
    "names-open-to-others": (_chmod("bob/records/names", 0o666), "mode"),
    "folder-closed-to-ourselves": (_chmod("bob/cur", 0o500), "mode"),
    "keyring-open-to-others": (_chmod("~/.config/maildir-ipc/keyring", 0o644), "mode"),
    "keyring-folder-open-to-others": (_chmod("~/.config/maildir-ipc", 0o755), "mode"),
    "state-open-to-others": (_chmod("~/.local/state/maildir-ipc", 0o755), "mode"),
    "no-tmp": (_no_tmp, "half-made"),
    "no-new": (_no_new, "half-made"),
    "held-by-the-dead": (_held_by_the_dead, "claim"),
    "held-for-ever": (_held_for_ever, "claim"),
    "held-too-long": (_held_too_long, "claim"),
    "closing": (_closing, "closing"),
}


@pytest.mark.parametrize("fault", _MENDED)
def test_a_fault_is_seen_and_fixed_and_not_seen_again(fault: str, owner: Account, spool: Path) -> None:
    """Ours: what --fix says it mended, was looked at again."""
    make, check = _MENDED[fault]
    make(owner, spool)
    seen = [f for f in _findings(owner) if f.level == WRONG and f.mend is not None]
    assert [f.check for f in seen] == [check]
    assert not examine(owner).well

    report = examine(owner, fix=True)

    assert [(f.check, f.what) for f in report.mended] == [(f.check, f.what) for f in seen]
    assert report.well
    assert _found(owner) == []


@pytest.mark.parametrize("fault", ["held-by-the-dead", "held-for-ever", "held-too-long"])
def test_what_the_dead_held_is_unread_again(fault: str, owner: Account, spool: Path) -> None:
    """G5."""
    _MENDED[fault][0](owner, spool)
    examine(owner, fix=True)

    assert [",c=" in name for name in os.listdir(spool / "bob/new")] == [False]
    with owner.mailbox(owner.identify("bob")) as bob:
        assert len(check_all(bob)) == 1


def test_what_the_dead_had_shown_is_read(owner: Account, spool: Path) -> None:
    """G5; protocol.md, 6.4: killed between the record of it and the commit."""
    _send(owner)
    with owner.mailbox(owner.identify("bob")) as bob, bob.check(lambda _: True) as batch:
        (received,) = batch.messages
        bob.seen.add(received.key, received.entry.key, received.digest)
    _claim(spool, f"{owner.host.boot}.{owner.host.namespace}.4194305.1.{int(time.time()) + 60}.0123abcd")

    examine(owner, fix=True)

    assert os.listdir(spool / "bob/new") == []
    assert [name[-4:] for name in os.listdir(spool / "bob/cur")] == [":2,S"]


def test_a_live_claim_is_no_fault(owner: Account, spool: Path) -> None:
    """G6."""
    _send(owner)
    _claim(spool, owner.namer().owner())

    assert _found(owner, fix=True) == []
    assert ",c=" in os.listdir(spool / "bob/new")[0]


def test_leftovers_are_counted_and_swept(owner: Account, spool: Path, home: Path) -> None:
    """Ours: 36 hours, by the file system's clock, which this test cannot move; so it moves the limit."""
    (spool / "bob/tmp/1.x.host").touch()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("maildir_ipc.broom.LEFTOVER_SECONDS", -1.0)
        assert _found(owner) == [("litter", WRONG)]
        assert _found(owner, fix=True) == []
    assert os.listdir(spool / "bob/tmp") == []


def test_a_pending_intent_is_told(owner: Account, spool: Path) -> None:
    """Ours: whoever takes the lock finishes it; one that nobody can read stays, and is told."""
    (spool / ".ipc/intents/1").write_text("of a later version\n")

    assert [f.check for f in _findings(owner) if f.level == WRONG] == ["intents"]


def test_a_closed_mailbox_with_mail_in_it_gives_it_back_to_the_name(owner: Account, spool: Path) -> None:
    """G1: mended: what nobody merges waits under the name that it was sent to."""
    _closing(owner, spool)
    (spool / ".ipc/closing/nessa/new" / _BOX).write_text("From: x\n\nhello\n")

    (finding,) = _findings(owner)
    assert "1 messages" in finding.what

    examine(owner, fix=True)
    assert (spool / "nessa/new" / _BOX).exists()
    assert _findings(owner) == []


# What only a person can mend: the line says how


def _make_file(spool: Path) -> None:
    (spool / "notes").write_text("mine")


def _make_directory(spool: Path) -> None:
    (spool / "stuff").mkdir(mode=0o700)


def _make_odd(spool: Path) -> None:
    (spool / "My Mail").mkdir(mode=0o700)


def _link_out(spool: Path) -> None:
    (spool / "out").symlink_to("../../elsewhere")


def _link_to_nothing(spool: Path) -> None:
    (spool / "old").symlink_to("gone")


def _link_unknown(spool: Path) -> None:
    (spool / "old").symlink_to("bob")


def _link_new(spool: Path) -> None:
    (spool / "bob/new").rmdir()
    (spool / "bob/new").symlink_to(spool / "alice/new")


def _move(spool: Path) -> None:
    (spool / "bob").rename(spool / "robert")


def _setting(text: str) -> Callable[[Path], None]:
    def make(spool: Path) -> None:
        (spool / ".ipc/settings").write_text(text)

    return make


def _no_key(spool: Path) -> None:
    record = spool / ".ipc/spool"
    record.write_text("".join(line for line in record.read_text().splitlines(keepends=True) if line[:4] != "key "))


def _now_open(spool: Path) -> None:
    record = spool / ".ipc/spool"
    record.write_text(record.read_text().replace("mode signed", "mode open"))


def _odd_mode(spool: Path) -> None:
    record = spool / ".ipc/spool"
    record.write_text(record.read_text().replace("mode signed", "mode sealed"))


def _key_gone(spool: Path) -> None:
    (spool.parents[2] / ".config/maildir-ipc/keyring").write_text("")


def _future(spool: Path) -> None:
    (spool / "bob/cur" / f"{int(time.time()) + 9999}.M000001P1Q1R0123456789abcdef.host:2,S").touch()


_TOLD = {
    "file": (_make_file, "orphan", "notes"),
    "directory": (_make_directory, "orphan", "stuff"),
    "no-name": (_make_odd, "orphan", "My Mail"),
    "forward-out": (_link_out, "forward", "out of the spool"),
    "forward-to-nothing": (_link_to_nothing, "forward", "no mailbox"),
    "forward-unknown": (_link_unknown, "forward", "does not know that name"),
    "folder-is-a-link": (_link_new, "link", "alice/new"),
    "moved-by-hand": (_move, "names", "robert"),
    "unknown-setting": (_setting("# mine\nmax-mesage = 1\n"), "settings", ":2: there is no setting 'max-mesage'"),
    "bad-value": (_setting("max-message = lots\n"), "settings", "'lots' is not a number"),
    "out-of-bounds": (_setting("rate-limit = 999999999999\n"), "settings", "is not from 0 to 1000000"),
    "bad-peer": (_setting("peer = bob\n"), "settings", "'bob'"),
    "no-setting": (_setting("max-message\n"), "settings", "'max-message' is no setting"),
    "set-twice": (_setting("max-message = 1000\nmax-message = 2000\n"), "settings", "twice"),
    "signed-without-a-key": (_no_key, "spool", "lists no key"),
    "no-mode": (_odd_mode, "spool", "sealed"),
    "suddenly-open": (_now_open, "key", "was signed and now says it is open"),
    "key-not-held": (_key_gone, "key", "does not hold key"),
    "message-from-the-future": (_future, "clock", "in the future"),
}


@pytest.mark.parametrize("fault", _TOLD)
def test_a_fault_that_only_a_person_can_mend_is_told_in_one_line(fault: str, owner: Account, spool: Path) -> None:
    """G12, ours: what is wrong, where, and what to do; --fix changes nothing about it."""
    make, check, words = _TOLD[fault]
    make(spool)

    findings = _findings(owner, fix=True)

    assert [(f.check, f.level) for f in findings if f.level == WRONG] == [(check, WRONG)]
    assert words in findings[0].what
    assert findings[0].next
    assert "\n" not in findings[0].what + findings[0].next


def test_there_is_no_spool(home: Path) -> None:
    """Ours: and none is made."""
    (finding,) = _findings(account(str(home)))

    assert (finding.check, finding.next) == ("spool", "mipc init makes one")
    assert list(home.iterdir()) == []


def test_a_spool_that_only_a_later_version_knows(owner: Account, spool: Path) -> None:
    """Ours; protocol.md, 1.1."""
    record = spool / ".ipc/spool"
    record.write_text(record.read_text().replace("format 1", "format 2"))

    assert _found(owner) == [("spool", WRONG)]


def test_a_key_that_will_sign_soon_and_is_not_here(owner: Account, spool: Path) -> None:
    """Ours; design, 4: the day between is for importing it."""
    record = spool / ".ipc/spool"
    record.write_text(f"{record.read_text()}key 0123456789abcdef {int(time.time()) + 9999}\n")
    assert _found(owner) == [("key", WRONG)]
    record.write_text(record.read_text().replace("key 0123456789abcdef", "key 0123456789abcdef 1\nx"))
    # One that should sign already is not to be had: nothing can be sent.
    assert _found(owner) == [("key", WRONG)]


def test_a_former_key_that_is_not_here_is_a_note(owner: Account, spool: Path) -> None:
    """Ours: old mail cannot be verified, nothing else is wrong."""
    record = spool / ".ipc/spool"
    record.write_text(
        record.read_text().replace("key ", "key 0123456789abcdef 0\nkey ", 1).replace(" 0\nkey", " 0\nkey")
    )

    assert _found(owner) == [("key", NOTE)]


def test_places_of_another_user_are_told_and_not_touched(
    owner: Account, spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """G11, ours."""
    monkeypatch.setattr(os, "geteuid", lambda: os.stat(spool).st_uid + 1)

    found = list(places.modes(owner, str(spool)))

    assert {f.check for f in found} == {"owner"}
    assert all(f.mend is None for f in found)


def test_no_place_for_tokens(home: Path, tmp_path: Path) -> None:
    """Ours: a file stands where each of the directories would be."""
    for name in ("state", "runtime", "tmp"):
        (tmp_path / name).write_text("")
    environ = {
        "HOME": str(home), "MAILDIR_IPC_STATE": f"{tmp_path}/state/x", "XDG_RUNTIME_DIR": f"{tmp_path}/runtime",
        "TMPDIR": f"{tmp_path}/tmp",
    }  # fmt: skip
    blocked = Account(Settings(environ, os.getuid()))
    blocked.init()

    assert [f.check for f in _findings(blocked)] == ["state"]


def test_the_clocks_differ(owner: Account, spool: Path) -> None:
    """Ours: the file system's clock is real, this machine's is moved."""
    off = Account(owner.settings, lambda: time.time() - 301)
    assert [f.check for f in _findings(off)] == ["clock"]
    assert _found(Account(owner.settings, lambda: time.time() - 290)) == []


def test_a_forward_that_has_ended_is_a_note(owner: Account, spool: Path) -> None:
    """Ours: gc removes it."""
    record = spool / "bob/records/names"
    state, _, rest = record.read_text().partition("\n")
    record.write_text(f"{state}\nold 1700000000 1700007200\n{rest}")
    (spool / "old").symlink_to("bob")

    assert _found(owner) == [("forward", NOTE)]
    assert examine(owner).well


def test_a_forward_that_leads_on_is_well(owner: Account, spool: Path) -> None:
    """Ours."""
    record = spool / "bob/records/names"
    state, _, rest = record.read_text().partition("\n")
    record.write_text(f"{state}\nold 1700000000 {int(time.time()) + 7200}\n{rest}")
    (spool / "old").symlink_to("bob")

    assert _found(owner) == []


def test_a_session_whose_agent_has_ended_is_a_note(owner: Account, spool: Path) -> None:
    """Ours; design, 7: it gives way silently, so nothing is wrong."""
    record = spool / "bob/records/session"
    dead = f"{owner.host.boot}.{owner.host.namespace}.4194305.1"
    record.write_text(
        record.read_text().replace("mark standing", f"mark {dead}").replace("no terminal", "claude 4194305")
    )

    (finding,) = _findings(owner)

    assert (finding.check, finding.level) == ("session", NOTE)
    assert "claude 4194305" in finding.what
    assert examine(owner).well


def test_a_spool_that_folds_case_is_a_note(owner: Account, spool: Path) -> None:
    """Ours: a link does here what such a file system does."""
    (spool / ".IPC").symlink_to(".ipc")

    assert _found(owner) == [("case", NOTE)]


# The machine

_TABLE = r"""22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
40 27 0:40 / /home rw,relatime shared:20 master:3 - nfs4 server:/home rw,hard
41 27 0:41 / /mnt/my\040share rw - cifs //nas/x rw
42 27 0:42 / /mnt/ssh rw - fuse.sshfs user@host: rw
43 27 0:43 / /mnt/enc rw - fuse.gocryptfs /x rw
44 27 0:44 / /srv rw - overlay overlay rw,lowerdir=/a
45 27 0:45 / /wsl rw - 9p C:\134 rw
46 27 0:46 / /run rw - tmpfs tmpfs rw
47 27 8:2 / /run/disk rw - xfs /dev/sda2 rw
48 27 8:3 / /over rw - ext4 /dev/sda3 rw
49 27 0:49 / /over rw - nfs server:/over rw
"""


@pytest.mark.parametrize(
    ("path", "kind", "words"),
    [
        ("/data/spool", "ext4", None),
        ("/home/you/spool", "nfs4", "polling"),
        ("/homes/you", "ext4", None),
        ("/mnt/my share/spool", "cifs", "polling"),
        ("/mnt/ssh/spool", "fuse.sshfs", "polling"),
        ("/mnt/enc/spool", "fuse.gocryptfs", "fsync"),
        ("/srv/spool", "overlay", "volume"),
        ("/wsl/you", "9p", "share of the host"),
        ("/run/spool", "tmpfs", "memory"),
        ("/run/disk/spool", "xfs", None),
        ("/over/spool", "nfs", "polling"),
    ],
)
def test_the_kind_of_file_system_is_that_of_the_nearest_mount(path: str, kind: str, words: str | None) -> None:
    """proc(5), mountinfo: optional fields, escapes, mounts over mounts. Ours: what each means for mail."""
    mount = mount_of(path, _TABLE)

    assert mount is not None
    assert mount.kind == kind
    found = list(host.file_system(mount))
    assert [f.level for f in found] == ([NOTE] if words else [])
    assert not words or words in found[0].next


def test_without_mountinfo_nothing_is_said() -> None:
    """Ours: macOS has none."""
    assert mount_of("/x", "") is None
    assert list(host.file_system(None)) == []


def _statvfs(free: int, inodes: int, favail: int) -> os.statvfs_result:
    return os.statvfs_result((4096, 4096, 10**6, free // 4096, free // 4096, inodes, favail, favail, 0, 255))


@pytest.mark.parametrize(
    ("status", "count"),
    [
        (_statvfs(1 << 30, 10**6, 10**5), 0),
        (_statvfs(1 << 20, 10**6, 10**5), 1),
        (_statvfs(1 << 30, 10**6, 10), 1),
        (_statvfs(1 << 30, 0, 0), 0),
        (_statvfs(0, 10**6, 0), 2),
    ],
)
def test_a_lack_of_room_or_inodes_is_wrong(status: os.statvfs_result, count: int) -> None:
    """statvfs(3): some file systems have no inodes to count, and say 0."""
    found = list(host.space(status, "/spool"))

    assert [f.level for f in found] == [WRONG] * count


def _install(folder: Path, said: str, name: str = "mipc") -> str:
    folder.mkdir(exist_ok=True)
    file = folder / name
    file.write_text(f"#!/bin/sh\necho {said}\n")
    file.chmod(0o755)
    return str(folder)


def test_one_installation_of_this_version_is_well(tmp_path: Path) -> None:
    """Ours: a link to it, its two names, a relative folder and one that is not there are no others."""
    path = _install(tmp_path / "a", __version__)
    _install(tmp_path / "a", __version__, "maildir-ipc")
    (tmp_path / "b").mkdir()
    (tmp_path / "b/mipc").symlink_to(tmp_path / "a/mipc")

    assert list(host.installations([path, str(tmp_path / "b"), "bin", "/nowhere", path], __version__)) == []


def _levels(findings: Sequence[Finding]) -> list[str]:
    return [f.level for f in findings]


def test_an_installation_of_another_version_is_wrong_and_several_are_a_note(tmp_path: Path) -> None:
    """Ours: hooks and cron may find another than the shell does."""
    path = [_install(tmp_path / "a", __version__), _install(tmp_path / "b", "0.0.9")]

    found = list(host.installations(path, __version__))

    assert _levels(found) == [WRONG, NOTE]
    assert "0.0.9" in found[0].what
    assert str(tmp_path / "b/mipc") in found[0].what


def test_a_command_that_does_not_answer_is_wrong(tmp_path: Path) -> None:
    """Ours: an installation whose Python has gone."""
    path = _install(tmp_path / "a", __version__)
    (tmp_path / "a/mipc").write_text("#!/nowhere/python\n")

    assert _levels(list(host.installations([path], __version__))) == [WRONG]


def test_settings_that_are_a_link_are_named_and_not_followed(owner: Account, spool: Path, tmp_path: Path) -> None:
    """G11, G12: every command says which file it is; so does doctor."""
    (tmp_path / "elsewhere").write_text("rate-limit = 1\n")
    (spool / ".ipc/settings").symlink_to(tmp_path / "elsewhere")

    report = examine(owner)
    assert [finding.check for finding in report.findings] == ["settings"]
    assert ("rate-limit", "?", False) in report.settings
    with pytest.raises(Misconfigured, match="settings: "):
        Spool.open(str(spool), time.time).setting("rate-limit")

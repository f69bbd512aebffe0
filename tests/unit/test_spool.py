"""The shared root: protocol.md, 1 and 2. Ours."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from maildir_ipc.bounds import DEFAULTS, SETTINGS
from maildir_ipc.errors import MaildirIPCError, Misconfigured, NoSuchName
from maildir_ipc.names import Names
from maildir_ipc.spool import Spool
from tests.unit.making import SPOOL, Clock, spool_files

KEY_ID = "90f1d2c3b4a59687"
RECORD = f"format 1\nid {SPOOL}\nmode signed\nkey {KEY_ID} 0\n"


@pytest.fixture
def clock() -> Clock:
    """Give a clock that stands still until it is moved."""
    return Clock(1_000_000.0)


@pytest.fixture
def spool(tmp_path: Path, clock: Clock) -> Spool:
    """Give a fresh spool."""
    return Spool.create(str(tmp_path / "spool"), "signed", SPOOL, lambda: KEY_ID, clock)


def test_a_spool_is_made_as_the_protocol_draws_it(spool: Spool) -> None:
    """protocol.md, 1: 0700 and 0600; nothing half made beside it."""
    assert spool_files(spool.root) == {
        f"{spool.root}/{path}": content
        for path, content in {
            ".ipc": b"", ".ipc/intents": b"", ".ipc/closing": b"", ".ipc/ended": b"",
            ".ipc/lock": b"", ".ipc/spool": RECORD.encode(),
        }.items()
    }  # fmt: skip
    for folder, directories, files in os.walk(spool.root):
        assert all(stat.S_IMODE(os.stat(f"{folder}/{name}").st_mode) == 0o700 for name in directories)
        assert all(stat.S_IMODE(os.stat(f"{folder}/{name}").st_mode) == 0o600 for name in files)


def test_two_who_make_it_at_once_get_the_same(spool: Spool, clock: Clock) -> None:
    """G12: the second finds the first's, and leaves nothing."""
    again = Spool.create(spool.root, "signed", "f" * 16, lambda: "f" * 16, clock)
    assert (again.id, again.keys) == (spool.id, spool.keys)
    assert os.listdir(spool.root) == [".ipc"]


def test_a_spool_that_is_not_there_is_refused(tmp_path: Path, clock: Clock) -> None:
    """G12: 78, and nothing is made."""
    with pytest.raises(Misconfigured) as refusal:
        Spool.open(str(tmp_path / "none"), clock)
    assert "mipc init" in str(refusal.value)
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    "record",
    [
        "", "format 2\nid 4be1c09f2a7d3358\n", "format 99999\nid 4be1c09f2a7d3358\n", "format 1\nmode signed\n",
        "format 1\nid 4be1c09f2a7d3358\nmode signed\n",  # signed, and no key to sign with
        "format 1\nid ../../../tmp/x\nmode open\n",  # an id becomes part of a path
        "format 1\nid 4be1\nmode open\n",
        "format 1\nid 4be1c09f2a7d3358\nmode sealed\n",  # a mode of a later version is not "signed"
        "format x\nid 4be1c09f2a7d3358\nmode open\n",
        "\0\xff",
    ],
)  # fmt: skip
def test_a_record_that_cannot_be_understood_is_refused(record: str, tmp_path: Path, clock: Clock) -> None:
    """G11, G12: 78 in one line, never a traceback and never a guess."""
    (tmp_path / "spool/.ipc").mkdir(parents=True)
    (tmp_path / "spool/.ipc/spool").write_bytes(record.encode("latin-1"))
    with pytest.raises(Misconfigured):
        Spool.open(str(tmp_path / "spool"), clock).signing_key()


def test_unknown_words_are_kept_and_ignored(spool: Spool, clock: Clock) -> None:
    """protocol.md, 1.1: a later minor addition does no harm."""
    path = f"{spool.root}/.ipc/spool"
    with open(path, "a") as file:
        file.write("colour blue\n")
    with spool.lock() as lock:
        Spool.open(spool.root, clock).add_key(lock, "f" * 16, 0)
    with open(path) as file:
        assert file.read() == f"{RECORD}colour blue\nkey {'f' * 16} 0\n"


def test_the_last_key_whose_second_has_come_signs(spool: Spool, clock: Clock) -> None:
    """protocol.md, 1.1."""
    with spool.lock() as lock:
        spool.add_key(lock, "f" * 16, 1_000_100)
    assert spool.signing_key() == KEY_ID
    clock.now = 1_000_100.0
    assert spool.signing_key() == "f" * 16
    assert Spool.open(spool.root, clock).keys == [(KEY_ID, 0), ("f" * 16, 1_000_100)]


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("", "max-message", DEFAULTS["max-message"]),
        ("large-message = 5\n", "large-message", 5),
        ("  large-message=5  # a comment\n", "large-message", 5),
        ("large-message = 5\nlarge-message = 6\n", "large-message", 6),
        ("# large-message = 5\n", "large-message", DEFAULTS["large-message"]),
        ("unknown = x\nno equals\n", "large-message", DEFAULTS["large-message"]),
    ],
)
def test_settings_are_lines(text: str, name: str, value: int, spool: Spool) -> None:
    """protocol.md, 1.2."""
    with open(f"{spool.root}/.ipc/settings", "w") as file:
        file.write(text)
    assert spool.setting(name) == value


@pytest.mark.parametrize("value", ["x", "-1", "", "1.5", "²", "9" * 5000])
def test_a_setting_that_is_no_number_is_refused(value: str, spool: Spool) -> None:
    """G12: 78, naming the line."""
    with open(f"{spool.root}/.ipc/settings", "w") as file:
        file.write(f"max-message = {value}\n")
    with pytest.raises(Misconfigured) as refusal:
        spool.setting("max-message")
    assert "max-message" in str(refusal.value)


@pytest.mark.parametrize("name", SETTINGS)
def test_a_setting_beyond_its_bounds_is_refused_and_at_them_it_holds(name: str, spool: Spool) -> None:
    """G12: 78, naming the rule; protocol.md, 1.2."""
    default, least, most = SETTINGS[name]
    assert least <= default <= most
    for value, holds in ((least, True), (most, True), (least - 1, False), (most + 1, False), (10**15 - 1, False)):
        Path(f"{spool.root}/.ipc/settings").write_text(f"{name} = {value}\n")
        opened = Spool.open(spool.root, Clock())
        if holds:
            assert opened.setting(name) == value
        elif value >= 0:
            with pytest.raises(Misconfigured, match=f"{name} is not from {least} to {most}"):
                opened.setting(name)


def test_peers_are_accepted_beside_this_spool(spool: Spool) -> None:
    """protocol.md, 1.2."""
    with open(f"{spool.root}/.ipc/settings", "w") as file:
        file.write("peer = aaaaaaaaaaaaaaaa\npeer = bbbbbbbbbbbbbbbb\n")
    assert spool.spools() == [SPOOL, "a" * 16, "b" * 16]


@pytest.mark.parametrize("registered", [True, False])
def test_first_contact_makes_a_whole_mailbox(registered: bool, spool: Spool) -> None:
    """protocol.md, 2: tmp/ present means that the name is durable."""
    with spool.lock() as lock:
        assert spool.ensure(lock, "barney", registered=registered) == "barney"
        assert spool.ensure(lock, "barney") == "barney"
    assert sorted(os.listdir(spool.path("barney"))) == ["cur", "new", "records", "tmp"]
    record = spool.record("barney")
    assert record is not None
    assert record.registered is registered
    assert record.lines == (("barney", 0, None),)
    assert sorted(os.listdir(f"{spool.root}/.ipc")) == ["closing", "ended", "intents", "lock", "spool"]


def test_registering_a_waiting_mailbox_keeps_since_when_it_waited(spool: Spool, clock: Clock) -> None:
    """protocol.md, 2.1: mail that was sent before is still its mail."""
    with spool.lock() as lock:
        spool.ensure(lock, "nessa")
        clock.now += 5000
        spool.ensure(lock, "nessa", registered=True)
    record = spool.record("nessa")
    assert record is not None
    assert (record.registered, record.state_since) == (True, 1_005_000)
    assert record.lines == (("nessa", 0, None),)


@pytest.mark.parametrize("lost", ["tmp", "new", "cur", "records/seen"])
def test_a_half_made_mailbox_is_finished(lost: str, spool: Spool) -> None:
    """protocol.md, 2: whoever finds no tmp/ takes the lock and makes it."""
    with spool.lock() as lock:
        spool.ensure(lock, "barney")
        os.rmdir(f"{spool.path('barney')}/{lost}")
        spool.ensure(lock, "barney")
    assert os.path.isdir(f"{spool.path('barney')}/{lost}")


def _forward(spool: Spool, old: str, new: str, until: int) -> None:
    with spool.lock() as lock:
        spool.ensure(lock, new, registered=True)
    with open(f"{spool.path(new)}/records/names", "w") as file:
        file.write(f"registered 0\n{old} 0 {until}\n{new} 0 -\n")
    os.symlink(new, spool.path(old))


def test_a_forward_leads_until_it_ends(spool: Spool, clock: Clock) -> None:
    """Design, 7: by the clock, whoever looks."""
    _forward(spool, "fred", "fred-debugging", 1_000_000 + DEFAULTS["forward-seconds"])
    assert spool.lead("fred") == "fred-debugging"
    name, box = spool.open_mailbox("fred")
    with box:
        assert name == "fred-debugging"
        assert box.path == spool.path("fred-debugging")
    clock.now += DEFAULTS["forward-seconds"] + 1
    with pytest.raises(NoSuchName):
        spool.lead("fred")


@pytest.mark.parametrize(
    "target", ["/etc", "../outside", "barney/new", ".ipc", ".", "..", "nobody", "barney", "BARNEY"]
)
def test_a_link_that_is_no_forward_leads_nowhere(target: str, spool: Spool, tmp_path: Path) -> None:
    """G11: out of the spool, into a mailbox, to nobody, or to one who never had that name."""
    (tmp_path / "outside/new").mkdir(parents=True)
    with spool.lock() as lock:
        spool.ensure(lock, "barney", registered=True)
    os.symlink(target, spool.path("fred"))
    with pytest.raises(NoSuchName):
        spool.open_mailbox("fred")


def test_a_name_that_nobody_has_is_refused(spool: Spool) -> None:
    """G12: 67."""
    for act in (spool.lead, spool.open_mailbox):
        with pytest.raises(NoSuchName) as refusal:
            act("nobody")
        assert "nobody" in str(refusal.value)
    assert spool.record("nobody") is None


def test_names_are_directories_and_forwards_alone(spool: Spool) -> None:
    """Other files may lie in the root: they are nobody."""
    _forward(spool, "fred", "barney", 2_000_000)
    for name in ("README", "notes.txt", "file"):
        with open(f"{spool.root}/{name}", "w"):
            pass
    os.mkdir(f"{spool.root}/.hidden")
    assert sorted(spool.names()) == ["barney", "fred"]


def test_the_lock_is_one_at_a_time(spool: Spool) -> None:
    """protocol.md, 1.3."""
    order: list[str] = []
    entered = threading.Event()

    def second() -> None:
        entered.set()
        with spool.lock():
            order.append("second")

    thread = threading.Thread(target=second)
    with spool.lock() as lock:
        assert lock.held
        thread.start()
        assert entered.wait(10)
        order.append("first")
    thread.join(10)
    assert order == ["first", "second"]
    assert not lock.held


def test_the_lock_file_is_never_unlinked(spool: Spool) -> None:
    """protocol.md, 1.3: else two processes could hold two locks."""
    before = os.stat(f"{spool.root}/.ipc/lock").st_ino
    for _ in range(3):
        with spool.lock():
            pass
    assert os.stat(f"{spool.root}/.ipc/lock").st_ino == before


def test_a_lock_that_cannot_be_had_is_one_line(spool: Spool) -> None:
    """G12."""
    os.unlink(f"{spool.root}/.ipc/lock")
    os.mkdir(f"{spool.root}/.ipc/lock")
    with pytest.raises(MaildirIPCError) as refusal, spool.lock():
        pass
    assert refusal.value.exit_code in (75, 78)


def test_a_names_record_comes_back() -> None:
    """protocol.md, 2.1."""
    text = "registered 1767709822\nfred 0 1767700000\nbarney 1767700000 -\n"
    assert str(Names.parse(text)) == text
    assert Names.parse(text).registered
    assert not Names.parse(text.replace("registered", "waiting")).registered


@pytest.mark.parametrize(
    "text", ["", "x", "registered\n", "registered x\nbarney x x\nBAD 0 -\n../x 0 -\nbarney 0\n", "\n\n"]
)
def test_a_damaged_names_record_says_less_and_never_more(text: str) -> None:
    """G12: lines that cannot be read are left out."""
    record = Names.parse(text)
    assert not record.led_here("fred", 10**9)
    assert Names.parse(str(record)).lines == record.lines


@pytest.mark.parametrize(
    ("t", "led"),
    [
        (0, False),
        (999, False),
        (1000, True),
        (1500, True),
        (2000, True),
        (2001, False),
    ],
)
def test_a_name_led_here_within_its_time_and_the_skew(t: int, led: bool) -> None:
    """protocol.md, 5.4."""
    assert Names(True, 0, [("fred", 1000, 2000), ("barney", 2000, None)]).led_here("fred", t) is led


def test_the_skew_never_reaches_into_another_owners_time() -> None:
    """protocol.md, 5.4: a waiting mailbox's since is the end of the former owner, exactly."""
    record = Names(False, 0, [("fred", 5000, None)])
    assert record.led_here("fred", 5000)
    assert not record.led_here("barney", 6000)
    assert record.existed(5000)
    assert not record.existed(4999)
    assert not Names(True, 0, []).existed(10**9)

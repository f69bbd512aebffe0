"""What may be shown as mail, and what hostile files cannot do. G4, G12; protocol.md, 5.4 and 6. Ours."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import pytest

from maildir_ipc.account import rotate
from maildir_ipc.bounds import DEFAULTS
from maildir_ipc.draft import Draft
from maildir_ipc.testing import account, agent, check_all, drop, files
from tests.unit.making import everything
from tests.unit.world import NOW, World, bodies, raw_of, rejected

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Give a signed world."""
    world = World(tmp_path)
    yield world
    world.close()


@pytest.fixture
def unsigned(tmp_path: Path) -> Iterator[World]:
    """Give an open world."""
    world = World(tmp_path, "open")
    yield world
    world.close()


CHANGES = {
    "none": lambda raw: raw[raw.index(b"\nDate:") + 1 :],
    "bad": lambda raw: raw.replace(b"hello", b"hallo"),
    "malformed": lambda raw: b"no colon\n" + raw,
    "unknown-key": lambda raw: raw[: raw.index(b"; s=") + 4] + b"0" * 16 + raw[raw.index(b"; s=") + 20 :],
    "misdirected": lambda raw: raw[: raw.index(b"sp=") + 3] + b"0" * 16 + raw[raw.index(b"sp=") + 19 :],
}


@pytest.mark.parametrize("verdict", sorted(CHANGES))
def test_what_is_not_verified_is_set_aside_byte_for_byte_and_can_be_read(verdict: str, world: World) -> None:
    """G4; protocol.md, 6.2."""
    path = world.send("hello, this is the text")
    raw = CHANGES[verdict](raw_of(path))
    os.unlink(path)
    drop(world.bob, raw, "1800000000.foreign.host")
    assert rejected(world.bob) == [verdict]
    (aside,) = files(world.bob, ".Rejected/cur")
    assert aside.endswith(f",v={verdict}:2,")
    assert raw_of(aside) == raw
    assert (check_all(world.bob), rejected(world.bob)) == ([], [])
    assert [received.verdict for received in world.bob.find(aside)] == [verdict]


def test_a_message_to_someone_else_is_misdirected(world: World) -> None:
    """G4: copied from alice's own mailbox into bob's."""
    world.alice.send(["alice"], Draft("to myself"))
    (path,) = files(world.alice, "new")
    drop(world.bob, raw_of(path))
    assert rejected(world.bob) == ["misdirected"]
    assert len(check_all(world.alice)) == 1


@pytest.mark.parametrize("same_name", [True, False])
def test_a_message_copied_back_is_a_replay(same_name: bool, world: World) -> None:
    """G4: also under its own name, as `cp cur/X new/X` does."""
    world.send("pay bob 5")
    check_all(world.bob)
    (path,) = files(world.bob, "cur")
    name = path.rpartition("/")[2].partition(":")[0] if same_name else None
    drop(world.bob, raw_of(path), name)
    assert rejected(world.bob) == ["replay"]
    assert len(files(world.bob, ".Rejected/cur")) == 1


def test_a_message_moved_back_is_a_replay(world: World) -> None:
    """G4; protocol.md, 6.4: its name carries no claim, so no reader died over it."""
    world.send("pay bob 5")
    check_all(world.bob)
    (path,) = files(world.bob, "cur")
    os.rename(path, f"{world.bob.maildir.path}/new/{path.rpartition('/')[2].partition(':')[0]}")
    assert rejected(world.bob) == ["replay"]


def test_a_second_copy_of_what_is_still_unread_is_dropped_silently(world: World) -> None:
    """protocol.md, 6.4: a retry of its sender."""
    path = world.send("once")
    drop(world.bob, raw_of(path))
    with world.bob.check(everything) as batch:
        assert (len(batch.messages), len(batch.rejected)) == (1, 0)
        batch.commit(batch.messages[0])
        batch.finish()
    assert (check_all(world.bob), rejected(world.bob)) == ([], [])


def test_a_second_copy_left_by_a_bounded_check_is_not_shown_either(world: World) -> None:
    """G6, protocol.md, 6.4: the first was committed meanwhile; either way nobody reads it twice."""
    path = world.send("once")
    drop(world.bob, raw_of(path))
    with world.bob.check(everything, limit=1) as batch:
        batch.commit(batch.messages[0])
        batch.finish()
    assert check_all(world.bob) == []


def test_a_reader_that_died_after_showing_is_finished_silently(world: World) -> None:
    """protocol.md, 6.4: in the seen-set, its name carries a dead claim, nothing is shown twice."""
    world.send("once")
    with world.bob.check(everything) as batch:
        received = batch.messages[0]
        batch.commit(received)
    (path,) = files(world.bob, "cur")
    dead = f"{path.rpartition('/')[2].partition(':')[0]},c=0.0.0.0.1.00000000"
    os.rename(path, f"{world.bob.maildir.path}/new/{dead}")
    with world.bob.check(everything) as batch:
        assert (batch.messages, batch.rejected) == ([], [])
        batch.finish()
    assert files(world.bob) == [path]


def test_the_claim_of_a_dead_reader_is_taken_over(world: World) -> None:
    """G5: it was not shown."""
    path = world.send("again")
    os.rename(path, f"{path},c=0.0.0.0.{int(NOW) + 5}.00000000")
    assert check_all(world.bob) == []
    world.clock.now += 6
    assert bodies(check_all(world.bob)) == ["again"]


@pytest.mark.parametrize(
    "name", ["x,c=²", "x,c=0.0.0.0.².x", "x,c=", "x,c=a.b.c.d.5.x", ",", "x:2,é", "x,c=1:2,S,c=2", "x,v=bad:2,"]
)
def test_a_strange_file_name_never_stops_a_check(name: str, world: World) -> None:
    """G12: what others write into new/ is data."""
    world.send("hello")
    drop(world.bob, b"From: x@example.org\n\nx\n", name)
    assert bodies(check_all(world.bob)) == ["hello"]


def test_a_claim_that_names_no_process_never_stops_a_check(world: World) -> None:
    """G12: even with our own boot id and namespace in it."""
    host = world.bob.host
    drop(world.bob, b"From: x@example.org\n\nx\n", f"x,c={host.boot}.{host.namespace}.²x.5.5.x")
    assert check_all(world.bob) == []


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"\0" * 5000, b"From: x\nDate: Mon, 01 Jan 999999999999 00:00:00 +0000\n\nx\n",
        b"From: x\nSubject: x =?utf-8?b?aaaaa?=\n\nx\n",
        b"From: x\nContent-Type: text/plain; charset=utf-7\n\n+2AA-\n",
        b"From: x\nContent-Type: multipart/mixed; boundary=b\n\n--b\n" * 99,
    ],
)  # fmt: skip
@pytest.mark.parametrize("mode", ["signed", "open"])
def test_a_hostile_file_never_stops_a_check(raw: bytes, mode: str, tmp_path: Path) -> None:
    """G12: and the mail behind it is shown."""
    world = World(tmp_path, mode)
    drop(world.bob, raw, "1.hostile.host")
    world.send("hello")
    assert "hello" in bodies(check_all(world.bob))
    assert check_all(world.bob) == []
    world.close()


@pytest.mark.parametrize("made", ["fifo", "link", "directory", "socket"])
def test_what_is_no_file_never_stops_a_check(
    made: str, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """G11, G12: and is not read through."""
    path = f"{world.bob.maildir.path}/new/1.x.host"
    (tmp_path / "secret").write_text("From: x\n\nsecret\n")
    if made == "fifo":
        os.mkfifo(path)
    elif made == "link":
        os.symlink(tmp_path / "secret", path)
    elif made == "directory":
        os.mkdir(path)
    else:
        with socket.socket(socket.AF_UNIX) as end:
            monkeypatch.chdir(f"{world.bob.maildir.path}/new")  # the path of a socket must be short
            end.bind("1.x.host")
    world.send("hello")
    assert bodies(check_all(world.bob)) == ["hello"]
    assert check_all(world.bob) == []


def test_a_file_over_the_limit_is_malformed(world: World) -> None:
    """protocol.md, 5.4; a limit that was lowered is for what is sent from then on."""
    limit = DEFAULTS["max-message"]
    drop(world.bob, b"From: x@example.org\n\n" + b"x" * limit)
    assert rejected(world.bob) == ["malformed"]


def test_expiry_is_judged_when_the_message_is_first_shown(world: World) -> None:
    """protocol.md, 5.4: later reads check the MAC only."""
    world.send("in time", expires=60.0)
    world.clock.now += 60
    (shown,) = check_all(world.bob)
    world.send("too late", expires=60.0)
    world.clock.now += 61
    assert rejected(world.bob) == ["expired"]
    assert shown.message is not None
    assert [received.verdict for received in world.bob.find(shown.message.ref)] == ["pass"]


def test_an_open_spool_shows_unsigned_mail_as_such_and_a_bad_signature_never(unsigned: World, tmp_path: Path) -> None:
    """Design, 4."""
    unsigned.send("plain")
    drop(unsigned.bob, b"From: x@example.org\n\nforeign\n")
    found = check_all(unsigned.bob)
    assert sorted(bodies(found)) == ["foreign", "plain"]
    assert {received.verdict for received in found} == {"none"}
    elsewhere = World(tmp_path / "elsewhere")
    drop(unsigned.bob, raw_of(elsewhere.send("signed elsewhere")))
    assert rejected(unsigned.bob) == ["misdirected"]
    elsewhere.close()


def test_what_lacked_a_key_is_judged_again_when_it_came(tmp_path: Path) -> None:
    """Design, 4: unknown-key is retried when the keyring changes."""
    world = World(tmp_path)
    other = account(str(tmp_path / "b"), clock=world.clock, MAILDIR_IPC_ROOT=world.owner.spool().root)
    secret = world.owner.keyring.secret(world.owner.spool().id, world.owner.spool().signing_key())
    assert secret is not None
    other.import_key(secret)
    carol = agent(other, "carol")
    check_all(carol)
    key, _ = rotate(world.owner, now=True)
    new = world.owner.keyring.secret(world.owner.spool().id, key.id)
    assert new is not None
    path = world.send("signed with the new key", "carol")
    raw = raw_of(path)
    assert rejected(carol) == ["unknown-key"]
    assert raw_of(files(carol, ".Rejected/cur")[0]) == raw
    carol.maildir.close()
    other = account(str(tmp_path / "b"), clock=world.clock, MAILDIR_IPC_ROOT=world.owner.spool().root)
    other.import_key(new)
    with other.mailbox(other.identify("carol")) as carol:
        assert bodies(check_all(carol)) == ["signed with the new key"]
        assert files(carol, ".Rejected/cur") == []
    world.close()

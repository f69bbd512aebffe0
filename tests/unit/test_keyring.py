"""The keyring: found, checked, kept, never shown. Ours."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from maildir_ipc.errors import Misconfigured
from maildir_ipc.keyring import Keyring, random_secret
from maildir_ipc.signing import Key

if TYPE_CHECKING:
    from pathlib import Path

ONE, TWO = b"the first secret, long enough", b"the second secret, long enough"
SPOOL = "4be1c09f2a7d3358"


def _keyring(tmp_path: Path, variable: bytes | None = None) -> Keyring:
    return Keyring(str(tmp_path / "config" / "maildir-ipc"), variable)


def test_a_secret_that_was_kept_is_found_by_another_process(tmp_path: Path) -> None:
    """protocol.md, 5.1; 0600 in 0700 whatever the umask."""
    os.umask(0)
    key = _keyring(tmp_path).add(SPOOL, ONE)
    found = _keyring(tmp_path)
    held = found.key(SPOOL, key.id)
    assert held is not None
    assert held.mac(b"x") == Key(ONE).mac(b"x")
    assert found.secret(SPOOL, key.id) == ONE
    assert stat.S_IMODE(os.stat(found.path).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(found.directory).st_mode) == 0o700


def test_a_key_is_found_only_under_its_spool_and_id(tmp_path: Path) -> None:
    """G4: one spool's key says nothing in another."""
    keyring = _keyring(tmp_path)
    key = keyring.add(SPOOL, ONE)
    assert keyring.key("0" * 16, key.id) is None
    assert keyring.key(SPOOL, "0" * 16) is None
    assert keyring.secret("0" * 16, key.id) is None


def test_adding_keeps_what_is_there(tmp_path: Path) -> None:
    """Several spools, several keys."""
    keyring = _keyring(tmp_path)
    one, two = keyring.add(SPOOL, ONE), keyring.add(SPOOL, TWO)
    other = keyring.add("0" * 16, ONE)
    again = _keyring(tmp_path)
    assert [secret for _, secret in again.secrets()] == [ONE, TWO, ONE]
    assert all(again.key(SPOOL, key.id) for key in (one, two))
    assert again.key("0" * 16, other.id)


def test_a_line_without_its_end_is_not_grown_together_with_the_next(tmp_path: Path) -> None:
    """A keyring edited by hand may lack the last LF: neither key may be lost."""
    keyring = _keyring(tmp_path)
    one = keyring.add(SPOOL, ONE)
    with open(keyring.path, "rb+") as file:
        file.truncate(os.path.getsize(keyring.path) - 1)
    two = _keyring(tmp_path).add(SPOOL, TWO)
    again = _keyring(tmp_path)
    assert again.key(SPOOL, one.id)
    assert again.key(SPOOL, two.id)


def test_comments_and_empty_lines_are_nothing(tmp_path: Path) -> None:
    """It is a file of lines that a person may look into."""
    keyring = _keyring(tmp_path)
    keyring.add(SPOOL, ONE)
    with open(keyring.path, "a") as file:
        file.write("\n# a comment with words\nword\n")
    assert len(_keyring(tmp_path).secrets()) == 1


def test_a_secret_may_hold_spaces(tmp_path: Path) -> None:
    """protocol.md, 5.1: a line of UTF-8 text."""
    secret = " two  words é ".encode()
    key = _keyring(tmp_path).add(SPOOL, secret)
    assert _keyring(tmp_path).secret(SPOOL, key.id) == secret


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_keyring_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    """G10: 78, with the command that mends it; it is not written either."""
    keyring = _keyring(tmp_path)
    keyring.add(SPOOL, ONE)
    os.chmod(keyring.path, mode)
    for act in (_keyring(tmp_path).secrets, lambda: _keyring(tmp_path).add(SPOOL, TWO)):
        with pytest.raises(Misconfigured) as refusal:
            act()
        assert "chmod 600" in str(refusal.value)
    assert TWO not in (tmp_path / "config/maildir-ipc/keyring").read_bytes()


@pytest.mark.parametrize("made", ["directory", "link", "fifo"])
def test_a_keyring_that_is_no_file_is_refused(tmp_path: Path, made: str) -> None:
    """G11, G12: no traceback, no hanging."""
    folder = tmp_path / "config/maildir-ipc"
    folder.mkdir(parents=True)
    if made == "directory":
        (folder / "keyring").mkdir(mode=0o700)
    elif made == "link":
        (tmp_path / "other").write_text("x y\n")
        (folder / "keyring").symlink_to(tmp_path / "other")
    else:
        os.mkfifo(folder / "keyring", 0o600)
    with pytest.raises(Misconfigured):
        _keyring(tmp_path).secrets()


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """G12."""
    (tmp_path / "config").write_text("a file is in the way")
    with pytest.raises(Misconfigured) as refusal:
        _keyring(tmp_path).add(SPOOL, ONE)
    assert "XDG_CONFIG_HOME" in str(refusal.value)


def test_no_error_and_no_repr_shows_a_secret(tmp_path: Path) -> None:
    """G10."""
    keyring = _keyring(tmp_path, ONE)
    with pytest.raises(Misconfigured) as refusal:
        keyring.unlock(SPOOL, [Key(TWO).id], Key(TWO).id)
    assert ONE.decode() not in str(refusal.value) + repr(keyring) + repr(refusal.value)


def test_a_variable_that_contradicts_the_spool_is_refused_with_both_ids(tmp_path: Path) -> None:
    """Design, 4."""
    with pytest.raises(Misconfigured) as refusal:
        _keyring(tmp_path, ONE).unlock(SPOOL, [Key(TWO).id], Key(TWO).id)
    assert Key(ONE).id in str(refusal.value)
    assert Key(TWO).id in str(refusal.value)


def test_the_variable_is_kept_once_and_said_once(tmp_path: Path) -> None:
    """Design, 4: cron never sees ~/.bashrc."""
    first, needed = _keyring(tmp_path, ONE), Key(ONE).id
    first.unlock(SPOOL, [needed], needed)
    assert len(first.notes) == 1
    assert needed in first.notes[0]
    again = _keyring(tmp_path, ONE)
    again.unlock(SPOOL, [needed], needed)
    assert again.notes == []
    _keyring(tmp_path).unlock(SPOOL, [needed], needed)
    assert len(_keyring(tmp_path).secrets()) == 1


def test_a_missing_key_is_refused_with_the_way_to_get_it(tmp_path: Path) -> None:
    """Design, 4: 78, naming key import; it never makes another."""
    with pytest.raises(Misconfigured) as refusal:
        _keyring(tmp_path).unlock(SPOOL, [Key(ONE).id], Key(ONE).id)
    assert "mipc key import" in str(refusal.value)
    assert not (tmp_path / "config").exists()


def test_an_older_key_in_the_variable_is_good_but_not_enough_to_sign(tmp_path: Path) -> None:
    """Design, 4: after a rotation."""
    old, new = Key(ONE).id, Key(TWO).id
    with pytest.raises(Misconfigured):
        _keyring(tmp_path, ONE).unlock(SPOOL, [old, new], new)
    keyring = _keyring(tmp_path, ONE)
    keyring.add(SPOOL, TWO)
    keyring.unlock(SPOOL, [old, new], new)


def test_the_stamp_changes_when_a_key_comes_in(tmp_path: Path) -> None:
    """It tells a check to look again at what was set aside for want of a key."""
    keyring = _keyring(tmp_path)
    before = keyring.stamp(SPOOL)
    key = keyring.add(SPOOL, ONE)
    assert keyring.key(SPOOL, key.id)
    after = keyring.stamp(SPOOL)
    assert before != after
    keyring.add("0" * 16, TWO)
    assert keyring.key(SPOOL, key.id)
    assert keyring.stamp(SPOOL) == after


def test_a_random_secret_has_256_bits() -> None:
    """Design, 4."""
    assert random_secret(lambda n: b"\xab" * n) == b"ab" * 32
    assert len({random_secret() for _ in range(20)}) == 20

"""What a name may be: each refusal, each edge. Ours; the domain is RFC 6761's."""

from __future__ import annotations

import pytest

from maildir_ipc.address import EVERYONE, MAX_NAME, SYSTEM, address_of, is_name, local_part, parse_name
from maildir_ipc.errors import Usage

RESERVED = ("system", "all", "everyone", "me", "new", "cur", "tmp")
BAD = (
    "", " ", "a b", "a/b", "../x", ".", "..", "a.b", "-x", "é", "aé", "eve\n", "\neve", "a\0b", "x" * 33, "x@y",
    "a:2,S", "a,b", "\u212a", "İ", "ſ", "①", "\udcff", "~", "$HOME", "a\tb",
)  # fmt: skip


@pytest.mark.parametrize("text", ["a", "0", "_", "_-", "a-b_c", "x" * 32, "barney", "9lives", "news", "cur1"])
def test_a_legal_name_is_kept(text: str) -> None:
    """protocol.md, 1."""
    assert parse_name(text) == text
    assert is_name(text)


@pytest.mark.parametrize("text", ["Barney", "BARNEY", "bArNeY"])
def test_ascii_capitals_are_folded(text: str) -> None:
    """protocol.md, 1: disks exist that do not tell them apart."""
    assert parse_name(text) == "barney"
    assert not is_name(text)


@pytest.mark.parametrize("text", BAD)
def test_any_other_text_is_refused_with_the_rule(text: str) -> None:
    """G11, G12: 64, and the rule in words; nothing of the text reaches a terminal raw."""
    with pytest.raises(Usage) as refusal:
        parse_name(text)
    assert refusal.value.exit_code == 64
    assert f"1 to {MAX_NAME} of a-z 0-9 _ -" in str(refusal.value)
    assert str(refusal.value).isprintable()
    assert str(refusal.value).isascii()
    assert not is_name(text)


@pytest.mark.parametrize("text", [*RESERVED, "ALL", "Cur"])
def test_a_reserved_name_is_refused_and_all_of_them_listed(text: str) -> None:
    """protocol.md, 1."""
    with pytest.raises(Usage) as refusal:
        parse_name(text)
    assert all(name in refusal.value.next for name in RESERVED)
    assert not is_name(text.lower())


def test_an_address_can_never_leave_the_machine() -> None:
    """RFC 6761, 6.4."""
    assert address_of("barney") == "barney@ipc.invalid"
    assert (EVERYONE, SYSTEM) == ("all", "system")


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("barney@ipc.invalid", "barney"),
        ("barney@IPC.Invalid", "barney"),
        ("barney@example.org", "barney@example.org"),
        ("barney", "barney"),
        ("@ipc.invalid", ""),
        ("a@b@ipc.invalid", "a@b"),
        ("barney@ipc.invalid.example.org", "barney@ipc.invalid.example.org"),
        ("", ""),
    ],
)
def test_a_foreign_address_is_never_taken_for_a_name(address: str, name: str) -> None:
    """G4."""
    assert local_part(address) == name

"""Unique names and owner tokens: protocol.md, 3 and 6.1; maildir(5)."""

from __future__ import annotations

import re

import pytest

from maildir_ipc.unique import LEASE_SECONDS, Namer, is_held, is_serial, serial_of

MARK = "0a1b2c3d.4026531836.77.123456"


def _namer(now: float = 1767709822.5, host: str = "host") -> Namer:
    return Namer(lambda: MARK, 77, host, wall=lambda: now, random=lambda n: bytes(range(n)))


def test_a_unique_name_has_the_form_of_the_protocol() -> None:
    """protocol.md, 3."""
    assert _namer().unique() == "1767709822.M500000P77Q1R0001020304050607.host"


def test_the_same_moment_gives_increasing_names() -> None:
    """Names sort in the order in which they were made, within one process."""
    namer = _namer()
    names = [namer.unique() for _ in range(9)]
    assert names == sorted(names)
    assert len(set(names)) == 9


def test_a_clock_that_goes_back_gives_increasing_names() -> None:
    """NTP may step it."""
    times = iter([1767709822.5, 1000000000.0, 1767709822.500001])
    namer = Namer(lambda: MARK, 77, "host", wall=lambda: next(times))
    names = [namer.unique() for _ in range(3)]
    assert names == sorted(names)


@pytest.mark.parametrize(
    ("host", "written"), [("a/b", "a\\057b"), ("a:b", "a\\072b"), ("a,b", "a\\054b"), ("x" * 99, "x" * 64)]
)
def test_a_host_name_is_made_harmless(host: str, written: str) -> None:
    """maildir(5) for the first two; the comma begins a claim."""
    assert _namer(host=host).unique().endswith(f".{written}")


def test_a_serial_can_be_used_again_for_a_retry() -> None:
    """protocol.md, 3: deliver again under the same unique name."""
    namer = _namer()
    serial = namer.serial()
    assert namer.unique(serial) == f"{serial}.host"


def test_an_owner_token_names_process_lease_and_nonce() -> None:
    """protocol.md, 6.1."""
    assert _namer().owner() == f"{MARK}.{1767709822 + int(LEASE_SECONDS)}.00010203"
    assert _namer().owner(30.0, process=False) == "0.0.0.0.1767709852.00010203"


@pytest.mark.parametrize("alive", [True, False])
def test_a_claim_holds_while_its_process_lives_whatever_its_lease(alive: bool) -> None:
    """protocol.md, 6.1: by process where that can be looked up."""
    assert is_held(f"{MARK}.1.00000000", lambda _: alive, 10.0**10) is alive


@pytest.mark.parametrize(("now", "held"), [(99.0, True), (100.0, True), (100.5, False)])
def test_a_claim_of_elsewhere_holds_for_its_lease(now: float, held: bool) -> None:
    """protocol.md, 6.1: otherwise by its lease, whose last second is part of it."""
    assert is_held(f"{MARK}.100.00000000", lambda _: None, now) is held


@pytest.mark.parametrize("token", ["", "x", "a.b", "a.b.c.d.soon.x", "a.b.c.d..x", "a.b.c.d.-1.x"])
def test_a_token_of_a_later_version_holds(token: str) -> None:
    """Taking it would show a message twice."""
    assert is_held(token, lambda _: False, 0.0)


def test_a_serial_is_recognised_in_a_name() -> None:
    """protocol.md, 3 and 4: the file's name says the Message-ID, so a reference is found without opening files."""
    serial = _namer().serial()
    assert is_serial(serial)
    assert serial_of(f"{serial}.host.example.org") == serial
    assert re.fullmatch(r"\d{10}\.M\d{6}P\d+Q\d+R[0-9a-f]{16}", serial)


@pytest.mark.parametrize(
    "text",
    ["", "x", "1767709822", "1767709822.M", "176770982.M000001P1Q1R0123456789abcdef",
    "1767709822.M000001P1Q1R012345678",
     "../../.M000001P1Q1R0123456789abcdef", "1767709822.M/../P1Q1R0123456789abcdef", "1767709822.V1I2M3.host"],
)  # fmt: skip
def test_other_programs_names_are_not_taken_for_ours(text: str) -> None:
    """G11."""
    assert not is_serial(text)
    assert serial_of(f"{text}.host") is None

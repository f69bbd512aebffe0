"""`ipc-send`, each of its system calls failing with each error that a disk or a quota has."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from maildir_ipc import Draft
from maildir_ipc.errors import TryAgain
from tests.crash import strike

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.crash
TEXT = "the whole message, " * 20 + "its end"
OTHER = "something else"
ERRORS = ("ENOSPC", "EIO", "EROFS", "EDQUOT", "EINTR")
WORDS = ("send", "--as", "alice", "--id", "job-7", "bob", TEXT)


@pytest.fixture
def two(shm: Path) -> Path:
    """Give a home with alice and bob in it."""
    home = shm / "two"
    strike.register(home, "alice", "bob")
    return home


def _split(found: list[strike.Call]) -> tuple[list[strike.Call], list[strike.Call], list[strike.Call]]:
    """Return the calls that lead to the message in new/, those that make it durable, and those after."""
    to_new = next(i for i, call in enumerate(found) if call.moves_into("bob/new"))
    durable = next(i for i, call in enumerate(found) if i > to_new and call.on("fsync", "/bob/new>")) + 1
    before = [
        call
        for call in found[: to_new + 1]
        if any(part in call.text for part in ("/bob/tmp", '"tmp/', "/records/ids"))
        and (call.changes or (call.name == "close" and "/bob/tmp>" not in call.text))
    ]
    return before, found[to_new + 1 : durable], found[durable:]


def _retried(home: Path, wanted_first: int, read_between: bool) -> Iterator[str]:
    """Let bob read or not, send the same again twice, and something else: bob has it once."""
    shown = strike.texts(strike.next_check(home, "bob")) if read_between else []
    if read_between and len(shown) != wanted_first:
        yield f"{len(shown)} messages after the failure, not {wanted_first}"
    with strike.open_box(home, "alice") as alice:
        for _ in (1, 2):
            sent = alice.send(["bob"], Draft(TEXT), id="job-7")
            if sent.error is not None:
                yield f"the retry fails: {sent.error}"
    other = strike.run(home, "send", "--as", "alice", "--id", "job-7", "bob", OTHER)
    if other.code != 65:
        yield f"the same --id with another text: {other}"
    shown += strike.texts(strike.next_check(home, "bob"))
    if shown != [TEXT]:
        yield f"shown {len(shown)} times: {[text[:20] for text in shown]}"
    yield from strike.partial(home, "alice", "bob")


def _one_line(done: strike.Done) -> Iterator[str]:
    lines = done.err.splitlines()
    if "Traceback" in done.err or not lines or not all(line.startswith("mipc: ") for line in lines):
        yield f"says {done.err!r}"


@pytest.mark.parametrize("error", ERRORS)
def test_failing_before_the_rename_sends_nothing_and_leaves_nothing(two: Path, error: str) -> None:
    """G3, G12: ours: 75, or 78 for a read-only spool; tmp/ is empty again; EINTR is a failure or is overcome."""
    before, _, _ = _split(strike.calls(two, *WORDS))
    assert len([call for call in before if call.on("", "/bob", "tmp")]) >= 5
    wanted = {"EROFS": 78}.get(error, 75)

    def job(home: Path, call: strike.Call) -> Iterator[str]:
        done = strike.strike(home, call, f"error={error}", *WORDS)
        overcome = error == "EINTR" and done.code == 0
        if done.code != wanted and not overcome:
            yield f"exit {done.code}: {done.err}"
        if not overcome:
            yield from _one_line(done)
        if strike.litter(home):
            yield f"litter: {strike.litter(home)}"
        yield from _retried(home, int(overcome), call.nth % 2 == 0)

    strike.everywhere(two, before, job)


@pytest.mark.parametrize("error", ERRORS)
def test_failing_after_the_rename_says_that_it_was_delivered(two: Path, error: str) -> None:
    """G3: ours: 74, and the id that a retry needs; the message is never taken back."""
    _, durable, _ = _split(strike.calls(two, *WORDS))
    assert durable[-1].name == "fsync"

    def job(home: Path, call: strike.Call) -> Iterator[str]:
        done = strike.strike(home, call, f"error={error}", *WORDS)
        overcome = error == "EINTR" and done.code == 0
        if not overcome and (done.code != 74 or "--id job-7" not in done.err):
            yield f"exit {done.code}: {done.err}"
        if strike.litter(home):
            yield f"litter: {strike.litter(home)}"
        yield from _retried(home, 1, call.name == "fsync")

    strike.everywhere(two, durable, job)


@pytest.mark.parametrize("error", ["ENOSPC", "EIO"])
def test_failing_once_it_is_durable_is_still_sent(two: Path, error: str) -> None:
    """G3: ours: a copy for the sender that cannot be kept is no failure; what cannot be said is 74, never 75."""
    _, _, after = _split(strike.calls(two, *WORDS))

    def job(home: Path, call: strike.Call) -> Iterator[str]:
        done = strike.strike(home, call, f"error={error}", *WORDS)
        may_doubt = call.on("write", "1<") or call.on("close", "/bob/new>")
        if done.code not in ((0, 74) if may_doubt else (0,)):
            yield f"exit {done.code}: {done.err}"
        yield from _retried(home, 1, call.nth % 2 == 0)

    strike.everywhere(two, after, job)


def test_any_call_failing_has_an_exit_code_that_is_true(two: Path) -> None:
    """G3, G12: ours: reads too: 0 and 74 mean that the message is there, every other code that it is not."""
    found = [call for call in strike.calls(two, *WORDS) if not call.on("write", "2<")]

    def job(home: Path, call: strike.Call) -> Iterator[str]:
        done = strike.strike(home, call, "error=EIO", *WORDS)
        if "Traceback" in done.err or done.code not in (0, 74, 75, 77, 78):
            yield f"exit {done.code}: {done.err}"
        there = len(list((home / strike.SPOOL / "bob/new").iterdir()))
        if there != (done.code in (0, 74)):
            yield f"exit {done.code} with {there} messages in new/: {done.err}"
        if strike.litter(home):
            yield f"litter: {strike.litter(home)}"

    strike.everywhere(two, found, job)


@pytest.mark.parametrize("error", ["ENOSPC", "EROFS"])
def test_a_failed_send_without_an_id_prints_the_one_that_completes_it(two: Path, error: str) -> None:
    """G3: ours: nothing was delivered under the printed --id, so it is free; the same command with it sends once."""
    words = ("send", "--as", "alice", "bob", TEXT)
    write = next(call for call in strike.calls(two, *words) if call.on("write", "/bob/tmp/"))
    done = strike.strike(two, write, f"error={error}", *words)
    assert done.code == {"ENOSPC": 75, "EROFS": 78}[error], done
    id = strike.printed_id(done)
    for _ in (1, 2):
        again = strike.run(two, "send", "--as", "alice", "--id", id, "bob", TEXT)
        assert again.code == 0, again
    assert strike.texts(strike.next_check(two, "bob")) == [TEXT]


def test_a_retry_of_many_delivers_only_what_is_missing(two: Path) -> None:
    """G3: ours: who has it is told `already`; who has not gets it; a name given twice is one recipient."""
    strike.register(two, "carol")
    words = ("send", "--as", "alice", "--id", "all-3", "bob,carol,nessa,bob", TEXT)
    found = strike.calls(two, *words)
    writes = [call for call in found if call.on("write", "/tmp/")]
    assert len(writes) == 3
    done = strike.strike(two, writes[1], "error=ENOSPC", *words)
    assert done.code == 75, done
    assert [line.split()[1:] for line in done.out.splitlines()] == [
        ["bob", "delivered"], ["carol", "failed"], ["nessa", "queued"],
    ]  # fmt: skip
    again = strike.run(two, *words)
    assert again.code == 0, again
    assert [line.split()[1:] for line in again.out.splitlines()] == [
        ["bob", "already"], ["carol", "delivered"], ["nessa", "already"],
    ]  # fmt: skip
    strike.register(two, "nessa")
    for name in ("bob", "carol", "nessa"):
        assert strike.texts(strike.next_check(two, name)) == [TEXT]


@pytest.mark.parametrize("moved", [":2,", ":2,S", ":2,RS"])
def test_a_retry_does_not_double_what_a_mail_reader_moved(two: Path, moved: str) -> None:
    """G3, G7: ours: a message that mutt opened (and read) is in cur/, and in no seen-set: it is there all the same."""
    with strike.open_box(two, "alice") as alice, strike.open_box(two, "bob") as bob:
        alice.send(["bob"], Draft(TEXT), id="job-7")
        (name,) = bob.maildir.names("new")
        os.rename(f"{bob.maildir.path}/new/{name}", f"{bob.maildir.path}/cur/{name}{moved}")
        again = alice.send(["bob"], Draft(TEXT), id="job-7")
        assert [delivery.state for delivery in again.deliveries] == ["already"]
    assert strike.texts(strike.next_check(two, "bob")) == ([] if "S" in moved else [TEXT])


@pytest.mark.parametrize("planted", ["file", "link"])
def test_what_lies_in_tmp_under_that_name_is_not_written_through(two: Path, planted: str) -> None:
    """G1, G11: maildir(5): a file is made there with O_EXCL; another's file is neither written nor removed."""
    with strike.open_box(two, "bob") as bob:
        other = two / "other"
        other.write_bytes(b"another's")
        name = bob.namer.unique()
        path = two / strike.SPOOL / "bob/tmp" / name
        if planted == "file":
            path.hardlink_to(other)
        else:
            path.symlink_to(other)
        with pytest.raises(TryAgain):
            bob.maildir.deliver(b"ours", name)
        assert bob.maildir.names("new") == []
        assert path.read_bytes() == other.read_bytes() == b"another's"


def test_first_contact_is_synced_before_tmp_says_so(two: Path) -> None:
    """G2: ours, for file systems without a journal: the name is on the disk before tmp/ is there, and tmp/ is used."""
    found = strike.calls(two, "send", "--as", "alice", "nessa", TEXT)
    steps = [
        [call.on("rename", "/build-", "/nessa") for call in found],
        [call.on("fsync", f"{strike.SPOOL}>") for call in found],
        [call.on("mkdir", "/nessa/tmp") for call in found],
        [call.on("fsync", "/nessa/tmp/") for call in found],
        [call.moves_into("nessa/new") for call in found],
        [call.on("fsync", "/nessa/new>") for call in found],
    ]
    places = [step.index(True) for step in steps]
    assert places == sorted(places)

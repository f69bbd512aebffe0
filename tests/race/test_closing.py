"""Senders to a mailbox that is closed again and again under them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from maildir_ipc import Draft, expiry
from maildir_ipc.entry import Entry
from maildir_ipc.maildir import Maildir
from maildir_ipc.testing import account, agent, check_all, lift_limits

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from maildir_ipc import Account

pytestmark = pytest.mark.race
SENDERS, EACH = 3, 200
NAMES = [f"nessa{n}" for n in range(6)]


def _send(home: Path, sender: str) -> None:
    """Send, in a child; its exit code says whether each was reported sent."""
    owner = account(str(home))
    code = 1
    try:
        with owner.mailbox(owner.identify(sender)) as box:
            failed = [
                error
                for n in range(EACH)
                if (error := box.send([NAMES[n % len(NAMES)]], Draft(f"{sender} {n}"), sync=False).error) is not None
            ]
            code = min(100, len(failed))
    finally:
        os._exit(code)


def _take_all(mailbox: str, taken: Path) -> None:
    """Take what lies in new/, as a reader would."""
    try:
        for name in os.listdir(f"{mailbox}/new"):
            os.rename(f"{mailbox}/new/{name}", taken / name)
    except FileNotFoundError:
        pass


def test_every_message_reported_sent_is_in_a_mailbox_that_exists_however_often_it_is_closed(shm: Path) -> None:
    """G2; mechanisms B: the merge that did not close lost 1 to 3 of 3,000. Ours."""
    owner = account(str(shm))
    owner.init()
    lift_limits(owner)
    owner = account(str(shm))
    names = [f"s{n}" for n in range(SENDERS)]
    for name in names:
        agent(owner, name).maildir.close()
    spool, taken = owner.spool(), shm / "taken"
    taken.mkdir()
    children = []
    for name in names:
        child = os.fork()
        if child == 0:
            _send(shm, name)
        children.append(child)
    closed, ended = 0, list[int]()
    while len(ended) < SENDERS:
        for nessa in NAMES:
            _take_all(spool.path(nessa), taken)
            with spool.lock() as lock:
                if os.path.isdir(spool.path(nessa)):
                    closed += expiry.close(spool, lock, nessa)
        for child in list(children):
            pid, status = os.waitpid(child, os.WNOHANG)
            if pid:
                children.remove(child)
                ended.append(os.waitstatus_to_exitcode(status))
    for nessa in NAMES:
        _take_all(spool.path(nessa), taken)

    assert ended == [0] * SENDERS
    assert closed > 0
    assert len(os.listdir(taken)) == SENDERS * EACH


# Merging: each step of a sender meets each step of the merge at a chosen point.


@pytest.fixture
def waiting(tmp_path: Path) -> Account:
    """Give an account with alice and fred, and nessa waiting, with one message."""
    owner = account(str(tmp_path / "home"))
    owner.init()
    for name in ("alice", "fred"):
        agent(owner, name).close()
    with agent(owner, "alice") as alice:
        assert alice.send(["nessa"], Draft("waited")).error is None
    return owner


def _shown(owner: Account) -> list[str]:
    """Return the messages that nessa is shown, who was fred; all that there is must have gone to nobody else."""
    root = owner.spool().root
    assert os.listdir(f"{root}/.ipc/closing") == os.listdir(f"{root}/.ipc/intents") == []
    assert {name for name in os.listdir(root) if not os.path.islink(f"{root}/{name}")} == {".ipc", "alice", "nessa"}
    with owner.mailbox(owner.identify("nessa")) as nessa:
        found = check_all(nessa)
        assert nessa.maildir.names(".Rejected/cur") == []
    return sorted(r.message.body for r in found if r.message is not None)


@pytest.mark.parametrize("rounds", [1, 2, 5])
def test_what_comes_after_the_last_look_of_a_merge_is_merged_by_another_round(
    waiting: Account, rounds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """G2; mechanisms A: a sender that has the waiting mailbox open delivers between the listing and the rmdir."""
    texts = [f"late {n}" for n in range(rounds)]
    with agent(waiting, "alice") as alice:
        assert [alice.send(["nessa"], Draft(text)).error for text in texts] == [None] * rounds
    opened = Maildir(waiting.spool().path("nessa"))
    late = [(name, opened.read(Entry("new", name), 1 << 20) or b"") for name in sorted(opened.names("new"))[1:]]
    for name, _ in late:
        os.unlink(f"{opened.path}/new/{name}")
    real, looks = os.listdir, 0

    def looking(path: str) -> list[str]:
        nonlocal looks
        found = real(path)
        if "/.ipc/closing/" in path and path.endswith("/new"):
            looks += 1
            if late:
                name, data = late.pop()
                opened.deliver(data, name)  # it returns: this is reported as sent
        return found

    with opened, monkeypatch.context() as patch:
        patch.setattr(os, "listdir", looking)
        waiting.rename("nessa", "fred")
    assert looks == rounds + 1
    assert _shown(waiting) == sorted(["waited", *texts])


@pytest.mark.parametrize("step", ["open", "rename"])
def test_a_sender_that_a_merge_overtakes_delivers_to_who_has_the_mail_now(
    waiting: Account, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """G2, G3; mechanisms A: its file is in tmp/, or not yet; it gets ENOENT, and looks for the name again."""
    home, overtaken = waiting.settings.states[0].partition("/.local")[0], False
    real: Any = {"open": os.open, "rename": os.rename}[step]

    def stepping(source: str, *rest: Any, **options: Any) -> Any:
        nonlocal overtaken
        fd = options.get("dst_dir_fd", options.get("dir_fd"))
        where = "" if fd is None else os.readlink(f"/proc/self/fd/{fd}")
        if not overtaken and where.endswith(f"/nessa/{'new' if step == 'rename' else 'tmp'}"):
            overtaken = True
            account(home).rename("nessa", "fred")
        return real(source, *rest, **options)

    with agent(waiting, "alice") as alice, monkeypatch.context() as patch:
        patch.setattr(os, step, stepping)
        sent = alice.send(["nessa"], Draft("overtaken"))
    assert overtaken
    assert [(d.to, d.delivered_to, d.state) for d in sent.deliveries] == [("nessa", "nessa", "delivered")]
    assert _shown(waiting) == ["overtaken", "waited"]

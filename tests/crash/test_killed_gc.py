"""`gc --apply`, killed before each call that changes the disk.

In a fork: the files must look eight days old, and only a clock can do that, for a ctime cannot be set.
"""

from __future__ import annotations

import os
import shutil
import signal
import time
from typing import TYPE_CHECKING, Any

import pytest

from maildir_ipc import Draft, expiry, housekeeping
from maildir_ipc.errors import MailboxGone
from maildir_ipc.housekeeping import Housekeeping
from maildir_ipc.maildir import Maildir
from maildir_ipc.testing import account, agent, check_all

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from maildir_ipc import Account, Mailbox, Received

pytestmark = pytest.mark.crash
LATER = 8 * 86400.0
_CHANGING = ("unlink", "rename", "rmdir", "mkdir", "symlink", "link", "write", "fsync", "chmod", "utime", "close")


def _clock() -> float:
    return time.time() + LATER


def _late(home: Path) -> Account:
    return account(str(home), clock=_clock)


def _text(received: Received) -> str:
    assert received.message is not None
    return received.message.body


@pytest.fixture
def template(shm: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a home with one of each thing that gc removes, and one of each that it must not."""
    home = shm / "template"
    owner = account(str(home))
    root = f"{home}/.local/share/maildir-ipc"
    with agent(owner, "alice") as alice, agent(owner, "bob") as bob:
        alice.send(["bob"], Draft("read"))
        check_all(bob)
        alice.send(["bob"], Draft("trashed"))
        (name,) = bob.maildir.names("new")
        os.rename(f"{root}/bob/new/{name}", f"{root}/bob/cur/{name}:2,T")
        alice.send(["bob"], Draft("unread"))
        alice.send(["bob"], Draft("too late", expires=3600.0))
        alice.send(["nessa"], Draft("nobody came"))
    for path in (f"{root}/bob/tmp/1.x.host", f"{root}/.ipc/names.1.0123abcd"):
        with open(path, "w", encoding="ascii") as file:
            file.write("half")
    os.makedirs(f"{root}/.ipc/build-0123456789abcdef/new")
    with open(f"{root}/bob/records/names", "r+", encoding="ascii") as file:
        state, _, rest = file.read().partition("\n")
        file.seek(0)
        file.write(f"{state}\nold 1700000000 {int(time.time()) + 7200}\n{rest}")
    os.symlink("bob", f"{root}/old")
    monkeypatch.setattr(housekeeping, "SEEN_AT", 1)
    return home


def _gc(home: Path) -> list[str]:
    return [item.kind for item in Housekeeping(_late(home), apply=True, now=_clock).run()]


def _struck(home: Path, nth: int, act: Callable[[Path], object] = _gc) -> int:
    """Do *act* in a child that kills itself before the *nth* change; return how many changes came before its end."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        count = 0
        report = os.write

        def before(real: Callable[..., Any], name: str) -> Callable[..., Any]:
            def call(*args: Any, **how: Any) -> Any:
                nonlocal count
                if name != "open" or args[1] & os.O_CREAT:
                    count += 1
                    if count == nth:
                        os.kill(os.getpid(), signal.SIGKILL)
                return real(*args, **how)

            return call

        for name in (*_CHANGING, "open"):
            setattr(os, name, before(getattr(os, name), name))
        try:
            act(home)
            report(writer, str(count).encode())
        finally:
            os._exit(0)
    os.close(writer)
    _, status = os.waitpid(child, 0)
    said = os.read(reader, 20)
    os.close(reader)
    assert os.WIFSIGNALED(status) == (nth > 0), f"not killed before change {nth}: {status}"
    return int(said or b"0")


def _shown(box: Mailbox) -> list[str]:
    with box:
        return sorted(_text(r) for r in check_all(box))


def _complaints(home: Path) -> Iterator[str]:
    """Say what is wrong after gc was killed, a message came, and gc ran to its end."""
    owner = _late(home)
    with owner.mailbox(owner.identify("alice")) as alice:
        sent = alice.send(["nessa"], Draft("after"))
        if sent.error is not None:
            yield f"cannot send: {sent.error}"
    _gc(home)
    if again := _gc(home):
        yield f"a third run still finds {again}"
    with agent(owner, "nessa") as nessa:
        if (texts := sorted(_text(r) for r in check_all(nessa))) != ["after"]:
            yield f"nessa: {texts}"
    if (texts := _shown(owner.mailbox(owner.identify("bob")))) != ["unread"]:
        yield f"bob: {texts}"
    with owner.mailbox(owner.identify("bob")) as bob:
        kept = sorted(_text(bob.judge(entry, first=False)) for entry in bob.maildir.entries("new", "cur"))
        if kept != ["read", "unread"]:
            yield f"bob's history: {kept}"
        (read,) = [entry for entry in bob.maildir.entries("cur") if _text(bob.judge(entry, first=False)) == "read"]
        shutil.copyfile(f"{bob.maildir.path}/{read.path}", f"{bob.maildir.path}/new/9.copy.host")
        if again := [_text(received) for received in check_all(bob)]:
            yield f"a copy of what was read is shown: {again}"
        if not os.path.exists(f"{bob.maildir.path}/records/seen-packed"):
            yield "the seen-set was not packed"
    notices = _shown(owner.mailbox(owner.identify("alice")))
    if len(notices) != 1 or "in time" not in notices[0]:
        yield f"alice was told {notices}"
    root = f"{home}/.local/share/maildir-ipc"
    found = sorted(name for name in os.listdir(root) if not name.startswith("."))
    if found != ["alice", "bob", "nessa"] or os.listdir(f"{root}/bob/tmp"):
        yield f"left over: {found} {os.listdir(f'{root}/bob/tmp')}"


def test_killed_anywhere_nothing_is_lost_and_the_next_run_goes_on(template: Path) -> None:
    """G1, G2, G5, ours: what was to stay is there, what was to go goes, and the sender is told once."""
    whole = shutil.copytree(template, template.parent / "whole", symlinks=True)
    changes = _struck(whole, 0)
    assert changes > 60
    assert list(_complaints(whole)) == []
    report = []
    for nth in range(1, changes + 1):
        home = shutil.copytree(template, template.parent / f"home-{nth}", symlinks=True)
        _struck(home, nth)
        report += [f"before change {nth}: {text}" for text in _complaints(home)]
        shutil.rmtree(home)

    assert report == []


def _close(home: Path) -> None:
    spool = account(str(home)).spool()
    with spool.lock() as lock:
        assert expiry.close(spool, lock, "nessa")


def _written(home: Path) -> bytes:
    """Send to nessa, take the message away, and return it."""
    with agent(account(str(home)), "alice") as alice:
        assert alice.send(["nessa"], Draft("by one who had it open")).error is None
    (path,) = (home / ".local/share/maildir-ipc/nessa/new").iterdir()
    data = path.read_bytes()
    path.unlink()
    return data


def test_closed_in_its_place_by_one_who_is_killed_it_takes_no_message_along(shm: Path) -> None:
    """G1, G2, ADR 0020: with a sender that had it open: what it was told is delivered, nessa is shown, once."""
    template = shm / "template"
    data = _written(template)
    changes = _struck(shutil.copytree(template, shm / "whole", symlinks=True), 0, _close)
    assert changes >= 6
    gone = 0
    for nth in [*range(1, changes + 1), 0]:
        home = shutil.copytree(template, shm / f"home-{nth}", symlinks=True)
        owner, expected = account(str(home)), ["after"]
        with Maildir(owner.spool().path("nessa")) as box:
            box.at("tmp"), box.at("new")  # the descriptors stay with what they were opened on
            _struck(home, nth, _close)
            try:
                box.deliver(data, owner.namer().unique())
                expected.append("by one who had it open")
            except MailboxGone:
                gone += 1
        with agent(owner, "alice") as alice:
            assert alice.send(["nessa"], Draft("after")).error is None
        with agent(owner, "nessa") as nessa:
            assert sorted(_text(r) for r in check_all(nessa)) == expected, nth
        assert not list((home / ".local/share/maildir-ipc/.ipc/closing").iterdir())
    assert 1 < gone < changes

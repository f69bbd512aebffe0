"""S37: everything is killed, the machine starts again, and all is there: nothing but the files is needed."""

from __future__ import annotations

import shutil
import time
from typing import TYPE_CHECKING

import pytest

from tests.e2e.driving import mipc, spool_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.driving import Done

pytestmark = pytest.mark.e2e


class Machine:
    """A home that moves to another place at every start: no process, no /tmp, no environment comes along."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._boots = folder, 0
        self.home = folder / "boot-0"
        self.home.mkdir()

    def restart(self) -> None:
        self._boots += 1
        home = self._folder / f"boot-{self._boots}"
        shutil.copytree(self.home, home, symlinks=True)
        shutil.rmtree(self.home)
        self.home = home

    def run(self, verb: str, *words: str, code: int = 0) -> Done:
        """Run one command, then start again: every step has a process, a home and an environment of its own."""
        tmp = self._folder / f"tmp-{self._boots}"
        tmp.mkdir(exist_ok=True)
        done = mipc(self.home, verb, *words, TMPDIR=str(tmp), PATH="/usr/bin:/bin", LANG=f"C.{self._boots}")
        assert done.code == code, done
        self.restart()
        return done

    @property
    def spool(self) -> Path:
        return spool_of(self.home)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_a_restart_after_every_command_loses_nothing(machine: Machine) -> None:
    """S37: unread mail, registrations, waiting mail, history and what was seen, the key and the sessions."""
    machine.run("register", "alice", "--as", "alice")
    machine.run("register", "bob", "--as", "bob")
    machine.run("send", "--as", "alice", "--id", "run-17", "bob", "before the restart")
    machine.run("send", "--as", "alice", "nessa", "for later")

    assert "1 unread" in machine.run("list").out
    assert "before the restart" in machine.run("check", "--as", "bob").out
    assert machine.run("check", "--as", "bob").out == ""
    assert "already" in machine.run("send", "--as", "alice", "--id", "run-17", "bob", "before the restart").out
    assert "verified" in machine.run("read", "@", "--as", "bob").out
    assert "1 message waiting" in machine.run("register", "nessa", "--as", "nessa").err
    assert "for later" in machine.run("check", "--as", "nessa").out
    assert machine.run("verify", "--as", "bob").out.count("pass ") == 1
    assert machine.run("doctor").err == "all is well\n"


def test_a_forward_leads_on_after_a_restart_until_its_second_has_passed(machine: Machine) -> None:
    """S37: a forward is a link and a record; nobody has to run for it to lead, nor for it to end."""
    for name in ("alice", "bob"):
        machine.run("register", name, "--as", name)
    names, now = "bob/records/names", int(time.time())
    text = (machine.spool / names).read_text()
    (machine.spool / names).write_text(text.replace("\nbob", f"\nold {now - 9} {now + 7200}\nbob"))
    (machine.spool / "old").symlink_to("bob")
    machine.restart()

    assert "forwarded" in machine.run("send", "--as", "alice", "old", "by the old name").out
    assert "by the old name" in machine.run("check", "--as", "bob").out
    assert "forwards to bob" in machine.run("list").out

    (machine.spool / names).write_text(text.replace("\nbob", f"\nold {now - 9} {now - 1}\nbob"))
    assert "forwards" not in machine.run("list").out
    assert machine.run("gc", "--apply").out.startswith("removed forward old")
    assert "queued" in machine.run("send", "--as", "alice", "old", "to whoever comes").out


def test_mail_that_a_reader_held_when_the_machine_stopped_is_unread_when_its_lease_ends(machine: Machine) -> None:
    """S37, G5: a boot id of another boot says that no process can be asked."""
    for name in ("alice", "bob"):
        machine.run("register", name, "--as", name)
    machine.run("send", "--as", "alice", "bob", "held")
    (path,) = (machine.spool / "bob/new").iterdir()
    held = path.rename(f"{path},c=00c0ffee.4026531836.4711.99.{int(time.time()) + 600}.0123abcd")
    machine.restart()
    assert machine.run("check", "--as", "bob").out == ""

    held = machine.spool / "bob/new" / held.name
    held.rename(held.with_name(f"{path.name},c=00c0ffee.4026531836.4711.99.{int(time.time()) - 1}.0123abcd"))

    assert "held" in machine.run("check", "--as", "bob").out

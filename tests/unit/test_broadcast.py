"""broadcast: one file for everyone, each delivery reported, and a part that failed completed by the same --id."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from maildir_ipc import Draft, testing
from maildir_ipc.errors import BadData, DurabilityUnknown, TryAgain
from maildir_ipc.testing import account, agent, check_all, files
from tests.conftest import need_to_run
from tests.race.crowd import all_at_once
from tests.unit.making import Clock
from tests.unit.world import NOW, bodies

if TYPE_CHECKING:
    from maildir_ipc.account import Account
    from maildir_ipc.delivery import Sent
    from maildir_ipc.mailbox import Mailbox

NAMES = ("bob", "carol", "dave")


class Circle:
    """A spool with alice, and three others who hear her."""

    def __init__(self, folder: Path) -> None:
        self.clock = Clock(NOW)
        self.owner: Account = account(str(folder / "circle"), clock=self.clock)
        self.owner.init()
        self.root = Path(self.owner.spool().root)
        self.alice: Mailbox = agent(self.owner, "alice")
        for name in NAMES:
            agent(self.owner, name).close()

    def states(self, sent: Sent) -> dict[str, str]:
        return {delivery.to: delivery.state for delivery in sent.deliveries}

    def texts(self, name: str) -> list[str]:
        with self.owner.mailbox(self.owner.identify(name)) as box:
            return bodies(check_all(box))

    def inodes(self, *folders: str) -> list[int]:
        return [path.stat().st_ino for folder in folders for path in (self.root / folder).iterdir()]


@pytest.fixture
def circle(tmp_path: Path) -> Circle:
    return Circle(tmp_path)


def test_it_is_one_file_linked_into_every_mailbox_and_kept_once(circle: Circle) -> None:
    """S23, ours: signed once, written once; .Sent has it, tmp/ is empty."""
    sent = circle.alice.broadcast(Draft("hello"))
    assert sent.error is None
    assert circle.states(sent) == dict.fromkeys(NAMES, "delivered")
    assert len(set(circle.inodes(*(f"{name}/new" for name in NAMES), "alice/.Sent/cur"))) == 1
    assert files(circle.alice, "tmp", "new", "cur") == []
    for name in NAMES:
        assert circle.texts(name) == ["hello"]


def test_one_readers_move_leaves_the_others_alone(circle: Circle) -> None:
    """G6, G7: a link is a name of its own: read, thrown away, or changed by a rename only there."""
    circle.alice.broadcast(Draft("hello"))
    assert circle.texts("bob") == ["hello"]
    (read,) = (circle.root / "bob/cur").iterdir()
    read.unlink()
    assert circle.texts("carol") == circle.texts("dave") == ["hello"]


def test_it_is_synced_once_for_the_file_and_once_for_each_mailbox(
    circle: Circle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """G2, ours: exit 0 means that every copy survives a power cut; not one sync more than that needs."""
    fsync, synced = os.fsync, []

    def noting(fd: int) -> None:
        synced.append(os.readlink(f"/proc/self/fd/{fd}").removeprefix(f"{circle.root}/"))
        fsync(fd)

    monkeypatch.setattr(os, "fsync", noting)
    circle.alice.broadcast(Draft("hello"))
    assert synced[0].startswith("alice/tmp/")
    assert sorted(synced[1:]) == [f"{name}/new" for name in NAMES]


def _without_links(monkeypatch: pytest.MonkeyPatch, code: int, *, after: int = 0) -> None:
    """Let links into a new/ fail, as some file systems do, from the one after *after* on."""
    link, made = os.link, 0

    def failing(src: Any, dst: Any, **options: Any) -> None:
        nonlocal made
        if "/new" in os.readlink(f"/proc/self/fd/{options['dst_dir_fd']}"):
            made += 1
            if made > after:
                raise OSError(code, os.strerror(code))
        link(src, dst, **options)

    monkeypatch.setattr(os, "link", failing)


@pytest.mark.parametrize("after", [0, 1])
@pytest.mark.parametrize("code", [errno.EMLINK, errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP])
def test_where_links_fail_it_is_copied(circle: Circle, code: int, after: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """S23, G1, ours: the link count is full, a mailbox lies on another disk, or the file system has no links."""
    _without_links(monkeypatch, code, after=after)
    sent = circle.alice.broadcast(Draft("hello"))
    assert sent.error is None
    assert circle.states(sent) == dict.fromkeys(NAMES, "delivered")
    inodes = circle.inodes(*(f"{name}/new" for name in NAMES))
    assert len(set(inodes)) == 3
    for name in NAMES:
        assert circle.texts(name) == ["hello"]
        assert list((circle.root / name / "tmp").iterdir()) == []


_ON_ANOTHER_DISK = """
set -e
cp -a "$1/bob" "$1/.kept"; mount -t tmpfs none "$1/bob"; cp -a "$1/.kept/." "$1/bob"
"$2" -c "$3" "$4"
cp -a "$1/bob/new/." "$1/.kept/new"
"""
_BROADCAST = """
import sys; from maildir_ipc.testing import account, agent; from maildir_ipc import Draft
owner = account(sys.argv[1], clock=lambda: 1_800_000_100.0)
print([(d.to, d.state) for d in agent(owner, "alice").broadcast(Draft("hello")).deliveries])
"""


def test_a_mailbox_on_another_file_system_gets_a_copy(circle: Circle) -> None:
    """S23, G1: the real EXDEV: bob's mailbox is a mount of its own, as a volume of a container is."""
    mounter = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-mr"]
    need_to_run(*mounter, "mount", "-t", "tmpfs", "none", "/mnt")
    home = str(circle.root).partition("/.local")[0]
    argv = ["sh", "-c", _ON_ANOTHER_DISK, "sh", str(circle.root), sys.executable, _BROADCAST, home]
    done = subprocess.run([*mounter, *argv], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    assert done.stdout == f"{[(name, 'delivered') for name in NAMES]}\n"
    (carols,), (copied,) = (list((circle.root / folder).iterdir()) for folder in ("carol/new", ".kept/new"))
    assert (carols.name, carols.read_bytes()) == (copied.name, copied.read_bytes())
    assert list((circle.root / ".kept/tmp").iterdir()) == []


def test_a_full_mailbox_fails_alone_and_the_same_id_completes_it(circle: Circle) -> None:
    """S23, S28, G3: 75 says who has it; later the same command gives it to who has not, and to nobody twice."""
    (circle.root / ".ipc/settings").write_text("unread-limit = 1\n")
    circle.owner = account(circle.owner.settings.states[0].partition("/.local")[0], clock=circle.clock)
    with agent(circle.owner, "alice") as alice:
        assert alice.send(["carol"], Draft("first")).error is None
        sent = alice.broadcast(Draft("hello"), id="news-1")
        assert circle.states(sent) == {"bob": "delivered", "carol": "failed", "dave": "delivered"}
        assert isinstance(sent.error, TryAgain)
        assert "queue full" in str(sent.error)
        assert circle.texts("carol") == ["first"]
        assert circle.texts("bob") == ["hello"]  # read meanwhile
        again = alice.broadcast(Draft("hello"), id="news-1")
        assert circle.states(again) == {"bob": "already", "carol": "delivered", "dave": "already"}
        assert again.message_id == sent.message_id
        with pytest.raises(BadData, match="was used for another message"):
            alice.broadcast(Draft("other news"), id="news-1")
    assert [circle.texts(name) for name in NAMES] == [[], ["hello"], ["hello"]]


def test_without_an_id_a_partial_failure_says_which_one_completes_it(circle: Circle) -> None:
    """G3, ours."""
    (circle.root / ".ipc/settings").write_text("unread-limit = 1\n")
    circle.owner = account(circle.owner.settings.states[0].partition("/.local")[0], clock=circle.clock)
    with agent(circle.owner, "alice") as alice:
        alice.send(["carol"], Draft("first"))
        sent = alice.broadcast(Draft("hello"))
        assert circle.texts("carol") == ["first"]
        again = alice.broadcast(Draft("hello"), id=sent.retry)
    assert circle.states(again) == {"bob": "already", "carol": "delivered", "dave": "already"}


def test_a_mailbox_that_cannot_be_synced_has_it_and_says_so(circle: Circle, monkeypatch: pytest.MonkeyPatch) -> None:
    """G3: 74: delivered, durability unknown; the others are not concerned."""
    fsync = os.fsync

    def failing(fd: int) -> None:
        if os.readlink(f"/proc/self/fd/{fd}").endswith("/carol/new"):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        fsync(fd)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", failing)
        sent = circle.alice.broadcast(Draft("hello"), id="news-1")
    assert isinstance(sent.error, DurabilityUnknown)
    assert [d.to for d in sent.deliveries if d.error is not None] == ["carol"]
    assert circle.states(circle.alice.broadcast(Draft("hello"), id="news-1")) == dict.fromkeys(NAMES, "already")
    assert [circle.texts(name) for name in NAMES] == [["hello"]] * 3


def test_killed_after_any_link_the_same_id_completes_it(circle: Circle, monkeypatch: pytest.MonkeyPatch) -> None:
    """G3, ours: nobody gets it twice, and nobody is left out."""
    link, killed = os.link, 0

    class Killed(BaseException):
        """What SIGKILL is: no later call is made."""

    for killed in range(4):
        made = 0

        def dying(src: Any, dst: Any, **options: Any) -> None:
            nonlocal made
            if made == killed:  # noqa: B023 - called at once
                raise Killed
            made += 1
            link(src, dst, **options)

        with monkeypatch.context() as patch:
            patch.setattr(os, "link", dying)
            patch.setattr(type(circle.alice.maildir), "unstage", lambda *_, **__: None)
            try:
                circle.alice.broadcast(Draft(f"news {killed}"), id=f"news-{killed}")
            except Killed:
                pass
        sent = circle.alice.broadcast(Draft(f"news {killed}"), id=f"news-{killed}")
        assert sent.error is None
    for name in NAMES:
        assert circle.texts(name) == [f"news {number}" for number in range(4)]
    assert files(circle.alice, "tmp") == []


def test_completed_after_a_name_changed_hands_the_new_owner_can_read_it(circle: Circle) -> None:
    """G3, G4: a link to what was signed before the new owner's time would be misdirected there."""
    circle.alice.broadcast(Draft("hello"), id="news-1")
    circle.owner.rename("bob2", "bob")
    circle.clock.now += 3 * 3600
    agent(circle.owner, "bob").close()
    sent = circle.alice.broadcast(Draft("hello"), id="news-1")
    assert circle.states(sent) == {"bob": "delivered", "bob2": "already", "carol": "already", "dave": "already"}
    assert circle.texts("bob") == ["hello"]
    assert "hello" in circle.texts("bob2")


def test_it_counts_as_one_send(circle: Circle) -> None:
    """S29, ours: however many hear it."""
    for number in range(100):
        assert circle.alice.broadcast(Draft(str(number)), sync=False).error is None
    with pytest.raises(TryAgain, match="rate limit"):
        circle.alice.broadcast(Draft("one more"))
    assert {len(circle.inodes(f"{name}/new")) for name in NAMES} == {100}


def test_an_automatic_broadcast_counts_for_each_recipient_and_fails_where_there_were_too_many(circle: Circle) -> None:
    """S29, G3, ours: programs that answer one another by broadcasts stop; who has it is not counted again."""
    (circle.root / ".ipc/settings").write_text("pair-limit = 2\n")
    circle.owner = account(circle.owner.settings.home, clock=circle.clock)

    def automatic(text: str) -> Draft:
        return Draft(text, auto="auto-generated")

    with agent(circle.owner, "alice") as alice:
        for text in ("1", "2"):
            assert alice.send(["carol"], automatic(text)).error is None
        refused = alice.send(["carol", "bob"], automatic("3"))
        assert circle.states(refused) == {"carol": "failed", "bob": "delivered"}
        sent = alice.broadcast(automatic("all"), id="news")
        assert circle.states(sent) == {"bob": "delivered", "carol": "failed", "dave": "delivered"}
        assert isinstance(sent.error, TryAgain)
        assert "2 automatic messages to carol in an hour" in str(sent.error)
        for _ in range(3):
            again = alice.broadcast(automatic("all"), id="news")
            assert circle.states(again) == {"bob": "already", "carol": "failed", "dave": "already"}
        once_more = alice.broadcast(automatic("next"))
        assert circle.states(once_more) == {"bob": "failed", "carol": "failed", "dave": "delivered"}
        assert circle.states(alice.broadcast(Draft("by hand"))) == dict.fromkeys(NAMES, "delivered")
        circle.clock.now += 3600
        again = alice.broadcast(automatic("all"), id="news")
        assert circle.states(again) == {"bob": "already", "carol": "delivered", "dave": "already"}
    assert circle.texts("carol") == ["1", "2", "all", "by hand"]


def test_a_forward_and_its_target_are_one_recipient(circle: Circle) -> None:
    """S23, ours."""
    circle.owner.rename("bob2", "bob")
    sent = circle.alice.broadcast(Draft("hello"))
    assert circle.states(sent) == dict.fromkeys(("bob2", "carol", "dave"), "delivered")


def test_who_has_a_broken_mailbox_fails_alone(circle: Circle) -> None:
    """G12: somebody removed carol's new/: it is mended or named, and the others have it."""
    (circle.root / "carol/new").rmdir()
    sent = circle.alice.broadcast(Draft("hello"))
    assert circle.states(sent) == dict.fromkeys(NAMES, "delivered")
    assert circle.texts("carol") == ["hello"]


def test_members_that_broadcast_at_once_all_reach_all(circle: Circle) -> None:
    """G1, ours: four processes, ten each."""
    home = circle.owner.settings.states[0].partition("/.local")[0]

    def work(name: str) -> Any:
        with agent(testing.account(home, clock=circle.clock), name) as box:
            return [box.broadcast(Draft(f"{name} {number}"), sync=False).error is None for number in range(10)]

    everyone = ("alice", *NAMES)
    assert all_at_once(*[lambda name=name: work(name) for name in everyone]) == [[True] * 10] * 4
    for name in everyone:
        wanted = {f"{other} {number}" for other in everyone if other != name for number in range(10)}
        found = circle.texts(name)
        assert (set(found), len(found)) == (wanted, 30)


# Notices


def test_a_notice_passes_where_people_must_wait(circle: Circle) -> None:
    """Ours: notices are exempt from the limits: a full mailbox, and a sender who has sent all it may."""
    (circle.root / ".ipc/settings").write_text("unread-limit = 1\nrate-limit = 1\n")
    circle.owner = account(circle.owner.settings.states[0].partition("/.local")[0], clock=circle.clock)
    with agent(circle.owner, "alice") as alice:
        alice.broadcast(Draft("fills them"))
    circle.owner.rename("alice2", "alice")
    for name in NAMES:
        notice, filled = sorted(circle.texts(name))
        assert filled == "fills them"
        assert notice.startswith("alice is now alice2.")


def test_a_notice_is_automatic_and_from_the_system(circle: Circle) -> None:
    """S16, ours: `Auto-Submitted` keeps other programs from answering it; nobody can register that sender."""
    circle.owner.rename("alice2", "alice")
    with circle.owner.mailbox(circle.owner.identify("bob")) as bob:
        (notice,) = check_all(bob)
    assert notice.message is not None
    assert (notice.message.from_, notice.message.kind, notice.message.auto) == ("system", "notice", True)
    assert notice.verdict == "pass"
    assert list((circle.root / "alice2").glob(".Sent/cur/*")) == []


def test_a_notice_that_cannot_be_delivered_fails_no_rename(circle: Circle, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ours: whoever was not told is named."""
    owner = circle.owner
    link, write = os.link, os.write

    def full(source: str, target: str, *, dst_dir_fd: int | None = None, **values: Any) -> None:
        if dst_dir_fd is not None and "/bob/" in os.readlink(f"/proc/self/fd/{dst_dir_fd}"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        link(source, target, dst_dir_fd=dst_dir_fd, **values)

    monkeypatch.setattr(os, "link", full)

    def failing(fd: int, data: bytes) -> int:
        if "/bob/tmp/" in os.readlink(f"/proc/self/fd/{fd}"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(fd, data)

    monkeypatch.setattr(os, "write", failing)
    assert owner.rename("alice2", "alice")[1] == "alice2"
    assert any(note.startswith("not told: bob: ") for note in owner.notes)

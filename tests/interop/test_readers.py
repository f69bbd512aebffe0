"""No tool of ours is needed to read: other programs see every message, whatever is being done to it."""

from __future__ import annotations

import mailbox as cpython
import os
from typing import TYPE_CHECKING

import pytest

from maildir_ipc import testing
from maildir_ipc.entry import Entry
from tests.interop.support import Pair, contents, mutt, run, shown

if TYPE_CHECKING:
    from pathlib import Path

    from maildir_ipc.maildir import Maildir

pytestmark = pytest.mark.interop

STATES = (
    "unclaimed", "claimed", "claimed with flags", "committed", "released", "released with flags",
    "taken over", "moved by a reader and claimed",
)  # fmt: skip


def text_for(state: str) -> str:
    return f"This one is {state}.\nFrom here on it is \N{CHECK MARK}\n.\nlast line of {state}"


def put_into(box: Maildir, pair: Pair, state: str, name: str) -> None:
    """Bring the message *name* in `new/` into *state*, by the calls that a check makes."""
    fresh, owner = pair.bob.namer.unique, pair.bob.namer.owner()
    entry: Entry | None = Entry("new", name)
    if "flags" in state or "moved" in state:
        os.rename(f"{box.path}/new/{name}", f"{box.path}/cur/{name}:2,F")
        entry = Entry("cur", f"{name}:2,F")
    if state != "unclaimed":
        assert entry is not None
        entry = box.claim(entry, owner, fresh)
    assert entry is not None
    if state == "committed":
        entry = box.commit(entry, fresh)
    elif state.startswith("released"):
        entry = box.release(entry, fresh)
    elif state == "taken over":
        entry = box.claim(entry, pair.alice.namer.owner(process=False), fresh)
    assert entry is not None
    assert os.path.exists(f"{box.path}/{entry.path}")


@pytest.fixture
def box(pair: Pair) -> str:
    """Give bob's mailbox with one message in each state of a claim, one set aside, and one written out large."""
    for state in STATES:
        put_into(pair.bob.maildir, pair, state, pair.send(text_for(state)))
    forged = pair.taken(text_for("set aside")).replace(b"\nSubject: ", b"\nSubject: Re: ")
    entry = pair.bob.maildir.claim(Entry("new", os.path.basename(testing.drop(pair.bob, forged))), "0", str)
    assert entry is not None
    pair.bob.maildir.set_aside(entry, "bad", str)
    os.mkdir(f"{pair.bob.maildir.path}/large-messages", 0o700)
    with open(f"{pair.bob.maildir.path}/large-messages/20260106-143022_alice_bob_message.md", "w") as file:
        file.write("# IPC Message\nFrom: alice\n")
    return pair.bob.maildir.path


def assert_all_shown(output: str) -> None:
    lines = output.split("\n")
    for state in STATES:
        assert all(lines.count(line) == 1 for line in text_for(state).split("\n") if state in line), state
    assert lines.count("From here on it is \N{CHECK MARK}") == len(STATES)
    assert "set aside" not in output


def test_cpython_sees_every_message_at_every_moment(box: str) -> None:
    """G7: ours."""
    folder = cpython.Maildir(box, create=False)
    bodies = {message.get_payload(decode=True) for message in folder}
    assert bodies == {text_for(state).encode() + b"\n" for state in STATES}
    assert len(folder) == len(STATES)
    (aside,) = folder.get_folder("Rejected")
    assert aside.get_payload(decode=True) == text_for("set aside").encode() + b"\n"
    flagged = [message for message in folder if message.get_flags() == "F"]
    assert len(flagged) == 3


@pytest.mark.peer("mlist", "mscan", "mshow")
def test_mblaze_sees_every_message_at_every_moment(pair: Pair, box: str) -> None:
    """G7: ours."""
    env = pair.environment()
    listed = run(["mlist", box], env=env)
    assert len(listed.stdout.splitlines()) == len(STATES)
    scanned = run(["mscan", "-f", "%f %s"], stdin=listed.stdout.encode(), env=env).stdout.splitlines()
    assert sorted(scanned) == sorted(f"alice@ipc.invalid This one is {state}." for state in STATES)
    files = listed.stdout.splitlines()
    assert_all_shown("\n".join(run(["mshow", "-N", file], env=env).stdout for file in files))
    (aside,) = run(["mlist", f"{box}/.Rejected"], env=env).stdout.splitlines()
    assert text_for("set aside") in run(["mshow", "-N", aside], env=env).stdout


@pytest.mark.parametrize("program", [pytest.param(p, marks=pytest.mark.peer(p)) for p in ("mutt", "neomutt")])
def test_mutt_sees_every_message_at_every_moment(pair: Pair, box: str, tmp_path: Path, program: str) -> None:
    """G7: ours. Read-only at first, then as a person opens it: which moves everything to cur/."""
    env, out = pair.environment(), tmp_path / "piped"
    keys = "<tag-pattern>~A<enter><tag-prefix><pipe-message>cat >OUT<enter><quit>".replace("OUT", str(out))
    before = sorted(contents(testing.files(pair.bob)))
    mutt(program, box, env, keys, "-R")
    assert_all_shown(out.read_text())
    assert sorted(contents(testing.files(pair.bob))) == before
    out.unlink()
    mutt(program, box, env, keys)
    assert_all_shown(out.read_text())
    out.unlink()
    mutt(program, f"{box}/.Rejected", env, keys)
    assert text_for("set aside") in out.read_text()


def notmuch(pair: Pair, path: str, *lines: str) -> dict[str, str]:
    """Configure notmuch for the mail below *path* and index it; return the environment to use it in."""
    config = pair.home / ".notmuch-config"
    user = ["[user]", "name=Bob", "primary_email=bob@ipc.invalid"]
    config.write_text("\n".join(["[database]", f"path={path}", *user, *lines, ""]))
    env = {**pair.environment(), "NOTMUCH_CONFIG": str(config)}
    made = run(["notmuch", "new"], env=env)
    assert made.returncode == 0, made
    strange = [line for line in made.stderr.splitlines() if not line.endswith("/maildirfolder")]
    assert strange == []
    return env


@pytest.mark.peer("notmuch")
def test_notmuch_sees_every_message_at_every_moment(pair: Pair, box: str) -> None:
    """G7: ours. The whole spool, with the one line that it needs; flags are left alone.

    Not with synchronize_flags: to notmuch the copies of one message in several mailboxes are one
    message, so that what one of them has read would be marked as read for all.
    """
    ignore = "ignore=.ipc;.Rejected;large-messages;records"
    env = notmuch(pair, pair.spool.root, "[new]", ignore, "[maildir]", "synchronize_flags=false")
    assert_all_shown(run(["notmuch", "show", "--format=text", "path:bob/**"], env=env).stdout)
    files = run(["notmuch", "search", "--output=files", "path:bob/**"], env=env).stdout.splitlines()
    assert sum(file.startswith((f"{box}/new/", f"{box}/cur/")) for file in files) == len(STATES)


@pytest.mark.peer("notmuch")
def test_notmuch_moving_mail_hides_nothing(pair: Pair) -> None:
    """G7: ours. In one's own mailbox notmuch may keep flags, and moves mail from new/ to cur/ to do so."""
    texts = ["first", "second"]
    for text in texts:
        pair.send(text)
    ignore = "ignore=.ipc;.Rejected;.Sent;large-messages;records"
    tags = ("[new]", "tags=unread;", ignore, "[maildir]", "synchronize_flags=true")
    env = notmuch(pair, pair.bob.maildir.path, *tags)
    assert run(["notmuch", "tag", "+flagged", "--", "*"], env=env).returncode == 0
    assert pair.names() == set()
    assert shown(pair.bob) == texts
    assert all(path.endswith(":2,FS") for path in testing.files(pair.bob))

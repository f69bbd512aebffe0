"""An IMAP server over the spool, and mbsync between it and another Maildir."""

from __future__ import annotations

import contextlib
import imaplib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from typing import TYPE_CHECKING

import pytest

from maildir_ipc import testing
from maildir_ipc.draft import Draft
from tests.interop.support import TEXTS, TIMEOUT, Pair, contents, mail_in, make_maildir, run, shown, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.interop, pytest.mark.peer("dovecot", "mbsync")]


class Server:
    """Dovecot on a free port of 127.0.0.1, serving the mailbox NAME to the user NAME."""

    def __init__(self, folder: str, spool: str) -> None:
        self.folder, self.spool = folder, spool
        self.config, self.log = f"{folder}/dovecot.conf", f"{folder}/log"
        # Dovecot serves no mail as root; without root there is only one account to run as.
        self.user = "mail" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
        self.port = free_port()
        with open(self.config, "w") as file:
            file.write(self.configuration())
        dovecot = shutil.which("dovecot", path="/usr/sbin:/usr/bin:" + os.environ.get("PATH", ""))
        assert dovecot is not None
        self.process = subprocess.Popen([dovecot, "-F", "-c", self.config], stderr=subprocess.DEVNULL)
        self.wait_for_port()

    def configuration(self) -> str:
        own = "" if self.user == "mail" else f"default_internal_user = {self.user}\ndefault_login_user = {self.user}\n"
        account = pwd.getpwnam(self.user)
        return f"""
base_dir = {self.folder}/run
state_dir = {self.folder}/state
log_path = {self.log}
protocols = imap
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
first_valid_uid = 1
{own}mail_location = maildir:{self.spool}/%n
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {self.port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service anvil {{
  chroot =
}}
passdb {{
  driver = static
  args = nopassword=yes
}}
userdb {{
  driver = static
  args = uid={account.pw_uid} gid={account.pw_gid} home={self.folder}/home/%n
}}
"""

    def wait_for_port(self) -> None:
        """Return once a connection is greeted; Dovecot says nowhere else that it is ready."""
        for _ in range(300):
            assert self.process.poll() is None, self.logged()
            with contextlib.suppress(OSError, imaplib.IMAP4.error):
                self.connect().logout()
                return
            self.waited()
        pytest.fail(self.logged())

    def waited(self) -> None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(0.02)

    def connect(self) -> imaplib.IMAP4:
        return imaplib.IMAP4("127.0.0.1", self.port, timeout=TIMEOUT)

    def login(self, name: str) -> imaplib.IMAP4:
        client = self.connect()
        client.login(name, "any")
        return client

    def own(self, path: str) -> None:
        """Give all below *path* to Dovecot's account, as if that were the account of the agents."""
        if os.geteuid():
            return
        account = pwd.getpwnam(self.user)
        for folder, folders, files in os.walk(path):
            for name in (".", *folders, *files):
                os.chown(f"{folder}/{name}", account.pw_uid, account.pw_gid, follow_symlinks=False)

    def logged(self) -> str:
        with contextlib.suppress(FileNotFoundError), open(self.log) as file:
            return file.read()
        return "no log"

    def problems(self) -> list[str]:
        """Return what Dovecot has to say against the mailboxes."""
        lines = self.logged().splitlines()
        return [line for line in lines if any(word in line for word in ("Error", "Panic", "Warning: Maildir"))]

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(TIMEOUT)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@pytest.fixture
def folder() -> Iterator[str]:
    """Give a short path (for sockets) that Dovecot's account can reach."""
    made = tempfile.mkdtemp(prefix="ipc-", dir="/tmp")
    os.chmod(made, 0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture
def pair(home: Path, folder: str) -> Iterator[Pair]:
    made = Pair(home, root=f"{folder}/spool")
    yield made
    made.close()


@pytest.fixture
def server(pair: Pair, folder: str) -> Iterator[Server]:
    """Give Dovecot over the spool of *pair*."""
    os.mkdir(f"{folder}/home")
    started = Server(folder, pair.spool.root)
    started.own(f"{folder}/home")
    started.own(pair.spool.root)
    yield started
    started.stop()


def mbsync(server: Server, pair: Pair, direction: str, local: str) -> None:
    """Carry mail between bob's INBOX on the server and the Maildir *local*."""
    config = pair.home / "mbsyncrc"
    config.write_text(
        f"""IMAPAccount server
Host 127.0.0.1
Port {server.port}
User bob
Pass any
SSLType None
AuthMechs LOGIN

IMAPStore far
Account server

MaildirStore near
Path {local}/
Inbox {local}/INBOX

Channel all
Far :far:
Near :near:
Sync {direction}
Create Near
SyncState {pair.home}/state-
"""
    )
    config.chmod(0o600)
    done = run(["mbsync", "-c", str(config), "all"], env=pair.environment())
    assert done.returncode == 0, (done, server.logged())


def test_pulled_from_dovecot_by_mbsync_text_and_signature_are_whole(pair: Pair, server: Server, tmp_path: Path) -> None:
    """G4, G9: ours. Down the wire with CR LF, into another Maildir with another name and one field more."""
    for text in TEXTS.values():
        pair.send(text)
    server.own(pair.bob.maildir.path)
    local = tmp_path / "local"
    local.mkdir()
    mbsync(server, pair, "Pull", str(local))
    received = [pair.judged(raw) for raw in contents(mail_in(str(local / "INBOX")))]
    assert {one.verdict for one in received} == {"pass"}
    assert sorted(map(text_of, received)) == sorted(TEXTS.values())
    assert shown(pair.bob) == list(TEXTS.values())
    assert server.problems() == []


def test_pushed_to_dovecot_by_mbsync_text_and_signature_are_whole(pair: Pair, server: Server, tmp_path: Path) -> None:
    """G4, G7, G9: ours. What Dovecot files under its own kind of name is shown like any mail, once."""
    local = tmp_path / "local"
    box = make_maildir(str(local / "INBOX"))
    for text in TEXTS.values():
        name = pair.send(text)
        os.rename(f"{pair.bob.maildir.path}/new/{name}", f"{box}/new/{name}")
    mbsync(server, pair, "Push", str(local))
    names = [os.path.basename(path) for path in testing.files(pair.bob)]
    assert len(names) == len(TEXTS)
    assert all(",S=" in name and ",W=" in name for name in names)
    assert sorted(shown(pair.bob)) == sorted(TEXTS.values())
    assert shown(pair.bob) == []
    assert testing.files(pair.bob, ".Rejected/cur") == []
    assert all(path.endswith(":2,S") for path in testing.files(pair.bob))


def test_there_and_back_again_a_message_that_was_read_is_no_new_mail(
    pair: Pair, server: Server, tmp_path: Path
) -> None:
    """G4, G6: ours. Synchronising both ways brings nothing back that was shown already."""
    pair.send("once")
    local = tmp_path / "local"
    local.mkdir()
    server.own(pair.bob.maildir.path)
    mbsync(server, pair, "All", str(local))
    assert shown(pair.bob) == ["once"]
    mbsync(server, pair, "All", str(local))
    assert shown(pair.bob) == []
    (near,) = mail_in(str(local / "INBOX"))
    assert near.endswith("S")


def test_dovecot_shows_every_message_at_every_moment_of_a_claim(pair: Pair, server: Server) -> None:
    """G7: ours."""
    texts = ["claimed", "unclaimed", "read"]
    for text in reversed(texts):
        pair.send(text)
    with pair.bob.check(lambda _: True, limit=1) as batch:
        batch.commit(batch.messages[0])
        batch.finish()
    with pair.bob.check(lambda _: True, limit=2) as batch:
        server.own(pair.bob.maildir.path)
        batch.messages.pop(0)
        with contextlib.closing(Session(server, "bob")) as session:
            assert sorted(session.texts("INBOX")) == sorted(texts)
    with contextlib.closing(Session(server, "bob")) as session:
        assert sorted(session.texts("INBOX")) == sorted(texts)
    assert sorted(shown(pair.bob)) == ["claimed", "unclaimed"]
    assert shown(pair.bob) == []
    assert server.problems() == []


def test_flags_and_keywords_set_over_imap_outlast_a_check(pair: Pair, server: Server) -> None:
    """G7: ours. Dovecot keeps a keyword as a lower-case letter in the name."""
    pair.send("important")
    server.own(pair.bob.maildir.path)
    with contextlib.closing(Session(server, "bob")) as session:
        session.texts("INBOX")
        session.client.store("1", "+FLAGS", r"(\Flagged urgent)")
    assert shown(pair.bob) == ["important"]
    server.own(pair.bob.maildir.path)
    with contextlib.closing(Session(server, "bob")) as session:
        session.client.select("INBOX")
        assert set(session.flags()) >= {r"\Seen", r"\Flagged", "urgent"}


def test_dovecot_lists_the_mail_folders_of_a_mailbox_and_nothing_else(pair: Pair, server: Server) -> None:
    """G7: ours. Maildir++ takes each directory with a dot for a folder: to list it and fill it, or to delete it."""
    box = pair.bob.maildir.path
    pair.send("mail")
    pair.send("large. " * 2000)
    assert pair.bob.send(["alice"], Draft("sent")).error is None
    testing.drop(pair.bob, b"From: eve@ipc.invalid\n\nforged\n")
    assert len(shown(pair.bob)) == 2
    before = records(box)
    server.own(pair.spool.root)
    with contextlib.closing(Session(server, "bob")) as session:
        listed = session.folders()
        assert session.texts("Sent") == ["sent"]
        assert session.texts("Rejected") == ["forged"]
        assert session.texts("INBOX")[0] == "mail"
    assert listed == {"INBOX", "Sent", "Rejected"}
    assert records(box) == before
    assert server.problems() == []
    pair.send("afterwards")
    assert shown(pair.bob) == ["afterwards"]


def test_dovecot_serves_every_mailbox_of_a_spool_to_the_user_of_that_name(pair: Pair, server: Server) -> None:
    """G7: ours. `mail_location = maildir:SPOOL/%n`, whether the name is registered or mail waits for it."""
    for name in ("alice", "bob", "nessa"):
        assert pair.alice.send([name], Draft(f"for {name}")).error is None
    server.own(pair.spool.root)
    for name in ("alice", "bob", "nessa"):
        with contextlib.closing(Session(server, name)) as session:
            assert session.texts("INBOX") == [f"for {name}"]
    assert server.problems() == []


def records(box: str) -> set[str]:
    """Return what lies in a mailbox beside mail, and beside what Dovecot keeps for itself."""
    others = [name for name in os.listdir(box) if name not in ("tmp", "new", "cur", ".Sent", ".Rejected")]
    return {path for name in others if not name.startswith("dovecot") for path in tree(f"{box}/{name}")}


def tree(path: str) -> set[str]:
    return {os.path.join(folder, name) for folder, folders, files in os.walk(path) for name in (*folders, *files)}


class Session:
    """One login over IMAP."""

    def __init__(self, server: Server, name: str) -> None:
        self.client = server.login(name)

    def texts(self, folder: str) -> list[str]:
        """Return the bodies of all messages in *folder*, without marking them."""
        status, (count,) = self.client.select(folder)
        assert status == "OK", count
        found = []
        for number in range(1, int(count or b"0") + 1):
            _, data = self.client.fetch(str(number), "(BODY.PEEK[TEXT])")
            assert isinstance(data[0], tuple)
            found.append(data[0][1].decode().removesuffix("\r\n"))
        return found

    def flags(self) -> list[str]:
        _, data = self.client.fetch("1", "(FLAGS)")
        assert isinstance(data[0], bytes)
        return data[0].decode().partition("FLAGS (")[2].rstrip(")").split()

    def folders(self) -> set[str]:
        _, lines = self.client.list()
        return {line.decode().rpartition(" ")[2].strip('"') for line in lines if isinstance(line, bytes)}

    def close(self) -> None:
        self.client.logout()

"""An account's way into a spool: design, 2, 4 and 7. Ours."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any

import pytest

from maildir_ipc.account import rotate
from maildir_ipc.draft import Draft
from maildir_ipc.errors import MaildirIPCError, Misconfigured, NameTaken, NotYours, Usage
from maildir_ipc.session import Sessions
from maildir_ipc.testing import account, agent, check_all
from tests.unit.making import Clock, spool_files

if TYPE_CHECKING:
    from pathlib import Path

    from maildir_ipc.account import Account
    from maildir_ipc.tokens import Session


def _account(folder: Path, **environ: str) -> Account:
    return account(str(folder), clock=Clock(1_800_000_000.0), **environ)


def test_making_a_spool_makes_its_key_and_says_so_once(tmp_path: Path) -> None:
    """Design, 4: signed is the default and needs no set-up."""
    owner = _account(tmp_path)
    spool = owner.init()
    assert spool.signed
    assert spool.root == f"{tmp_path}/.local/share/maildir-ipc"
    assert len(owner.notes) == 1
    assert owner.init().id == spool.id
    assert len(owner.notes) == 1
    assert _account(tmp_path).spool().signing_key() == spool.signing_key()


def test_an_open_spool_has_no_key(tmp_path: Path) -> None:
    """Design, 4: and it is never made by chance, nor turned into the other."""
    owner = _account(tmp_path)
    spool = owner.init("open")
    assert not spool.signed
    assert spool.keys == []
    with pytest.raises(Misconfigured):
        owner.init("signed")
    assert not os.path.exists(owner.keyring.path)


@pytest.mark.parametrize("act", ["identify", "sender", "directory", "unregister", "spool", "import_key", "verdict_of"])
def test_only_registering_and_sending_make_a_spool(act: str, tmp_path: Path) -> None:
    """Design, 2: who I am is settled first; a refusal creates nothing."""
    owner = _account(tmp_path)
    before = spool_files(tmp_path)
    arguments: tuple[object, ...] = {
        "identify": ("bob",),
        "sender": (None,),
        "unregister": ("bob",),
        "import_key": (b"x" * 20,),
        "verdict_of": (b"",),
    }.get(act, ())
    with pytest.raises(MaildirIPCError) as refusal:
        getattr(owner, act)(*arguments)
    assert refusal.value.exit_code in (77, 78)
    assert spool_files(tmp_path) == before


def test_a_root_that_was_named_must_exist(tmp_path: Path) -> None:
    """Design, 2: 78; only init makes it there."""
    owner = _account(tmp_path, MAILDIR_IPC_ROOT=str(tmp_path / "named"))
    for act in (lambda: owner.register("bob", said="bob"), lambda: owner.sender("bob")):
        with pytest.raises(Misconfigured) as refusal:
            act()
        assert "mipc init" in str(refusal.value)
    assert not (tmp_path / "named").exists()
    assert owner.init().root == str(tmp_path / "named")


def test_registering_makes_all_that_is_missing(tmp_path: Path) -> None:
    """Design, 7: idempotent."""
    owner = _account(tmp_path)
    one, two = owner.register("bob", said="bob"), owner.register("BOB", said="bob")
    assert (one.session.name, one.unread, one.was_waiting, one.ended) == ("bob", 0, False, [])
    assert two.session.token == one.session.token


@pytest.mark.parametrize(
    ("name", "said", "kind"),
    [
        ("", None, Usage),
        ("../x", "../x", Usage),
        ("all", "all", Usage),
        ("bob", "alice", Usage),
        ("a" * 33, None, Usage),
    ],
)
def test_a_refused_registration_makes_nothing(
    name: str, said: str | None, kind: type[Exception], tmp_path: Path
) -> None:
    """G12."""
    before = spool_files(tmp_path)
    with pytest.raises(kind):
        _account(tmp_path).register(name, said=said)
    assert spool_files(tmp_path) == before


def test_the_variable_says_a_name_as_the_option_does(tmp_path: Path) -> None:
    """Design, 7: MAILDIR_IPC_IDENTITY; the option is stronger."""
    owner = _account(tmp_path, MAILDIR_IPC_IDENTITY="Bob")
    assert owner.register("bob").session.name == "bob"
    assert owner.identify(None).name == "bob"
    with pytest.raises(NotYours):
        owner.identify("alice")
    with pytest.raises(Usage):
        _account(tmp_path, MAILDIR_IPC_IDENTITY="../x").identify(None)


def test_mail_waits_for_who_registers_later(tmp_path: Path) -> None:
    """G2; design, 7."""
    owner = _account(tmp_path)
    with agent(owner, "alice") as alice:
        for n in range(3):
            alice.send(["nessa"], Draft(f"{n}"))
    done = owner.register("nessa", said="nessa")
    assert (done.unread, done.was_waiting) == (3, True)
    with owner.mailbox(done.session) as nessa:
        assert len(check_all(nessa)) == 3


def test_sending_as_a_free_name_opens_a_standing_session_and_says_so(tmp_path: Path) -> None:
    """Design, 7: for cron."""
    owner = _account(tmp_path)
    assert owner.sender("cron").name == "cron"
    assert any("cron" in note for note in owner.notes)
    notes = len(owner.notes)
    assert owner.sender("cron").name == "cron"
    assert len(owner.notes) == notes


def test_a_sender_waits_for_its_own_session_to_be_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Design, 7: first sends of one identity that come all at once are all sent. Ours."""
    one, two = _account(tmp_path), _account(tmp_path)
    refused, found = threading.Event(), list[str]()
    whole = Sessions.identify

    def identify(*given: Any, **named: Any) -> Session:
        try:
            return whole(*given, **named)
        except NotYours:
            refused.set()
            raise

    monkeypatch.setattr(Sessions, "identify", identify)
    spool = one.init()
    second = threading.Thread(target=lambda: found.append(two.sender("cron").id))
    with spool.lock() as lock:
        session = one.sessions(spool).prepare(lock, "cron", None, None)
        spool.ensure(lock, "cron", registered=True)
        second.start()
        assert refused.wait(10)
        one.sessions(spool).open(lock, session)
    second.join(10)
    assert found == [session.id]


def test_another_account_cannot_take_a_live_name(tmp_path: Path) -> None:
    """G10: 73, and nothing changes."""
    owner = _account(tmp_path / "a")
    root = owner.init().root
    secret = owner.keyring.secrets()[0][1]
    owner.register("bob", said="bob")
    owner.identify("bob")  # used just now, by this clock
    other = account(str(tmp_path / "b"), clock=owner.clock, MAILDIR_IPC_ROOT=root)
    other.import_key(secret)
    before = spool_files(root)
    with pytest.raises(NameTaken):
        other.register("bob", said="bob")
    with pytest.raises(NotYours):
        other.identify("bob")
    with pytest.raises(NotYours):
        other.sender("bob")
    assert spool_files(root) == before
    taken = other.register("bob", said="bob", takeover=True)
    assert (taken.session.name, taken.unread) == ("bob", 1)
    with pytest.raises(NotYours):
        owner.identify("bob")
    with other.mailbox(taken.session) as bob:
        (notice,) = check_all(bob)
    assert notice.message is not None
    assert (notice.message.from_, notice.message.kind, notice.verdict) == ("system", "notice", "pass")
    assert notice.message.body.startswith("bob was taken over by no terminal on ")


def test_an_account_without_the_key_gets_no_further(tmp_path: Path) -> None:
    """Design, 4: 78, naming key import; it never makes another key."""
    root = _account(tmp_path / "a").init().root
    other = _account(tmp_path / "b", MAILDIR_IPC_ROOT=root)
    before = spool_files(tmp_path)
    for act in (lambda: other.register("bob", said="bob"), lambda: other.sender("bob"), lambda: other.identify("bob")):
        with pytest.raises(Misconfigured) as refusal:
            act()
        assert "mipc key import" in str(refusal.value)
    assert spool_files(tmp_path) == before
    assert other.directory() == []


def test_a_wrong_key_is_not_imported(tmp_path: Path) -> None:
    """G12: both ids are named, the secret is not."""
    owner = _account(tmp_path)
    key = owner.init().signing_key()
    with pytest.raises(Misconfigured) as refusal:
        owner.import_key(b"some other secret, long enough")
    assert key in str(refusal.value)
    assert "other secret" not in str(refusal.value)
    open_owner = _account(tmp_path / "open")
    open_owner.init("open")
    with pytest.raises(Misconfigured):
        open_owner.import_key(b"some other secret, long enough")


def test_the_shared_secret_makes_the_spools_key(tmp_path: Path) -> None:
    """Design, 4: and stays in the keyring, so that cron has it."""
    owner = _account(tmp_path, IPC_SHARED_SECRET="a shared secret, long enough")
    key = owner.init().signing_key()
    assert _account(tmp_path).spool().signing_key() == key
    with pytest.raises(Misconfigured) as refusal:
        _account(tmp_path, IPC_SHARED_SECRET="quite another secret, long enough").spool()
    assert key in str(refusal.value)


@pytest.mark.parametrize("now", [True, False])
def test_a_rotated_key_verifies_at_once_and_signs_later(now: bool, tmp_path: Path) -> None:
    """Design, 4: after 24 hours, or now; old mail stays verified."""
    owner = _account(tmp_path)
    alice, bob = agent(owner, "alice"), agent(owner, "bob")
    old = owner.spool().signing_key()
    alice.send(["bob"], Draft("before"))
    key, since = rotate(owner, now=now)
    assert since == 1_800_000_000 + (0 if now else 86400)
    assert owner.spool().signing_key() == (key.id if now else old)
    alice.send(["bob"], Draft("after"))
    found = check_all(bob)
    assert [received.verdict for received in found] == ["pass", "pass"]
    assert [r.signature.key_id for r in found if r.signature] == [old, key.id if now else old]
    clock = owner.clock
    assert isinstance(clock, Clock)
    clock.now += 86400
    assert owner.spool().signing_key() == key.id
    for box in (alice, bob):
        box.maildir.close()


def test_any_file_can_be_judged_by_its_signature_alone(tmp_path: Path) -> None:
    """Design, 8: verify."""
    owner = _account(tmp_path)
    with agent(owner, "alice") as alice:
        alice.send(["bob"], Draft("hello"))
    folder = f"{owner.spool().root}/bob/new"
    with open(f"{folder}/{os.listdir(folder)[0]}", "rb") as file:
        raw = file.read()
    assert owner.verdict_of(raw) == "pass"
    assert owner.verdict_of(raw + b"more") == "bad"
    assert owner.verdict_of(b"From: x\n\n") == "none"
    assert owner.verdict_of(b"\0") == "malformed"
    assert owner.verdict_of(b"From: x\n\n" + b"x" * (16 << 20)) == "malformed"


def test_unregistering_keeps_mailbox_and_mail(tmp_path: Path) -> None:
    """Design, 7."""
    owner = _account(tmp_path)
    with agent(owner, "alice") as alice, agent(owner, "bob"):
        alice.send(["bob"], Draft("hello"))
    assert owner.unregister("bob") == "bob"
    with pytest.raises(NotYours):
        owner.identify("bob")
    assert owner.register("bob", said="bob").unread == 1


def test_the_directory_has_a_row_for_each_name(tmp_path: Path) -> None:
    """Design, 8: list; a stranger may ask, no message is opened."""
    owner = _account(tmp_path)
    with agent(owner, "alice") as alice, agent(owner, "bob"):
        alice.send(["bob", "nessa"], Draft("hello"))
        alice.send(["bob"], Draft("again"))
    for name in ("alice", "bob"):
        owner.identify(name)  # used just now, by this clock
    root = owner.spool().root
    os.mkdir(f"{root}/empty")
    with open(f"{root}/bob/records/names", "w") as file:
        file.write("registered 0\nrobert 0 1800007200\nold 0 5\nbob 0 -\n")
    os.symlink("bob", f"{root}/robert")
    os.symlink("bob", f"{root}/old")
    rows = owner.directory()
    assert [(row.name, row.state, row.live, row.unread, row.forward_to) for row in rows] == [
        ("alice", "registered", True, 0, None),
        ("bob", "registered", True, 2, None),
        ("nessa", "waiting", None, 1, None),
        ("robert", "forward", None, 0, "bob"),
    ]
    folder = f"{root}/bob/new"
    for name, token in zip(sorted(os.listdir(folder)), ("0.0.0.0.1800000500.00000000", "²"), strict=True):
        os.rename(
            f"{folder}/{name}", f"{folder}/{name},c=0.0.0.0.{token}.x" if token == "²" else f"{folder}/{name},c={token}"
        )
    assert next(row for row in owner.directory() if row.name == "bob").unread == 0

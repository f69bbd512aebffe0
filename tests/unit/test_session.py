"""Who a command acts as, with processes made up for the purpose. Design, 7; G10. Ours."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from maildir_ipc.errors import Misconfigured, NameTaken, NotYours
from maildir_ipc.process import Host, Process
from maildir_ipc.session import Sessions
from maildir_ipc.spool import Spool
from maildir_ipc.tokens import FRESH_SECONDS, NO_SERVER
from tests.unit.making import SPOOL, Clock

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from maildir_ipc.tokens import Session

TERMINAL = Process(100, 1, 5, 1, "bash", ["-bash"])
OTHER = Process(200, 1, 6, 1, "zsh", ["zsh"])
AGENT = Process(300, 100, 7, 0, "claude", ["claude"])
LAUNCHER = Process(400, 100, 8, 1, "make", ["make"])
TMUX = Process(2, 1, 1, 0, "tmux: server", ["tmux"])


class _Host(Host):
    """A host on which the processes of a list run."""

    __slots__ = ("alive",)

    def __init__(self, *alive: Process) -> None:
        super().__init__("0a1b2c3d", "7", "laptop")
        self.alive: list[Process] = list(alive)

    def runs(self, mark: str) -> bool | None:
        if not mark.startswith("0a1b2c3d.7."):
            return None
        return mark in map(self.mark, self.alive)


class World:
    """A spool with one account, whose commands run wherever the test says."""

    def __init__(self, folder: Path) -> None:
        self.clock = Clock(1_000_000.0)
        self.folder = folder
        self.spool = Spool.create(str(folder / "spool"), "open", SPOOL, lambda: None, self.clock)
        self.host = _Host(TERMINAL, OTHER, AGENT)

    def at(self, *walk: Process, states: Sequence[str] = (), server: str = NO_SERVER) -> Sessions:
        """Return the sessions as a command sees them that runs under these, nearest first."""

        def walked() -> Iterable[Process]:
            return walk

        return Sessions(self.spool, [*states, str(self.folder / "state")], self.host, walked, server)

    def register(self, name: str, *walk: Process, client: str | None = None, takeover: bool = False) -> Session:
        """Register as the command does."""
        sessions = self.at(*walk)
        anchor = sessions.anchor()
        with self.spool.lock() as lock:
            sessions.may_open(name, anchor, client, takeover=takeover)
            session = sessions.prepare(lock, name, anchor, client)
            self.spool.ensure(lock, name, registered=True)
            sessions.open(lock, session)
            sessions.touch(session)
            return session


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Give a world of its own."""
    return World(tmp_path)


def _who(sessions: Sessions, said: str | None = None, client: str | None = None, *, only_reading: bool = False) -> str:
    return sessions.identify(said, (client,) if client else (), only_reading=only_reading).name


def test_every_command_of_a_terminal_is_the_one_who_registered_in_it(world: World) -> None:
    """G10: also through launchers and scripts."""
    world.register("alice", LAUNCHER, TERMINAL)
    assert _who(world.at(TERMINAL, TMUX)) == "alice"
    assert _who(world.at(LAUNCHER, LAUNCHER, TERMINAL)) == "alice"


def test_another_terminal_is_nobody_and_is_told_the_choices(world: World) -> None:
    """G10: 77."""
    world.register("alice", TERMINAL)
    with pytest.raises(NotYours) as refusal:
        _who(world.at(OTHER, TMUX))
    assert "mipc register" in str(refusal.value)
    assert "--as alice" in str(refusal.value)


def test_two_terminals_of_one_tmux_are_two(world: World) -> None:
    """G10."""
    world.register("alice", TERMINAL, TMUX)
    world.register("bob", OTHER, TMUX)
    assert _who(world.at(TERMINAL, TMUX)) == "alice"
    assert _who(world.at(OTHER, TMUX)) == "bob"
    with pytest.raises(NotYours):
        _who(world.at(TMUX))


def test_an_agent_started_from_a_terminal_is_not_that_terminal(world: World) -> None:
    """G10: until it registers itself."""
    world.register("alice", TERMINAL)
    with pytest.raises(NotYours):
        _who(world.at(AGENT, TERMINAL))
    world.register("claude", AGENT, TERMINAL)
    assert _who(world.at(LAUNCHER, AGENT, TERMINAL)) == "claude"
    assert _who(world.at(LAUNCHER, TERMINAL)) == "alice"


def test_saying_a_name_needs_its_token(world: World) -> None:
    """G10."""
    world.register("alice", TERMINAL)
    assert _who(world.at(), "alice") == "alice"
    stranger = Sessions(world.spool, [str(world.folder / "elsewhere")], world.host, tuple)
    with pytest.raises(NotYours):
        stranger.identify("alice")
    for name in ("bob", "nobody"):
        with pytest.raises(NotYours) as refusal:
            _who(world.at(), name)
        assert f"mipc register {name}" in str(refusal.value)


def test_a_stolen_name_in_the_state_directory_opens_nothing(world: World) -> None:
    """G10: what counts is the token, whose hash lies in the mailbox."""
    session = world.register("alice", TERMINAL)
    path = world.folder / "state" / SPOOL / "alice"
    path.write_text(path.read_text().replace(session.token, "0" * 64))
    for said in (None, "alice"):
        with pytest.raises(NotYours):
            _who(world.at(TERMINAL), said)


def test_the_mailbox_holds_no_token(world: World) -> None:
    """G10: a spool can be shared; the token cannot be read from it."""
    session = world.register("alice", TERMINAL)
    for folder, _, names in os.walk(world.spool.root):
        for name in names:
            with open(os.path.join(folder, name)) as file:
                assert session.token not in file.read()


def test_registering_again_is_the_same_session(world: World) -> None:
    """Design, 7: idempotent."""
    one, two = world.register("alice", TERMINAL), world.register("alice", LAUNCHER, TERMINAL)
    assert (one.id, one.token) == (two.id, two.token)


def test_a_live_session_is_refused_to_others_who_where_and_since_when(world: World) -> None:
    """G10: 73."""
    world.register("alice", TERMINAL)
    with pytest.raises(NameTaken) as refusal:
        world.register("alice", OTHER)
    for text in ("bash 100", "laptop", "1970-01-12", "--takeover"):
        assert text in str(refusal.value)
    assert _who(world.at(TERMINAL)) == "alice"


def test_a_dead_session_gives_way(world: World) -> None:
    """Design, 7: an agent that restarts simply registers again."""
    world.register("alice", TERMINAL)
    world.host.alive.remove(TERMINAL)
    world.register("alice", OTHER)
    assert _who(world.at(OTHER)) == "alice"


def test_who_was_taken_over_is_told_so(world: World) -> None:
    """Design, 7; G10: and can no longer act in the name."""
    world.register("alice", TERMINAL)
    world.register("alice", OTHER, takeover=True)
    with pytest.raises(NotYours) as refusal:
        _who(world.at(TERMINAL))
    assert "alice" in str(refusal.value)
    assert "zsh 200" in str(refusal.value)
    assert _who(world.at(OTHER)) == "alice"


@pytest.mark.parametrize(
    ("age", "live"), [(0.0, True), (FRESH_SECONDS - 1, True), (FRESH_SECONDS, False), (1e6, False)]
)
def test_a_standing_session_lives_while_it_is_used(age: float, live: bool, world: World) -> None:
    """Design, 7: ten minutes."""
    world.register("alice")
    world.clock.now += age
    holder = world.at().holder("alice")
    assert holder is not None
    assert holder.live(world.host, world.clock()) is live


def test_a_standing_session_belongs_to_whoever_says_its_name(world: World) -> None:
    """Design, 7: for cron; nobody has it by the process tree."""
    world.register("alice")
    assert _who(world.at(TERMINAL), "alice") == "alice"
    with pytest.raises(NotYours):
        _who(world.at(TERMINAL))


def test_several_names_in_one_place_are_chosen_by_saying_one(world: World) -> None:
    """Design, 7: --also."""
    world.register("alice", TERMINAL)
    world.register("bob", TERMINAL)
    with pytest.raises(NotYours) as refusal:
        _who(world.at(TERMINAL))
    assert "--as alice" in str(refusal.value)
    assert "--as bob" in str(refusal.value)
    assert _who(world.at(TERMINAL), "bob") == "bob"
    assert [s.name for s in world.at().beside(world.at().identify("bob"))] == ["alice"]


def test_the_clients_own_id_decides_where_the_tree_cannot(world: World) -> None:
    """Design, 7: several under one process, or a pid namespace."""
    world.register("alice", AGENT, client="claude:1")
    world.register("bob", AGENT, client="claude:2")
    assert _who(world.at(AGENT), client="claude:2") == "bob"
    assert _who(world.at(), client="claude:1") == "alice"
    with pytest.raises(NotYours):
        _who(world.at(), client="claude:3")


INNER = Process(500, 300, 9, 0, "claude", ["claude", "-p", "x"])
APP = Process(600, 1, 9, 0, "codex", ["codex", "app-server"])


def _hooked(sessions: Sessions, client: str, id: str, *taken: str) -> str:
    session = sessions.of_hook(client, id, taken)
    return "" if session is None else session.name


def test_a_hook_works_for_the_agent_that_it_runs_under(world: World) -> None:
    """Design, 9: anchored at its own client; never for a terminal, nor for another client."""
    world.register("alice", TERMINAL)
    world.register("bob", AGENT, TERMINAL)
    assert _hooked(world.at(LAUNCHER, AGENT, TERMINAL), "claude", "1") == "bob"
    assert _hooked(world.at(TERMINAL), "claude", "1") == _hooked(world.at(AGENT, TERMINAL), "codex", "1") == ""


def test_an_agent_inside_a_registered_one_is_not_that_one(world: World) -> None:
    """G10; design, 9: `claude -p` as a tool of an agent that has a name: the walk ends at the first client."""
    world.register("bob", AGENT, TERMINAL, client="claude:outer")
    assert _hooked(world.at(INNER, AGENT, TERMINAL), "claude", "inner") == ""
    assert _hooked(world.at(INNER, AGENT, TERMINAL), "claude", "") == ""
    with pytest.raises(NotYours):
        _who(world.at(INNER, AGENT, TERMINAL))


def test_of_several_names_of_one_agent_a_hook_takes_none_unless_one_has_ended(world: World) -> None:
    """Design, 7: --also; it is said, for the log."""
    world.register("alice", AGENT, client="claude:1")
    bob = world.register("bob", AGENT, client="claude:1")
    for id in ("1", "2", ""):
        with pytest.raises(NotYours) as refusal:
            world.at(AGENT).of_hook("claude", id)
        assert "alice and bob" in str(refusal.value)
    with world.spool.lock() as lock:
        world.at().close(lock, bob)
    assert [_hooked(world.at(AGENT), "claude", id) for id in ("1", "2", "")] == ["alice"] * 3


def test_where_one_process_is_several_agents_their_ids_decide(world: World) -> None:
    """Design, 7: of Codex's app server, each thread is itself; what has no id is whose tool has registered it."""
    world.host.alive.append(APP)
    world.register("bob", APP, client="codex:1")
    world.register("carl", APP)
    app = world.at(APP)
    assert [_hooked(app, "codex", id) for id in ("1", "2", "")] == ["bob", "", ""]
    assert _hooked(app, "codex", "2", "carl") == "carl"
    assert _hooked(app, "codex", "2", "bob") == ""
    assert [_who(app, client=f"codex:{id}") for id in "12"] == ["bob", "carl"]
    assert [s.name for s in app.former(world.register("dave", APP, client="codex:2"))] == ["carl"]
    assert [s.name for s in app.former(world.register("erin", APP, client="codex:1"))] == ["bob", "carl"]


def test_an_id_that_was_inherited_from_another_client_is_not_ones_own(world: World) -> None:
    """G10: an agent that was started by another one has its variables."""
    world.register("bob", AGENT, client="claude:1")
    with pytest.raises(NotYours):
        _who(world.at(APP, AGENT), client="claude:1")
    assert _who(world.at(LAUNCHER), client="claude:1") == "bob"


UNKNOWN = Process(700, 100, 9, 0, "cursor", ["cursor"])
SERVER = "0a1b2c3d.7.900.1"


def test_a_server_is_nobody_who_is_above_what_started_it(world: World) -> None:
    """G10: an agent that nobody knows, started from alice's terminal or by another agent, with that one's variables."""
    world.register("alice", TERMINAL)
    world.register("bob", AGENT, client="claude:1")
    script = Process(800, 700, 9, 0, "sh", ["sh", "-c", "ipc-mcp"])
    for walk in ((UNKNOWN, TERMINAL), (script, UNKNOWN, TERMINAL), (UNKNOWN, AGENT, TERMINAL)):
        with pytest.raises(NotYours):
            _who(world.at(*walk, server=SERVER), client="claude:1")
    assert _who(world.at(script, TERMINAL, TMUX, server=SERVER)) == "alice"
    assert _who(world.at(script, AGENT, TERMINAL, server=SERVER)) == "bob"
    assert _who(world.at(script, server=SERVER), client="claude:1") == "bob"


def test_a_server_is_who_registered_where_it_was_started(world: World) -> None:
    """Whichever server of that agent did; a command of its shell, too."""
    world.register("alice", TERMINAL)
    with world.spool.lock() as lock:
        sessions = world.at(UNKNOWN, TERMINAL, server=SERVER)
        session = sessions.prepare(lock, "carol", UNKNOWN, None)
        world.spool.ensure(lock, "carol", registered=True)
        sessions.open(lock, session)
    assert _who(world.at(UNKNOWN, TERMINAL)) == _who(world.at(LAUNCHER, UNKNOWN, server="0a1b2c3d.7.901.1")) == "carol"


def test_the_only_session_is_taken_for_reading_alone(world: World) -> None:
    """Design, 7: whoami and check --peek."""
    world.register("alice", TERMINAL)
    assert _who(world.at(OTHER), only_reading=True) == "alice"
    world.register("bob", OTHER)
    with pytest.raises(NotYours):
        _who(world.at(), only_reading=True)


def test_an_ended_session_is_nobodys(world: World) -> None:
    """G10; mailbox and name stay."""
    session = world.register("alice", TERMINAL)
    with world.spool.lock() as lock:
        world.at().close(lock, session)
    for said in (None, "alice"):
        with pytest.raises(NotYours):
            _who(world.at(TERMINAL), said)
    assert world.at().holder("alice") is None
    assert world.at().current() == []
    assert world.spool.record("alice") is not None


def test_a_token_is_kept_in_the_first_place_that_can_be_written_and_found_in_all(world: World) -> None:
    """Design, 7: a sandboxed shell and its server meet."""
    (world.folder / "file").write_text("")
    blocked = str(world.folder / "file" / "state")
    sessions = world.at(TERMINAL, states=[blocked])
    with world.spool.lock() as lock:
        session = sessions.prepare(lock, "alice", TERMINAL, None)
        world.spool.ensure(lock, "alice", registered=True)
        sessions.open(lock, session)
    assert _who(world.at(TERMINAL, states=[blocked])) == "alice"
    assert _who(world.at(TERMINAL)) == "alice"


def test_without_any_place_for_the_token_no_session_is_opened(world: World) -> None:
    """G12: 78, naming the places; the mailbox has no holder that nobody can be."""
    (world.folder / "file").write_text("")
    sessions = Sessions(world.spool, [str(world.folder / "file" / "state")], world.host, tuple)
    with world.spool.lock() as lock:
        world.spool.ensure(lock, "alice", registered=True)
        with pytest.raises(Misconfigured) as refusal:
            sessions.prepare(lock, "alice", TERMINAL, None)
    assert str(world.folder / "file") in str(refusal.value)
    assert sessions.holder("alice") is None


@pytest.mark.parametrize(
    "text", ["", "x\n", "id \nhash \n", "since x\nmark \n", "since 99999999999999999999\n", "since ²\n"]
)
def test_a_damaged_session_record_is_a_holder_that_nobody_is(text: str, world: World) -> None:
    """G12: it is described, refused, and can be taken over."""
    world.register("alice", TERMINAL)
    with open(f"{world.spool.path('alice')}/records/session", "w") as file:
        file.write(text)
    with pytest.raises(NotYours):
        _who(world.at(TERMINAL), "alice")
    world.register("alice", OTHER, takeover=True)
    assert _who(world.at(OTHER)) == "alice"


def test_a_session_that_is_looked_for_under_its_own_name_keeps_its_token(world: World) -> None:
    """It was opened between two looks at it, by another command of the same identity. Ours."""
    session = world.register("bob", TERMINAL)
    found = world.at(TERMINAL).moved(session)
    assert found is not None
    assert found.name == "bob"
    assert world.at(TERMINAL).identify(None, ()).id == session.id


def test_of_two_agents_in_one_process_neither_takes_the_others_name_unasked(world: World) -> None:
    """Design, 7: a live name is refused; taken over, it has a token of its own, and what was handed proves nothing."""
    codex = world.register("bob", AGENT, client="codex:s1")
    with pytest.raises(NameTaken, match="another session of this agent"):
        world.register("bob", AGENT, client="codex:s2")
    assert world.register("bob", AGENT, client="codex:s1").id == codex.id
    taken = world.register("bob", AGENT, client="codex:s2", takeover=True)
    assert (taken.id == codex.id, taken.client) == (False, "codex:s2")

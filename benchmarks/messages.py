"""How long sending, reading and listing take in process, beside the same system calls by themselves.

    .venv/bin/python benchmarks/messages.py [ROUNDS] [ROW…]

ROW: durable off on into check receive broadcast names list (default: all).

Prints the medians of interleaved rounds, their ratio, and the most that the design allows for it. The floor
is a C program where there is a compiler (floor.c), else the same calls from Python, which is said. All is
done in memory (/dev/shm) but the durable send, which is done in the temporary directory; the large mailboxes
need 2 GB of memory for a minute. Never a gate: tests/unit/test_hot_path.py holds what makes it fast.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from functools import partial
from typing import TYPE_CHECKING

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, ROOT)

from benchmarks.rounds import Row, each, heading, measure  # noqa: E402
from maildir_ipc.draft import Draft  # noqa: E402
from maildir_ipc.testing import account, agent, check_all, lift_limits  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.rounds import Taken
    from maildir_ipc.account import Account
    from maildir_ipc.mailbox import Mailbox

LARGE, READ, NAMES, MANY = 1_000_000, 100_000, 10_000, 100
# Some 1,000 characters, as floor.c writes.
DRAFT = Draft("The build is green again.\n" + 20 * "\nIt was the cache: it kept what it should forget.")
# Counted, and never reached.
_LIMITS = "rate-limit = 100000\nunread-limit = 3000000\n"
_FLOOR = """
import os, sys, time
folders = [os.open(f"{sys.argv[2]}/{name}", os.O_DIRECTORY) for name in ("tmp", "new", "cur")]
tmp, new, cur = folders
def deliver(name, sync):
    fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=tmp)
    os.write(fd, b"x" * 1024)
    sync and os.fsync(fd)
    os.close(fd)
    os.rename(name, name, src_dir_fd=tmp, dst_dir_fd=new)
    sync and os.fsync(new)
def receive(name):
    os.rename(name, name + ",c=x", src_dir_fd=new, dst_dir_fd=new)
    os.rename(name + ",c=x", name + ":2,S", src_dir_fd=new, dst_dir_fd=cur)
receives = sys.argv[1] == "receive"
start = time.monotonic_ns()
names = sorted(os.listdir(new)) if receives else [f"{start}.{i}" for i in range(int(sys.argv[3]))]
share = (time.monotonic_ns() - start) // len(names) if receives else 0
for name in names:
    begun = time.monotonic_ns()
    receive(name) if receives else deliver(name, sys.argv[4] == "1")
    print(time.monotonic_ns() - begun + share)
"""


class Bench:
    """Spools to measure in: in memory with and without limits, and one on the disk."""

    def __init__(self, memory: str, disk: str) -> None:
        self.memory = memory
        self.floor = _compiled(memory)
        self.limited, self.free, self.durable = (
            self._account(f"{memory}/limited"), self._account(f"{memory}/free"), self._account(f"{disk}/durable"),
        )  # fmt: skip
        lift_limits(self.free)
        for owner in (self.limited, self.durable):
            with open(f"{owner.spool().root}/.ipc/settings", "w", encoding="utf-8") as file:
                file.write(_LIMITS)
        self._boxes = 0

    @staticmethod
    def _account(home: str) -> Account:
        os.mkdir(home)
        account(home).init()
        return account(home)

    def fresh(self, owner: Account) -> str:
        """Return the name of a new mailbox: no measurement meets what another left."""
        self._boxes += 1
        agent(owner, f"box{self._boxes}").close()
        return f"box{self._boxes}"

    def bare(self, owner: Account, kind: str, *words: object, box: str = "") -> Taken:
        """Return what the floor took, in a mailbox of its own."""
        path = owner.spool().path(box or self.fresh(owner))
        done = subprocess.run([*self.floor, kind, path, *map(str, words)], stdout=subprocess.PIPE, check=True)
        return [int(line) / 1000 for line in done.stdout.split()]

    def rows(self) -> dict[str, Callable[[], Row]]:
        """Return what makes each row, when it is its turn."""
        return {
            "durable": partial(self.sending, "send, durable", 1.2, self.durable, 20, sync=True),
            "off": partial(self.sending, "send --no-sync, limits off", 2.5, self.free, 1000, sync=False),
            "on": partial(self.sending, "send --no-sync, limits on", 4, self.limited, 1000, sync=False),
            "into": self.into_many,
            "check": self.nothing_new,
            "receive": self.receiving,
            "broadcast": self.broadcasting,
            "names": self.names,
            "list": self.listing,
        }

    def sending(self, label: str, target: float, owner: Account, count: int, *, sync: bool) -> Row:
        """A send by a mailbox that is open, against create, write, rename (and the two fsyncs)."""
        alice = agent(owner, "alice")
        label += " / the same two fsyncs in C" if sync else " / the bare C loop"

        def ours() -> Taken:
            to = [self.fresh(owner)]
            return each(lambda: alice.send(to, DRAFT, sync=sync), count)

        return Row(label, target, ours, lambda: self.bare(owner, "deliver", count, int(sync)), often=5 if sync else 1)

    def into_many(self) -> Row:
        """The same send, to a mailbox with a million unread and to an empty one."""
        alice, empty, full = agent(self.limited, "alice"), self.fresh(self.limited), self.fresh(self.limited)
        _fill(f"{self.limited.spool().path(full)}/new", LARGE, "")

        def send(to: str) -> Taken:
            return each(lambda: alice.send([to], DRAFT, sync=False), 500)

        return Row("send into 1,000,000 unread / into an empty mailbox", 1.2, partial(send, full), partial(send, empty))

    def nothing_new(self) -> Row:
        """A check that opens the mailbox and finds nothing, with a long history and with none."""
        boxes = [agent(self.limited, self.fresh(self.limited)) for _ in "ab"]
        _fill(f"{boxes[0].maildir.path}/cur", READ, ":2,S")

        def check(box: Mailbox) -> Taken:
            return each(lambda: _check(self.limited, box.name), 500)

        label = f"check, nothing new, {READ:,} in cur/ / none"
        return Row(label, 1.2, partial(check, boxes[0]), partial(check, boxes[1]))

    def receiving(self) -> Row:
        """A check of 1,000 messages, claim to commit, against listing them and their two renames each."""
        alice, count = agent(self.free, "alice"), 1000

        def ours() -> Taken:
            with agent(self.free, self.fresh(self.free)) as box:
                for _ in range(count):
                    alice.send([box.name], DRAFT, sync=False)
                return [taken / count for taken in each(lambda: check_all(box), 1)]

        def floor() -> Taken:
            box = self.fresh(self.free)
            self.bare(self.free, "deliver", count, 0, box=box)
            taken = self.bare(self.free, "receive", box=box)
            return [sum(taken) / len(taken)]

        return Row("receive, each of 1,000 / their listing and renames", 4, ours, floor)

    def broadcasting(self) -> Row:
        """A broadcast to 100, against 100 sends to the same."""
        owner = self._account(f"{self.memory}/many")
        lift_limits(owner)
        alice = agent(owner, "alice")
        names = [self.fresh(owner) for _ in range(MANY)]

        def ours() -> Taken:
            return each(lambda: alice.broadcast(DRAFT, sync=False), 5)

        def sends() -> Taken:
            return each(lambda: [alice.send([name], DRAFT, sync=False) for name in names], 5)

        return Row(f"broadcast to {MANY}, --no-sync / {MANY} sends", 0.35, ours, sends)

    def names(self) -> Row:
        """The names in a large spool, sorted, against scandir(3) of it, sorted."""
        spool = self._large().spool()
        return Row(
            f"list of {NAMES:,} identities, names / scandir",
            2,
            lambda: each(lambda: sorted(spool.names()), 3),
            lambda: _scandir(spool.root),
        )

    def listing(self) -> Row:
        """All that `list` says of each, against the same."""
        owner = self._large()
        root = owner.spool().root
        return Row("the same, whole rows / scandir", None, lambda: each(owner.directory, 1), lambda: _scandir(root))

    def _large(self) -> Account:
        home = f"{self.memory}/names"
        if os.path.isdir(home):
            return account(home)
        owner = self._account(home)
        with owner.spool().lock() as lock:
            for index in range(NAMES):
                owner.spool().ensure(lock, f"name{index}", registered=True)
        return owner


def _scandir(path: str) -> Taken:
    return each(lambda: sorted(entry.name for entry in os.scandir(path)), 3)


def _check(owner: Account, name: str) -> None:
    with owner.mailbox(owner.identify(name)) as box:
        check_all(box)


def _compiled(folder: str) -> list[str]:
    """Return how the floor is started: floor.c, or where it cannot be compiled the same in Python."""
    compiler = shutil.which("cc")
    if compiler is None:
        print("no C compiler: the floor is the same calls from Python")
        return [sys.executable, "-c", _FLOOR]
    subprocess.run([compiler, "-O2", "-o", f"{folder}/floor", f"{ROOT}/benchmarks/floor.c"], check=True)
    return [f"{folder}/floor"]


def _fill(folder: str, count: int, info: str) -> None:
    """Put *count* messages there: links to one file, of which each takes a name and no more."""
    fd = os.open(folder, os.O_RDONLY)
    source = ""
    for index in range(count):
        name = f"1600000000.M{index % 1_000_000:06}P1Q{index}R0123456789abcdef.host{info}"
        if index % 60_000 == 0:  # some file systems allow a file some 65,000 names
            source = name
            os.close(os.open(name, os.O_CREAT | os.O_WRONLY, 0o600, dir_fd=fd))
        else:
            os.link(source, name, src_dir_fd=fd, dst_dir_fd=fd)
    os.close(fd)


def main() -> None:
    """Print the table, and leave nothing behind."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    wanted = sys.argv[2:]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what was made in memory is removed then, too
    shm = "/dev/shm" if os.path.isdir("/dev/shm") else None
    with tempfile.TemporaryDirectory(dir=shm) as memory, tempfile.TemporaryDirectory() as disk:
        bench = Bench(memory, disk)
        heading()
        for word, make in bench.rows().items():
            if not wanted or word in wanted:
                measure(make(), rounds)


if __name__ == "__main__":
    main()

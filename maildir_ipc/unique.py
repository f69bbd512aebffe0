"""Names that no other process ever makes: of message files, and of who holds a claim.

Source: maildir(5); protocol.md, sections 3 and 6.1. Clock, randomness, pid and host are parameters.
"""

from __future__ import annotations

import os
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

MAX_LEASE_SECONDS = 86400.0
LEASE_SECONDS = 600.0  # for an owner whose process cannot be looked up
NO_PROCESS = ".".join("0000")  # in an owner token: held for the lease alone


class Namer:
    """Makes unique names and owner tokens that increase within this process and repeat nowhere."""

    __slots__ = ("_count", "_last", "_mark", "host", "pid", "random", "wall")

    def __init__(
        self,
        mark: Callable[[], str],
        pid: int,
        host: str,
        wall: Callable[[], float] = time.time,
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        """*mark* returns what names this process among all: BOOT.NS.PID.START; asked for only when it claims."""
        for char, code in (("/", "\\057"), (":", "\\072"), (",", "\\054")):
            host = host.replace(char, code)
        self._mark, self.pid, self.host, self.wall, self.random = mark, pid, host[:64], wall, random
        self._count, self._last = 0, 0

    def serial(self) -> str:
        """Return the part of a unique name before its host; it is also a Message-ID's local part."""
        # Never backwards within a process: the order of names is the order of reading.
        self._last = max(int(self.wall() * 1_000_000), self._last + 1)
        self._count += 1
        seconds, micros = divmod(self._last, 1_000_000)
        return f"{seconds}.M{micros:06}P{self.pid}Q{self._count}R{self.random(8).hex()}"

    def unique(self, serial: str | None = None) -> str:
        """Return a unique name."""
        return f"{serial or self.serial()}.{self.host}"

    def owner(
        self, lease: float = LEASE_SECONDS, *, process: bool = True, mark: str | None = None, nonce: str = ""
    ) -> str:
        """Return an owner token: ours while this process lives, or (process=False) for the lease only.

        *mark* names another process instead; *nonce* is a chosen one.
        """
        if mark is None:
            mark = self._mark() if process else NO_PROCESS
        return f"{mark}.{int(self.wall() + lease)}.{nonce or self.nonce()}"

    def nonce(self) -> str:
        """Return what tells one claim from every other: eight random hexadecimal digits."""
        return self.random(4).hex()


def is_held(owner: str, runs: Callable[[str], bool | None], now: float) -> bool:
    """Return whether a claim with this owner token still holds.

    By its process where that can be looked up here, else by its lease. A token that cannot be read is
    of a later version: it is held until somebody who understands it says otherwise.
    """
    process, _, rest = owner.rpartition(".")[0].rpartition(".")
    if not (rest.isascii() and rest.isdigit()):
        return True
    alive = runs(process)
    # A lease beyond any that is given would hide mail for ever.
    return now <= int(rest) <= now + MAX_LEASE_SECONDS if alive is None else alive


def owner_parts(owner: str) -> tuple[str, int, str]:
    """Return BOOT.NS.PID.START, the second at which the lease ends, and the nonce; empty or 0 if unreadable."""
    rest, _, nonce = owner.rpartition(".")
    mark, _, until = rest.rpartition(".")
    return mark, int(until) if until.isascii() and until.isdigit() else 0, nonce


def is_serial(text: str) -> bool:
    """Return whether *text* is the part of one of our unique names before the host."""
    seconds, dot, rest = text.partition(".M")
    random = rest.rpartition("R")[2]
    return (
        bool(dot)
        and seconds.isascii()
        and seconds.isdigit()
        and len(seconds) == 10
        and len(random) == 16
        and rest.isascii()
        and rest.isalnum()
        and random == random.lower()
    )


def serial_of(key: str) -> str | None:
    """Return the serial in a unique name of ours, or None for somebody else's name."""
    serial = ".".join(key.split(".")[:2])
    return serial if is_serial(serial) else None

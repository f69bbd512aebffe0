"""How much one identity may send, and one mailbox may hold: exact across processes, O(1), without the spool's lock.

A limit of 0 is off. Notices and receipts are exempt: the caller does not ask for them.
"""

from __future__ import annotations

import fcntl
import os

from .errors import BadData, TryAgain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .draft import Draft
    from .folders import Folders

_FLAGS = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
_SLOT = 8  # bytes: a time in microseconds, or a count
PAIR_WINDOW = 3600.0


class Room:
    """Room for one more message in *box*: taken on entering, for as long as it takes to put the message there.

    Raises on entering: TryAgain when the mailbox holds *limit* unread messages. Deliveries are counted
    down from the last true count, and `new/` is counted again only when none is left: a reader that
    makes room needs to tell nobody.
    """

    __slots__ = ("_box", "_fd", "_limit")

    def __init__(self, box: Folders, limit: int) -> None:
        self._box, self._limit, self._fd = box, limit, -1

    def __enter__(self) -> None:
        if not self._limit:
            return
        try:
            self._fd = os.open("room", _FLAGS, 0o600, dir_fd=self._box.at("records"))
        except FileNotFoundError:
            return  # a Maildir that another program made
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX)
            left, limit = _numbers(os.pread(self._fd, 2 * _SLOT, 0), 2)
            if limit != self._limit or left <= 0:
                left = self._limit - len(self._box.names("new"))
            if left <= 0:
                raise TryAgain(f"queue full ({self._limit} message limit)", "try again when some were read")
            os.pwrite(self._fd, _bytes(left - 1, self._limit), 0)
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_: object) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def recount(mailbox: str) -> None:
    """Have the mailbox counted at the next delivery: mail came into it that was not counted."""
    try:
        fd = os.open(f"{mailbox}/records/room", _FLAGS & ~os.O_CREAT)
    except OSError:
        return  # never counted, or no record of ours
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        os.pwrite(fd, _bytes(0), 0)
    finally:
        os.close(fd)


def count(draft: Draft, mailbox: str, now: float, setting: Callable[[str], int]) -> None:
    """Count a send of *draft* against the limits that it meets once, or refuse it. Raises: TryAgain, BadData."""
    if draft.kind != "message":
        return
    if draft.auto is not None and draft.hops > setting("hop-limit") > 0:
        raise BadData(f"{draft.hops} automatic messages answered one another", "a person should look")
    count_send(mailbox, now, setting("rate-limit"), setting("rate-window"))


def count_send(mailbox: str, now: float, limit: int, window: float) -> None:
    """Count one send, or refuse it. Raises: TryAgain when there were *limit* in the last *window* seconds."""
    wait = _admit(f"{mailbox}/records/rate", now, limit, window)
    if wait > 0:
        raise TryAgain(f"rate limit: {limit} sends in {window:g} s", f"try again in {wait:.0f} s")


def count_automatic(mailbox: str, to: str, now: float, limit: int) -> None:
    """Count one automatic message to *to*, or refuse it. Raises: TryAgain: two programs may be answering each other."""
    wait = _admit(f"{mailbox}/records/auto-{to}", now, limit, PAIR_WINDOW)
    if wait > 0:
        raise TryAgain(f"{limit} automatic messages to {to} in an hour", f"a loop? try again in {wait:.0f} s")


def _admit(path: str, now: float, limit: int, window: float) -> float:
    """Return 0 and remember *now*, or return the seconds until the oldest of the last *limit* times is *window* old.

    The file is a ring: the next slot, then *limit* times.
    """
    if not limit:
        return 0.0
    fd = os.open(path, _FLAGS, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        if os.fstat(fd).st_size != (limit + 1) * _SLOT:
            os.ftruncate(fd, 0)
            os.ftruncate(fd, (limit + 1) * _SLOT)  # zeros, which take no room before they are used
        slot = _numbers(os.pread(fd, _SLOT, 0), 1)[0] % limit
        oldest = _numbers(os.pread(fd, _SLOT, (slot + 1) * _SLOT), 1)[0] / 1_000_000
        wait = oldest + window - now
        # Whoever came to the lock first may have read the clock last: only a time far ahead is a clock set back.
        if 0 < wait <= 2 * window:
            return wait
        # The slot first: killed in between, this send was not made, and its place holds what is oldest.
        os.pwrite(fd, _bytes(slot + 1), 0)
        os.pwrite(fd, _bytes(int(now * 1_000_000)), (slot + 1) * _SLOT)
    finally:
        os.close(fd)
    return 0.0


def _numbers(data: bytes, count: int) -> list[int]:
    data = data.ljust(count * _SLOT, b"\0")
    return [int.from_bytes(data[i : i + _SLOT], "little") for i in range(0, count * _SLOT, _SLOT)]


def _bytes(*numbers: int) -> bytes:
    return b"".join([number.to_bytes(_SLOT, "little") for number in numbers])

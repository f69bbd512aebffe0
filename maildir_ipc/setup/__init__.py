"""What `setup` changes outside the spool, and only when it is asked to: other programs' texts.

Each target is a module with `plan(settings, scope)`. It reads what is there and says, for every text that
it would touch, how that looks with our part and without it; the rest of the text is never touched.
"""

from __future__ import annotations

import os

from ..errors import Misconfigured

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

BEGIN, END = "# maildir-ipc begin", "# maildir-ipc end"
USER, PROJECT = "user", "project"


class Change:
    """One text: *now* is what is there, None when nothing is; *wanted* is it with our part, *without* lacks that.

    *shown* is what a person would add by hand. *write* puts a text in place, or removes it for None.
    """

    __slots__ = ("now", "shown", "wanted", "where", "without", "write")

    def __init__(
        self,
        where: str,
        now: str | None,
        wanted: str,
        without: str | None,
        shown: str,
        write: Callable[[str | None], None],
    ) -> None:
        self.where, self.now, self.wanted, self.without = where, now, wanted, without
        self.shown, self.write = shown, write

    def apply(self) -> bool:
        """Put our part in; False when it was there."""
        return self._put(self.wanted)

    def remove(self) -> bool:
        """Take our part out; False when it was not there."""
        return self._put(self.without)

    def _put(self, text: str | None) -> bool:
        if text == self.now:
            return False
        self.write(text)
        return True


class Plan:
    """All that one target changes, and what its person does *after* it was applied, or was removed.

    *left* says what of the same name is not ours and is left as it is, when applied; *left_in*, when removed.
    """

    __slots__ = ("after", "after_removal", "changes", "left", "left_in")

    def __init__(
        self,
        changes: Sequence[Change],
        after: Sequence[str] = (),
        after_removal: Sequence[str] = (),
        left: Sequence[str] = (),
        left_in: Sequence[str] = (),
    ) -> None:
        self.changes, self.after, self.after_removal = changes, after, after_removal
        self.left, self.left_in = left, left_in


def of_file(path: str, edit: Callable[[str | None], tuple[str, str | None]], shown: str) -> Change:
    """Return the change of a file: *edit* gets its text and returns it with our part and without.

    A file that is a link stays one. Raises: Misconfigured when it cannot be read.
    """
    now = read_file(path)
    wanted, without = edit(now)
    return Change(path, now, wanted, without, shown, lambda text: write_file(path, text))


def read_file(path: str) -> str | None:
    """Return the text of somebody's configuration file; None when there is none. Raises: Misconfigured."""
    try:
        with open(path, encoding="utf-8", newline="") as file:
            return file.read()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise Misconfigured(f"{path} cannot be read: {why}", "mend that, and try again") from error


def write_file(path: str, text: str | None) -> None:
    """Put *text* there whole, its mode kept, or remove the file for None; what was there is never half gone.

    Raises: Misconfigured.
    """
    from .. import records

    path = os.path.realpath(path)
    try:
        if text is None:
            records.remove(path)
            return
        os.makedirs(os.path.dirname(path), exist_ok=True)
        mode = os.stat(path).st_mode & 0o777 if os.path.exists(path) else 0o600
        records.replace(path, text)
        os.chmod(path, mode)
    except OSError as error:
        raise Misconfigured(f"{path} cannot be written: {error.strerror}", "add the text by hand") from error


def with_block(text: str, block: str) -> str:
    """Return *text* with *block* between our two marks: in their place, or at the end. No other line changes."""
    kept, at = _split(text)
    if at is None:
        if kept and not kept.endswith("\n"):
            kept += "\n"
        at = len(kept)
    return f"{kept[:at]}{BEGIN}\n{block}{END}\n{kept[at:]}"


def without_block(text: str) -> str:
    """Return *text* without our marks and what is between them."""
    return _split(text)[0]


def _split(text: str) -> tuple[str, int | None]:
    """Return the text without our blocks, and where the first one was. Raises: Misconfigured when one has no end."""
    kept: list[str] = []
    at, inside = None, False
    for line in text.splitlines(keepends=True):
        mark = line.rstrip("\r\n")
        if mark == BEGIN and not inside:
            at, inside = sum(map(len, kept)) if at is None else at, True
        elif mark == END and inside:
            inside = False
        elif not inside:
            kept.append(line)
    if inside:
        raise Misconfigured(f"{BEGIN!r} has no {END!r}", "mend that by hand")
    return "".join(kept), at


def one_line(word: str, where: str) -> str:
    """Return *word*, which is to stand *where* lines are. Raises: Misconfigured: its second line would be another's."""
    if any(c in word for c in "\n\r\0"):
        raise Misconfigured(f"{word!a} cannot stand in {where}", "choose a path of one line")
    return word


def program(script: str, *verb: str) -> list[str]:
    """Return the words that start one of our scripts, by its whole path: in a checkout, else as installed.

    They stay the same over versions: some clients ask their person again when a command changes.
    """
    import sys

    checkout = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    path = f"{checkout}/bin/{script}"
    if os.access(path, os.X_OK):
        return [path]
    return [os.path.join(os.path.dirname(os.path.abspath(sys.executable)), "mipc"), *verb]

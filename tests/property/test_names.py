"""Names that must never be two things' name: of files, of claims, of identities, of options."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from maildir_ipc.address import address_of, is_name, local_part, parse_name
from maildir_ipc.cli.arguments import COMMON, FLAG, parse
from maildir_ipc.entry import Entry
from maildir_ipc.errors import Usage
from maildir_ipc.process import Host
from maildir_ipc.unique import Namer, is_held, is_serial, serial_of

MARK = "0a1b2c3d.4026531836.77.123456"
CLOCKS = st.lists(st.floats(0, 9e9) | st.sampled_from([1767709822.0, 1767709822.5]), min_size=1, max_size=30)
HOSTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=80)


@given(CLOCKS, HOSTS)
def test_unique_names_increase_and_never_repeat_whatever_the_clock_does(clock: list[float], host: str) -> None:
    """maildir(5), and ours: the order of names is the order of reading, so it must be the order of sending."""
    times = iter(clock)
    namer = Namer(lambda: MARK, 77, host, wall=lambda: next(times), random=bytes)
    names = [namer.unique() for _ in clock]
    moments = [tuple(int(part) for part in name.replace("M", "").split("P")[0].split(".")) for name in names]
    assert moments == sorted(set(moments))
    assert len(set(names)) == len(names)


@given(HOSTS)
@example("a/b:c,d")
@example("\\057")
@example(",c=x")
def test_a_host_name_cannot_break_out_of_a_unique_name(host: str) -> None:
    """maildir(5): `/` and `:` are written in octal; ours: `,` too, for it begins a claim."""
    name = Namer(lambda: MARK, 77, host).unique()
    assert not set("/:,") & set(name)
    entry = Entry("new", name)
    assert (entry.key, entry.stem, entry.owner, entry.flags) == (name, name, "", "")
    assert is_serial(".".join(name.split(".")[:2]))


@given(st.integers(0, 10**6), st.integers(0, 10**10), st.floats(0, 1e6), st.booleans())
def test_owner_tokens_come_back_as_they_were_written(pid: int, start: int, lease: float, process: bool) -> None:
    """protocol.md, 6.1: what is_held reads out of a file's name is what owner() put in."""
    asked: list[str] = []
    mark = f"0a1b2c3d.4026531836.{pid}.{start}"
    namer = Namer(lambda: mark, pid, "host", wall=lambda: 1000.0)
    token = namer.owner(lease, process=process)
    entry = Entry("new", f"{namer.unique()},c={token}:2,F")
    assert entry.owner == token
    end = int(1000.0 + lease)
    for alive in (True, False, None):

        def runs(mark: str, alive: bool | None = alive) -> bool | None:
            asked.append(mark)
            return alive

        assert is_held(token, runs, end) is (True if alive is None else alive)
        assert is_held(token, runs, end + 1) is bool(alive)
    assert set(asked) == {mark if process else "0.0.0.0"}


@given(
    st.text(max_size=40) | st.lists(st.sampled_from(["0", "1", "x", "²", "-1", "", "9" * 30]), max_size=8).map(".".join)
)
@example("0.0.0.0.².00000000")
@example("0a1b2c3d.7.x.5.1.00000000")
@example("0a1b2c3d.7.².5.1.00000000")
@example("0a1b2c3d.7.-1.5.1.00000000")
def test_any_owner_token_of_others_is_held_or_not(owner: str) -> None:
    """G12: a file name that somebody made up must not stop a check."""
    assert is_held(owner, Host("0a1b2c3d", "7", "host").runs, 0.0) in (True, False)


@given(st.text(max_size=60), st.sampled_from(["new", "cur"]))
@example("a:2,S:2,T", "cur")
@example("a,c=b,c=d:2,", "new")
@example(",c=:", "new")
@example("a,v=bad:2,", "cur")
def test_any_file_name_can_be_taken_apart(name: str, folder: str) -> None:
    """protocol.md, 3: the key is what stands before the first colon and the first comma."""
    entry = Entry(folder, name)
    assert entry.key == name.split(":", maxsplit=1)[0].split(",", maxsplit=1)[0]
    assert entry.path == f"{folder}/{name}"


def _parsed(text: str) -> tuple[str, str]:
    """Return the name, or why there is none."""
    try:
        return parse_name(text), ""
    except Usage as error:
        return "", str(error)


@given(st.text(max_size=40) | st.from_regex(r"[A-Za-z0-9_-]{1,33}", fullmatch=True))
@example("\u212a")
@example("eve\n")
@example("a" * 33)
def test_a_text_is_a_name_or_is_refused_with_the_rule(text: str) -> None:
    """G11 and G12: what parse_name returns is one path component, and the local part of its address."""
    name, refusal = _parsed(text)
    if refusal:
        assert refusal.isprintable()
        assert not is_name(text)
        return
    assert is_name(name)
    assert name.isascii()
    assert not set("/.\0\n ") & set(name)
    assert parse_name(name) == name == local_part(address_of(name))
    assert text.upper() == name.upper()


WORDS = st.lists(
    st.one_of(
        st.sampled_from(
            [
                "--",
                "-",
                "--json",
                "--json=1",
                "--as",
                "--as=x",
                "--limit",
                "--limit=",
                "-x",
                "---",
                "--=",
                "",
                "a",
                "--é",
            ]
        ),
        st.text(max_size=8),
        st.binary(max_size=8).map(lambda b: b.decode("utf-8", "surrogateescape")),
    ),
    max_size=8,
)


@given(WORDS, st.sampled_from([None, 0, 1, 2]))
def test_a_command_line_is_understood_or_refused_by_usage(words: list[str], before_text: int | None) -> None:
    """G12: never anything but Usage, which is one printable line."""
    try:
        found = parse(words, {"limit": "N", "peek": FLAG}, before_text)
        found.count("limit")
    except Usage as error:
        said = str(error)
    else:
        said = ""
    assert said.isprintable()
    if said:
        return
    assert set(found.options) <= {"limit", "peek", *COMMON}
    assert len(found.operands) <= len(words)


@given(st.text())
@example("9" * 5000)
@example("²")
@example("-1")
@example("1_000")
@example(" 1")
def test_a_number_is_understood_or_refused_by_usage(text: str) -> None:
    """G12: also one of more digits than Python converts."""
    try:
        number = parse([f"--limit={text}"], {"limit": "N"}).count("limit")
    except Usage:
        return
    assert number is not None
    assert 1 <= number < 10**9


@given(WORDS, WORDS)
def test_a_text_keeps_its_words_whatever_they_look_like(before: list[str], text: list[str]) -> None:
    """Design, 8: the first word of the text, or `--`, ends the options."""
    del before
    assert parse(["barney", "--", *text], {}, 1).operands == ["barney", *text]
    assert parse(["barney", "first", *text], {}, 1).operands == ["barney", "first", *text]


@given(st.text(max_size=60) | st.from_regex(r"[0-9]{10}\.M.{0,20}R.{16}", fullmatch=True))
@example("1767709822.M0\nBcc: x R0123456789abcdef")
@example("1767709822.M,c=x:2,SR0123456789abcdef")
@example("\u0661767709822.M000001P1Q1R0123456789abcdef")
@example("1767709822.M000001P1Q1R0123456789ABCDEF")
def test_what_passes_for_a_serial_is_safe_in_a_file_name_and_a_header(text: str) -> None:
    """G11, G12: --id takes one from the command line, and it becomes a file's name and a Message-ID."""
    if is_serial(text):
        assert text.isascii()
        assert text.replace(".", "").isalnum()
    assert (serial_of(f"{text}.host") is None) or text.partition(".M")[0].isdigit()

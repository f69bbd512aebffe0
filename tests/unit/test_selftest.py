"""The selftest fails when what it tries does not work: a checker that cannot fail checks nothing. Ours."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from maildir_ipc import selftest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


def _none(_: selftest.Bench) -> Iterator[tuple[str, Callable[[], None]]]:
    return iter(())


def _failed(home: Path) -> list[str]:
    return [step.name for step in selftest.steps(str(home), _none) if step.why is not None]


def test_every_step_passes_on_this_machine(tmp_path: Path) -> None:
    assert _failed(tmp_path) == []


@pytest.mark.parametrize(
    ("broken", "by", "expected"),
    [
        ("maildir_ipc.mailbox.verify", lambda *_: ("pass", None), ["tamper"]),
        ("maildir_ipc.seen.SeenSet.find", lambda *_: None, ["replay"]),
        ("maildir_ipc.message.decode_text", lambda *_: "another text", ["check"]),
    ],
    ids=["verification", "seen-set", "decoding"],
)
def test_a_step_whose_part_is_broken_fails(
    broken: str, by: Callable[..., object], expected: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broken, by)

    assert set(_failed(tmp_path)) & {"check", "tamper", "replay"} == set(expected)


def test_a_place_that_cannot_be_written_fails_every_step_and_raises_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a file")

    assert len(_failed(tmp_path / "file")) == 5


def test_what_was_added_is_tried_after_the_rest(tmp_path: Path) -> None:
    def more(_: selftest.Bench) -> Iterator[tuple[str, Callable[[], None]]]:
        yield "mine", lambda: os.unlink(tmp_path / "not-there")

    last = list(selftest.steps(str(tmp_path), more))[-1]

    assert last.name == "mine"
    assert last.why is not None
    assert "not-there" in last.why

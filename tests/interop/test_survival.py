"""A signature survives what honest programs do to a message on its way from one Maildir to another."""

from __future__ import annotations

import mailbox as cpython
import os
from typing import TYPE_CHECKING

import pytest

from tests.interop.support import TEXTS, Pair, contents, mail_in, make_maildir, mutt, run, text_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.interop


def by_mutt(pair: Pair, target: str) -> None:
    mutt("mutt", pair.bob.maildir.path, pair.environment(), copy_all(target))


def by_neomutt(pair: Pair, target: str) -> None:
    mutt("neomutt", pair.bob.maildir.path, pair.environment(), copy_all(target))


def copy_all(target: str) -> str:
    return f"<tag-pattern>~A<enter><tag-prefix><copy-message><kill-line>{target}<enter><quit>"


def by_delivery(*argv: str) -> Callable[[Pair, str], None]:
    """Return what feeds each message to a delivery program."""

    def deliver(pair: Pair, target: str) -> None:
        words = [word.replace("TARGET", target) for word in argv]
        for raw in contents(mail_in(pair.bob.maildir.path)):
            done = run(words, stdin=raw, env=pair.environment(), cwd=str(pair.home))
            assert done.returncode == 0, done

    return deliver


def by_maildrop(pair: Pair, target: str) -> None:
    rules = pair.home / "rules"
    rules.write_text(f'to "{target}/"\n')
    rules.chmod(0o600)
    by_delivery("maildrop", str(rules))(pair, target)


def by_cpython(pair: Pair, target: str) -> None:
    box = cpython.Maildir(target, create=False)
    for raw in contents(mail_in(pair.bob.maildir.path)):
        box.add(raw)


def by_cpython_email(pair: Pair, target: str) -> None:
    """As a program does that reads a Maildir and files what it read elsewhere."""
    copy = cpython.Maildir(target, create=False)
    for message in cpython.Maildir(pair.bob.maildir.path, create=False):
        copy.add(message)


ROADS = {
    "mutt": by_mutt,
    "neomutt": by_neomutt,
    "mdeliver": by_delivery("mdeliver", "TARGET"),
    "maildrop": by_maildrop,
    "procmail": by_delivery("procmail", "DEFAULT=TARGET/", "/dev/null"),
    "safecat": by_delivery("safecat", "TARGET/tmp", "TARGET/new"),
}


@pytest.mark.parametrize("road", [pytest.param(road, marks=pytest.mark.peer(road)) for road in ROADS])
def test_text_and_signature_survive(pair: Pair, tmp_path: Path, road: str) -> None:
    """G4, G9: ours. A copy made by another program is as good as the file that was sent."""
    target = make_maildir(str(tmp_path / "copies"))
    for text in TEXTS.values():
        pair.send(text)
    ROADS[road](pair, target)
    received = [pair.judged(raw) for raw in contents(mail_in(target))]
    assert {one.verdict for one in received} == {"pass"}
    assert sorted(map(text_of, received)) == sorted(TEXTS.values())


def test_text_and_signature_survive_cpython(pair: Pair, tmp_path: Path) -> None:
    """G4, G9: ours."""
    for name, road in (("bytes", by_cpython), ("email", by_cpython_email)):
        target = make_maildir(str(tmp_path / name))
        for text in TEXTS.values():
            pair.send(text)
        road(pair, target)
        received = [pair.judged(raw) for raw in contents(mail_in(target))]
        assert {one.verdict for one in received} == {"pass"}, name
        assert sorted(map(text_of, received)) == sorted(TEXTS.values()), name
        for path in mail_in(pair.bob.maildir.path):
            os.unlink(path)

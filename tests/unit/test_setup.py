"""Setting up other programs: our part goes in once, comes out whole, and nothing else of their text changes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maildir_ipc.errors import Misconfigured
from maildir_ipc.settings import Settings
from maildir_ipc.setup import BEGIN, END, Change, cron, of_file, systemd, with_block, without_block

if TYPE_CHECKING:
    from pathlib import Path

_LINES = st.lists(st.sampled_from(["MAILTO=me", "0 1 * * * true", "# a comment", "", "  odd\ttext"]), max_size=6)


@given(_LINES, st.booleans())
def test_a_block_goes_in_once_and_comes_out_without_a_trace(lines: list[str], ends: bool) -> None:
    """Issue 4: merged, removable, other lines untouched."""
    text = "\n".join(lines) + ("\n" if ends and lines else "")
    once = with_block(text, "ours\n")
    assert once.count(BEGIN) == once.count(END) == 1
    assert with_block(once, "ours\n") == once
    assert without_block(once).removesuffix("\n") == text.removesuffix("\n")
    assert with_block(once, "newer\n") == once.replace("ours", "newer")


def test_a_block_stays_where_its_person_moved_it() -> None:
    """The lines around it keep their order."""
    text = f"first\n{BEGIN}\nold\n{END}\nlast\n"
    assert with_block(text, "new\n") == f"first\n{BEGIN}\nnew\n{END}\nlast\n"
    assert without_block(text) == "first\nlast\n"


def test_a_block_without_its_end_is_left_to_its_person() -> None:
    """G12: what follows may be theirs."""
    with pytest.raises(Misconfigured, match="by hand"):
        with_block(f"{BEGIN}\ntheirs\n", "ours\n")


def _settings(folder: Path, **environ: str) -> Settings:
    return Settings({"HOME": str(folder), **environ}, os.getuid())


def test_the_line_for_cron_carries_what_cron_does_not_know(tmp_path: Path) -> None:
    """Issue 4: it works in cron's empty environment; crontab(5): a percent sign would end the line."""
    line = cron.line(_settings(tmp_path, MAILDIR_IPC_ROOT="/srv/it's 100%", IPC_SHARED_SECRET="s" * 20))
    assert line.startswith(f"* * * * * HOME={tmp_path} MAILDIR_IPC_ROOT='/srv/it'\\''s 100\\%' ")
    assert line.endswith("/bin/ipc-cron")
    assert "sss" not in line


def test_a_place_with_a_line_break_is_not_put_where_lines_are(tmp_path: Path) -> None:
    """Its second line would be a command of its own."""
    with pytest.raises(Misconfigured, match="crontab"):
        cron.line(_settings(tmp_path, MAILDIR_IPC_ROOT="/srv/a\n* * * * * rm x"))
    with pytest.raises(Misconfigured, match="unit"):
        systemd.unit(_settings(tmp_path, MAILDIR_IPC_ROOT="/srv/a\nExecStartPre=/bin/rm x"))


def test_a_program_that_systemd_cannot_start_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No quote can stand quote in the name of a program that systemd starts, however it is written."""
    for name in ("it's", 'a"b', "a\\b"):
        monkeypatch.setattr(systemd, "program", lambda _, name=name: [f"/srv/{name}/mipc"])
        with pytest.raises(Misconfigured, match="cannot start"):
            systemd.unit(_settings(tmp_path))


def test_the_unit_is_written_and_removed_whole(tmp_path: Path) -> None:
    """Issue 4: a user unit for watch, below the account's own configuration."""
    settings = _settings(tmp_path, MAILDIR_IPC_ROOT='/srv/50% "x"')
    plan = systemd.plan(settings, "user")
    (change,) = plan.changes
    path = tmp_path / ".config/systemd/user/maildir-ipc.service"
    assert change.where == str(path)
    assert change.apply()
    text = path.read_text()
    assert 'Environment="MAILDIR_IPC_ROOT=/srv/50%% \\"x\\""\n' in text
    assert "ExecStart=" in text
    assert not systemd.plan(settings, "user").changes[0].apply()
    assert systemd.plan(settings, "user").changes[0].remove()
    assert not path.exists()


def test_a_file_that_is_a_link_stays_one_and_keeps_its_mode(tmp_path: Path) -> None:
    """Whoever keeps their settings in a repository has links to it."""
    real, link = tmp_path / "real", tmp_path / "link"
    real.write_text("theirs\n")
    real.chmod(0o644)
    link.symlink_to(real)

    def change() -> Change:
        return of_file(
            str(link), lambda now: (with_block(now or "", "ours\n"), without_block(now or "") or None), "ours\n"
        )

    assert change().apply()
    assert link.is_symlink()
    assert real.read_text() == f"theirs\n{BEGIN}\nours\n{END}\n"
    assert real.stat().st_mode & 0o777 == 0o644
    assert change().remove()
    assert real.read_text() == "theirs\n"


def test_a_file_that_is_no_text_is_left_alone(tmp_path: Path) -> None:
    """G12."""
    path = tmp_path / "binary"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(Misconfigured, match="UTF-8"):
        of_file(str(path), lambda now: (now or "", now), "")


@pytest.mark.parametrize(
    ("crontab", "is_there"),
    [
        ("* * * * * /home/me/bin/ipc-cron", True),
        ("@hourly true\n* * * * * HOME=/x mipc auto-check run --due", True),
        ("# * * * * * /home/me/bin/ipc-cron", False),
        ("# maildir-ipc begin\n #* * * * * ipc-cron\n# maildir-ipc end", False),
        ("", False),
    ],
)
def test_only_a_line_that_cron_runs_counts(
    crontab: str, is_there: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S30: status says by what means, and truly."""
    (tmp_path / "now").write_text(f"{crontab}\n")
    (tmp_path / "crontab").write_text(f"#!/bin/sh\ncat '{tmp_path}/now'\n")
    (tmp_path / "crontab").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert cron.installed() == is_there

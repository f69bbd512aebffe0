"""A real cron daemon, Debian's, starts the tick; setup cron and setup systemd leave other lines alone. Issue 4; S31."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.conftest import need
from tests.e2e.driving import CHECKOUT, PATH, assert_refused, mipc, run, words
from tests.e2e.test_auto_check import Fifo, start

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.e2e

# A spool of crontabs of our own, none of the machine's jobs, and a /run where no other daemon has its lock.
_OWN_CRON = """
set -eu
mount -t tmpfs none /var/spool/cron
mkdir /var/spool/cron/crontabs
chgrp crontab /var/spool/cron/crontabs
chmod 1730 /var/spool/cron/crontabs
for folder in /etc/cron.d /run; do mount -t tmpfs none "$folder"; done
mount --bind /dev/null /etc/crontab
"""


def _in_own_cron(script: str, home: Path) -> subprocess.Popen[str]:
    """Start a shell script in namespaces of its own; what it starts ends with it."""
    wrap = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", _OWN_CRON + script]
    environ = {"PATH": f"{PATH}:/usr/sbin:/sbin", "HOME": str(home)}
    return subprocess.Popen(wrap, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _need_cron() -> None:
    need("cron", "crontab", "unshare")
    if os.geteuid():
        pytest.skip("only root can give a cron daemon namespaces of its own")


@pytest.mark.timeout(120)
def test_a_real_cron_daemon_runs_the_tick_and_the_handler_gets_the_message(home: Path, spool: Path) -> None:
    """S31; issue 4: cron starts jobs at whole minutes, so this waits for one."""
    _need_cron()
    said = Fifo(home / "said")
    start(home, "bob", f"cat >'{said.path}'")
    cron = _in_own_cron(words("setup", "cron", "--apply") + "\nexec cron -f\n", home)
    try:
        message = json.loads(said.read(110.0))
    finally:
        cron.kill()
        cron.communicate()
    assert (message["identity"], message["from"], message["body"]) == ("bob", "alice", "unread")


def test_the_line_is_merged_once_and_taken_out_without_a_trace(home: Path) -> None:
    """Issue 4: other lines are never touched."""
    _need_cron()
    theirs = "MAILTO=nobody\n# mine\n5 4 * * * /bin/true 100\\%\n"
    (home / "theirs").write_text(theirs)
    apply, remove = words("setup", "cron", "--apply"), words("setup", "cron", "--remove")
    show = "crontab -l; echo ====="
    script = f"crontab '{home}/theirs'\n{apply}\n{apply}\n{show}\n{remove}\n{show}\n{remove}\n"
    script += f"crontab -r\n{apply}\n{remove}\ncrontab -l 2>&1 || :\n"
    done = _in_own_cron(script, home)
    out, err = done.communicate(timeout=60)
    assert done.returncode == 0, err
    merged, rest, last = out.split("=====\n")
    head, line = f"changed your crontab\nunchanged your crontab\n{theirs}# maildir-ipc begin\n", merged.split("\n")[-3]
    assert merged == f"{head}{line}\n# maildir-ipc end\n"
    assert line == f"* * * * * HOME={home} {CHECKOUT}/bin/ipc-cron"
    assert rest == f"removed from your crontab\n{theirs}"
    assert last == "unchanged your crontab\nchanged your crontab\nremoved from your crontab\nno crontab for root\n"


@pytest.mark.parametrize("theirs", [b"# caf\xe9 \xff\n5 4 * * * /bin/echo \xe9\n", b"A=1\n# \xc2\x85\x0b x\n"])
def test_other_lines_keep_every_byte(home: Path, theirs: bytes) -> None:
    """Issue 4: never overwrites what is there, in whatever encoding it is."""
    _need_cron()
    (home / "theirs").write_bytes(theirs)
    apply, remove = words("setup", "cron", "--apply"), words("setup", "cron", "--remove")
    script = f"crontab '{home}/theirs'\n{apply}\ncrontab -l >'{home}/merged'\n{remove}\ncrontab -l >'{home}/rest'\n"
    done = _in_own_cron(script, home)
    _, err = done.communicate(timeout=60)
    assert done.returncode == 0, err
    assert (home / "merged").read_bytes().startswith(theirs + b"# maildir-ipc begin\n* * * * * ")
    assert (home / "rest").read_bytes() == theirs


@pytest.mark.parametrize(("before", "why"), [("# " + "x" * 900 + "\n", "too large"), ("# DOS\r\n", "carriage returns")])
def test_a_crontab_that_is_not_read_as_it_is_is_left_alone(home: Path, before: str, why: str) -> None:
    """Issue 4: the jobs behind its first MiB would be gone, or the bytes that crontab -l writes out."""
    _need_cron()
    (home / "theirs").write_bytes(before.encode() * 1200 + b"5 4 * * * /bin/last\n")
    script = f"crontab '{home}/theirs'\n{words('setup', 'cron', '--apply')} || echo $?\ncrontab -l | tail -n 1\n"
    done = _in_own_cron(script, home)
    out, err = done.communicate(timeout=60)
    assert (out, err.count("\n")) == ("78\n5 4 * * * /bin/last\n", 1), err
    assert why in err
    assert "crontab -e" in err


def test_without_apply_the_line_is_only_printed(home: Path) -> None:
    """Issue 4: prints."""
    _need_cron()
    done = _in_own_cron(words("setup", "cron") + "\ncrontab -l || :\n", home)
    out, err = done.communicate(timeout=60)
    assert out == f"* * * * * HOME={home} {CHECKOUT}/bin/ipc-cron\n"
    assert "in your crontab:" in err
    assert "no crontab for root" in err


def test_where_there_is_no_cron_that_is_said(home: Path) -> None:
    """G12: 69, and what else there is."""
    assert_refused(mipc(home, "setup", "cron", PATH=str(home)), 69, "crontab", "systemd")


@pytest.mark.parametrize("given", [(), ("windows",), ("cron", "--apply", "--remove"), ("cron", "--scope", "moon")])
def test_a_wrong_word_is_refused(home: Path, given: tuple[str, ...]) -> None:
    """G12."""
    assert_refused(mipc(home, "setup", *given), 64)


def test_the_unit_is_printed_applied_and_removed(home: Path) -> None:
    """Issue 4: setup systemd."""
    path = home / ".config/systemd/user/maildir-ipc.service"
    shown = mipc(home, "setup", "systemd")
    assert not path.exists()
    assert "[Service]\n" in shown.out
    done = mipc(home, "setup", "systemd", "--apply", "--json").json
    assert (done["changes"][0]["where"], done["changes"][0]["state"]) == (str(path), "changed")
    assert "systemctl --user daemon-reload" in done["next"]
    assert path.read_text() == shown.out
    assert mipc(home, "setup", "systemd", "--apply").out == f"unchanged {path}\n"
    assert mipc(home, "setup", "systemd", "--remove").out == f"removed from {path}\n"
    assert not path.exists()


def test_the_unit_is_one_that_systemd_accepts(home: Path) -> None:
    """systemd-analyze is the judge."""
    need("systemd-analyze")
    checkout = home / "c$d 100%x"
    for folder in ("bin", "maildir_ipc"):
        shutil.copytree(CHECKOUT / folder, checkout / folder, ignore=shutil.ignore_patterns("__pycache__"))
    odd = {"MAILDIR_IPC_ROOT": str(home / '50% of "it" for $5')}
    assert run(str(checkout / "bin/mipc"), "setup", "systemd", "--apply", home=home, env=odd).code == 0
    unit = home / ".config/systemd/user/maildir-ipc.service"
    environ = {"PATH": PATH, "HOME": str(home), "XDG_RUNTIME_DIR": str(home)}
    done = subprocess.run(
        ["systemd-analyze", "--user", "verify", unit], env=environ, capture_output=True, text=True, check=False
    )
    assert "maildir-ipc" not in done.stderr, done.stderr

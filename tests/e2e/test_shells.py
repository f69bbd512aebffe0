"""The scripts in bin/ are POSIX sh: the same under every shell, from everywhere, however they are named."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.conftest import need
from tests.e2e.driving import BIN, CHECKOUT, PATH, PYTHON, assert_refused, run

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

pytestmark = pytest.mark.e2e

SHELLS: dict[str, Sequence[str]] = {
    "itself": (), "dash": ("dash",), "busybox": ("busybox", "sh"), "bash": ("bash",), "posix": ("bash", "--posix"),
}  # fmt: skip


def converse(folder: str | Path, shell: Sequence[str], home: Path, cwd: Path, **env: str) -> None:
    """Run the four daily commands from *folder*, and see a message arrive."""

    def script(name: str, *arguments: str, stdin: bytes = b"") -> str:
        done = run(*shell, f"{folder}/ipc-{name}", *arguments, home=home, cwd=cwd, env=env, stdin=stdin)
        assert done.code == 0, done
        return done.out

    assert script("register", "alice", "--as", "alice") == "alice\n"
    text = "two  blanks * $HOME `x` \\ 'q' \"d\"\nsecond line"
    assert script("send", "--as", "alice", "alice", text).endswith(" alice delivered\n")
    assert script("send", "--as", "alice", "alice", "-", stdin=b"from stdin\n").endswith(" alice delivered\n")
    shown = script("check", "--as", "alice")
    assert text in shown
    assert "from stdin" in shown
    assert script("list").startswith("alice  registered")


def checkout(at: Path) -> Path:
    """Copy what a command needs to *at*; no .venv goes with it. Return its bin/."""
    shutil.copytree(BIN, at / "bin")
    shutil.copytree(CHECKOUT / "maildir_ipc", at / "maildir_ipc")
    return at / "bin"


@pytest.mark.parametrize("shell", SHELLS)
def test_the_scripts_work_under_every_shell(home: Path, tmp_path: Path, shell: str) -> None:
    """Ours: POSIX sh, nothing more."""
    need(*SHELLS[shell][:1])
    converse(BIN, SHELLS[shell], home, tmp_path)


@pytest.mark.parametrize("shell", SHELLS)
def test_the_scripts_work_from_a_path_with_blanks_and_other_marks(home: Path, tmp_path: Path, shell: str) -> None:
    """Ours: nothing is split or expanded on the way."""
    need(*SHELLS[shell][:1])
    scripts = checkout(tmp_path / "my * checkout;'$HOME")
    converse(scripts, SHELLS[shell], home, tmp_path)


@pytest.mark.parametrize("shell", SHELLS)
def test_the_scripts_work_by_a_relative_path_with_cdpath_set(home: Path, tmp_path: Path, shell: str) -> None:
    """POSIX: `cd` with CDPATH goes elsewhere and prints; a script must not rely on it."""
    need(*SHELLS[shell][:1])
    checkout(tmp_path / "here")
    (tmp_path / "decoy/bin").mkdir(parents=True)
    converse("bin", SHELLS[shell], home, tmp_path / "here", CDPATH=f"{tmp_path}/decoy:.")


@pytest.mark.parametrize(
    ("kind", "shell"), [("absolute", "itself"), ("relative", "dash"), ("chain", "busybox"), ("chain", "bash")]
)
def test_the_scripts_work_through_a_symlink(home: Path, tmp_path: Path, kind: str, shell: str) -> None:
    """Ours: a person links a script into ~/bin."""
    need(*SHELLS[shell][:1])
    scripts, links = checkout(tmp_path / "checkout"), tmp_path / "links"
    links.mkdir()
    for script in scripts.iterdir():
        target = script if kind == "absolute" else os.path.relpath(script, links)
        name = links / (f"real-{script.name}" if kind == "chain" else script.name)
        name.symlink_to(target)
        if kind == "chain":
            (links / script.name).symlink_to(f"real-{script.name}")
    converse(links, SHELLS[shell], home, tmp_path)


def test_the_scripts_work_when_found_on_path(home: Path, tmp_path: Path) -> None:
    """Ours: PATH=…/bin:$PATH, the other way in which a person installs a checkout."""
    done = run("sh", "-c", "ipc-register alice --as alice && ipc-check --as alice", home=home, cwd=tmp_path,
               env={"PATH": f"{BIN}:{PATH}"})  # fmt: skip
    assert (done.code, done.out) == (0, "alice\n")


def test_neither_environment_nor_directory_can_change_the_program(home: Path, tmp_path: Path) -> None:
    """Ours: -I; a file `json.py` where the agent works, or a PYTHONPATH, is not loaded."""
    for name in ("json", "os", "time", "maildir_ipc", "sitecustomize"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('stolen')")
    converse(BIN, (), home, tmp_path, PYTHONPATH=str(tmp_path), PYTHONSTARTUP=str(tmp_path / "json.py"))


def programs(tmp_path: Path, *names: str) -> Path:
    """Make a folder for PATH that holds these programs alone."""
    folder = tmp_path / "programs"
    folder.mkdir(exist_ok=True)
    for name in names:
        if found := shutil.which(name):
            (folder / name).symlink_to(found)
    return folder


def interpreter(folder: Path, name: str, body: str) -> Path:
    """Make a program that says it is a Python."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(body)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def test_an_old_python_hands_over_to_a_newer_one_beside_it(home: Path, tmp_path: Path) -> None:
    """Ours: macOS's python3 is too old while python3.12 lies on PATH. Simulated by a lying version."""
    scripts = checkout(tmp_path / "checkout")
    main = scripts.parent / "maildir_ipc/__main__.py"
    source = main.read_text()
    assert "sys.version_info < (3, 10)" in source
    # The first interpreter believes that it is 3.9; the one that is found by name does not.
    main.write_text(source.replace("sys.version_info < (3, 10)", 'not os.environ.get("NEWER")'))
    newer = tmp_path / "newer"
    interpreter(newer, "python3.12", f'#!/bin/sh\nNEWER=1 exec {PYTHON} "$@"\n')
    converse(scripts, (), home, tmp_path, PATH=f"{newer}:/usr/bin:/bin")
    refused = run(f"{scripts}/ipc-list", home=home, env={"PATH": str(programs(tmp_path, "readlink", "sh"))})
    assert_refused(refused, 69, "3.10", "install")
    # pyenv's shims are programs that only say that they are not there.
    interpreter(tmp_path / "shims", "python3.13", "#!/bin/sh\necho 'no such version' >&2\nexit 127\n")
    done = run(f"{scripts}/ipc-list", home=home, env={"PATH": f"{tmp_path}/shims:{newer}:/usr/bin:/bin"})
    assert (done.code, done.err) == (0, ""), done


def test_the_entry_point_is_readable_to_an_old_python() -> None:
    """Ours: a syntax error would hide the one line that says what is missing."""
    import ast

    source = (CHECKOUT / "maildir_ipc/__main__.py").read_text()
    ast.parse(source, feature_version=(3, 4))
    assert "f'" not in source
    assert 'f"' not in source


@pytest.mark.parametrize("name", ["ipc-send", "ipc-check", "ipc-list", "ipc-register"])
@pytest.mark.parametrize("shell", SHELLS)
def test_without_any_python_one_line_says_what_to_install(home: Path, tmp_path: Path, name: str, shell: str) -> None:
    """G12: exit 69, which command installs it; not the shell's own `not found`."""
    need(*SHELLS[shell][:1])
    scripts = checkout(tmp_path / "checkout")
    changed = 0
    for script in scripts.iterdir():  # the system's own Python cannot be taken away, so it is looked for elsewhere
        text = script.read_text()
        changed += "=/usr/bin/python3" in text
        script.write_text(text.replace("=/usr/bin/python3", "=/nonexistent/python3"))
    assert changed
    path = programs(tmp_path, "sh", "readlink", "dash", "bash", "busybox")
    done = run(*SHELLS[shell], f"{scripts}/{name}", home=home, env={"PATH": str(path)})
    assert (done.code, done.out) == (69, ""), done
    assert done.err.count("\n") == 1, done
    assert "python3" in done.err
    assert "install Python 3.10 or later" in done.err


def test_shellcheck_finds_nothing_in_bin() -> None:
    """Ours: also held by tests/run; here for a run of these tests alone."""
    shellcheck = CHECKOUT / ".venv/bin/shellcheck"
    program = str(shellcheck) if shellcheck.exists() else "shellcheck"
    need(program)
    argv = [program, "-x", "-s", "sh", *sorted(f"bin/{path.name}" for path in BIN.iterdir())]
    done = subprocess.run(argv, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")

"""The machine around a spool: its file system, its room, its Python, and which `mipc` a shell finds."""

from __future__ import annotations

import os
import sys

from ..mounts import NETWORK
from .finding import NOTE, Finding

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..mounts import Mount

COMMANDS = ("mipc", "maildir-ipc")
PACKAGES = ("filelock", "watchdog", "mcp")
MIN_BYTES, MIN_INODES = 64 << 20, 1000
_ADVICE = {
    "network": "mount it with hard, not soft; other machines' mail is seen by polling, not at once",
    "overlay": "a container's own layer goes with the container: put the spool on a volume",
    "tmpfs": "it is memory: all mail is gone at the next boot; choose a disk",
    "ramfs": "it is memory: all mail is gone at the next boot; choose a disk",
    "9p": "a share of the host: changes made there are seen by polling; a disk of this machine is safer",
    "virtiofs": "a share of the host: changes made there are seen by polling; a disk of this machine is safer",
    "vboxsf": "a share of the host: it has no links and no locks to rely on; choose a disk of this machine",
    "fuse": "whether fsync keeps its promise is up to that program; a disk of this machine is safer",
}


def advice(mount: Mount) -> str | None:
    """Return what to do about a kind that does not keep all our promises, or None."""
    if mount.kind in NETWORK or mount.kind in ("fuse.sshfs", "fuse.glusterfs", "fuse.s3fs", "fuse.rclone"):
        return _ADVICE["network"]
    return _ADVICE.get(mount.kind.partition(".")[0])


def file_system(mount: Mount | None) -> Iterator[Finding]:
    """Yield what to know about the kind of file system."""
    found = None if mount is None else advice(mount)
    if mount is not None and found is not None:
        yield Finding("file-system", f"the spool is on {mount.kind} ({mount.point})", found, level=NOTE)


def space(status: os.statvfs_result, root: str) -> Iterator[Finding]:
    """Yield a lack of room for mail; each message needs an inode, and a second one for having been seen."""
    free = status.f_bavail * status.f_frsize
    if free < MIN_BYTES:
        yield Finding("space", f"{free >> 20} MiB are left for {root}", "make room: sending fails (75) when it is full")
    if status.f_files and status.f_favail < MIN_INODES:
        what = f"{status.f_favail} inodes are left for {root}"
        yield Finding("space", what, "remove small files: sending fails (75) when there are none")


def installations(path: Sequence[str], version: str) -> Iterator[Finding]:
    """Yield what is amiss with the commands that a shell finds on *path*."""
    found: dict[str, str] = {}
    for folder in path:
        for name in COMMANDS:
            file = os.path.join(folder, name)
            if os.path.isabs(folder) and os.path.isfile(file) and os.access(file, os.X_OK):
                # A launcher that pip makes is another file for each of our two names.
                found.setdefault(os.path.dirname(os.path.realpath(file)), file)
    for file in found.values():
        other = _version_of(file)
        if other != version:
            said = f"is version {other}" if other else "does not say its version"
            yield Finding("installation", f"{file} {said}, this is {version}", "install one of them, remove the other")
    if len(found) > 1:
        what = f"{len(found)} installations are on PATH: {', '.join(found.values())}"
        yield Finding("installation", what, "keep one: the first is used, hooks may name another", level=NOTE)


def packages() -> list[tuple[str, str]]:
    """Return which of the packages that do more than the core are importable here, with their versions."""
    from importlib.metadata import PackageNotFoundError, version
    from importlib.util import find_spec

    found = []
    for name in PACKAGES:
        try:
            found.append((name, version(name) if find_spec(name) else "no"))
        except PackageNotFoundError:
            found.append((name, "yes"))
    return found


def python() -> str:
    """Return which Python this is."""
    return f"{sys.version.split()[0]} ({sys.executable})"


def _version_of(file: str) -> str | None:
    import subprocess

    try:
        done = subprocess.run(
            [file, "--version"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip()[:40] or None if done.returncode == 0 else None

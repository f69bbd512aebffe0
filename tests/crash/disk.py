"""A real file system on an image file, whose power can be cut: what was not synced is gone.

xfs_io's `shutdown` stops ext4 and xfs in the same way: what is in memory, and what the journal has not
got yet, never reaches the image. It needs root and a loop device.
"""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from tests.conftest import need

_MAKE = {"ext4": ("mkfs.ext4", "-q", "-F"), "xfs": ("mkfs.xfs", "-q", "-f")}
_BYTES = {"ext4": 64 << 20, "xfs": 300 << 20}  # sparse; xfs makes none below 300 MiB


class Disk:
    """A mounted file system; *root* is its root directory. Use it as a context manager, and it is gone after."""

    def __init__(self, folder: Path, kind: str) -> None:
        self.kind, self.image, self.root = kind, folder / f"{kind}.image", folder / kind

    def __enter__(self) -> Disk:
        need("xfs_io", "mount", "losetup", _MAKE[self.kind][0])
        if os.geteuid() != 0 or not Path("/dev/loop-control").exists():
            _not_here("cutting the power of a file system needs root and loop devices")
        self.root.mkdir()
        with self.image.open("wb") as file:
            file.truncate(_BYTES[self.kind])
        _must(*_MAKE[self.kind], str(self.image))
        mounted = _run("mount", "-o", "loop", str(self.image), str(self.root))
        if mounted.returncode != 0:
            self.image.unlink()
            _not_here(f"no loop mount of {self.kind} is to be had here: {mounted.stderr.strip()}")
        return self

    def __exit__(self, *_: object) -> None:
        self._unmount()
        self.image.unlink()

    def cut(self) -> None:
        """Cut the power, and start again with what had reached the disk."""
        _must("xfs_io", "-x", "-c", "shutdown", str(self.root))
        self._unmount()
        _must("mount", "-o", "loop", str(self.image), str(self.root))

    def _unmount(self) -> None:
        """Return when the loop device is gone too: mount made it so that umount lets it go.

        A process that made a mount namespace meanwhile keeps it a while longer, and a mount would get
        the dead file system back.
        """
        _must("umount", str(self.root))
        end = time.monotonic() + 30
        while _run("losetup", "-j", str(self.image)).stdout:
            assert time.monotonic() < end, f"another mount namespace keeps {self.image}"

    def settle(self) -> None:
        """Put all that was written so far onto the disk."""
        _must("sync", "-f", str(self.root))


def _not_here(reason: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    path = f"{os.environ.get('PATH', os.defpath)}:/usr/local/sbin:/usr/sbin:/sbin"
    environ = {"PATH": path, "LC_ALL": "C"}
    return subprocess.run(["env", *command], env=environ, capture_output=True, text=True, timeout=60, check=False)


def _must(*command: str) -> None:
    done = _run(*command)
    assert done.returncode == 0, (command, done.stderr)

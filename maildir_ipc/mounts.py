"""What kind of file system a path lies on, as the kernel says it; nothing is known where there is no /proc.

Source: proc(5), mountinfo.
"""

from __future__ import annotations

NETWORK = (
    "nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ceph", "glusterfs", "lustre", "beegfs", "gpfs", "ocfs2", "gfs2",
)  # fmt: skip
_HOST = ("fuse", "9p", "virtiofs", "vboxsf", "drvfs")  # behind these is another program, or the host of this machine


class Mount:
    """A mounted file system: its *kind*, as the kernel says it, and where it is mounted."""

    __slots__ = ("kind", "point")

    def __init__(self, kind: str, point: str) -> None:
        self.kind, self.point = kind, point

    @property
    def shared(self) -> bool:
        """Whether others than this kernel change what is there: inotify(7) tells of this kernel's changes only."""
        return self.kind in NETWORK or self.kind.partition(".")[0] in _HOST


def mount_of(path: str, table: str) -> Mount | None:
    """Return what *path*, absolute and without links, lies on; *table* is the text of mountinfo, proc(5)."""
    best: Mount | None = None
    for line in table.split("\n"):
        left, dash, right = line.partition(" - ")
        fields = left.split(" ")
        if not dash or len(fields) < 5:
            continue
        point = _unescape(fields[4])
        inside = path == point or path.startswith(point.rstrip("/") + "/")
        # Of two mounted at one place the later one is seen.
        if inside and (best is None or len(point) >= len(best.point)):
            best = Mount(right.split(" ")[0], point)
    return best


def mount_table() -> str:
    """Return this process's mountinfo; empty where there is none."""
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except OSError:
        return ""


def _unescape(text: str) -> str:
    r"""Return a path as it is: the kernel writes blank, tab, LF and backslash as \040 \011 \012 \134."""
    for code in ("040", "011", "012", "134"):
        text = text.replace(f"\\{code}", chr(int(code, 8)))
    return text

"""How long the commands take as whole processes, beside an interpreter that does nothing.

    python benchmarks/start.py [ROUNDS]

Prints the median and the best of interleaved rounds, and their ratio to `python -c pass` of the same
interpreter. design: `bin/ipc-send` and `bin/ipc-check` at most 1.5 times that. Never a gate: a figure
from a busy machine says little; the structural tests hold what makes it fast.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def interpreter() -> str:
    """Return the Python that the scripts in bin/ use."""
    candidates = (f"{ROOT}/.venv/bin/python", "/usr/bin/python3")
    return next((path for path in candidates if os.access(path, os.X_OK)), "python3")


def commands(python: str) -> dict[str, list[str]]:
    """Return what is timed: the floors first."""
    return {
        "sh -c :": ["/bin/sh", "-c", ":"],
        "python -c pass": [python, "-c", "pass"],
        "python -I -S -c pass": [python, "-I", "-S", "-c", "pass"],
        "bin/ipc-send": [f"{ROOT}/bin/ipc-send", "bob", "hello"],
        "bin/ipc-send --no-sync": [f"{ROOT}/bin/ipc-send", "--no-sync", "bob", "hello"],
        "bin/ipc-check, one new": [f"{ROOT}/bin/ipc-check", "--limit", "1"],
        "bin/ipc-check, nothing new": [f"{ROOT}/bin/ipc-check", "--as", "carol"],
        "bin/ipc-list": [f"{ROOT}/bin/ipc-list"],
    }


def measure(rounds: int) -> dict[str, list[float]]:
    """Return the milliseconds of each command in each round."""
    taken: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as home:
        base = {"HOME": home, "PATH": "/usr/bin:/bin"}
        for name in ("alice", "bob", "carol"):
            call([f"{ROOT}/bin/ipc-register", name, "--as", name], base)
        for index in range(rounds + 1):
            for label, command in commands(interpreter()).items():
                who = "bob" if "one new" in label else "alice"
                seconds = call(command, {**base, "MAILDIR_IPC_IDENTITY": who})
                if index:  # the first round warms the caches
                    taken.setdefault(label, []).append(seconds * 1000)
    return taken


def call(command: list[str], environ: dict[str, str]) -> float:
    """Return the seconds from start to end of one process. Raises: CalledProcessError."""
    begun = time.perf_counter()
    subprocess.run(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    return time.perf_counter() - begun


def main() -> None:
    """Print the table."""
    taken = measure(int(sys.argv[1]) if len(sys.argv) > 1 else 30)
    floor = taken["python -c pass"]
    print(f"{'command':28} {'median ms':>9} {'best ms':>8} {'median x':>9} {'best x':>7}")
    for label, values in taken.items():
        middle, best = statistics.median(values), min(values)
        ratio, best_ratio = middle / statistics.median(floor), best / min(floor)
        print(f"{label:28} {middle:9.1f} {best:8.1f} {ratio:9.2f} {best_ratio:7.2f}")


if __name__ == "__main__":
    main()

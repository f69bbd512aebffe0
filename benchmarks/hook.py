"""How long an agent's hook takes as a whole process, beside a shell that does nothing.

    python benchmarks/hook.py [ROUNDS]

Prints the median and the best of interleaved rounds, and their ratio to `sh -c :`.
design: `bin/ipc-hook claude PostToolBatch` without mail, of an agent that has a name, at most 3 times that.
The hook is started as an agent client starts it: from a process of that name, with JSON on its standard input.
Never a gate: tests/e2e/test_hooks.py holds that nothing is started but the shell and cat.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
HOOK = [f"{ROOT}/bin/ipc-hook", "claude", "PostToolBatch"]


def event(size: int) -> bytes:
    """Return an event with a tool's output of so many bytes."""
    return json.dumps({"session_id": "s", "tool_calls": [{"tool_response": "x" * size}]}).encode()


def cases() -> dict[str, tuple[list[str], bytes]]:
    """Return what is timed, with its standard input: the floors first."""
    return {
        "sh -c :": (["/bin/sh", "-c", ":"], b""),
        "sh -c 'exec cat'": (["/bin/sh", "-c", "exec cat >/dev/null"], event(1000)),
        "no mail, 1 kB": (HOOK, event(1000)),
        "no mail, 200 kB": (HOOK, event(200_000)),
        "no mail, every shell: bash": (["bash", *HOOK], event(1000)),
        "SessionStart (Python)": ([*HOOK[:2], "SessionStart"], event(0)),
    }


def measure(rounds: int) -> dict[str, list[float]]:
    """Return the milliseconds of each case in each round."""
    taken: dict[str, list[float]] = {}
    for index in range(rounds + 1):
        for label, (command, data) in cases().items():
            begun = time.perf_counter()
            subprocess.run(command, input=data, stdout=subprocess.DEVNULL, check=True)
            if index:  # the first round warms the caches
                taken.setdefault(label, []).append((time.perf_counter() - begun) * 1000)
    return taken


def show(taken: dict[str, list[float]]) -> None:
    """Print the table."""
    floor = taken["sh -c :"]
    print(f"{'command':28} {'median ms':>9} {'best ms':>8} {'median x':>9} {'best x':>7}")
    for label, values in taken.items():
        middle, best = statistics.median(values), min(values)
        ratio, best_ratio = middle / statistics.median(floor), best / min(floor)
        print(f"{label:28} {middle:9.2f} {best:8.2f} {ratio:9.2f} {best_ratio:7.2f}")


def main() -> None:
    """Run the rounds below a stand-in for the client, in a home of its own."""
    rounds = sys.argv[1] if len(sys.argv) > 1 else "100"
    if os.environ.get("BENCHMARK") == "inside":
        show(measure(int(rounds)))
        return
    with tempfile.TemporaryDirectory() as home:
        environ = {"HOME": home, "PATH": "/usr/bin:/bin", "BENCHMARK": "inside"}
        client = f"{home}/claude"
        shutil.copy(shutil.which("bash") or "/bin/bash", client)
        # A first call writes down how cur/ looks; the `:` keeps the client from becoming its last command.
        lines = f'"{ROOT}/bin/ipc-register" bob; "{ROOT}/bin/ipc-hook" claude SessionStart; "$@"; :'
        argv = [client, "-c", lines, "client", sys.executable, os.path.abspath(__file__), rounds]
        subprocess.run(argv, env=environ, stdin=subprocess.DEVNULL, check=True)


if __name__ == "__main__":
    main()

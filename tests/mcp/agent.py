"""A small agent: starts a server on its own standard input and output, and runs the shell commands of a FIFO.

usage: agent.py DOOR COMMAND… ; write `OUTPUT-FILE<TAB>SHELL-COMMAND` to DOOR; then OUTPUT-FILE.done is a FIFO's
other end with the exit code.
"""

import os
import subprocess
import sys
import threading


def serve(door: str) -> None:
    """Run what comes through the door, as an agent runs its shell tool."""
    while True:
        with open(door, encoding="utf-8") as file:
            for line in file:
                output, command = line.rstrip("\n").split("\t", 1)
                with open(output, "wb") as out:
                    code = subprocess.run(
                        ["/bin/sh", "-c", command],
                        stdin=subprocess.DEVNULL,
                        stdout=out,
                        stderr=subprocess.STDOUT,
                        check=False,
                    ).returncode
                with open(f"{output}.done", "w", encoding="utf-8") as bell:
                    bell.write(str(code))


server = subprocess.Popen(sys.argv[2:])
threading.Thread(target=serve, args=(sys.argv[1],), daemon=True).start()
os._exit(server.wait())

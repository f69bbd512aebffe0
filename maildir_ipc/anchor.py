"""The process that a command's identity hangs on: the agent client, or the terminal's shell, it runs under.

Walking up from a command, launchers and scripts are passed over; another terminal, another login or
another machine's door ends the walk. Processes are judged by what they are, never by their pid.
"""

from __future__ import annotations

from .clients import client_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from .process import Process

_SHELLS = (
    "sh", "bash", "dash", "zsh", "fish", "ksh", "mksh", "ash", "busybox", "tcsh", "csh", "nu", "xonsh", "pwsh",
)  # fmt: skip
# Names are cut to 15 characters, as the kernel does.
_BOUNDARIES = frozenset((
    "tmux", "tmux: server", "screen", "SCREEN", "zellij", "sshd", "sshd-session", "mosh-server", "login", "getty",
    "agetty", "cron", "crond", "CROND", "anacron", "atd", "systemd", "init", "launchd", "runit", "s6-svscan", "openrc",
    "containerd-shim", "conmon", "runc", "crun", "dockerd", "containerd", "podman", "docker-init", "tini",
    "dumb-init", "lxc-start", "xterm", "gnome-terminal-", "konsole", "kitty", "alacritty", "wezterm-gui", "foot",
    "urxvt", "rxvt", "terminator", "xfce4-terminal", "lxterminal", "tilix", "ghostty", "Terminal", "iTerm2",
))  # fmt: skip
# What starts a server for somebody else: by its name, or by what an interpreter runs.
_LAUNCHERS = frozenset((
    "env", "sudo", "doas", "su", "make", "gmake", "script", "timeout", "nice", "ionice", "nohup", "setsid", "stdbuf",
    "flock", "direnv", "mise", "asdf", "rtx", "uv", "uvx", "pipx", "poetry", "pdm", "hatch", "rye", "npm", "npx",
    "npm-cli.js", "npx-cli.js", "pnpm", "pnpx", "yarn", "bunx", "ipc-mcp", "mipc", "maildir-ipc",
))  # fmt: skip
_INTERPRETERS = ("node", "python", "bun", "deno", "MainThread")
_OPTIONS_WITH_VALUE = ("--rcfile", "--init-file", "-o", "+o", "-O", "+O", "-C")


def find_anchor(ancestry: Iterable[Process]) -> Process | None:
    """Return the first agent client or interactive shell among *ancestry* (nearest first), or None."""
    shell: Process | None = None
    for process in ancestry:
        if shell is not None and not _is_fork(shell, process):
            return shell
        if client_of(process) is not None:
            return process
        if process.comm in _BOUNDARIES:
            return shell
        if _is_terminal_shell(process):
            shell = process
    return shell


def find_starter(ancestry: Iterable[Process]) -> Process | None:
    """Return the process that started a server: the first among *ancestry* that is no launcher, whatever it is.

    None when only what starts everything on a machine is left: then the server hangs on itself.
    """
    for process in ancestry:
        if process.comm in _BOUNDARIES:
            return None
        if is_starter(process):
            return process
    return None


def is_starter(process: Process) -> bool:
    """Return whether a process, met above a server, is what started it: no launcher, whatever else it is."""
    return client_of(process) is not None or not _is_launcher(process)


def ends_walk(process: Process) -> bool:
    """Return whether a command may not belong to anything above *process*.

    An agent client ends it too: an agent that was started from a registered terminal is not that terminal.
    """
    return process.comm in _BOUNDARIES or client_of(process) is not None


def is_of_client(process: Process, client: str) -> bool:
    """Return whether an anchor may be the agent *client* itself: not another one, nor a shell that people type into."""
    known = client_of(process)
    return known == client or (known is None and not _is_terminal_shell(process))


def describe(anchor: Process | None) -> str:
    """Return what a person calls an anchor."""
    return "no terminal" if anchor is None else f"{client_of(anchor) or anchor.comm} {anchor.pid}"


def _is_fork(child: Process, parent: Process) -> bool:
    """Return whether *child* is a subshell, `( … )` or one end of a pipe: it ends before the next command."""
    return child.stack != 0 and child.stack == parent.stack and child.comm == parent.comm


def _is_launcher(process: Process) -> bool:
    """Return whether a process only started another: a tool for that, or a shell that nobody types into."""
    if process.comm in _SHELLS:
        return not _is_terminal_shell(process)
    words = process.comm.split()  # npm calls itself `npm exec …`
    if words and words[0] in _LAUNCHERS:
        return True
    script = next((word for word in process.argv[1:] if not word.startswith("-")), "")
    return process.comm.startswith(_INTERPRETERS) and script.rpartition("/")[2] in _LAUNCHERS


def _is_terminal_shell(process: Process) -> bool:
    """Return whether a process is a shell that a person or an agent types into: a tty, no -c, no script."""
    if not process.tty or process.comm not in _SHELLS:
        return False
    arguments = iter(process.argv[2:] if process.comm == "busybox" else process.argv[1:])
    for argument in arguments:
        if argument in _OPTIONS_WITH_VALUE:
            next(arguments, None)
        elif not argument.startswith(("-", "+")) or (not argument.startswith("--") and "c" in argument):
            return False
    return True

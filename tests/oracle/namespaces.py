"""Network namespaces of our own: made, entered, and removed again."""

from __future__ import annotations

import ctypes
import itertools
import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

PREFIX = "rp_oracle"
_MOUNTED = Path("/run/netns")
_CLONE_NEWNET = 0x40000000


class CommandFailed(Exception):
    """A command of the system (ip, nft, iptables ...) refused what it was given."""


def run(*argv: str, text: str | None = None, env: Mapping[str, str] | None = None) -> str:
    """Standard output of a command; raises CommandFailed with what it complained about."""
    environment = None if env is None else {**os.environ, **env}
    done = subprocess.run(argv, input=text, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        complaint = done.stderr.strip() or done.stdout.strip() or f"exit status {done.returncode}"
        raise CommandFailed(f"{argv[0]}: {complaint[:400]}")
    return done.stdout


def remove_leftovers() -> None:
    """Removes namespaces of runs that were killed before they could clean up."""
    for path in _MOUNTED.glob(f"{PREFIX}_*_*") if _MOUNTED.is_dir() else ():
        maker = path.name.removeprefix(f"{PREFIX}_").split("_")[0]
        if maker.isdigit() and not Path(f"/proc/{maker}").exists():
            run("ip", "netns", "del", path.name)


class Namespace:
    """One network namespace, named after this process."""

    _numbers = itertools.count()

    def __init__(self) -> None:
        self.name = f"{PREFIX}_{os.getpid()}_{next(self._numbers)}"
        run("ip", "netns", "add", self.name)
        self._inside = os.open(_MOUNTED / self.name, os.O_RDONLY)
        self._outside = os.open("/proc/thread-self/ns/net", os.O_RDONLY)

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Sockets made, files under /proc opened and commands run in here belong to the namespace."""
        enter(self._inside)
        try:
            yield
        finally:
            enter(self._outside)

    def run(self, *argv: str, text: str | None = None, env: Mapping[str, str] | None = None) -> str:
        with self.entered():
            return run(*argv, text=text, env=env)

    def write(self, path: str, value: str) -> None:
        """Writes a file under /proc/sys/net or /proc/thread-self/net."""
        with self.entered():
            Path(path).write_text(value)

    def remove(self) -> None:
        os.close(self._inside)
        os.close(self._outside)
        run("ip", "netns", "del", self.name)


def enter(namespace: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(namespace, _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")

"""A network namespace to load dumps into, gone when done."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

PREFIX = "cg_"


class Refused(Exception):
    """A tool did not take what we gave it."""


@dataclass(frozen=True)
class Namespace:
    name: str

    def run(self, *command: str, text: str = "") -> str:
        """Run a command inside and return what it prints."""
        return _run("ip", "netns", "exec", self.name, *command, text=text)

    def ip(self, *arguments: str) -> str:
        return _run("ip", "-netns", self.name, *arguments)


def _run(*command: str, text: str = "") -> str:
    done = subprocess.run(command, input=text, capture_output=True, text=True)
    if done.returncode:
        raise Refused(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


@contextmanager
def namespace(purpose: str) -> Iterator[Namespace]:
    name = f"{PREFIX}{purpose}_{os.getpid()}"
    _run("ip", "netns", "add", name)
    try:
        yield Namespace(name)
    finally:
        _run("ip", "netns", "delete", name)

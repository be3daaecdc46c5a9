"""Prints iptables dumps back as their own tool wrote them: every line that was understood, in its place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TextIO

from ruleparse.netfilter.save import Dump
from ruleparse.snapshot import Snapshot


def write_saves(snapshot: Snapshot, out: TextIO) -> None:
    """All iptables dumps, one after the other. Lines that were not understood are left out (and were diagnosed)."""
    for dump in snapshot.dumps:
        for line in printed(dump):
            out.write(line + "\n")


def printed(dump: Dump) -> Iterator[str]:
    """The lines of one dump."""
    return (line.span.text.rstrip("\r") for line in dump.lines if line.kind != "BAD_LINE")

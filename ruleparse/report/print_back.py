"""Prints dumps back as their own tool wrote them: every line that was understood, in its place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TextIO

from ruleparse.netfilter.save import Dump
from ruleparse.snapshot import Snapshot


def write_saves(snapshot: Snapshot, out: TextIO) -> None:
    """All dumps of rules and flows, one after the other. What is not understood is left out and diagnosed."""
    for dump in snapshot.dumps:
        for line in printed(dump):
            out.write(line + "\n")
    if snapshot.bridges is not None:
        for line in snapshot.bridges.printed():
            out.write(line + "\n")


def printed(dump: Dump) -> Iterator[str]:
    """The lines of one dump."""
    text, at = dump.source.text, 0
    for bad in (*((b.start, b.end + 1) for b in dump.bad), (len(text), len(text))):
        yield from (line.rstrip("\r") for line in text[at : bad[0]].split("\n")[: None if bad[0] == len(text) else -1])
        at = bad[1]

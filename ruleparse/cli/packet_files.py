"""Files of packets: JSON lines, and captures."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import click

from ruleparse.cli.common import UNREADABLE, USAGE, fail
from ruleparse.node import Node

Specs = Iterator[tuple[str, dict[str, Any]]]
"""Where a packet stands, and its options."""


def json_lines(path: str) -> Specs:
    """One JSON object a line."""
    try:
        lines = sys.stdin if path == "-" else open(path, encoding="utf-8", errors="replace")  # noqa: SIM115
    except OSError as error:
        fail(f"{path}: {error.strerror}", USAGE)
    with lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                spec = json.loads(line)
            except (ValueError, RecursionError) as error:
                fail(f"{path}:{number}: not JSON: {error}", USAGE)
            if not isinstance(spec, dict):
                fail(f"{path}:{number}: a packet is a JSON object", USAGE)
            yield f"{path}:{number}", spec


def _malformed(packet: bytes) -> str | None:
    from ruleparse.netfilter.wire import fields_of

    try:
        fields_of(packet)
    except ValueError as error:
        return str(error)
    return None


def captured(path: str, given: Mapping[str, Any], node: Node) -> Specs:
    """The packets of a capture that came in by `in`, or with `local` those that this node sent, at the time that the
    capture tells, unless `at` says otherwise.

    What the interface itself sends is seen behind the rules, so it is not walked through them.
    """
    from ruleparse.capture import NotACapture, read

    if not given.get("in") and not given.get("local"):
        fail("--pcap: say with --in by which interface the packets of the capture came in (or --local)", USAGE)
    local = bool(given.get("local"))
    link = node.snapshot.routing.interfaces.named(str(given.get("in", "")))
    own = None if link is None or link.mac is None else link.mac.to_bytes(6, "big").hex(":")
    try:
        with open(path, "rb") as file:
            for frame in read(file):
                sent = frame.sent if frame.sent is not None else local or (own is not None and frame.src_mac == own)
                if frame.ip is None or sent is not local:
                    continue
                if (problem := _malformed(frame.ip)) is not None:
                    click.echo(f"{path}, packet {frame.number}: left out, no IP packet: {problem}", err=True)
                    continue
                macs = {"src_mac": frame.src_mac, "dst_mac": frame.dst_mac}
                spec = {"id": frame.number, "hex": frame.ip.hex(), **({} if local else macs)}
                spec["at"] = given.get("at") or _moment(frame.seconds)
                yield f"{path}, packet {frame.number}", {k: v for k, v in spec.items() if v is not None}
    except OSError as error:
        fail(f"{path}: {error.strerror}", USAGE)
    except NotACapture as error:
        fail(f"{path}: {error}", UNREADABLE)


def _moment(seconds: float) -> str | None:
    """None for a capture that kept no times."""
    try:
        return f"{datetime.fromtimestamp(int(seconds), UTC):%Y-%m-%dT%H:%M:%SZ}" if seconds > 0 else None
    except (ValueError, OverflowError, OSError):
        return None

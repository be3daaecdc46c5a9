"""Reference pages of what flows match and do, made from the rows that declare them."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from itertools import groupby

from ruleparse.openflow.action import Kind, kinds
from ruleparse.openflow.keys import KEYS, KEYWORDS, FlowKey, Keyword

_NEEDS = {
    "ipv4": "IPv4",
    "ipv6": "IPv6",
    "ip": "IPv4, IPv6",
    "arp": "ARP, RARP",
    "mpls": "MPLS",
    "vlan": "packets with a VLAN tag",
    "tcp": "TCP",
    "udp": "UDP",
    "sctp": "SCTP",
    "ports": "TCP, UDP, SCTP",
    "icmp4": "ICMP",
    "icmp6": "ICMPv6",
    "nd": "neighbour solicitations and advertisements",
}
"""What the rows of NEEDS are called."""


def overview() -> Iterator[str]:
    """Every field, protocol and action of flows, a line each; one for those that only their number tells apart."""
    yield "Fields of flows (NAME=VALUE in a match or in --flow)"
    for row in _rows():
        name = row[0].name if len(row) == 1 else f"{row[0].name} … {row[-1].name}"
        yield f"  {name:32} {row[0].state:8} {row[0].doc}"
    yield from ("", "Protocols of flows (NAME in a match)")
    yield from (f"  {keyword.name:32} {'exact':8} {keyword.doc}" for keyword in KEYWORDS.values())
    yield from ("", "Actions of flows")
    for kind in dict.fromkeys(kinds().values()):
        yield f"  {kind.name:32} {kind.state:8} {inspect.cleandoc(kind.doc).splitlines()[0]}"


def pages(name: str) -> Iterator[str]:
    """The pages of the field, protocol and action of this name."""
    yield from (_field(key) for key in KEYS if name in (key.name, key.shown, *key.aliases, *key.headers))
    if name in KEYWORDS:
        yield _protocol(KEYWORDS[name])
    if (kind := kinds().get(name)) is not None:
        yield _action(kind)


def _rows() -> list[list[FlowKey]]:
    return [list(row) for _, row in groupby(KEYS, key=lambda key: (re.sub(r"\d+$", "", key.name), key.doc, key.width))]


def _field(key: FlowKey) -> str:
    also = dict.fromkeys(n for n in (key.shown, *key.aliases) if n != key.name)
    names = f"   (also {', '.join(also)})" if also else ""
    lines = [f"flow field {key.name}   {key.state}, {key.width} bits", "", key.doc, ""]
    lines.append(f"  {key.name}={key.format.syntax}{names}")
    if key.headers:
        lines.append(f"  {', '.join(f'{header}[]' for header in key.headers)}")
    if key.headers and not key.fixed:
        lines.append(f"  set_field:{(key.set_format or key.format).syntax}->{key.name}")
    if key.needs:
        lines += ["", f"only in: {_NEEDS[key.needs]}"]
    return "\n".join(lines)


def _protocol(keyword: Keyword) -> str:
    short = ",".join(
        f"{name}={value:#06x}" if name == "dl_type" else f"{name}={value}" for name, value in keyword.values.items()
    )
    return f"flow protocol {keyword.name}   exact\n\n{keyword.doc}; short for {short}."


def _action(kind: Kind) -> str:
    also = f"   (also {', '.join(kind.words[1:])})" if len(kind.words) > 1 else ""
    return "\n".join(
        [f"flow action {kind.name}   {kind.state}", "", inspect.cleandoc(kind.doc), "", f"  {kind.syntax}{also}"]
    )

"""The `nat` argument of `ct`: how it is written, and what ofproto/trace makes of it."""

from __future__ import annotations

import re
from typing import NamedTuple

from ruleparse.codec import address
from ruleparse.openflow.fields import flow
from ruleparse.openflow.syntax import Element
from ruleparse.program import Rule, Set


class Range(NamedTuple):
    """Addresses and ports that NAT may choose from; port 0: the packet's own is kept."""

    family: int
    first: int
    last: int
    first_port: int = 0
    last_port: int = 0

    @property
    def leaves_a_choice(self) -> bool:
        return self.last > self.first or self.last_port > self.first_port


class Nat(NamedTuple):
    """`side` is src, dst, or empty where only an earlier translation is applied; `flags` are random, hash …"""

    side: str = ""
    range: str = ""
    flags: tuple[str, ...] = ()

    @property
    def wanted(self) -> Range | None:
        """What the range says. Raises ValueError."""
        if not self.range:
            return None
        addresses, ports, family = _parts(self.range)
        low, _, high = addresses.partition("-")
        port, _, last = ports.partition("-")
        first = int(port) if port else 0
        return Range(family, address(low), address(high or low), first, int(last) if last else first)

    def __str__(self) -> str:
        if not self.side:
            return "nat" if not self.flags else f"nat({','.join(self.flags)})"
        return f"nat({','.join((f'{self.side}={self.range}' if self.range else self.side, *self.flags))})"


def read_nat(element: Element) -> Nat:
    """`nat`, `nat(src=10.0.0.1-10.0.0.9:1024-2048,random)`, `nat(dst=[fd00::1]:80)`. Raises ValueError."""
    side, addresses = "", ""
    flags: list[str] = []
    for e in element.inside:
        if e is not None and e.word in ("src", "dst"):
            side, addresses = e.word, e.text
        elif e is not None:
            flags.append(e.word)
    nat = Nat(side, addresses, tuple(flags))
    _ = nat.wanted
    return nat


_BRACKETED = re.compile(r"\[([^\]]*)\](?:-\[([^\]]*)\])?(?::(.*))?")


def _parts(text: str) -> tuple[str, str, int]:
    """Addresses, ports and family of `10.0.0.1-10.0.0.9:1024-2048`, `[fd00::1]-[fd00::9]:80`, `[fd00::1-fd00::9]`,
    `fd00::1`."""
    if text[:1] == "[" and (found := _BRACKETED.fullmatch(text)) is not None:
        return "-".join(filter(None, found.groups()[:2])), found[3] or "", 6
    if text.count(":") > 1:
        return text, "", 6
    addresses, _, ports = text.partition(":")
    return addresses, ports, 4


def rewrites(nat: Nat | None) -> list[Rule]:
    """What a recirculated packet looks like: as ofproto/trace, the first address and port of the range."""
    wanted = nat.wanted if nat is not None else None
    if nat is None or wanted is None:
        return []
    name = f"nw_{nat.side}" if wanted.family == 4 else f"ipv6_{nat.side}"
    rules = [Rule((), (Set(flow(name), wanted.first),))]
    if wanted.first_port:
        rules.append(Rule((), (Set(flow(f"tp_{nat.side}"), wanted.first_port),)))
    return rules

"""The `nat` argument of `ct`: how it is written, and what ofproto/trace makes of it."""

from __future__ import annotations

from dataclasses import dataclass

from ruleparse.codec import address
from ruleparse.openflow.fields import flow
from ruleparse.openflow.syntax import Element, words
from ruleparse.program import Rule, Set


@dataclass(frozen=True, slots=True)
class Nat:
    """`side` is src, dst, or empty where only an earlier translation is applied; `flags` are random, hash …"""

    side: str = ""
    range: str = ""
    flags: tuple[str, ...] = ()

    def __str__(self) -> str:
        if not self.side:
            return "nat" if not self.flags else f"nat({','.join(self.flags)})"
        return f"nat({','.join((f'{self.side}={self.range}' if self.range else self.side, *self.flags))})"


def read_nat(element: Element) -> Nat:
    """`nat`, `nat(src=10.0.0.1-10.0.0.9:1024-2048,random)`, `nat(dst=[fd00::1]:80)`. Raises ValueError."""
    nat = Nat()
    for e in words(element.inside):
        if e.word in ("src", "dst"):
            nat = Nat(e.word, e.text, nat.flags)
        else:
            nat = Nat(nat.side, nat.range, (*nat.flags, e.word))
    first(nat)
    return nat


def first(nat: Nat) -> tuple[int, int, int] | None:
    """Family, address and port (0: kept) at the start of the range. Raises ValueError."""
    if not nat.range:
        return None
    if nat.range.startswith("["):
        inside, _, ports = nat.range[1:].partition("]")
        low, family = inside.partition("-")[0], 6
    elif nat.range.count(":") > 1:
        low, ports, family = nat.range.partition("-")[0], "", 6
    else:
        addresses, _, ports = nat.range.partition(":")
        low, family = addresses.partition("-")[0], 4
    port = ports.lstrip(":").partition("-")[0]
    return family, address(low), int(port) if port else 0


def rewrites(nat: Nat | None) -> list[Rule]:
    """What a recirculated packet looks like: as ofproto/trace, the first address and port of the range."""
    found = first(nat) if nat is not None else None
    if nat is None or found is None:
        return []
    family, low, port = found
    name = f"nw_{nat.side}" if family == 4 else f"ipv6_{nat.side}"
    rules = [Rule((), (Set(flow(name), low),))]
    if port:
        rules.append(Rule((), (Set(flow(f"tp_{nat.side}"), port),)))
    return rules

"""Templates of matches and actions, and what is filled into their blanks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.oracle.ovs.registers import random_bits
from tests.oracle.ovs.world import BRIDGE_PORTS, DST, IP, PORTS, SRC, TRANSPORTS, Site

STATES = ("new", "est", "rel", "rpl", "inv")
_VALUES = (0, 1, 2, 3, 4, 5, 0x200, 0x10001, 0xFFFFFFFF)


@dataclass(frozen=True, slots=True)
class Kind:
    """The packets that a flow is about: `protocol` is a transport, icmp or empty; `family` 4, 6, or 0 for any."""

    family: int = 0
    protocol: str = ""
    arp: bool = False
    tracked: bool = False
    tagged: bool = False

    @property
    def keyword(self) -> str:
        if self.arp:
            return "arp"
        return (self.protocol + "6" * (self.family == 6) if self.protocol else IP[self.family]) if self.family else ""

    def has(self, need: str) -> bool:
        return {
            "": True,
            "ip": bool(self.family),
            "ip4": self.family == 4,
            "ip6": self.family == 6,
            "ports": self.protocol in TRANSPORTS,
            "portless": bool(self.family) and self.protocol not in TRANSPORTS,
            "tcp": self.protocol == "tcp",
            "icmp4": self.protocol == "icmp" and self.family == 4,
            "icmp6": self.protocol == "icmp" and self.family == 6,
            "arp": self.arp,
            "tracked": self.tracked and bool(self.family),
            "tagged": self.tagged,
            "untagged": not self.tagged,
        }[need]


@dataclass(frozen=True, slots=True)
class Template:
    """`share`: how often, in matches of those that a packet of the kind needed can have, in actions as a weight."""

    need: str
    share: float
    texts: tuple[str, ...]

    def text(self, site: Site, kind: Kind) -> str:
        return site.random.choice(self.texts).format_map(_Blanks(site, kind))


def template(need: str, share: float, *texts: str) -> Template:
    return Template(need, share, texts)


class _Blanks(dict[str, str]):
    def __init__(self, site: Site, kind: Kind) -> None:
        super().__init__()
        self.site, self.kind = site, kind

    def __missing__(self, name: str) -> str:
        return _FILLED[name.rstrip("_")](self.site, self.kind)


_FILLED: dict[str, Callable[[Site, Kind], str]] = {
    "port": lambda site, _: str(site.random.choice(list(BRIDGE_PORTS.values()))),
    "mac": lambda site, _: site.mac(),
    "src": lambda _, kind: SRC[kind.family],
    "dst": lambda _, kind: DST[kind.family],
    "ip": lambda _, kind: "ip" if kind.family == 4 else "ipv6",
    "address": lambda site, kind: site.address(kind.family or 4),
    "prefix": lambda site, kind: site.prefix(kind.family or 4),
    "protocol": lambda _, kind: kind.protocol,
    "tp": lambda site, _: str(site.random.choice(PORTS)),
    "reg": lambda site, _: str(site.random.randrange(6)),
    "held": lambda site, _: random_bits(site.random).holds(site.random.choice(_VALUES)),
    "loaded": lambda site, _: random_bits(site.random).loaded(site.random.choice(_VALUES)),
    "set": lambda site, _: random_bits(site.random).set(site.random.choice(_VALUES)),
    "states": lambda site, _: _states(site),
}


def _states(site: Site) -> str:
    chosen = site.random.sample(STATES, site.random.choice((1, 1, 2)))
    return "".join(site.random.choice("+-") + name for name in chosen) + ("+trk" if site.chance(0.8) else "")

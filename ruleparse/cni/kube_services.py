"""Services and endpoints as kube-proxy's nat rules tell them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from ruleparse.cni.saved import Here, SavedRules
from ruleparse.cni.things import Served
from ruleparse.codec import address

SERVICE = r"(?P<service>[\w.-]+/[\w.-]+(?::[\w.-]*)?)"
"""`namespace/name:port`; the colon without a port is that of kube-proxy up to 1.19"""

_SERVICE_COMMENTS = [
    re.compile(rf'--comment "?(?:{around.format(SERVICE)})"?(?: |$)', re.M)
    for around in (
        "{}",
        "{} (?:cluster|external|loadbalancer) IP",
        '{} -> [^"]*',
        "Balancing rule \\d+ for {}",
        '(?:masquerade|pod|masquerade LOCAL|route LOCAL) traffic for {} [^"]*',
        "{} has no local endpoints",
    )
]
_PORTAL = re.compile(
    rf'-d (?P<address>[\da-f:.]+)\S* [^\n]*?--comment "{SERVICE} (?:(?P<reach>cluster|external|loadbalancer) IP|[^"]*)"'
    r"[^\n]* -j (?P<target>\S+)"
)
_SAID = re.compile(rf"{SERVICE}(?: (?P<what>.*))?")
"""what kube-proxy says of a rule that leads to a service"""
_REACH = {"cluster IP": "cluster IP", "external IP": "external IP", "loadbalancer IP": "load balancer IP"}
_REFUSED = {"has no endpoints": "no endpoints", "has no local endpoints": "no endpoints on this node"}
_PROTO = re.compile(r" -p (\S+)")
_DPORT = re.compile(r" --dport (\d+)(?=\s)")
_LOOPBACK = "127.0.0.0/8"
"""where node ports have rules of their own, besides those for every address of the node"""
_DNAT = re.compile(r"--to-destination \[?(?P<address>[\da-f:.]+?)\]?:(?P<port>\d+)(?=\s|$)", re.M)
_BALANCING = ("KUBE-SVC-", "KUBE-SVL-", "KUBE-XLB-")
_NEARER = ("KUBE-EXT-", *_BALANCING)
_OF_A_SERVICE = (*_BALANCING, "KUBE-EXT-", "KUBE-FW-")
_PORTALS = (("nat", "KUBE-SERVICES"), ("filter", "KUBE-SERVICES"), ("filter", "KUBE-EXTERNAL-SERVICES"))


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One of the endpoints that a chain chooses from, and how often it does."""

    chain: str
    address: str
    share: float


@dataclass(frozen=True, slots=True)
class Portal:
    """An address under which a service is reached."""

    service: str
    reach: str
    """`cluster`, `external` or `loadbalancer`; empty where the service has no endpoints"""
    target: str
    proto: str | None
    port: int | None


class KubeServices:
    """Looked up chain by chain; the tables of addresses are made when the first is asked for."""

    def __init__(self, saved: SavedRules) -> None:
        self.saved = saved
        self.nat = saved["nat"]
        self._of_chain: dict[str, str | None] = {}

    def of_chain(self, chain: str) -> str | None:
        """The service of a chain KUBE-SVC-…, KUBE-EXT-…, KUBE-SEP-… by what it or those that lead to it say."""
        if chain not in self._of_chain:
            self._of_chain[chain] = None
            self._of_chain[chain] = self._said_in(chain) or self._said_to(chain)
        return self._of_chain[chain]

    def _said_in(self, chain: str) -> str | None:
        text = self.nat.text(chain)
        found = next((m for m in (pattern.search(text) for pattern in _SERVICE_COMMENTS) if m), None)
        return found and plain(found["service"])

    def _said_to(self, chain: str) -> str | None:
        """A large cluster's chains have no comments: KUBE-SERVICES has, and chains of one service share their hash."""
        if chain.startswith("KUBE-SEP-"):
            callers = (c for c in self.nat.callers(chain) if c.startswith(_BALANCING))
            return next((service for c in callers if (service := self.of_chain(c))), None)
        if not chain.startswith(_OF_A_SERVICE):
            return None
        digest = chain.rpartition("-")[2]
        siblings = (self._said_in(prefix + digest) for prefix in _OF_A_SERVICE)
        return self._by_hash.get(digest) or next(filter(None, siblings), None)

    @cached_property
    def portals(self) -> dict[int, list[Portal]]:
        """Services by each of their addresses."""
        found: dict[int, list[Portal]] = {}
        for group, chain in _PORTALS:
            for m in _PORTAL.finditer(self.saved[group].text(chain)):
                proto, port = _PROTO.search(m[0]), _DPORT.search(m[0])
                only = (proto and proto[1], int(port[1]) if port else None)
                portal = Portal(plain(m["service"]), m["reach"] or "", m["target"], *only)
                found.setdefault(_number(m["address"]), []).append(portal)
        return found

    @cached_property
    def _by_hash(self) -> dict[str, str]:
        portals = (portal for group in self.portals.values() for portal in group)
        return {p.target.rpartition("-")[2]: p.service for p in portals if p.target.startswith(_OF_A_SERVICE)}

    @cached_property
    def pods(self) -> dict[int, list[str]]:
        """Endpoint chains by the address that they rewrite to."""
        found: dict[int, list[str]] = {}
        for chain in self.nat.starting("KUBE-SEP-"):
            if m := _DNAT.search(self.nat.text(chain)):
                found.setdefault(_number(m["address"]), []).append(chain)
        return found

    def served(self) -> Iterator[Served]:
        """Every way to a service, each once, in the order of the rules."""
        found: dict[object, Served] = {}
        for group, chain in (("nat", "KUBE-NODEPORTS"), *_PORTALS):
            for here in self.saved[group].rules(chain):
                one = self._served(here)
                if one is not None:
                    found.setdefault((one.service, one.protocol, one.address, one.port, one.refused), one)
        return iter(found.values())

    def _served(self, here: Here) -> Served | None:
        leads = here.target.startswith(_OF_A_SERVICE)
        said = next((m for comment in here.words.comments() if (m := _SAID.fullmatch(comment))), None)
        refused = _REFUSED.get(said["what"] or "", "") if said else ""
        if not leads and not refused:
            return None
        port, address = here.value("--dport"), here.value("-d")
        address = None if address == _LOOPBACK else address
        reach = _REACH.get(said["what"] or "", "") if said else ""
        return Served(
            (plain(said["service"]) if said else self.of_chain(here.target)) or "",
            here.value("-p") or "",
            address,
            int(port) if port and port.isdecimal() else None,
            reach or ("node port" if address is None else "address"),
            here.target if leads else "",
            refused,
        )

    def affinity(self, chain: str) -> int | None:
        """For how many seconds a client keeps its endpoint; None where it does not."""
        rules = self.nat.rules(self._balancer(chain))
        seconds = (here.value("--seconds") for here in rules if here.option("--rcheck"))
        return next((int(s) for s in seconds if s and s.isdecimal()), None)

    def endpoint(self, chain: str) -> str | None:
        """`10.244.1.7:8080`: where an endpoint chain sends a packet."""
        found = _DNAT.search(self.nat.text(chain))
        if found is None:
            return None
        host = found["address"]
        return f"[{host}]:{found['port']}" if ":" in host else f"{host}:{found['port']}"

    def endpoints(self, chain: str) -> list[Endpoint]:
        """What a chain of a service chooses from."""
        chosen = chances(self.nat.rules(self._balancer(chain)))
        return [Endpoint(here.target, self.endpoint(here.target) or "?", share) for here, share in chosen]

    def _balancer(self, chain: str) -> str:
        """The chain that does the choosing for one that is entered from outside: the last that it jumps to."""
        while not chain.startswith(_BALANCING):
            targets = [here.target for here in self.nat.rules(chain) if here.target.startswith(_NEARER)]
            if not targets or targets[-1] == chain:
                break
            chain = targets[-1]
        return chain


def chances(rules: Sequence[Here]) -> list[tuple[Here, float]]:
    """The rules that choose an endpoint by chance, and how often each does: p times what those above it leave.

    Rules that know the client by session affinity come before, and are none of them.
    """
    found, left = [], 1.0
    for here in rules:
        if here.target.startswith("KUBE-SEP-") and not here.option("--rcheck"):
            odds = _probability(here)
            found.append((here, left * odds))
            left *= 1 - odds
    return found


def _number(text: str) -> int:
    """The number of an address; -1, which is nobody's, for what is none."""
    try:
        return address(text)
    except ValueError:
        return -1


def _probability(here: Here) -> float:
    try:
        return float(here.value("--probability") or 1)
    except ValueError:
        return 1.0


def plain(service: str) -> str:
    """A service as everyone writes it: no colon where its port has no name."""
    return service.removesuffix(":")

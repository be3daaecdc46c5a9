"""Services: by which addresses they are reached, and which endpoints they choose from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from ruleparse.cni.names import Names
from ruleparse.cni.things import Served
from ruleparse.codec import show_address, show_protocol
from ruleparse.inventory.model import Choice, Endpoint, Service, Way
from ruleparse.netfilter.ipvs import VirtualServer

Pod = Callable[[str], str | None]
"""Whose pod an address is."""


Name = Callable[[str, str, int], str | None]
"""What a service is called, by address, protocol and port."""


def of_rules(names: Names, pod: Pod) -> Iterator[Service]:
    """Services of kube-proxy's rules."""
    grouped: dict[tuple[str, str], list[Served]] = {}
    for one in names.served():
        grouped.setdefault((one.service, one.protocol), []).append(one)
    for (name, protocol), ways in sorted(grouped.items(), key=lambda found: found[0]):
        yield Service(name or None, protocol, tuple(_choices(ways, names, pod)))


def _choices(ways: Iterable[Served], names: Names, pod: Pod) -> Iterator[Choice]:
    """Ways that lead to the same endpoints, together."""
    alike: dict[Choice, list[Way]] = {}
    for one in ways:
        endpoints = names.endpoints(one.chain) if one.chain else []
        found = tuple(endpoint(e.address, e.share, pod) for e in endpoints)
        refused = one.refused or (None if found else "no endpoints")
        choice = Choice((), found, names.affinity(one.chain) if one.chain else None, refused)
        alike.setdefault(choice, []).append(Way(one.reach, one.address, one.port))
    for choice, reached in alike.items():
        yield Choice(tuple(reached), choice.endpoints, choice.affinity, choice.refused)


def endpoint(address: str, share: float, pod: Pod) -> Endpoint:
    """An endpoint `10.244.1.7:80`, `[fd00::7]:80`, and its pod."""
    return Endpoint(address, round(share, 6), pod(address.rpartition(":")[0].strip("[]")))


def of_servers(servers: Iterable[VirtualServer], family: int, name: Name, pod: Pod) -> Iterator[Service]:
    """Services of IPVS."""
    for server in servers:
        if server.family != family or server.mark:
            continue
        weights = sum(real.weight for real in server.servers)
        chosen = [real for real in server.servers if real.weight]
        even = server.scheduler == "rr"
        shares = [1 / len(chosen) if even else real.weight / weights for real in chosen]
        endpoints = tuple(endpoint(str(real), share, pod) for real, share in zip(chosen, shares, strict=True))
        way = Way("virtual server", show_address(server.address, family), server.port)
        affinity = 0 if server.persistent else None
        choice = Choice((way,), endpoints, affinity, None if endpoints else "no endpoints")
        protocol, address = show_protocol(server.proto), show_address(server.address, family)
        yield Service(name(address, protocol, server.port), protocol, (choice,))

"""The places that a random pipeline and its packets have in common: pods, services, other nodes."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from corpora.writers.antrea.node import GATEWAY_MAC, VIRTUAL_MAC, pod_mac

TUNNEL, GATEWAY, FIRST_POD, PODS = 1, 2, 3, 4
"""the ports in the order in which Antrea makes them"""
STRANGE_MAC = "0a:00:00:00:00:77"
BROADCAST, MULTICAST = "ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:fb"
WORLD = {4: ("8.8.8.8", "198.51.100.9", "192.168.77.102"), 6: ("2001:db8:5::5", "2001:db8:77::66")}
STRANGE = {4: "10.10.0.99", 6: "fd00:10:10::99"}
VIRTUAL = {4: "169.254.0.253", 6: "fd00:a9fe::253"}
IP = {4: "ip", 6: "ipv6"}
SRC, DST = {4: "nw_src", 6: "ipv6_src"}, {4: "nw_dst", 6: "ipv6_dst"}
TRANSPORTS = ("tcp", "udp", "sctp")
PORTS = (22, 53, 80, 443, 3306, 8080, 32768)


#: the ports of the bridge, the same for every pipeline: FLOOD goes to all of them
BRIDGE_PORTS = {"tun0": TUNNEL, "gw0": GATEWAY} | {
    f"pod-{FIRST_POD + place}": FIRST_POD + place for place in range(PODS)
}


@dataclass(frozen=True, slots=True)
class Pod:
    port: int

    @property
    def mac(self) -> str:
        return pod_mac(self.port)

    def address(self, family: int) -> str:
        return f"10.10.0.{self.port + 20}" if family == 4 else f"fd00:10:10::{self.port + 20:x}"


@dataclass(frozen=True, slots=True)
class Service:
    number: int
    protocol: str
    port: int
    endpoints: tuple[tuple[Pod, int], ...]
    sticky: bool
    hashed: bool
    """the group says by which fields to choose, so that the switch can tell at once which endpoint"""

    def address(self, family: int) -> str:
        return f"10.96.0.{self.number}" if family == 4 else f"fd00:10:96::{self.number:x}"


@dataclass(frozen=True, slots=True)
class Site:
    """One of these for each pipeline. `random` is the only source of chance."""

    random: Random
    families: tuple[int, ...]
    pods: tuple[Pod, ...]
    services: tuple[Service, ...]
    peers: tuple[int, ...]

    def network(self, family: int, peer: int = 0) -> str:
        return f"10.10.{peer}.0/24" if family == 4 else f"fd00:10:10:{peer:x}::/64"

    def far_address(self, family: int, peer: int) -> str:
        return f"10.10.{peer}.7" if family == 4 else f"fd00:10:10:{peer:x}::7"

    def gateway(self, family: int) -> str:
        return "10.10.0.1" if family == 4 else "fd00:10:10::1"

    def family(self) -> int:
        return self.random.choice(self.families)

    def address(self, family: int) -> str:
        """Any address that means something here."""
        random = self.random
        near = [pod.address(family) for pod in self.pods] * 3
        near += [service.address(family) for service in self.services]
        near += [self.far_address(family, peer) for peer in self.peers]
        return random.choice([*near, self.gateway(family), *WORLD[family], STRANGE[family], VIRTUAL[family]])

    def prefix(self, family: int) -> str:
        """An address or network, now and then with holes in its mask."""
        wide = {4: ["10.10.0.0/16", "10.96.0.0/12", "0.0.0.0/1", "10.10.0.16/28", "0.0.0.1/0.0.0.1"],
                6: ["fd00:10:10::/48", "fd00::/8", "2001:db8::/32", "::1/::1"]}[family]  # fmt: skip
        networks = [self.network(family, peer) for peer in (0, *self.peers)]
        return self.random.choice([self.address(family), self.address(family), *networks, self.random.choice(wide)])

    def mac(self) -> str:
        macs = [GATEWAY_MAC, VIRTUAL_MAC, STRANGE_MAC, BROADCAST, MULTICAST, *(pod.mac for pod in self.pods)]
        return self.random.choice(macs)

    def chance(self, share: float) -> bool:
        return self.random.random() < share


def random_site(random: Random) -> Site:
    pods = tuple(Pod(FIRST_POD + place) for place in range(PODS))
    services = tuple(_service(random, number, pods) for number in range(1, random.choice((1, 2, 3, 4))))
    families = random.choice(((4,), (4,), (6,), (4, 6), (4, 6)))
    return Site(random, families, pods, services, tuple(range(1, random.choice((2, 3)))))


def _service(random: Random, number: int, pods: tuple[Pod, ...]) -> Service:
    chosen = random.sample(pods, random.choice((1, 1, 2, len(pods))))
    endpoints = tuple((pod, random.choice(PORTS)) for pod in chosen)
    protocol, port = random.choice(TRANSPORTS[:2]), random.choice(PORTS)
    return Service(number, protocol, port, endpoints, random.random() < 0.3, random.random() < 0.7)

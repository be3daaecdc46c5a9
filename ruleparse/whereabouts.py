"""Where pods, services and the node are, by their names: what `from: pod default/web` means in packets.

`kubectl get -o json` among the dumps names pods and services. Without it the rules do as far as they can: kube-proxy's
comments name services, kube-router's name pods, and Calico and the AWS VPC CNI call an interface after its pod's name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property

from ruleparse.attached import Attached
from ruleparse.cni.calico_ends import interface_of
from ruleparse.cni.flow_names import FlowNames
from ruleparse.cni.names import Names
from ruleparse.codec import address as address_number
from ruleparse.codec import show_address
from ruleparse.kubernetes.cluster import Cluster, Pod
from ruleparse.netfilter.services import SERVICES
from ruleparse.parties import device_to, own_addresses
from ruleparse.snapshot import Snapshot

Options = Mapping[str, str]
"""Options of `ruleparse why`."""

NAMED = re.compile(r"(pod|pods|service|node|interface)(?:\s+(\S+))?")
"""What is a name, and no address."""
_PORT = re.compile(r"(?P<name>[^\s:]+)(?::(?P<port>[^\s:/]+)(?:/(?P<protocol>tcp|udp|sctp))?)?")
_PREFIXES = ("cali", "eni")
_FULL = {4: 32, 6: 128}


class Nowhere(ValueError):
    """Nothing of this name is known; the message says so."""


@dataclass(frozen=True, slots=True)
class Spot:
    """An address, the interface it is behind, and a port where the name says one."""

    address: str
    interface: str | None = None
    protocol: str | None = None
    port: int | None = None

    @property
    def family(self) -> int:
        return 6 if ":" in self.address else 4

    @property
    def ending(self) -> str:
        """`10.244.1.7:80`, as an endpoint is written."""
        if self.port is None:
            return self.address
        return f"[{self.address}]:{self.port}" if self.family == 6 else f"{self.address}:{self.port}"


class Whereabouts:
    """Finds things of one node by their names."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.cluster = snapshot.cluster or Cluster()

    def sources(self, text: str) -> list[Options]:
        """The packets that come from something, each as options. Raises Nowhere."""
        found = NAMED.fullmatch(text.strip())
        if found is None:
            return [{"src": text}]
        if found[1] == "node":
            return [{"local": "true"}]
        if found[1] == "service":
            raise Nowhere(f"{text}: packets come from pods, the node or addresses, and go to services")
        if found[1] == "interface" and not list(self.behind(found[2] or "")):
            return [{"in": found[2] or ""}]
        return [_options({"in": spot.interface, "src": spot.address}) for spot in self.spots(text)]

    def targets(self, text: str) -> list[Options]:
        """The packets that go to something, each as options. Raises Nowhere."""
        if NAMED.fullmatch(text.strip()) is None:
            return [{"dst": text}]
        return [_options({"dst": s.address, "proto": s.protocol, "dport": s.port}) for s in self.spots(text)]

    def endings(self, text: str) -> list[str]:
        """Where packets for something end, `10.244.1.7:80`: of a service its endpoints. Raises Nowhere."""
        found = NAMED.fullmatch(text.strip())
        if found is None:
            return [text]
        if found[1] == "service":
            return self.endpoints(found[2] or "")
        return [spot.ending for spot in self.spots(text)]

    def spots(self, text: str) -> list[Spot]:
        """Every address that a name stands for. Raises Nowhere."""
        found = NAMED.fullmatch(text.strip())
        kind, name = (found[1], found[2] or "") if found else ("", text)
        match kind:
            case "node":
                spots = [Spot(a) for family in self.families for a in self.own(family)]
            case "interface":
                spots = [Spot(address, name) for address in self.behind(name)]
            case "pod":
                spots = self.pod(name)
            case "pods":
                spots = [spot for pod in self.chosen(name) for spot in self.of(pod)]
            case _:
                spots = self.service(name)
        if not spots:
            raise Nowhere(f"{text}: {self.why_not(kind, name)}")
        return spots

    def why_not(self, kind: str, name: str) -> str:
        if kind == "interface":
            return "no route leads to a single address by it: save `ip route show table all`"
        if kind == "node":
            return "which addresses this node has is not known: save `ip addr`"
        known = [p.full_name for p in self.cluster.pods] if kind == "pod" else sorted(self.services)
        near = get_close_matches(name.partition(":")[0], known, 3)
        also = f"; there is {' or '.join(near)}" if near else ""
        of = "pods" if kind.startswith("pod") else "services"
        return f"nothing here says where that is{also or f': give `kubectl get {of} -A -o json` as one of the dumps'}"

    # Pods

    def pod(self, text: str) -> list[Spot]:
        """`default/web`, `default/web:80`, `default/web:http`, `default/web:53/udp`"""
        found = _PORT.fullmatch(text)
        if found is None or "/" not in found["name"]:
            raise Nowhere(f"pod {text}: a pod is NAMESPACE/NAME, and its port behind a colon")
        pod = next((p for p in self.cluster.pods if p.full_name == found["name"]), None)
        spots = self.of(pod) if pod is not None else list(self.guessed(found["name"]))
        port = self.port_of(pod, found["port"], found["protocol"]) if found["port"] else (None, None)
        return [Spot(s.address, s.interface, *port) for s in spots]

    def chosen(self, text: str) -> Iterator[Pod]:
        """Pods by `NAMESPACE`, or `NAMESPACE/KEY=VALUE,…` of their labels."""
        namespace, slash, labels = text.partition("/")
        wanted = [label.partition("=") for label in labels.split(",")] if slash else []
        if not namespace or any(not key or not sign for key, sign, _ in wanted):
            raise Nowhere(f"pods {text}: pods are chosen by NAMESPACE or NAMESPACE/LABEL=VALUE")
        for pod in self.cluster.pods:
            if pod.namespace == namespace and all(pod.labels.get(key) == value for key, _, value in wanted):
                yield pod

    def of(self, pod: Pod) -> list[Spot]:
        return [Spot(a, self.interface(pod.namespace, pod.name, a)) for a in pod.addresses]

    def guessed(self, name: str) -> Iterator[Spot]:
        """A pod that only rules and interfaces tell of."""
        for family in self.snapshot.families:
            for held in self.names(family).held():
                if held.name == name and held.address:
                    yield Spot(held.address, held.interface or self.device(held.address))
        namespace, _, own = name.partition("/")
        for interface in (interface_of(namespace, own, prefix) for prefix in _PREFIXES):
            yield from (Spot(address, interface) for address in self.behind(interface))

    def interface(self, namespace: str, name: str, address: str) -> str | None:
        """By which interface a pod's packets come in: its own here, else that which leads to its node."""
        own = (interface_of(namespace, name, prefix) for prefix in _PREFIXES)
        return self.port(address) or next((i for i in own if i in self.interfaces), None) or self.device(address)

    def port(self, address: str) -> str | None:
        """The port of a bridge that an address is behind."""
        return self.ports.get(address)

    @cached_property
    def ports(self) -> dict[str, str]:
        bridge = self.snapshot.bridge()
        if bridge is None:
            return {}
        behind = FlowNames.of(bridge).addresses().items()
        names = {number: port.name for number, port in bridge.port_list.saved.items()}
        return {address: names[port] for port, addresses in behind for address in addresses if port in names}

    def is_bridges(self, interface: str) -> bool:
        """Whether an interface is a bridge's own port: packets of pods come in elsewhere."""
        return self.attached.internal(interface) is not None

    @cached_property
    def attached(self) -> Attached:
        return Attached(self.snapshot)

    def device(self, address: str) -> str | None:
        family = 6 if ":" in address else 4
        if family not in self.snapshot.families:
            return None
        device = device_to(self.snapshot, self.names(family), family, address_number(address))
        if device is not None and self.is_bridges(device):
            raise Nowhere(f"{address}: its packets come in by a tunnel of the bridge; say so with `packet: {{in: …}}`")
        return device

    def behind(self, interface: str) -> Iterator[str]:
        """The addresses to which routes lead by an interface, one by one."""
        for route in self.snapshot.routing.routes.routes:
            single = str(route.destination).endswith(f"/{_FULL[route.family]}")
            if route.type == "unicast" and single and any(hop.out == interface for hop in route.hops):
                yield show_address(route.destination.value, route.family)

    @staticmethod
    def port_of(pod: Pod | None, text: str, protocol: str | None) -> tuple[str, int]:
        """A port by its number, or by the name that a container gives it."""
        if text.isdecimal() and 0 < int(text) < 1 << 16:
            return protocol or "tcp", int(text)
        named = next((p for p in (pod.ports if pod else ()) if p.name == text), None)
        if named is not None:
            return named.protocol, named.number
        if text in SERVICES:
            return protocol or "tcp", SERVICES[text]
        raise Nowhere(f"pod {pod.full_name if pod else ''}: it has no port {text}".replace("pod :", "the pod:"))

    # Services

    def service(self, text: str) -> list[Spot]:
        """`default/nginx`, `default/nginx:http`, `default/nginx:80`: at the addresses inside the cluster."""
        name, _, port = text.partition(":")
        spots = self.services.get(name, ())
        return [spot for port_name, spot in spots if port in ("", port_name, str(spot.port))]

    @cached_property
    def services(self) -> dict[str, list[tuple[str, Spot]]]:
        """Ports, by name, of every service."""
        found: dict[str, dict[tuple[str, Spot], None]] = {}
        for service in self.cluster.services:
            for port in service.ports:
                for address in service.addresses:
                    spot = Spot(address, None, port.protocol, port.number)
                    found.setdefault(service.full_name, {})[port.name, spot] = None
        for family in self.snapshot.families:
            for one in self.names(family).served():
                name, _, port_name = one.service.partition(":")
                inside = one.reach in ("cluster IP", "address") and "/" not in (one.address or "/")
                if inside and one.address and name and name not in self.given:
                    spot = Spot(one.address, None, one.protocol, one.port)
                    found.setdefault(name, {})[port_name, spot] = None
        return {name: list(spots) for name, spots in found.items()}

    @cached_property
    def given(self) -> set[str]:
        return {service.full_name for service in self.cluster.services}

    def endpoints(self, text: str) -> list[str]:
        """The endpoints of a service, `default/nginx` or one of its ports."""
        name, _, port = text.partition(":")
        found: dict[str, None] = {}
        for family in self.snapshot.families:
            names = self.names(family)
            for one in names.served():
                service, _, port_name = one.service.partition(":")
                if service == name and port in ("", port_name, str(one.port)) and one.chain:
                    found.update(dict.fromkeys(e.address for e in names.endpoints(one.chain)))
        for some in self.cluster.endpoints_of(name):
            for p in some.ports:
                if port in ("", p.name):
                    ends = (Spot(a, None, p.protocol, p.number).ending for a in some.addresses)
                    found.update(dict.fromkeys(ends))
        if not found:
            raise Nowhere(f"service {text}: no endpoints of it are known")
        return list(found)

    # The node

    @property
    def families(self) -> Iterable[int]:
        return self.snapshot.families

    def own(self, family: int) -> list[str]:
        return own_addresses(self.snapshot, self.names(family), family)

    def names(self, family: int) -> Names:
        return Names.of(self.snapshot.program(family))

    @cached_property
    def interfaces(self) -> set[str]:
        return set(self.snapshot.interfaces_saved) | self.snapshot.interfaces_named


def _options(given: Mapping[str, object]) -> Options:
    return {key: str(value) for key, value in given.items() if value is not None}

"""Antrea, the flows of its bridge."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import ClassVar

from ruleparse.cni.antrea_cookies import rounds
from ruleparse.cni.antrea_policies import AntreaPolicies
from ruleparse.cni.antrea_purposes import PURPOSES
from ruleparse.cni.antrea_services import served
from ruleparse.cni.antrea_tables import AntreaTables
from ruleparse.cni.conjunctions import Conjunction
from ruleparse.cni.decoder import listed
from ruleparse.cni.flow_decoder import FlowCase, FlowDecoder, FlowPhrase, Sentences
from ruleparse.cni.saved_flows import WHOLE, SavedBridge, SavedFlow, register_value
from ruleparse.cni.things import Balanced, Served
from ruleparse.codec import show_address
from ruleparse.openflow.syntax import words

GATEWAYS, TUNNELS = ("antrea-gw0", "gw0"), ("antrea-tun0", "tun0")
_NO_ENDPOINT = "0x4000/0x4000"
_SOURCES = ("tunnel", "gateway", "pod", "", "uplink", "bridge")
_SAMPLED = 5
_OWN_ADDRESS = ("nw_src", "nw_dst", "ipv6_src", "ipv6_dst")


class Antrea(FlowDecoder):
    """Antrea's bridge br-int: where a packet comes from and may say it does, services and their endpoints, network
    policies as conjunctions, egress, forwarding. Every generation of its tables is known: fixed numbers up to 1.5,
    numbers that count from 0 since 1.6, with and without names.
    """

    name = "antrea"
    title = "Antrea"

    def __init__(self, saved: SavedBridge) -> None:
        super().__init__(saved)
        self.tables = AntreaTables(saved)
        self.policies = AntreaPolicies(saved, self.tables)

    @property
    def present(self) -> bool:
        return bool(self.tables.names)

    def writer(self) -> str | None:
        return f"Antrea {self.tables.version}" if self.present else None

    def table(self, table: str) -> str | None:
        return self.tables.names.get(table)

    def remarks(self) -> list[str]:
        found = rounds(flow.flow.cookie or 0 for flows in self.saved.flows.values() for flow in flows[:_SAMPLED])
        if len(found) < 2:
            return []
        return [f"Flows of {len(found)} starts of the Antrea agent ({listed(found)}) are here: the older are stale."]

    def flow(self, flow: SavedFlow) -> str | None:
        if not self.present:
            return None
        return super().flow(flow) or self.policies.phrase(flow)

    def decision(self, case: FlowCase) -> list[str]:
        return super().decision(case) or self.policies.decision(case, self.where(case.table), self.pod)

    def pod(self, number: int) -> str:
        """`pod interface 4 (nginx-0)`, `pod default/nginx-0 (port 4)` where `kubectl` said so; the gateway and the
        tunnel by their own names."""
        kind = self._kind(self.saved.ports.get(number, ""))
        name = None if kind else self._pods.get(number)
        return kind or (f"pod {name} (port {number})" if name else f"pod interface {self.saved.port(number)}")

    @cached_property
    def _pods(self) -> dict[int, str]:
        cluster = self.saved.cluster
        if cluster is None:
            return {}
        behind = ((port, cluster.pod_at(a)) for port, addresses in self.addresses().items() for a in addresses)
        return {port: pod.full_name for port, pod in behind if pod is not None}

    def _kind(self, name: str) -> str | None:
        return "the gateway" if name in GATEWAYS else "the tunnel" if name in TUNNELS else None

    # Steps

    def _classified(self, flow: SavedFlow) -> str | None:
        name = flow.match.get("in_port", "").strip('"')
        port = self.saved.number(name)
        shown = name if port is None else self.saved.port(port)
        pod = f"pod interface {shown}" if port is None else self.pod(port)
        source = flow.value("reg0", 0xF if self.tables.flexible else _source_mask(flow))
        if source is None or not name:
            return None
        kind = _SOURCES[place] if (place := source - self.tables.flexible) < len(_SOURCES) else ""
        return f"from {pod}" if kind in ("pod", "") else f"from the {kind}, port {shown}"

    def _not_spoofed(self, flow: SavedFlow) -> str | None:
        address = flow.match.get("nw_src") or flow.match.get("ipv6_src") or flow.match.get("arp_spa")
        return f"it may send from {address}" if address else None

    def _tracked(self, flow: SavedFlow) -> str | None:
        state = flow.match.get("ct_state", "")
        if "+inv" in state:
            return "connection tracking finds it invalid"
        return "of a connection that was let through" if "-new" in state else None

    def _service(self, flow: SavedFlow) -> str | None:
        address, port = flow.match.get("nw_dst") or flow.match.get("ipv6_dst"), flow.match.get("tp_dst")
        group = flow.group()
        if not address or group is None:
            return "to no service" if not flow.priority else None
        found = self.saved.groups.get(group)
        count = "" if found is None else f", {len(found.buckets)} endpoint{'' if len(found.buckets) == 1 else 's'}"
        protocol = next((name for name in flow.match if name in ("tcp", "udp", "sctp", "tcp6", "udp6", "sctp6")), "")
        return f"service {protocol.rstrip('6')} {address} port {port}: group {group}{count}"

    def _endpoint(self, flow: SavedFlow) -> str | None:
        if flow.match.get("reg0") == _NO_ENDPOINT:
            return "the service has no endpoint: the agent is told, and rejects"
        to = _translated(flow, "dst")
        return f"to endpoint {to}" if to else None

    def _kept(self, flow: SavedFlow) -> str | None:
        address, port = flow.value("reg3"), flow.value("reg4", 0xFFFF)
        if address is None or port is None:
            return None
        return f"this client stays with endpoint {show_address(address, 4)}:{port}"

    def _node_port(self, flow: SavedFlow) -> str | None:
        return "to the node itself: a node port, maybe" if flow.priority else None

    def _untranslated(self, flow: SavedFlow) -> str | None:
        return "to an address that stands for others: translated back" if flow.inside("ct") else None

    def _masqueraded(self, flow: SavedFlow) -> str | None:
        source = _translated(flow, "src")
        return f"its source becomes {source}" if source else None

    def _committed(self, flow: SavedFlow) -> str | None:
        return "a new connection, remembered" if flow.inside("ct") else None

    def _sent(self, flow: SavedFlow) -> str | None:
        does = {element.word for element in flow.actions}
        if "controller" in does:
            return "told to the agent"
        if "IN_PORT" in does:
            return "back to where it came from"
        return "leaves by the port found before" if "output" in does else None

    def _routed(self, flow: SavedFlow) -> str | None:
        address = flow.match.get("nw_dst") or flow.match.get("ipv6_dst")
        node = next((e.text.partition("->")[0] for e in flow.actions if e.text.endswith("->tun_dst")), None)
        loaded = next((e.text.partition("->")[0] for e in flow.actions if "NXM_NX_TUN_IPV4_DST" in e.text), None)
        if loaded is not None and (value := register_value(loaded)) is not None:
            node = show_address(value, 4)
        if node:
            return f"to {address}, through the tunnel to node {node}"
        return f"to {address}, on this node" if address else None

    def _switched(self, flow: SavedFlow) -> str | None:
        port = flow.value("reg1")
        return f"to {self.pod(port)}" if port is not None else "its MAC address is of no port here"

    def _marked(self, flow: SavedFlow) -> str | None:
        mark = flow.value("pkt_mark", 0xFF)
        return f"leaves the cluster by egress IP {mark}" if mark else None

    def _node_itself(self, flow: SavedFlow) -> str | None:
        return "from this node itself: no policy holds it" if "pkt_mark" in flow.match else None

    # What there is

    def purpose(self, table: str) -> str | None:
        return PURPOSES.get(self.tables.names.get(table, ""))

    def policy(self, rule: Conjunction) -> str:
        return self.policies.says(rule)

    def served(self) -> Iterable[tuple[Served, list[Balanced], int | None]]:
        return served(self.saved, self.tables)

    def addresses(self) -> dict[int, list[str]]:
        found: dict[int, list[str]] = {}
        for flow in self.tables.flows("SpoofGuard"):
            port = self.saved.number(flow.match.get("in_port", ""))
            address = flow.match.get("nw_src") or flow.match.get("ipv6_src")
            if port is not None and address:
                found.setdefault(port, []).append(address)
        return found

    def isolated(self) -> dict[int, list[str]]:
        behind = {address: port for port, addresses in self.addresses().items() for address in addresses}
        found: dict[int, list[str]] = {}
        for direction in ("Ingress", "Egress"):
            for flow in self.tables.flows(f"{direction}DefaultRule"):
                ends = (flow.match.get(key, "") for key in _OWN_ADDRESS)
                ports = [flow.matched("reg1"), self.saved.number(flow.match.get("in_port", "")), *map(behind.get, ends)]
                port = next((number for number in ports if number is not None), None)
                if port is not None and flow.drops:
                    found.setdefault(port, []).append(direction.lower())
        return found

    # Other ends

    def _unknown_port(self, case: FlowCase) -> list[str]:
        port = case.known("in_port")
        which = "it came in by no port" if port is None else f"port {self.saved.port(port)} is none"
        return [f"{self.where(case.table)} drops: {which} that Antrea knows."]

    def _spoofed(self, case: FlowCase) -> list[str]:
        port = case.known("in_port")
        mine = [
            flow for flow in self.saved.table(case.table) if self.saved.number(flow.match.get("in_port", "")) == port
        ]
        may = [
            f"{address} with {flow.match.get('dl_src') or flow.match.get('arp_sha')}"
            for flow in mine
            if (address := flow.match.get("nw_src") or flow.match.get("ipv6_src"))
        ]
        if port is None or not may:
            return []
        return [f"{self.where(case.table)} drops: {self.pod(port)} may send from {listed(may, 'or')} only."]

    def _invalid(self, case: FlowCase) -> list[str]:
        if case.flow is None or "+inv" not in case.flow.match.get("ct_state", ""):
            return []
        return [f"{self.where(case.table)} drops: connection tracking finds the packet invalid."]

    def _nowhere(self, case: FlowCase) -> list[str]:
        return [f"{self.where(case.table)} drops: no table before found a port for it to leave by."]

    phrases: ClassVar[Mapping[str, FlowPhrase]] = {
        "Classifier": _classified,
        "SpoofGuard": _not_spoofed,
        "ARPSpoofGuard": _not_spoofed,
        "ConntrackState": _tracked,
        "UnSNAT": _untranslated,
        "NodePortMark": _node_port,
        "SessionAffinity": _kept,
        "ServiceLB": _service,
        "EndpointDNAT": _endpoint,
        "L3Forwarding": _routed,
        "EgressMark": _marked,
        "SNAT": _masqueraded,
        "L2ForwardingCalc": _switched,
        "IngressSecurityClassifier": _node_itself,
        "ConntrackCommit": _committed,
        "Output": _sent,
    }
    decisions: ClassVar[Mapping[str, Sentences]] = {
        "Classifier": _unknown_port,
        "SpoofGuard": _spoofed,
        "ARPSpoofGuard": _spoofed,
        "ConntrackState": _invalid,
        "Output": _nowhere,
    }


def _source_mask(flow: SavedFlow) -> int:
    """The bits in which releases up to 1.5 keep the source: 16, later 4."""
    return next((w.mask for w in flow.written() if w.register == "reg0" and w.mask in (0xFFFF, 0xF)), WHOLE)


def _translated(flow: SavedFlow, end: str) -> str | None:
    """The address, `src` or `dst`, that ct() gives a packet."""
    nat = next((element for element in flow.inside("ct") if element.word == "nat"), None)
    return next((element.text for element in words(nat.inside) if element.word == end), None) if nat else None

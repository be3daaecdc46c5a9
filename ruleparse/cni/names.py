"""The one door to the decoders: what chains, rules, addresses, interfaces, marks and sets are called."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from functools import cached_property

from ruleparse.cni.antrea_host import AntreaHost
from ruleparse.cni.aws_vpc import AwsVpc
from ruleparse.cni.calico import Calico
from ruleparse.cni.cilium_host import CiliumHost
from ruleparse.cni.decoder import Case, Decoder, Mark, first
from ruleparse.cni.docker import Docker
from ruleparse.cni.fail2ban import Fail2ban
from ruleparse.cni.firewalld import Firewalld
from ruleparse.cni.flannel import Flannel
from ruleparse.cni.ip_masq_agent import IpMasqAgent
from ruleparse.cni.istio import Istio
from ruleparse.cni.kube_proxy import KubeProxy
from ruleparse.cni.kube_proxy_ipvs import KubeProxyIpvs
from ruleparse.cni.kube_proxy_userspace import KubeProxyUserspace
from ruleparse.cni.kube_router import KubeRouter
from ruleparse.cni.kube_services import Endpoint, KubeServices, Portal
from ruleparse.cni.kubelet import Kubelet
from ruleparse.cni.node_local_dns import NodeLocalDns
from ruleparse.cni.openshift_sdn import OpenShiftSdn
from ruleparse.cni.ovn_kubernetes import OvnKubernetes
from ruleparse.cni.portmap import Portmap
from ruleparse.cni.saved import Here, SavedRules
from ruleparse.cni.things import Held, Served
from ruleparse.cni.ufw import Ufw
from ruleparse.cni.weave import Weave
from ruleparse.evaluate import Hit
from ruleparse.netfilter.ipvs.tables import IPVS
from ruleparse.netfilter.program import NetfilterProgram
from ruleparse.packet import Packet
from ruleparse.program import Rule, Stop, Table

DECODERS: tuple[type[Decoder], ...] = (
    KubeProxyIpvs,
    KubeProxy,
    KubeProxyUserspace,
    Kubelet,
    Calico,
    AwsVpc,
    Flannel,
    KubeRouter,
    Weave,
    AntreaHost,
    CiliumHost,
    OvnKubernetes,
    OpenShiftSdn,
    Portmap,
    IpMasqAgent,
    NodeLocalDns,
    Docker,
    Firewalld,
    Ufw,
    Fail2ban,
    Istio,
)
"""in the order in which they are asked"""


_VIRTUAL = re.compile(r"(?P<address>.+):(?P<port>\d+)/(?P<protocol>\w+)")

Place = tuple[Here, list[Decoder]]
"""a rule where it stands, and the decoders whose programs wrote there"""


class Names:
    """The names of one family's rules. Nothing is read before it is asked for."""

    def __init__(self, program: NetfilterProgram) -> None:
        self._saved = [SavedRules(program, ruleset) for ruleset in program.rulesets]
        self._decoders = [[decoder(saved) for decoder in DECODERS] for saved in self._saved]
        self._family = program.family
        self.cluster = program.cluster
        self._rules: dict[Rule, str | None] = {}
        self._places: dict[Rule, Place | None] = {}

    @classmethod
    def of(cls, program: NetfilterProgram) -> Names:
        """The names of a program, kept with it: the next packet asks about the same rules."""
        kept: dict[str, Names] = vars(program)
        if "names" not in kept:
            kept["names"] = cls(program)
        return kept["names"]

    def writers(self) -> list[str]:
        """Programs that wrote rules here, with their versions as far as they can be told."""
        return list(dict.fromkeys(writer for decoder in self._all() if (writer := decoder.writer())))

    def chain(self, group: str, chain: str) -> str | None:
        """`service default/web:http`, `to pod interface cali123 (namespace default)` …"""
        return first(decoder.chain(group, chain) for decoder in self._present)

    def rule(self, table: Table, rule: Rule) -> str | None:
        """What it means that this rule was hit: a phrase for one step of the path."""
        if rule not in self._rules:
            self._rules[rule] = self._rule(table, rule)
        return self._rules[rule]

    def _rule(self, table: Table, rule: Rule) -> str | None:
        place = self._place(table, rule)
        if table.group == IPVS:
            return f"an endpoint of {self._balanced(table.label)}"
        if place is None:
            return "no rule of the chain decided" if table.base and rule is table.default else None
        here, decoders = place
        said = first(decoder.rule(here) for decoder in decoders)
        return said or first(decoder.chain(table.group, here.target) for decoder in decoders)

    def _balanced(self, label: str) -> str:
        """A virtual server, by its name where `kubectl` said it."""
        found = _VIRTUAL.fullmatch(label)
        if found and self.cluster is not None:
            name = self.cluster.port_at(found["address"].strip("[]"), found["protocol"], int(found["port"]))
            if name is not None:
                return f"service {name}"
        return f"the service at {label}"

    def decision(
        self, table: Table, rule: Rule, packet: Packet, hits: Sequence[Hit], unsure: Collection[str] = ()
    ) -> list[str]:
        """Full sentences on the rule that decided, and on the way there if it let the packet through.

        `hits` are of one packet of those that go this way; in fields that are `unsure` others have other values.
        """
        as_it_was = next((hit.packet for hit in reversed(hits) if hit.rule is rule), packet)
        as_it_was = replace(as_it_was, values={k: v for k, v in as_it_was.values.items() if k not in unsure})
        case = Case(as_it_was, self._family, tuple(self._path(hits)))
        place = self._place(table, rule)
        sentences = self._policy(table, rule) if table.base and rule is table.default else []
        if place is not None:
            sentences += [s for decoder in place[1] for s in decoder.decision(place[0], case)]
        if stops(rule, "accept"):
            sentences += [s for decoder in self._present for s in decoder.remarks(case)]
        return list(dict.fromkeys(sentences))

    def _policy(self, table: Table, policy: Rule) -> list[str]:
        if stops(policy, "accept"):
            return [f"No rule of {table.label} decided, and the chain's policy is ACCEPT."]
        start = f"No rule of {table.label} accepted the packet, and the chain's policy is DROP."
        more = (decoder.under_drop for decoder in self._present if table.label == "FORWARD")
        return [start, *filter(None, more)]

    def address(self, value: int, family: int) -> str | None:
        """`service default/web:http`, `endpoint of default/web:http`, `pod default/web`."""
        said = self._ask(lambda decoder: decoder.address(value, family))
        known = self.cluster.named(value) if self.cluster is not None else None
        if known is None or said is None:
            return said or known
        return said if known.startswith("service") else f"{known}, {said}"

    def interface(self, name: str) -> str | None:
        """`pod interface (Calico)`, `flannel's VXLAN device`."""
        return self._ask(lambda decoder: decoder.interface(name))

    def namespace(self, interface: str) -> str | None:
        """Of the pod behind an interface."""
        return self._ask(lambda decoder: decoder.namespace(interface))

    def portals(self) -> dict[int, list[Portal]]:
        """Services by each of their addresses."""
        return {address: found for services in self._services() for address, found in services.portals.items()}

    def endpoints_of_services(self) -> dict[int, list[str]]:
        """The addresses that services send packets to, and which services do."""
        return {
            address: sorted({service for chain in chains if (service := services.of_chain(chain))})
            for services in self._services()
            for address, chains in services.pods.items()
        }

    def _services(self) -> Iterator[KubeServices]:
        return (decoder.services for decoder in self._all() if isinstance(decoder, KubeProxy))

    def set(self, name: str) -> str | None:
        """`all Calico IP pools`."""
        return self._ask(lambda decoder: decoder.set(name))

    def mark(self, value: int, mask: int) -> str | None:
        """What the bits of a mark under `mask` say; a mask of a few bits also says what is not set."""
        whole = mask & 0xFFFFFFFF == 0xFFFFFFFF
        said = []
        for known in self._marks:
            if known.bits & mask == known.bits and value & known.bits == known.bits:
                said.append(known.says)
            elif known.bits == mask and not value & mask and not whole:
                said.append(f"not set: {known.says}")
        return ", ".join(said) or None

    # What there is

    def served(self) -> list[Served]:
        """Every way to a service."""
        return [one for decoder in self._present for one in decoder.served()]

    def held(self) -> list[Held]:
        """Every pod or host interface that policies hold."""
        return [one for decoder in self._present for one in decoder.held()]

    def marks(self) -> list[Mark]:
        """Bits of the packet mark that mean something."""
        return list(dict.fromkeys(self._marks))

    def affinity(self, chain: str) -> int | None:
        """For how many seconds a chain of a service keeps a client to one endpoint."""
        services = (decoder for decoder in self._all() if isinstance(decoder, KubeProxy))
        return next((found for decoder in services if (found := decoder.services.affinity(chain)) is not None), None)

    def chains_of(self, name: str) -> list[str]:
        """The tables of the program that are for a service, pod or policy of this name."""
        found: dict[str, None] = {}
        for saved, decoders in zip(self._saved, self._decoders, strict=True):
            for decoder in decoders:
                if decoder.present:
                    found.update(dict.fromkeys(saved.key(*chain) for chain in decoder.chains_of(name)))
        return list(found)

    def endpoints(self, chain: str) -> list[Endpoint]:
        """The endpoints that a chain of a service chooses from, each with its share."""
        services = (decoder for decoder in self._all() if isinstance(decoder, KubeProxy))
        return next((found for decoder in services if (found := decoder.endpoints(chain))), [])

    # Asking the decoders

    def _all(self) -> Iterator[Decoder]:
        return (decoder for decoders in self._decoders for decoder in decoders)

    def _ask(self, question: Callable[[Decoder], str | None]) -> str | None:
        """The first answer; those who wrote here are asked first."""
        return first(map(question, self._by_presence))

    @cached_property
    def _by_presence(self) -> list[Decoder]:
        return sorted(self._all(), key=lambda decoder: not decoder.present)

    @cached_property
    def _marks(self) -> list[Mark]:
        return [mark for decoder in self._present for mark in decoder.marks]

    @cached_property
    def _present(self) -> list[Decoder]:
        return [decoder for decoder in self._all() if decoder.present]

    def _place(self, table: Table, rule: Rule) -> Place | None:
        if rule not in self._places:
            self._places[rule] = self._find(table, rule)
        return self._places[rule]

    def _find(self, table: Table, rule: Rule) -> Place | None:
        for saved, decoders in zip(self._saved, self._decoders, strict=True):
            if saved.holds(table) and (here := saved.here(table, rule)):
                return here, [decoder for decoder in decoders if decoder.present]
        return None

    def _path(self, hits: Sequence[Hit]) -> Iterator[Here]:
        return (place[0] for hit in hits if (place := self._place(hit.table, hit.rule)))


def stops(rule: Rule, verdict: str) -> bool:
    """Whether a rule ends the walk with this verdict."""
    return any(isinstance(action, Stop) and action.verdict == verdict for action in rule.actions)

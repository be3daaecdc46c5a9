"""Which of Antrea's tables is which: by name where a dump has names, by number up to 1.5, by content since then.

Sources: Antrea, docs/design/ovs-pipeline.md and pkg/agent/openflow/{pipeline,framework}.go, releases 0.1 to 2.7.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

from ruleparse.cni.saved_flows import SavedBridge, SavedFlow

Numbers = frozenset[int]
_LOOKED_AT = 40
ROOT = "PipelineRootClassifier"
TIERS = ("EmergencyTier", "SecurityOpsTier", "NetworkOpsTier", "PlatformTier", "ApplicationTier")


@dataclass(frozen=True, slots=True)
class Fixed:
    """A table of the pipeline of fixed numbers; `when` tells it from others that had the number before or after."""

    number: int
    name: str
    when: Callable[[Numbers], bool] = lambda _: True


FIXED = (
    Fixed(0, "Classifier"),
    Fixed(5, "Uplink"),
    Fixed(10, "SpoofGuard"),
    Fixed(20, "ARPResponder"),
    Fixed(21, "IPv6"),
    Fixed(22, "Multicast"),
    Fixed(23, "ServiceHairpin"),
    Fixed(24, "SNATConntrack"),
    Fixed(29, "ServiceHairpin"),
    Fixed(30, "ConntrackZone"),
    Fixed(31, "ConntrackState"),
    Fixed(35, "ServiceClassifier"),
    Fixed(40, "SessionAffinity", lambda numbers: 41 in numbers),
    Fixed(40, "DNAT"),
    Fixed(41, "ServiceLB"),
    Fixed(42, "EndpointDNAT"),
    *(Fixed(45 + n, f"{tier}Egress", lambda numbers: 46 in numbers) for n, tier in enumerate(TIERS)),
    Fixed(45, "MultiTierEgress", lambda numbers: 49 in numbers),
    Fixed(45, "AntreaPolicyEgressRule"),
    Fixed(49, "DefaultTierEgress"),
    Fixed(50, "EgressRule"),
    Fixed(60, "EgressDefaultRule"),
    Fixed(61, "EgressMetric"),
    Fixed(70, "L3Forwarding"),
    Fixed(71, "SNAT", lambda numbers: 72 in numbers),
    Fixed(71, "L3DecTTL"),
    Fixed(72, "L3DecTTL"),
    Fixed(80, "L2ForwardingCalc"),
    *(Fixed(85 + n, f"{tier}Ingress", lambda numbers: 86 in numbers) for n, tier in enumerate(TIERS)),
    Fixed(85, "MultiTierIngress", lambda numbers: 89 in numbers),
    Fixed(85, "AntreaPolicyIngressRule"),
    Fixed(89, "DefaultTierIngress"),
    Fixed(90, "IngressRule"),
    Fixed(100, "IngressDefaultRule"),
    Fixed(101, "IngressMetric"),
    Fixed(105, "ConntrackCommit"),
    Fixed(106, "ServiceConntrackCommit", lambda numbers: 108 in numbers),
    Fixed(106, "HairpinSNAT"),
    Fixed(108, "HairpinSNAT"),
    Fixed(110, "Output"),
)
BONES = {0, 10, 30, 31, 50, 60, 70, 80, 90, 100, 110}
"""tables that every release with fixed numbers has"""

VERSIONS: tuple[tuple[str, Callable[[Numbers], bool]], ...] = (
    ("1.5", lambda numbers: 22 in numbers),
    ("1.4 or 1.5", lambda numbers: bool({23, 24, 35, 108} & numbers)),
    ("1.0 to 1.3", lambda numbers: {71, 72} <= numbers),
    ("0.12 or 0.13", lambda numbers: 71 in numbers),
    ("0.10", lambda numbers: {49, 61} <= numbers),
    ("0.11", lambda numbers: 61 in numbers),
    ("0.9", lambda numbers: 46 in numbers),
    ("0.8", lambda numbers: 45 in numbers),
    ("0.2 to 0.7", lambda numbers: 105 in numbers),
    ("0.1", lambda _: True),
)

_NUMBER = r"(?:goto_table:|resubmit\(,)"
SIGNATURES = (
    (ROOT, rf"^(?:arp|ip|ipv6) actions={_NUMBER}"),
    ("ARPSpoofGuard", r"^arp,in_port=[^,]+,arp_spa="),
    ("ARPResponder", r"^arp(?:,arp_\S+)? actions=(?:.*IN_PORT|NORMAL)$"),
    ("Classifier", r"^in_port=\S+ actions=(?:set_field:0x[1-5]/0xf->reg0|load:0x[1-5]->NXM_NX_REG0\[0\.\.3\])"),
    ("SpoofGuard", r"^ip(?:v6)?,in_port=[^,]+(?:,dl_src=[^,]+)?(?:,nw_src=|,ipv6_src=| actions=)"),
    ("UnSNAT", r"_dst=\S+ actions=ct\(table=[^,]+,zone=655[12]1,nat\)"),
    ("ConntrackZone", r"^ip(?:v6)? actions=ct\(table=[^,]+,zone=(?:65520|65510|NXM_NX_REG8)"),
    ("ConntrackState", r"^ct_state=\+inv\+trk,ip(?:v6)? actions=drop"),
    ("PreRoutingClassifier", r"^ip(?:v6)? actions=resubmit\(.*\),resubmit\("),
    ("NodePortMark", r"actions=(?:set_field:0x80000/0x80000->reg4|load:0x1->NXM_NX_REG4\[19\])$"),
    ("SessionAffinity", r"^ actions=(?:set_field:0x10000/0x70000->reg4|load:0x1->NXM_NX_REG4\[16\.\.18\])$"),
    ("ServiceLB", r"reg4=0x10000/0x[0-9a-f]+.*group:"),
    ("EndpointDNAT", r"^reg4=0x20000/0x70000 actions="),
    ("L3Forwarding", r"reg0=(?:0x200|0)/0x200,(?:nw|ipv6)_dst="),
    ("EgressMark", r"^ct_state=\+new\+trk,ip(?:v6)?,reg0=0x1/0xf actions=drop"),
    ("L3DecTTL", r"^ip(?:v6)? actions=dec_ttl,"),
    ("SNATMark", r"ct\(commit,.*exec\((?:set_field:0x20/0x20->ct_mark|load:0x1->NXM_NX_CT_MARK\[5\])"),
    ("SNAT", r"actions=ct\(commit,.*nat\(src="),
    ("L2ForwardingCalc", r"^dl_dst=\S+ actions=(?:set_field:\S+->reg1|load:\S+->NXM_NX_REG1\[\])"),
    ("IngressSecurityClassifier", r"pkt_mark=0x80000000/0x80000000"),
    ("ConntrackCommit", r"actions=ct\(commit,.*exec\(move:NXM_NX_REG0\[0\.\.3\]->NXM_NX_CT_MARK\[0\.\.3\]\)\)$"),
    ("Output", r"actions=output:(?:NXM_NX_REG1\[\]|reg1)$"),
)
"""What some flow of a table of the flexible pipeline looks like; of one that is there, no earlier line is found."""
POLICIES = ("AntreaPolicy{}Rule", "{}Rule", "{}DefaultRule", "{}Metric")
_SIGNATURES = tuple((name, re.compile(pattern)) for name, pattern in SIGNATURES)
_ENOUGH = {ROOT, "Classifier", "SpoofGuard", "L2ForwardingCalc", "Output"}
OLD_NAMES = {"SNATConntrackZone": "UnSNAT", "ServiceMark": "SNATMark", "SNATConntrackCommit": "SNAT"}


class AntreaTables:
    """The tables of one bridge by what the dump calls them; none if this is not Antrea's."""

    def __init__(self, saved: SavedBridge) -> None:
        self.saved = saved

    @cached_property
    def names(self) -> Mapping[str, str]:
        """What the dump calls a table -> what Antrea calls it."""
        if not self.saved.numbered:
            return {name: OLD_NAMES.get(name, name) for name in self.saved.flows} if self._is_named else {}
        if self._numbers >= BONES and any(flow.next == "31" for flow in self.saved.table("30")):
            return {str(number): name for number in self._numbers if (name := _fixed(number, self._numbers))}
        return self._by_content()

    @property
    def _is_named(self) -> bool:
        return {"Classifier", "SpoofGuard", "ConntrackState", "Output"} <= self.saved.flows.keys()

    @cached_property
    def _numbers(self) -> Numbers:
        return frozenset(int(name) for name in self.saved.flows)

    @cached_property
    def flexible(self) -> bool:
        """Whether this is the pipeline since 1.6, whose registers mean other things."""
        return ROOT in self.names.values()

    @cached_property
    def called(self) -> Mapping[str, str]:
        """The other way around."""
        return {name: table for table, name in self.names.items()}

    def flows(self, name: str) -> list[SavedFlow]:
        return list(self.saved.table(self.called.get(name)))

    @cached_property
    def version(self) -> str:
        """Releases that lay tables out like this."""
        if not self.flexible:
            if not self.saved.numbered:
                return "1.4 or 1.5"
            return next(version for version, holds in VERSIONS if holds(self._numbers))
        if any(name in self.saved.flows for name in OLD_NAMES):
            return "1.6"
        found = [flow for flow in self.flows("L2ForwardingCalc") if "dl_dst" in flow.match]
        if not found:
            return "1.6 or later"
        if any(flow.value("reg0", 0x100) is not None for flow in found):
            return "1.6 to 1.12"
        sources = (flow for flow in self.flows("Classifier") if flow.value("reg4", 0x10000000) is not None)
        return "2.0 or later" if any(sources) else "1.13 or later"

    def _by_content(self) -> dict[str, str]:
        """Tables in the order of their numbers have signatures in the order of Antrea's."""
        found: dict[str, str] = {}
        at = 0
        for number in sorted(self._numbers):
            flows = [flow.rule for flow in self._some(str(number))]
            for place in range(at, len(_SIGNATURES)):
                name, pattern = _SIGNATURES[place]
                if any(map(pattern.search, flows)):
                    found[str(number)] = name
                    at = place + 1
                    break
        if not set(found.values()) >= _ENOUGH:
            return {}
        return found | self._policies(found)

    def _some(self, table: str) -> list[SavedFlow]:
        """Enough flows of a table to tell what it is, those for the rest among them."""
        flows = self.saved.table(table)
        rest = self.saved.miss(table)
        return [*flows[:_LOOKED_AT], *flows[-_LOOKED_AT:], *([rest] if rest else [])]

    def _policies(self, found: Mapping[str, str]) -> dict[str, str]:
        """Tables of policies look alike; they are told by the way from one to the next."""
        called = {name: table for table, name in found.items()}
        egress = self._way(called.get("EndpointDNAT"), called.get("L3Forwarding"))
        ingress = self._way(called.get("IngressSecurityClassifier"), called.get("ConntrackCommit"))
        named: dict[str, str] = {}
        for direction, tables in (("Egress", egress), ("Ingress", ingress)):
            if 2 <= len(tables) <= len(POLICIES):
                names = POLICIES if len(tables) == len(POLICIES) else POLICIES[1:]
                named |= dict(zip(tables, (name.format(direction) for name in names), strict=False))
        return named

    def _way(self, start: str | None, end: str | None) -> list[str]:
        """The tables between two that a packet passes which no flow of them takes."""
        way: list[str] = []
        table = start
        while table and end and len(way) <= len(POLICIES):
            miss = self.saved.miss(table)
            table = miss.next if miss else None
            if table == end:
                return way
            if table:
                way.append(table)
        return []


def _fixed(number: int, numbers: Numbers) -> str | None:
    return next((row.name for row in FIXED if row.number == number and row.when(numbers)), None)

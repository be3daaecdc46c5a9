"""OpenStack Neutron, the flows of its Open vSwitch agent (neutron/plugins/ml2/drivers/openvswitch/agent/common/
constants.py)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from ruleparse.cni.flow_decoder import FlowCase, NumberedTables, Sentences


class NeutronBrInt(NumberedTables):
    """Neutron's integration bridge: guards against spoofing, and security groups as conjunctions."""

    name = "neutron-br-int"
    title = "Neutron br-int"
    needs = frozenset((0, 23, 24, 60))
    tables: ClassVar[Mapping[int, str]] = {
        0: "local switching",
        1: "DVR to source MAC",
        2: "DVR to source MAC, physical",
        5: "DHCP",
        10: "PACKET RATE LIMIT",
        23: "canary",
        24: "ARP spoofing",
        25: "MAC spoofing",
        30: "local egress",
        31: "DVR to local",
        58: "before local switching",
        60: "transient",
        61: "transient egress",
        62: "transient ingress",
        71: "base egress",
        72: "security groups, egress",
        73: "accepted or to local port",
        81: "base ingress",
        82: "security groups, ingress",
        91: "accepted egress",
        92: "accepted ingress",
        93: "dropped",
        94: "accepted egress, switched",
    }

    def _spoofed(self, case: FlowCase) -> list[str]:
        return [f"{self.where(case.table)} drops: the port may not send with this address."]

    def _refused(self, case: FlowCase) -> list[str]:
        return [f"{self.where(case.table)} drops: no rule of a security group allows {case.words}."]

    decisions: ClassVar[Mapping[str, Sentences]] = {
        "ARP spoofing": _spoofed,
        "MAC spoofing": _spoofed,
        "security groups, egress": _refused,
        "security groups, ingress": _refused,
        "dropped": _refused,
    }


class NeutronBrTun(NumberedTables):
    """Neutron's tunnel bridge: networks by their tunnel keys."""

    name = "neutron-br-tun"
    title = "Neutron br-tun"
    needs = frozenset((0, 2, 3, 4, 10, 20, 22))
    tables: ClassVar[Mapping[int, str]] = {
        0: "where from",
        1: "DVR process",
        2: "from br-int",
        3: "from GRE",
        4: "from VXLAN",
        6: "from Geneve",
        9: "DVR not learned",
        10: "learn where it came from",
        20: "to one tunnel",
        21: "ARP responder",
        22: "to all tunnels",
    }

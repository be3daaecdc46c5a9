"""OpenShift SDN, the flows of its bridge (openshift/sdn, pkg/network/node/ovscontroller.go)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar

from ruleparse.cni.conjunctions import packet_words
from ruleparse.cni.flow_decoder import FlowCase, FlowPhrase, NumberedTables, Sentences
from ruleparse.cni.saved_flows import SavedFlow

_PLUGINS = {"00": "subnet", "01": "multitenant", "02": "networkpolicy"}
_NOTE = re.compile(r"([0-9a-f]{2})\.([0-9a-f]{2})\.")
"""kind of network and version of the flows"""
_MOST = 5


class OpenShiftBr0(NumberedTables):
    """OpenShift SDN's bridge br0: projects by their network number, which a packet carries in reg0 (its sender's) and
    reg1 (its receiver's), and network policies in table 80.
    """

    name = "openshift-sdn-br0"
    title = "OpenShift SDN"
    needs = frozenset((0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 253))
    tables: ClassVar[Mapping[int, str]] = {
        0: "where from",
        10: "from VXLAN",
        20: "from pods",
        21: "from pods, tracked",
        25: "from pods through services",
        30: "routing",
        40: "ARP to pods",
        50: "ARP to nodes",
        60: "to services",
        70: "to pods",
        80: "network policy",
        90: "to nodes",
        100: "egress policy",
        101: "out of the cluster",
        110: "multicast from pods",
        111: "multicast to all",
        120: "multicast from VXLAN",
        253: "version",
    }

    def writer(self) -> str | None:
        if not self.present:
            return None
        notes = [element.text for flow in self.saved.table("253") for element in flow.actions if element.word == "note"]
        found = _NOTE.match(notes[0] if notes else "")
        plugin = _PLUGINS.get(found[1]) if found else None
        return f"{self.title} ({plugin}, flows of version {int(found[2], 16)})" if found and plugin else self.title

    def _pod(self, flow: SavedFlow) -> str | None:
        address, project = flow.match.get("nw_src") or flow.match.get("arp_spa"), flow.value("reg0")
        return f"from pod {address} of {_project(project)}" if address and project is not None else None

    def _to_pod(self, flow: SavedFlow) -> str | None:
        address, project, port = flow.match.get("nw_dst"), flow.value("reg1"), flow.value("reg2")
        if address is None or project is None or port is None:
            return None
        return f"to pod {address} of {_project(project)}, port {self.saved.port(port)}"

    def _allowed(self, flow: SavedFlow) -> str | None:
        """One flow of table 80."""
        if flow.drops:
            return "no network policy lets it in"
        if "+rpl" in flow.match.get("ct_state", ""):
            return "a reply"
        source, target = flow.matched("reg0"), flow.matched("reg1")
        if target is None:
            return f"from the node itself, {flow.match['nw_src']}" if "nw_src" in flow.match else None
        who = [packet_words(flow), _project(source) if source is not None else ""]
        return f"{_project(target)} lets in {' of '.join(filter(None, who)) or 'everybody'}"

    def _tunnelled(self, flow: SavedFlow) -> str | None:
        node = next((e.text.partition("->")[0] for e in flow.actions if e.text.endswith("->tun_dst")), None)
        return f"through VXLAN to node {node}" if node else None

    def _from_node(self, flow: SavedFlow) -> str | None:
        return f"from node {flow.match['tun_src']}" if "tun_src" in flow.match else None

    def _egress(self, flow: SavedFlow) -> str | None:
        project = flow.matched("reg0")
        return f"egress policy of {_project(project)}" if project is not None else None

    def _kept_out(self, case: FlowCase) -> list[str]:
        target, source = case.known("reg1"), case.known("reg0")
        if case.flow is None or not case.flow.drops or target is None:
            return []
        whose = f" of {_project(source)}" if source is not None else ""
        start = f"{self.where(case.table)} drops: no policy of {_project(target)} lets in {case.words}{whose}."
        mine = [flow for flow in self.saved.table(case.table) if flow.matched("reg1") == target]
        allowed = [said for flow in mine[:_MOST] if (said := self._allowed(flow))]
        return [start, *(f"{said[0].upper()}{said[1:]}." for said in allowed)]

    phrases: ClassVar[Mapping[str, FlowPhrase]] = {
        "from VXLAN": _from_node,
        "from pods": _pod,
        "from pods through services": _pod,
        "to pods": _to_pod,
        "network policy": _allowed,
        "to nodes": _tunnelled,
        "ARP to nodes": _tunnelled,
        "egress policy": _egress,
    }
    decisions: ClassVar[Mapping[str, Sentences]] = {"network policy": _kept_out}


def _project(number: int | None) -> str:
    return "project 0 (global)" if number == 0 else f"project {number:#x}" if number is not None else "a project"

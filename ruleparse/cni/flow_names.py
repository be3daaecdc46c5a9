"""The one door to the decoders of bridges: what tables are called, what flows mean, why a packet ended where it did."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from ruleparse.cni.antrea import GATEWAYS, Antrea
from ruleparse.cni.conjunctions import Conjunction, conjunctions
from ruleparse.cni.decoder import first
from ruleparse.cni.flow_decoder import FlowCase, FlowDecoder
from ruleparse.cni.neutron import NeutronBrInt, NeutronBrTun
from ruleparse.cni.openshift_br0 import OpenShiftBr0
from ruleparse.cni.ovn_br_int import OvnBrInt
from ruleparse.cni.saved_flows import SavedBridge, SavedFlow
from ruleparse.cni.things import Balanced, Served
from ruleparse.openflow.program import BridgeProgram

FLOW_DECODERS: tuple[type[FlowDecoder], ...] = (Antrea, OpenShiftBr0, NeutronBrInt, NeutronBrTun, OvnBrInt)
"""in the order in which they are asked"""
_NORMAL = (
    "Antrea's flows are lost: with priority=0 actions=NORMAL alone the bridge forwards everything like a plain switch."
)


class FlowNames:
    """The names of one bridge. Nothing is read before it is asked for; nothing that is said changes a verdict."""

    def __init__(self, saved: SavedBridge) -> None:
        self.saved = saved
        self._said: dict[str, str | None] = {}

    @classmethod
    def of(cls, program: BridgeProgram) -> FlowNames:
        """The names of a bridge, kept with its program: the next packet asks about the same flows."""
        kept: dict[str, FlowNames] = vars(program)
        if "names" not in kept:
            ports = program.port_list
            kept["names"] = cls(SavedBridge(program.dumps, program.groups, ports.names, program.cluster, ports.owners))
        return kept["names"]

    @cached_property
    def _decoders(self) -> list[FlowDecoder]:
        """Whose bridge this is; only one program writes to a bridge."""
        found = (made for decoder in FLOW_DECODERS if (made := decoder(self.saved)).present)
        return list(found)[:1]

    def writers(self) -> list[str]:
        """Programs that wrote flows here, with their versions as far as they can be told."""
        return [writer for decoder in self._decoders if (writer := decoder.writer())]

    def table(self, table: str) -> str | None:
        """What a table is called by who wrote it: `IngressRule`."""
        return first(decoder.table(table) for decoder in self._decoders)

    def flow(self, flow: SavedFlow) -> str | None:
        """What it means that this flow was hit: a phrase for one step of the path."""
        if flow.text not in self._said:
            self._said[flow.text] = first(decoder.flow(flow) for decoder in self._decoders)
        return self._said[flow.text]

    def decision(self, case: FlowCase) -> list[str]:
        """Full sentences on the flow that decided."""
        return [sentence for decoder in self._decoders for sentence in decoder.decision(case)]

    # What there is

    def purpose(self, table: str) -> str | None:
        """What a table is for."""
        return first(decoder.purpose(table) for decoder in self._decoders)

    def policies(self) -> Iterator[tuple[str, Conjunction, str]]:
        """Every conjunction: its table, itself, what it does."""
        for name, table in self.saved.flows.items():
            for rule in conjunctions(table):
                said = first(decoder.policy(rule) for decoder in self._decoders)
                yield name, rule, said or rule.about({})

    def addresses(self) -> dict[int, list[str]]:
        """The addresses behind each port, as far as flows tell."""
        return {port: found for decoder in self._decoders for port, found in decoder.addresses().items()}

    def isolated(self) -> dict[int, list[str]]:
        """The ports of pods that policies isolate, and in which directions."""
        return {port: found for decoder in self._decoders for port, found in decoder.isolated().items()}

    def served(self) -> list[tuple[Served, list[Balanced], int | None]]:
        """Ways to services, with their endpoints, and for how many seconds a client keeps one."""
        return [one for decoder in self._decoders for one in decoder.served()]

    def remarks(self) -> list[str]:
        """Sentences about the bridge as a whole."""
        flows = [flow for table in self.saved.flows.values() for flow in table[:2]]
        lost = len(flows) == 1 and flows[0].rule == " actions=NORMAL" and not flows[0].priority
        antrea = any(name in GATEWAYS for name in self.saved.ports.values())
        return [_NORMAL] * (lost and antrea) + [
            sentence for decoder in self._decoders for sentence in decoder.remarks()
        ]

"""OVN, the flows that ovn-controller writes (ovn controller/lflow.h, ovn-architecture(7))."""

from __future__ import annotations

import re
from functools import cached_property

from ruleparse.cni.flow_decoder import FlowDecoder
from ruleparse.cni.saved_flows import SavedFlow, decimal

_INGRESS, _TO_PHYSICAL, _SAMPLED = 8, 65, 50
_PORTS = {"reg14": "from logical port", "reg15": "to logical port"}
_KEY = re.compile(r"0x[0-9a-f]+")


class OvnBrInt(FlowDecoder):
    """OVN's bridge br-int: each flow stands for a logical flow, whose UUID begins with the flow's cookie; `metadata`
    is the logical switch or router, reg14 and reg15 are the logical ports.
    """

    name = "ovn-br-int"
    title = "OVN"

    @cached_property
    def present(self) -> bool:
        tables = set(map(decimal, self.saved.flows))
        if not {0, _INGRESS, _TO_PHYSICAL} <= tables:
            return False
        first = self.saved.table(str(_INGRESS))[:_SAMPLED]
        return all("metadata" in flow.match for flow in first if flow.priority)

    def table(self, table: str) -> str | None:
        number = decimal(table)
        if number is None:
            return None
        named = {0: "physical to logical", _TO_PHYSICAL: "logical to physical"}
        if number in named:
            return named[number]
        return f"logical ingress {number - _INGRESS}" if _INGRESS <= number < self._outputs else None

    @cached_property
    def _outputs(self) -> int:
        """The first table behind the logical ingress pipeline: 32 in old releases, 37 or more in later ones."""
        numbers = filter(None, map(decimal, self.saved.flows))
        return min((number for number in numbers if 32 <= number < _TO_PHYSICAL), default=32)

    def flow(self, flow: SavedFlow) -> str | None:
        if not self.present:
            return None
        said = [f"datapath {flow.match['metadata']}"] if _KEY.fullmatch(flow.match.get("metadata", "")) else []
        said += [f"{words} {flow.match[register]}" for register, words in _PORTS.items() if register in flow.match]
        cookie = flow.flow.cookie or 0
        said += [f"logical flow {cookie:08x}"] if 0 < cookie < 1 << 32 else []
        return ", ".join(said) or None

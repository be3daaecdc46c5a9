"""Network policies in Antrea's tables: Kubernetes' own, which isolate pods, and Antrea's, which allow and deny."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

from ruleparse.cni.antrea_tables import AntreaTables
from ruleparse.cni.conjunctions import Conjunction, clauses, conjunction
from ruleparse.cni.flow_decoder import FlowCase
from ruleparse.cni.saved_flows import SavedBridge, SavedFlow, decimal

_DENY = {False: 1 << 20, True: 1 << 10}
"""the bit of reg0 that a policy denied the packet; by whether the pipeline is the flexible one"""
_ENDS = {"Ingress": ("to", "from"), "Egress": ("from", "to")}
"""on which end of a packet its pod is, and on which the peer"""
_ADDRESSES = ("nw_src", "ipv6_src")
_MOST, _SHOWN = 20, 5


class AntreaPolicies:
    """Reads the conjunctions of a table when somebody asks about one of them."""

    def __init__(self, saved: SavedBridge, tables: AntreaTables) -> None:
        self.saved = saved
        self.tables = tables
        self._read: dict[tuple[str, int], Conjunction | None] = {}

    def phrase(self, flow: SavedFlow) -> str | None:
        """For a step in a table of policies."""
        state = flow.match.get("ct_state", "")
        if "-new" in state and ("+est" in state or "+rel" in state):
            return "of a connection that was let through: policies were asked at its start"
        if (found := self._answered(flow)) is not None:
            return f"conjunction {found.number} {self._verb(found)} {self._about(found)}"
        name = self.tables.names.get(flow.table, "")
        if name.endswith(("Metric", "DefaultRule")) and flow.drops:
            return "denied"
        is_rules = name.endswith(("Rule", "TierIngress", "TierEgress")) and not name.endswith("DefaultRule")
        return "no rule of a policy" if is_rules and not flow.priority else None

    def decision(self, case: FlowCase, where: str, pod: Callable[[int], str]) -> list[str]:
        """For a packet that ends in a table of policies; `where` is how that is called, `pod` how a port is."""
        name = self.tables.names.get(case.table, "")
        if case.flow is None or not case.flow.drops:
            return []
        if "conj_id" not in case.flow.match and name.endswith("DefaultRule"):
            direction = name.removesuffix("DefaultRule")
            return self._isolated(case, case.flow, direction, where, pod) if direction in _ENDS else []
        found = self._denier(case.flow, case.path)
        if found is None:
            return []
        what = f"an Antrea-native policy, conjunction {found.number} at priority {found.priority}"
        return [f"{where} drops: {what}, {self._verb(found)} {self._about(found)}."]

    def _denier(self, flow: SavedFlow, path: Sequence[SavedFlow]) -> Conjunction | None:
        """The rule that said no: this flow's, or that of the nearest flow before that left its number in reg3."""
        number = flow.matched("reg3")
        steps = (step for step in reversed(path) if number is not None and step.value("reg3") == number)
        return next((found for step in (flow, *steps) if (found := self._answered(step))), None)

    # A pod that gets only what some rule allows

    def _isolated(
        self, case: FlowCase, flow: SavedFlow, direction: str, where: str, pod: Callable[[int], str]
    ) -> list[str]:
        port = flow.matched("reg1")
        address = next((flow.match[key] for key in _ADDRESSES if key in flow.match), "?")
        whose = pod(port) if port is not None else f"pod {address}"
        start = f"{where} drops: {whose} is isolated by a NetworkPolicy and"
        table = self.tables.called.get(f"{direction}Rule", "")
        rules = self._about_pod(flow, table)
        if not rules:
            return [f"{start} no rule of one allows it anything."]
        wanted = case.words if direction == "Ingress" else f"{case.service} to {case.address('dst') or 'there'}"
        numbers = ", ".join(map(str, rules[:_MOST])) + (f" and {len(rules) - _MOST} more" if len(rules) > _MOST else "")
        one = len(rules) == 1
        which = f"its conjunction {numbers} does not allow" if one else f"none of its conjunctions {numbers} allows"
        shown = (found for number in rules[:_SHOWN] if (found := self._conjunction(table, number)))
        return [f"{start} {which} {wanted}.", *(self._why_not(rule, case, direction) for rule in shown)]

    def _about_pod(self, default: SavedFlow, table: str) -> list[int]:
        """The rules about the pod of a default flow."""
        pod = [(key, default.match[key]) for key in ("reg1", *_ADDRESSES) if key in default.match]
        flows = (f for key, value in pod for f in self.saved.table(table).containing(f"{key}={value}"))
        mine = (flow for flow in flows if flow.match.items() & set(pod))
        return sorted({number for flow in mine for number, _, _ in clauses(flow)})

    def _why_not(self, rule: Conjunction, case: FlowCase, direction: str) -> str:
        here, there = _ENDS[direction]
        says = f"Conjunction {rule.number} {self._verb(rule)} {self._about(rule, here)}"
        end = case.address("src" if there == "from" else "dst")
        missed = [
            f"{there} {end}" if words.startswith(there) and end else case.service
            for words in (rule.words(place, {}) for place in rule.failed(case.packet))
        ]
        return f"{says}; not {' or '.join(dict.fromkeys(missed))}." if missed else f"{says}."

    # Conjunctions

    def _conjunction(self, table: str, number: int) -> Conjunction | None:
        if (table, number) not in self._read:
            self._read[table, number] = conjunction(self.saved.table(table), number)
        return self._read[table, number]

    def _answered(self, flow: SavedFlow) -> Conjunction | None:
        """The conjunction for whose packets a flow is."""
        number = decimal(flow.match.get("conj_id", ""))
        return None if number is None else self._conjunction(flow.table, number)

    def says(self, rule: Conjunction) -> str:
        """`allows tcp/80 from 10.244.1.13 to port 4 (nginx-0)`."""
        return f"{self._verb(rule)} {self._about(rule)}"

    @cached_property
    def _ports(self) -> dict[int, str]:
        return {number: f"port {self.saved.port(number)}" for number in self.saved.ports}

    def _about(self, rule: Conjunction, without: str = "") -> str:
        return rule.about(self._ports, without)

    def _verb(self, rule: Conjunction) -> str:
        if rule.answer is None:
            return "has no answer for"
        deny = _DENY[self.tables.flexible]
        if any(element.word.lower() == "controller" for element in rule.answer.actions):
            return "rejects"
        return "denies" if rule.answer.drops or rule.answer.value("reg0", deny) == deny else "allows"

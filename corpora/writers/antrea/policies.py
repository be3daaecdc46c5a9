"""Network policies: conjunctions of peers, pods and ports, what a complete one does, and who is isolated."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..model import Direction, NetworkPolicy, PolicyRule
from .bridge import Flow
from .node import ZONE, PodPort, Writer
from .release import DENIED_BY, EGRESS_RULE, INGRESS_RULE

ESTABLISHED, CLAUSES, ALLOWS = 64990, 200, 190
REPLIES = 210


@dataclass(frozen=True)
class Rule:
    """One rule of a policy with the number of its conjunction."""

    number: int
    direction: Direction
    policy: NetworkPolicy
    rule: PolicyRule
    pods: tuple[PodPort, ...]

    @property
    def kubernetes(self) -> bool:
        return self.policy.kind == "Kubernetes"

    def clauses(self) -> list[list[str]]:
        """The dimensions of the conjunction in Antrea's order, each with its alternatives."""
        peers = [*self.rule.peers, *self.rule.peer_networks]
        ports = [f"{self.rule.protocol},tp_dst={port}" for port in self.rule.ports]
        if self.direction == "ingress":
            here = [f"reg1={port.number:#x}" for port in self.pods]
            dimensions = [[f"ip,nw_src={peer}" for peer in peers], [self._ip(match) for match in here], ports]
        else:
            here = [f"ip,nw_src={port.pod.address}" for port in self.pods]
            dimensions = [here, [f"ip,nw_dst={peer}" for peer in peers], ports]
        given = [dimension for dimension in dimensions if dimension]
        return given if len(given) > 1 else [*given, ["ip"]]

    def _ip(self, match: str) -> str:
        return f"ip,{match}" if self.kubernetes else match


def write_policies(writer: Writer) -> Iterator[Flow]:
    rules = list(_rules(writer))
    for direction in ("ingress", "egress"):
        yield from _Direction(writer, direction).flows([rule for rule in rules if rule.direction == direction])


def _rules(writer: Writer) -> Iterator[Rule]:
    number = 0
    for policy in writer.node.cluster.policies:
        pods = tuple(port for port in writer.node.pods if policy.applies_to(port.pod))
        directions: tuple[Direction, ...] = ("ingress", "egress")
        for direction in directions:
            for rule in policy.rules(direction) or ():
                number += 1
                yield Rule(number, direction, policy, rule, pods)


@dataclass(frozen=True)
class _Direction:
    writer: Writer
    direction: Direction

    @property
    def word(self) -> str:
        return self.direction.capitalize()

    @property
    def own(self) -> str:
        """The table of Kubernetes' own policies."""
        return f"{self.word}Rule"

    @property
    def antrea(self) -> str:
        tables = (f"AntreaPolicy{self.word}Rule", f"ApplicationTier{self.word}")
        return next(table for table in tables if table in self.writer.release.tables)

    @property
    def behind(self) -> str:
        """Where a packet goes on that no policy has to look at any more."""
        if self.writer.release.metrics:
            return f"{self.word}Metric"
        return self.after_metric

    @property
    def after_metric(self) -> str:
        return "ConntrackCommit" if self.direction == "ingress" else "L3Forwarding"

    def flows(self, rules: list[Rule]) -> Iterator[Flow]:
        yield from self._established()
        yield from self._clauses(rules)
        for rule in rules:
            yield from self._verdict(rule)
        yield from self._isolated()
        if self.writer.release.metrics:
            yield from self._metrics(rules)

    def _established(self) -> Iterator[Flow]:
        release = self.writer.release
        tables = [table for table in release.tables if table.endswith(f"Tier{self.word}")] or [self.antrea]
        for table in tables:
            for state in ("-new+est", "-new+rel") if release.flexible else ("-new+est",):
                yield self.writer.flow(table, ESTABLISHED, f"ct_state={state},ip", self._on(self.behind))
        if not release.flexible:
            yield self.writer.flow(self.own, REPLIES, "ct_state=-new+est,ip", release.goto(self.behind))

    def _on(self, table: str) -> str:
        """Antrea-native tables of the fixed pipeline go on by resubmit."""
        release = self.writer.release
        return release.goto(table) if release.flexible else release.resubmit(table)

    def _clauses(self, rules: list[Rule]) -> Iterator[Flow]:
        """A flow for each match; rules that share one share its flow."""
        shared: dict[tuple[str, int, str], list[str]] = {}
        for rule in rules:
            dimensions = rule.clauses()
            for place, alternatives in enumerate(dimensions, 1):
                for match in alternatives:
                    clause = f"conjunction({rule.number},{place}/{len(dimensions)})"
                    shared.setdefault((*self._place(rule, CLAUSES), match), []).append(clause)
        for (table, priority, match), clauses in shared.items():
            yield self.writer.flow(table, priority, match, *clauses)

    def _place(self, rule: Rule, priority: int) -> tuple[str, int]:
        """An Antrea-native rule has one priority of its own for all its flows."""
        return (self.own, priority) if rule.kubernetes else (self.antrea, rule.policy.order)

    def _verdict(self, rule: Rule) -> Iterator[Flow]:
        table, priority = self._place(rule, ALLOWS)
        actions = self._allow(rule) if rule.rule.action == "Allow" else self._drop(rule)
        yield self.writer.flow(table, priority, f"conj_id={rule.number},ip", *actions)

    def _allow(self, rule: Rule) -> list[str]:
        release = self.writer.release
        noted = release.write(INGRESS_RULE if self.direction == "ingress" else EGRESS_RULE, rule.number)
        if not release.metrics:
            return [noted, release.goto(self.behind) if rule.kubernetes else release.resubmit(self.behind)]
        table = release.tables[self.behind]
        return [noted, f"ct(commit,table={table},zone={ZONE},exec({self._label(rule)}))"]

    def _label(self, rule: Rule) -> str:
        low, high = (0, 31) if self.direction == "ingress" else (32, 63)
        if not self.writer.release.flexible:
            return f"load:{rule.number:#x}->NXM_NX_CT_LABEL[{low}..{high}]"
        mask = 0xFFFFFFFF << low
        return f"set_field:{rule.number << low:#x}/{mask:#x}->ct_label"

    def _drop(self, rule: Rule) -> list[str]:
        release = self.writer.release
        if not release.metrics:
            return ["drop"]
        return [release.write(DENIED_BY, rule.number), release.write(release.deny, 1), self._on(self.behind)]

    def _isolated(self) -> Iterator[Flow]:
        """A pod that some policy governs gets only what a policy allows."""
        for port in self.writer.node.pods:
            policies = (policy for policy in self.writer.node.cluster.policies if policy.kind == "Kubernetes")
            if any(policy.applies_to(port.pod) and policy.rules(self.direction) is not None for policy in policies):
                yield self.writer.flow(f"{self.word}DefaultRule", CLAUSES, self._pod(port))

    def _pod(self, port: PodPort) -> str:
        if self.direction == "egress":
            return f"ip,nw_src={port.pod.address}"
        return f"reg1={port.number:#x}" if self.writer.release.flexible else f"ip,reg1={port.number:#x}"

    def _metrics(self, rules: list[Rule]) -> Iterator[Flow]:
        release = self.writer.release
        low, mask = (0, 0xFFFFFFFF) if self.direction == "ingress" else (32, 0xFFFFFFFF00000000)
        for rule in rules:
            if rule.rule.action == "Allow":
                for state in ("+new", "-new"):
                    match = f"ct_state={state},ct_label={rule.number << low:#x}/{mask:#x},ip"
                    yield self.writer.flow(self.behind, 200, match, release.goto(self.after_metric))
            else:
                yield self.writer.flow(self.behind, 200, f"{release.deny.holds(1)},{DENIED_BY.holds(rule.number)}")

"""An inventory for people: a section for each kind of thing, a line or two for each thing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TextIO, TypeVar

from ruleparse.inventory.model import (
    Bridge,
    BridgeGroup,
    BridgePort,
    Chain,
    Choice,
    End,
    Family,
    FlowTable,
    Inventory,
    MarkBits,
    Policy,
    Service,
    Set,
    Way,
)
from ruleparse.report.page import Page
from ruleparse.text import printable

T = TypeVar("T")
MOST = 20
MOST_USERS = 4
Lines = Iterator[str]


def write_inventory(found: Inventory, out: TextIO, *, verbose: bool = False, width: int | None = None) -> None:
    """`width` in columns; that of the terminal if not given. What is too long for a section is counted."""
    sections = ["\n".join(section) for section in _Writer.of(out, width, verbose).sections(found) if section]
    out.write("\n\n".join(sections) + "\n")


class _Writer(Page):
    def sections(self, found: Inventory) -> Iterator[list[str]]:
        yield [f"{file.kind:14} {printable(file.name)}" for file in found.files]
        for family in found.families:
            yield list(self.family(family))
        yield self.section("services", found.services, self.service)
        for kind in dict.fromkeys(end.kind for end in found.ends):
            yield self.section(f"{kind}s", [end for end in found.ends if end.kind == kind], self.end)
        yield self.section("sets", found.sets, self.set)
        yield self.section("marks", found.marks, self.mark)
        for bridge in found.bridges:
            yield from self.bridge(bridge)

    def section(
        self, title: str, things: Sequence[T], show: Callable[[T], Iterable[str]], most: int = MOST
    ) -> list[str]:
        if not things:
            return []
        shown = things if self.verbose else things[:most]
        lines = [f"{title} ({len(things):,})", *(line for thing in shown for line in show(thing))]
        if len(things) > len(shown):
            lines.append(f"  … and {len(things) - len(shown):,} more {title} (--verbose)")
        return lines

    # Rules

    def family(self, family: Family) -> Lines:
        yield f"IPv{family.family}: {', '.join(family.writers) or 'no writer that is known'}"
        for table in family.tables:
            yield f"  {table.tool} {table.name}: {_many(table.chains, 'chain')}, {_many(table.rules, 'rule')}"
            several = len(table.listed) > 1
            for chain in self.shown(table.listed, "chains"):
                yield from [chain] if isinstance(chain, str) else self.chain(chain, several)

    def shown(self, things: Sequence[T], what: str, most: int = 3 * MOST) -> Iterator[T | str]:
        kept = things if self.verbose else things[:most]
        yield from kept
        if len(things) > len(kept):
            yield f"    … and {len(things) - len(kept):,} more {what} (--verbose)"

    def chain(self, chain: Chain, several: bool) -> Lines:
        policy = f", policy {chain.policy}" if chain.policy else ""
        means = f": {chain.means}" if chain.means else ""
        yield from self.wrap(f"{chain.name} ({_many(chain.rules, 'rule')}{policy}){means}", "    " if several else "  ")
        if chain.called_by:
            yield from self.wrap(f"called by {_some(chain.called_by)}", "    ")
        for rule in self.shown(chain.listed, "rules"):
            if isinstance(rule, str):
                yield rule
                continue
            yield f"  {rule.number:4} {printable(rule.text)}"
            says = f" - {rule.says}" if rule.says else ""
            yield from self.wrap(f"{rule.effect}{says}", "       ")

    # Services and pods

    def service(self, service: Service) -> Lines:
        alone = len(service.choices) == 1
        head = " ".join(filter(None, [service.name, service.protocol]))
        if alone:
            head += f": {', '.join(map(_way, service.choices[0].ways))}"
        yield from self.wrap(head, "  ", "      ")
        for choice in service.choices:
            start = "" if alone else f"{', '.join(map(_way, choice.ways))} "
            yield from self.wrap(start + self.choice(choice), "    ", "      ")

    def choice(self, choice: Choice) -> str:
        if choice.refused:
            return f"→ {choice.refused}"
        shown = choice.endpoints if self.verbose else choice.endpoints[:MOST]
        ends = [f"{e.address}{f' ({e.pod})' if e.pod else ''} {100 * e.share:.3g} %" for e in shown]
        if len(choice.endpoints) > len(shown):
            ends.append(f"and {len(choice.endpoints) - len(shown)} more (--verbose)")
        stays = "" if choice.affinity is None else "; a client keeps its endpoint"
        return f"→ {', '.join(ends)}{stays}{f' for {choice.affinity} s' if choice.affinity else ''}"

    def end(self, end: End) -> Lines:
        namespace = f" (namespace {end.namespace})" if end.namespace and not end.name else ""
        name = " ".join(filter(None, [end.name, end.interface]))
        yield "  " + " ".join([f"{name}{namespace}", *end.addresses])
        for way, policies in (("ingress", end.ingress), ("egress", end.egress)):
            if policies is not None:
                yield from self.wrap(f"{way}: {', '.join(policies)}", "    ", "      ")
        if end.ingress is None and end.egress is None:
            yield "    no policy"

    # Sets and marks

    def set(self, one: Set) -> Lines:
        size = "not saved" if one.members is None else _many(one.members, "member")
        kind = f"{one.type}, " if one.type else ""
        means = f": {one.means}" if one.means else ""
        yield from self.wrap(f"{one.name} ({kind}{size}){means}", "  ", "      ")
        yield from self.users("used by", one.used_by) if one.used_by else ["    used by no rule"]

    def mark(self, mark: MarkBits) -> Lines:
        yield f"  {mark.bits}{f': {mark.means}' if mark.means else ''}"
        for does, chains in (("set in", mark.set_by), ("cleared in", mark.cleared_by), ("tested in", mark.tested_by)):
            yield from self.users(does, chains)

    def users(self, does: str, users: Sequence[str]) -> Lines:
        if users:
            most = len(users) if self.verbose else MOST_USERS
            yield from self.wrap(f"{does} {_some(users, most)}", "    ", "      ")

    # Bridges

    def bridge(self, bridge: Bridge) -> Iterator[list[str]]:
        yield [f"bridge {bridge.name}: {', '.join(bridge.writers) or 'no writer that is known'}"]
        yield self.section("tables", bridge.tables, self.flow_table, 3 * MOST)
        yield self.section("ports", bridge.ports, self.port)
        yield self.section("services", bridge.services, self.service)
        yield self.section("groups", bridge.groups, self.group)
        yield self.section("policies", bridge.policies, self.policy)

    def flow_table(self, table: FlowTable) -> Lines:
        name, purpose = f" {table.name}" if table.name else "", f": {table.purpose}" if table.purpose else ""
        yield from self.wrap(f"{table.table}{name} ({_many(table.flows, 'flow')}){purpose}", "  ", "      ")
        for flow in self.shown(table.listed, "flows"):
            if isinstance(flow, str):
                yield flow
                continue
            match = f"{flow.match} " if flow.match else ""
            yield from self.wrap(f"{flow.priority:5} {match}→ {flow.actions}", "    ", "          ")
            if flow.says:
                yield from self.wrap(flow.says, "          ")

    def group(self, group: BridgeGroup) -> Lines:
        used = f"used by {_some(group.used_by)}" if group.used_by else "used by no flow"
        yield f"  group {group.number} ({group.type}, {_many(group.buckets, 'bucket')}): {used}"

    def policy(self, policy: Policy) -> Lines:
        where = f"{policy.table}, priority {policy.priority}"
        yield from self.wrap(f"{where}: conjunction {policy.conjunction} {policy.says}", "  ", "      ")

    def port(self, port: BridgePort) -> Lines:
        words = [f"{port.number} {port.name}", *port.addresses, *(["is down"] if not port.up else [])]
        pod = f" (pod {port.pod})" if port.pod else ""
        isolated = f": isolated for {' and '.join(port.isolated)}" if port.isolated else ""
        yield f"  {' '.join(words)}{pod}{isolated}"


def _way(way: Way) -> str:
    if way.address is None:
        return f"{way.reach} {way.port}"
    host = f"[{way.address}]" if ":" in way.address else way.address
    return f"{way.reach} {host}:{way.port}" if way.port else f"{way.reach} {way.address}"


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _some(users: Sequence[str], most: int = MOST_USERS) -> str:
    more = f" and {len(users) - most:,} more" if len(users) > most else ""
    return ", ".join(users[:most]) + more

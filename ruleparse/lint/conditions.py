"""Which packets fit a rule, as a Boolean function of everything that a packet can be when it gets there."""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ruleparse import bits
from ruleparse.bits import Bool, Number
from ruleparse.cni.saved import Here
from ruleparse.evaluate import walk
from ruleparse.interface_atoms import atoms
from ruleparse.lint.ruleset import Chains, Rules
from ruleparse.netfilter.fields import ESTABLISHED, INVALID, NEW, RELATED, UNTRACKED
from ruleparse.packet import FIELDS, Packet, Unknowns
from ruleparse.program import Rule, Stop, Table

AS_IT_CAME = frozenset(
    {"in", "out", "src", "dst", "proto", "sport", "dport", "icmp_type", "icmp_code", "icmp_id", "tcp_flags", "spi"}
    | {"length", "fragment", "more_fragments", "transport_length", "src_mac", "dst_mac", "pkttype"}
    | {"hook", "local", "socket", "uid", "gid"}
)
"""Fields that no rule changes without ending the walk of its table."""

_STATES = (INVALID, ESTABLISHED, RELATED, NEW, UNTRACKED)


@dataclass(frozen=True, slots=True)
class Condition:
    """The packets that fit a rule, and the fields that this depends on."""

    when: Bool | None
    """None where that is too much to work out"""
    reads: frozenset[str]

    @property
    def settled_from_the_start(self) -> bool:
        """Whether no rule before this one has a say in it."""
        return self.reads <= AS_IT_CAME


_LOOKED_UP = ("mark", "tos")
"""What policy routing may ask of a packet that a match looks up."""


class _Anything(dict[str, Number]):
    """The fields of a packet of which nothing is known, not even what it starts with; notes which are looked at."""

    def __init__(self, unknowns: Unknowns, given: Mapping[str, Number]) -> None:
        super().__init__({name: bits.number(unknowns.field(name)) for name in _LOOKED_UP} | dict(given))
        self.unknowns = unknowns
        self.read: set[str] = set()

    def get(self, name: str, default: Any = None) -> Any:
        self.read.add(name)
        if name not in self:
            self[name] = bits.number(self.unknowns.field(name, "route_out" if name == "out" else None))
        return self[name]


class Conditions:
    """Conditions of the rules of one ruleset, over the same unknowns, so that they can be compared."""

    def __init__(self, rules: Rules) -> None:
        self.program = rules.program
        self.unknowns = unknown_fields(rules)
        state = bits.number(self.unknowns.field("ct_state"))
        self.anything = bits.any_of(bits.equal_masked(state, one, -1) for one in _STATES)

    def of_chain(self, table: Chains, chain: str) -> Iterator[tuple[Here, Condition]]:
        """Every rule of a chain that could be read, with its condition."""
        given = elsewhere(table, chain)
        return ((here, self.of(rules, given)) for here, rules in self.lowered(table, chain))

    def lowered(self, table: Chains, chain: str) -> Iterator[tuple[Here, list[Rule]]]:
        """Every rule of a chain that could be read, and what of the program it was lowered to."""
        places = {here.number: here for here in table.rules(chain)}
        found: dict[int, list[Rule]] = {}
        for rule in self.program[f"{table.key} {chain}"].rules:
            if rule.number in places:
                found.setdefault(rule.number, []).append(rule)
        return ((places[number], rules) for number, rules in found.items())

    def of(self, rules: list[Rule], given: Mapping[str, Number]) -> Condition:
        """Of a rule that was lowered to one or several."""
        unchanged = {} if self.program.facts.changing else {"sets_changed": 0}
        values = _Anything(self.unknowns, unchanged | dict(given))
        packet = Packet(values, self.unknowns)
        wanted = [Rule(rule.tests, (Stop("fits"),)) for rule in rules]
        table = Table("rule", wanted, Rule((), (Stop("other"),)))
        program = ChainMap({"rule": table}, self.program)  # type: ignore[arg-type]
        try:
            ends = walk(program, "rule", packet, reach=self.anything).ends
            when: Bool | None = bits.any_of(e.when for e in ends if e.stop.verdict == "fits")
        except MemoryError:
            when = None
        return Condition(when, frozenset(values.read - unchanged.keys()))


_ADDRESSES = [name for name, field in FIELDS.items() if field.width == 128 and name.endswith(("src", "dst"))]


def unknown_fields(rules: Rules) -> Unknowns:
    """Fields of a packet of which nothing is known; an interface is any that some rule tells from others, or none."""
    sizes = dict.fromkeys(_ADDRESSES, 32) if rules.family == 4 else {}
    interfaces = [0, *(atom.value for atom in atoms(_interfaces(rules)))]
    return Unknowns(sizes=sizes, choices=lambda: interfaces)


_NAMED = re.compile(r'(?:-[io]|--(?:in|out)-interface) (?:! )?"?([^\s"]+)').findall


def _interfaces(rules: Rules) -> set[str]:
    """Names and patterns that tell interfaces apart: those that rules and routes name, those of the node."""
    sources = {table.span.source for table in rules.ruleset.tables.values() if table.span}
    return {"lo", *(name for source in sources for name in _NAMED(source.text)), *_of_the_node(rules)}


def _of_the_node(rules: Rules) -> Iterator[str]:
    yield from (interface.name for interface in rules.snapshot.routing.interfaces)
    yield from (hop.out for route in rules.snapshot.routing.routes.routes for hop in route.hops if hop.out)


def elsewhere(table: Chains, chain: str) -> Mapping[str, Number]:
    """What packets do not have where a chain is called: no interface they came by, or leave by."""
    hooks = table.hooks.get(chain)
    given: dict[str, Number] = {}
    if hooks and hooks <= {"OUTPUT"}:
        given["in"] = 0
    if hooks and hooks <= {"PREROUTING", "INPUT"}:
        given["out"] = 0
    return given

"""First packets of connections, of which all else is unknown: which of them a chain accepts, and one as witness."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterable

from ruleparse import bits
from ruleparse.bits import Bool
from ruleparse.codec import interface_pattern, show_address, show_protocol
from ruleparse.evaluate import walk
from ruleparse.lint.conditions import unknown_fields
from ruleparse.lint.ruleset import Rules
from ruleparse.netfilter.fields import HOOKS, NEW
from ruleparse.packet import Packet
from ruleparse.program import Rule, Stop, Table


class FirstPackets:
    """New packets at a hook. `mark` is what they may be marked with by then, None for anything."""

    def __init__(self, rules: Rules, hook: str, mark: int | None = 0) -> None:
        self.rules = rules
        self.unknowns = unknown_fields(rules)
        values = {"ct_state": NEW, "hook": HOOKS.index(hook), "in": bits.number(self.unknowns.field("in"))}
        given: dict[str, bits.Number] = {**values, "out": bits.number(self.unknowns.field("out", "route_out"))}
        given["mark"] = bits.number(self.unknowns.field("mark")) if mark is None else mark
        self.packet = Packet(given, self.unknowns)

    def accepted(self, table: str, chain: str, before: int | None = None, among: Bool = True) -> Bool:
        """Which packets `among` some a chain may accept; only by rules `before` a number, if it is given.

        Raises MemoryError where that is too much to work out.
        """
        program, key = self.rules.program, f"{self.rules.table(table).key} {chain}"
        shorter = {} if before is None else {key: self._shorter(key, before)}
        try:
            ends = walk(ChainMap(shorter, program), key, self.packet, reach=among).ends  # type: ignore[arg-type]
        except RecursionError as error:
            raise MemoryError(str(error)) from None
        return bits.any_of(end.when for end in ends if end.stop.verdict == "accept")

    def _shorter(self, key: str, before: int) -> Table:
        """A chain without its rules from a number on."""
        table = self.rules.program[key]
        rules = [rule for rule in table.rules if (rule.number or 0) < before]
        return Table(key, rules, Rule((), (Stop("goes on"),)), group=table.group, label=table.label)

    def among(self, field: str, addresses: Iterable[int]) -> Bool:
        """Packets with one of these addresses."""
        return bits.any_of(bits.equal_masked(self.packet[field], one, -1) for one in addresses)

    def through(self, field: str, pattern: str) -> Bool:
        """Packets that come in, or leave, by such an interface."""
        return bits.equal_masked(self.packet[field], *interface_pattern(pattern))

    def witness(self, region: Bool) -> str:
        """One of these packets in words."""
        point = self.unknowns.witness(region)
        src, dst, protocol, port = (
            point.value(self.packet[name]) if name in point.fields or name in self.packet.values else None
            for name in ("src", "dst", "proto", "dport")
        )
        ends = [show_address(one or 0, self.rules.family) if one is not None else "any" for one in (src, dst)]
        words = f"{show_protocol(protocol)} " if protocol is not None else ""
        marked = point.fields.get("mark")
        tail = f", marked {marked:#x}" if marked else ""
        return f"{words}{ends[0]} → {ends[1]}{f':{port}' if port is not None else ''}{tail}"

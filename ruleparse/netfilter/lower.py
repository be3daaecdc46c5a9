"""From a rule's words to a rule of the program: the only place where options meet their declarations."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ruleparse.netfilter import registry
from ruleparse.netfilter.core import CORE
from ruleparse.netfilter.extension import (
    Context,
    Cut,
    Effect,
    Given,
    Givens,
    Match,
    Option,
    Target,
    ask,
    option_table,
)
from ruleparse.netfilter.facts import Facts
from ruleparse.netfilter.quirks import Quirks
from ruleparse.netfilter.registry import options_of
from ruleparse.netfilter.save import Flavour, Ruleset
from ruleparse.netfilter.syntax import RuleSyntax, Shape
from ruleparse.program import Call, Goto, Masked, Rule, Stop, Test
from ruleparse.text import Diagnostic, Span

_CORE_OPTIONS = option_table(CORE.options)


@dataclass(slots=True)
class _Part:
    """A match or target of a rule: its declaration (None if nobody declared it) and its options by their places."""

    name: str
    declared: Match | Target | None
    options: Mapping[str, Option]
    given: list[tuple[Option | None, int]] = field(default_factory=list)

    @property
    def understood(self) -> bool:
        return self.declared is not None and all(known is not None for known, _ in self.given)

    @property
    def simple(self) -> list[tuple[Option, int]] | None:
        """The options that are a test each, where that is all there is to a match."""
        if not isinstance(self.declared, Match) or self.declared.tests is not None or not self.understood:
            return None
        return [(o, i) for o, i in self.given if o is not None and (o.key is not None or o.build is not None)]


@dataclass(slots=True)
class _Plan:
    """How the words of one shape belong together: sorted out once, used for every rule of the shape."""

    matches: list[tuple[_Part, list[tuple[Option, int]] | None]]
    """each with its simple options, None if it takes more than those"""
    target: _Part | None
    jump: int | None
    goto: int | None
    protocol: tuple[Option, int] | None


@dataclass(slots=True)
class TableLowering:
    """Lowers the rules of one saved table. `table_key` turns a chain's name into that of a program table."""

    ruleset: Ruleset
    table: str
    chains: Mapping[str, Any]
    facts: Facts
    diagnostics: list[Diagnostic]
    quirks: Quirks
    prefix: str = ""
    _plans: dict[tuple[Shape, str | None], _Plan] = field(default_factory=dict)
    _tests: dict[tuple[object, ...], Test | Masked | None] = field(default_factory=dict)
    _values: dict[tuple[Option, str], Any] = field(default_factory=dict)

    def table_key(self, chain: str) -> str:
        return f"{self.prefix}{self.table} {chain}"

    def lower(self, rule: RuleSyntax, number: int, handle: int) -> list[Rule]:
        """The rule, or the few rules of one number that it takes to say what it does."""
        plan = self._plan(rule)
        context = _Lazy(self, rule, plan, handle)
        if rule.unsupported:
            what = "a rule that its own tool could not print ([unsupported revision])"
            return self.opaque(context.made, number, what)
        tests: list[Test | Masked] = []
        hidden: list[Rule] = []
        for part, simple in plan.matches:
            names = [rule.option(i).name for _, i in part.given] if self.quirks.on else []
            if self.quirks.on:
                hidden += self.quirks.before(part.declared, names, tests, context.made)
            self._add_tests(tests, hidden, part, simple, rule, context)
            if self.quirks.on:
                tests += self.quirks.within(part.declared, names, context.made)
        rules = self._with_target(rule, plan, tuple(tests), number, context)
        return [*hidden, *rules] if hidden else rules

    # Sorting words to the match or target they belong to

    def _plan(self, rule: RuleSyntax) -> _Plan:
        shape = rule.shape
        word = None if shape.jump is None else rule.words(shape.jump)[0]
        key = (shape, None if word in self.chains else word)
        plan = self._plans.get(key)
        if plan is None:
            plan = self._plans[key] = self._make_plan(rule, shape.jump, key[1])
        return plan

    def _make_plan(self, rule: RuleSyntax, jump: int | None, target: str | None) -> _Plan:
        parts = [_Part("ip", CORE, _CORE_OPTIONS)]
        for index, slot in enumerate(rule.shape.slots):
            if slot.name in ("-m", "--match"):
                parts.append(_part(rule.words(index)[0], registry.match))
            elif index == jump and target is not None:
                parts.append(_part(target, registry.target))
            elif slot.name not in ("-j", "--jump", "-g", "--goto"):
                self._sort_in(parts, index, rule)
        goto = next((i for i, slot in enumerate(rule.shape.slots) if slot.name in ("-g", "--goto")), None)
        targets = [p for p in parts if isinstance(p.declared, Target) or (p.declared is None and p.name == target)]
        matches = [(p, p.simple) for p in parts if p not in targets]
        if not self.quirks.on:
            matches = [(p, simple) for p, simple in matches if simple != []]
        return _Plan(matches, targets[0] if targets else None, jump, goto, self._protocol(parts[0], rule))

    def _sort_in(self, parts: list[_Part], index: int, rule: RuleSyntax) -> None:
        option = rule.option(index)
        for part in (*reversed(parts), _implied(parts, rule)):
            if part is None:
                continue
            known = _named(part, option.name)
            if known is not None or (part.declared is None and option.name.startswith("--")):
                if part not in parts:
                    parts.append(part)
                part.given.append((known, index))
                return
        parts[-1].given.append((None, index))
        if parts[-1].declared is not None:
            owner = parts[-1].name
            message = f"{option.name} is not an option that {owner} is known to have; the rule is kept as an assumption"
            self.diagnostics.append(Diagnostic("unknown-option", "warning", message, rule.option_span(option)))

    @staticmethod
    def _protocol(core: _Part, rule: RuleSyntax) -> tuple[Option, int] | None:
        slots = rule.shape.slots
        return next(
            ((o, i) for o, i in core.given if o is not None and o.names[0] == "-p" and not slots[i].negated), None
        )

    # Tests

    def context(self, rule: RuleSyntax, plan: _Plan, handle: int) -> Context:
        protocol = None
        if plan.protocol is not None:
            try:
                protocol = self._value(*plan.protocol, rule)
            except _Unreadable:
                protocol = None
        r = self.ruleset
        return Context(r.family, r.flavour, self.table, rule.chain, rule.span, handle, self.facts, protocol)

    def _value(self, known: Option, index: int, rule: RuleSyntax) -> Any:
        """The value of an option. Raises _Unreadable, with a diagnostic, if it cannot be read."""
        words, codec = rule.words(index), known.codec
        if len(words) == 1 and (known, words[0]) in self._values:
            return self._values[known, words[0]]
        try:
            if len(words) != codec.words and (words or not codec.optional):
                raise ValueError(f"{known.names[0]} takes {codec.words} words, here are {len(words)}")
            value = codec.parse(*words)
            if getattr(value, "family", None) not in (None, self.ruleset.family):
                raise ValueError(f"{words[0]} is not an IPv{self.ruleset.family} address")
            if len(words) == 1:
                self._values[known, words[0]] = value
            return value
        except ValueError as error:
            option = rule.option(index)
            self.diagnostics.append(Diagnostic("bad-value", "error", str(error), rule.option_span(option)))
            raise _Unreadable(f"{option.name} {' '.join(words)}") from None

    def _add_tests(
        self,
        tests: list[Test | Masked],
        hidden: list[Rule],
        part: _Part,
        simple: list[tuple[Option, int]] | None,
        rule: RuleSyntax,
        context: _Lazy,
    ) -> None:
        try:
            if simple is not None:
                for known, index in simple:
                    if (test := self._simple_test(known, index, rule)) is not None:
                        tests.append(test)
                return
            match = part.declared
            if not isinstance(match, Match) or match.tests is None or not part.understood:
                raise _Unreadable(f"-m {part.name}" if match is not CORE else "an option that is not understood")
            for test_or_cut in match.tests(self._givens(part, rule), context.made):
                if isinstance(test_or_cut, Cut):
                    hidden.append(cut_rule(test_or_cut, tests, rule.span))
                else:
                    tests.append(test_or_cut)
        except (_Unreadable, *_INCOMPLETE) as error:
            reason = error if isinstance(error, _Unreadable) else self._incomplete(f"-m {part.name}", context)
            written = " ".join(_written(part, rule))
            tests.append(ask(context.made.asks(f"{reason} matches ({written})")))

    def _simple_test(self, known: Option, index: int, rule: RuleSyntax) -> Test | Masked | None:
        slot = rule.shape.slots[index]
        key = (known, slot.negated, *map(rule.found.__getitem__, slot.groups))
        test = self._tests.get(key)
        if test is None:
            test = self._tests[key] = known.test(self._value(known, index, rule), slot.negated)
        return test

    def _givens(self, part: _Part, rule: RuleSyntax) -> Givens:
        slots = rule.shape.slots
        return Givens([Given(o, self._value(o, i, rule), slots[i].negated) for o, i in part.given if o is not None])

    # Targets

    def _with_target(
        self, rule: RuleSyntax, plan: _Plan, tests: tuple[Test | Masked, ...], number: int, context: _Lazy
    ) -> list[Rule]:
        effect: Effect = ()
        if plan.goto is not None:
            chain = rule.words(plan.goto)[0]
            if chain not in self.chains:
                message = f"there is no chain {chain} in table {self.table}; what it does is an assumption"
                self.diagnostics.append(Diagnostic("unknown-chain", "warning", message, rule.span))
            effect = (Goto(self.table_key(chain)),)
        elif plan.target is not None:
            try:
                effect = self._effect(plan.target, rule, context)
            except (_Unreadable, *_INCOMPLETE) as error:
                if not isinstance(error, _Unreadable):
                    self._incomplete(f"-j {plan.target.name}", context)
                return self._undeclared_target(plan.target.name, tests, number, context.made)
        elif plan.jump is not None:
            effect = (Call(self.table_key(rule.words(plan.jump)[0])),)
        if isinstance(effect, tuple):
            return [Rule(tests, effect, number, rule.span)]
        numbers = (None if case.hidden else number for case in effect)
        return [Rule((*tests, *c.tests), c.actions, n, rule.span) for c, n in zip(effect, numbers, strict=True)]

    def _effect(self, target: _Part, rule: RuleSyntax, context: _Lazy) -> Effect:
        if not isinstance(target.declared, Target) or not target.understood:
            raise _Unreadable(target.name)
        return target.declared.actions(self._givens(target, rule), context.made)

    def _incomplete(self, what: str, context: _Lazy) -> _Unreadable:
        message = f"{what} lacks an option that it cannot do without; the rule is kept as an assumption"
        self.diagnostics.append(Diagnostic("incomplete-rule", "error", message, context.made.span))
        return _Unreadable(what)

    def _undeclared_target(
        self, name: str, tests: tuple[Test | Masked, ...], number: int, context: Context
    ) -> list[Rule]:
        if registry.target(name) is None:
            neither = f"{name} is neither a chain of table {self.table} nor a target that is known"
            message = f"{neither}; what it does is an assumption"
            self.diagnostics.append(Diagnostic("unknown-target", "warning", message, context.span))
        return either_way(name, tests, number, context)

    def opaque(self, context: Context, number: int, what: str) -> list[Rule]:
        return either_way(what, (ask(context.asks(f"{what} matches")),), number, context)


class _Lazy:
    """The context of a rule, made when something asks for it: most rules need none."""

    __slots__ = ("_args", "_lowering", "_made")

    def __init__(self, lowering: TableLowering, rule: RuleSyntax, plan: _Plan, handle: int) -> None:
        self._lowering = lowering
        self._args = (rule, plan, handle)
        self._made: Context | None = None

    @property
    def made(self) -> Context:
        if self._made is None:
            self._made = self._lowering.context(*self._args)
        return self._made


def _part(name: str, declared: Callable[[str], Match | None] | Callable[[str], Target | None]) -> _Part:
    found = declared(name)
    return _Part(name, found, options_of(found))


_INCOMPLETE = (TypeError, AttributeError, ValueError, LookupError)
"""What a declaration may raise over a rule that lacks an option: iptables itself would not have loaded it."""


def _named(part: _Part, name: str) -> Option | None:
    """The option of this name, or the only one whose name starts so, as getopt_long(3) allows people to write."""
    if name in part.options or not name.startswith("--"):
        return part.options.get(name)
    found = {id(option): option for full, option in part.options.items() if full.startswith(name)}
    return next(iter(found.values())) if len(found) == 1 else None


_ALIASES = {"icmpv6": "icmp6", "ipv6-icmp": "icmp6", "6": "tcp", "17": "udp"}


def _implied(parts: list[_Part], rule: RuleSyntax) -> _Part | None:
    """`-p tcp --dport 80` without `-m tcp`, as people type it."""
    word = next((rule.words(i)[0] for o, i in parts[0].given if o is not None and o.names[0] == "-p"), None)
    if word is None:
        return None
    part = _part(_ALIASES.get(word, word), registry.match)
    return part if part.declared is not None else None


def cut_rule(cut: Cut, before: Sequence[Test | Masked], span: Span) -> Rule:
    """Drops what a match would drop on the spot."""
    return Rule((*before, cut.test), (Stop("drop", cut.reason),), None, span)


def either_way(what: str, tests: tuple[Test | Masked, ...], number: int, context: Context) -> list[Rule]:
    """Three rules for a target whose effect no dump tells: it drops, it accepts, or the packet goes on."""
    drops = ask(context.asks(f"{what} drops the packet"))
    accepts = ask(context.asks(f"{what} accepts the packet"))
    return [
        Rule((*tests, drops), (Stop("drop"),), number, context.span),
        Rule((*tests, accepts), (Stop("accept"),), number, context.span),
        Rule(tests, (), number, context.span),
    ]


class _Unreadable(Exception):
    """Part of a rule that cannot be given a meaning; its words say which."""


def _written(part: _Part, rule: RuleSyntax) -> Iterator[str]:
    for _, index in part.given:
        slot = rule.shape.slots[index]
        yield from (["!"] if slot.negated else [])
        yield from (slot.name, *rule.words(index))


def family_name(family: int, flavour: Flavour) -> str:
    """How a ruleset is called: `iptables`, `ip6tables-nft` …"""
    return ("ip6tables" if family == 6 else "iptables") + ("-nft" if flavour == "nft" else "")

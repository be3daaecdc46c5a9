"""From a rule's words to a rule of the program: the only place where options meet their declarations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ruleparse.netfilter import syntax
from ruleparse.netfilter.core import CORE
from ruleparse.netfilter.extension import (
    Case,
    Context,
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
from ruleparse.netfilter import registry
from ruleparse.netfilter.registry import options_of
from ruleparse.netfilter.save import Flavour, Ruleset
from ruleparse.netfilter.syntax import RuleSyntax
from ruleparse.program import Call, Goto, Masked, Rule, Stop, Test
from ruleparse.text import Diagnostic, Span

_CORE_OPTIONS = option_table(CORE.options)


@dataclass(slots=True)
class _Group:
    """A match or target of a rule with its options; `declared` is None for one nobody declared."""

    name: str
    declared: Match | Target | None
    options: Mapping[str, Option]
    given: list[tuple[Option | None, syntax.Option]] = field(default_factory=list)


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
    _tests: dict[tuple[object, ...], Test | Masked | None] = field(default_factory=dict)

    def table_key(self, chain: str) -> str:
        return f"{self.prefix}{self.table} {chain}"

    def lower(self, rule: RuleSyntax, number: int, handle: int) -> list[Rule]:
        """The rule, or the few rules of one number that it takes to say what it does."""
        groups = list(self._groups(rule))
        context = self._context(rule, groups[0], handle)
        if rule.unsupported:
            return self.opaque(context, number, "a rule that its own tool could not print ([unsupported revision])")
        tests: list[Test | Masked] = []
        hidden: list[Rule] = []
        for group in groups:
            if isinstance(group.declared, Target):
                continue
            hidden += self.quirks.before(group.declared, tests, context)
            tests += self._tests_of(group, context)
            tests += self.quirks.within(group.declared, group.given, context)
        return hidden + self._with_target(rule, groups, tests, number, context)

    # Sorting words to the match or target they belong to

    def _groups(self, rule: RuleSyntax) -> Iterator[_Group]:
        core = _Group("ip", CORE, _CORE_OPTIONS)
        groups = [core]
        for option in rule.options:
            if option.name in ("-m", "--match"):
                groups.append(self._match_group(option))
            elif option.name in ("-j", "--jump", "-g", "--goto"):
                if (target := self._target_group(option)) is not None:
                    groups.append(target)
            else:
                self._sort_in(groups, option, rule)
        return iter(groups)

    def _match_group(self, option: syntax.Option) -> _Group:
        name = option.words[0]
        declared = registry.match(name)
        return _Group(name, declared, options_of(declared))

    def _target_group(self, option: syntax.Option) -> _Group | None:
        name = option.words[0]
        if name in self.chains or option.name in ("-g", "--goto"):
            return None
        declared = registry.target(name)
        return _Group(name, declared, options_of(declared))

    def _sort_in(self, groups: list[_Group], option: syntax.Option, rule: RuleSyntax) -> None:
        for group in (*reversed(groups), self._implied(groups)):
            if group is not None and option.name in group.options:
                if group not in groups:
                    groups.append(group)
                group.given.append((group.options[option.name], option))
                return
        groups[-1].given.append((None, option))
        if groups[-1].declared is not None:
            message = f"{option.name} is not an option that {groups[-1].name} is known to have; the rule is kept as an assumption"
            self.diagnostics.append(Diagnostic("unknown-option", "warning", message, rule.option_span(option)))

    @staticmethod
    def _implied(groups: list[_Group]) -> _Group | None:
        """`-p tcp --dport 80` without `-m tcp`, as people type it."""
        word = next((o.words[0] for _, o in groups[0].given if o.name in ("-p", "--protocol", "--proto") and o.words), None)
        name = {"icmpv6": "icmp6", "ipv6-icmp": "icmp6", "6": "tcp", "17": "udp"}.get(word or "", word)
        declared = registry.match(name) if name else None
        return _Group(name, declared, options_of(declared)) if name and declared else None

    # Tests

    def _context(self, rule: RuleSyntax, core: _Group, handle: int) -> Context:
        protocol = None
        for known, option in core.given:
            if known is not None and known.names[0] == "-p" and not option.negated:
                protocol = self._value(known, option, rule)
        r = self.ruleset
        return Context(r.family, r.flavour, self.table, rule.chain, rule.span, handle, self.facts, protocol)

    def _value(self, known: Option, option: syntax.Option, rule: RuleSyntax) -> Any:
        """The value of an option; None, with a diagnostic, if it cannot be read."""
        words, codec = option.words, known.codec
        try:
            if len(words) != codec.words:
                raise ValueError(f"{option.name} takes {codec.words} words, here are {len(words)}")
            return codec.parse(*words)
        except ValueError as error:
            problem = Diagnostic("bad-value", "error", str(error), rule.option_span(option))
            self.diagnostics.append(problem)
            raise _Unreadable(f"{option.name} {' '.join(words)}") from None

    def _tests_of(self, group: _Group, context: Context) -> list[Test | Masked]:
        match = group.declared
        assert not isinstance(match, Target)
        try:
            if match is None or any(known is None for known, _ in group.given):
                raise _Unreadable(f"-m {group.name}" if match is not CORE else "an option that is not understood")
            if match.tests is None:
                return [t for known, o in group.given if (t := self._simple_test(known, o, context)) is not None]
            return list(match.tests(self._givens(group, context), context))
        except _Unreadable as reason:
            return [ask(context.asks(f"{reason} matches ({' '.join(_written(group))})"))]

    def _simple_test(self, known: Option | None, option: syntax.Option, context: Context) -> Test | Masked | None:
        assert known is not None
        key = (id(known), option.words, option.negated)
        if key not in self._tests:
            self._tests[key] = known.test(self._read(known, option, context), option.negated)
        return self._tests[key]

    def _read(self, known: Option, option: syntax.Option, context: Context) -> Any:
        return self._value(known, option, RuleSyntax(context.span, "", context.chain, ()))

    def _givens(self, group: _Group, context: Context) -> Givens:
        read = ((known, self._read(known, o, context), o.negated) for known, o in group.given if known is not None)
        return Givens([Given(known, value, negated) for known, value, negated in read])

    # Targets

    def _with_target(
        self, rule: RuleSyntax, groups: list[_Group], tests: list[Test | Masked], number: int, context: Context
    ) -> list[Rule]:
        jump, goto = rule.first("-j", "--jump"), rule.first("-g", "--goto")
        actions: Effect = ()
        if goto is not None:
            actions = (Goto(self.table_key(goto)),)
        elif jump is not None and jump in self.chains:
            actions = (Call(self.table_key(jump)),)
        elif jump is not None:
            target = next(g for g in groups if isinstance(g.declared, Target) or g.declared is None and g.name == jump)
            if target.declared is None:
                return self._undeclared_target(jump, tests, number, context)
            assert isinstance(target.declared, Target)
            try:
                if any(known is None for known, _ in target.given):
                    raise _Unreadable(jump)
                actions = target.declared.actions(self._givens(target, context), context)
            except _Unreadable:
                return self._undeclared_target(jump, tests, number, context)
        cases = actions if isinstance(actions, list) else [Case((), actions)]
        return [Rule((*tests, *case.tests), case.actions, number, rule.span) for case in cases]

    def _undeclared_target(self, name: str, tests: list[Test | Masked], number: int, context: Context) -> list[Rule]:
        if registry.target(name) is None:
            message = f"{name} is neither a chain of table {self.table} nor a target that is known; what it does is an assumption"
            self.diagnostics.append(Diagnostic("unknown-target", "warning", message, context.span))
        return either_way(name, tuple(tests), number, context)

    def opaque(self, context: Context, number: int, what: str) -> list[Rule]:
        return either_way(what, (ask(context.asks(f"{what} matches")),), number, context)


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


def _written(group: _Group) -> Iterator[str]:
    for _, option in group.given:
        yield from (["!"] if option.negated else [])
        yield from (option.name, *option.words)


def family_name(family: int, flavour: Flavour) -> str:
    """How a ruleset is called: `iptables`, `ip6tables-nft` …"""
    return ("ip6tables" if family == 6 else "iptables") + ("-nft" if flavour == "nft" else "")


def where(span: Span) -> str:
    return span.where

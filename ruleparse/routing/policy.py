"""Policy rules, and the table "fib" that walks them: net/core/fib_rules.c (fib_rules_lookup)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ruleparse.codec import interface
from ruleparse.packet import assumption, presumption
from ruleparse.program import Action, Call, Goto, Havoc, Masked, Note, Rule, Set, Table, Test
from ruleparse.routing.conditions import Condition, ask_about, in_range, inside, is_, sent_by, unless_all
from ruleparse.routing.known import Known, are_standard, constant_routes
from ruleparse.routing.lookup import lookup_tables
from ruleparse.routing.model import ROUTE_TYPES, PolicyRule, Route
from ruleparse.routing.route_rules import FOUND, NOT_FOUND, Lookup
from ruleparse.text import Diagnostic

FIB = "fib"
REVERSE = "reverse fib"
_EVERY_NAME = (1 << 128) - 1


def policy_tables(known: Known, name: str = FIB) -> dict[str, Table]:
    """The table "fib", or "reverse fib", and those it calls."""
    lowering = _Lowering(known, name)
    rules, first = known.rules(), f"{name} rules"
    lowering.add(first, rules, rules)
    start = Rule((), (*_presumed(known), Call(first, catches=(FOUND.verdict,))))
    return {name: Table(name, [start], group="ip rule"), **lowering.tables}


def _presumed(known: Known) -> tuple[Note, ...]:
    """Other policy rules could lead anywhere, so only the standard ones are followed where none were saved."""
    if known.policy is not None or not known.some_routes:
        return ()
    question = presumption("the standard policy rules alone are in force", known.save_rules)
    return (Note(question.question, question),)


class _Lowering:
    def __init__(self, known: Known, name: str) -> None:
        self.known = known
        self.name = name
        self.family = known.family
        self.tables: dict[str, Table] = {}

    def add(self, name: str, rules: list[PolicyRule], every: list[PolicyRule]) -> None:
        """A table of policy rules; a goto leads to a table of the rules from there on."""
        lowered: list[Rule] = []
        local_first = self.merged(every)
        for rule in rules:
            lowered += self.rule(rule, every, local_first)
        self.tables[name] = Table(name, lowered, group="ip rule", label=name)

    def rule(self, rule: PolicyRule, every: list[PolicyRule], merged: bool) -> Iterator[Rule]:
        tests = self.selectors(rule)
        if tests is None:
            return
        match rule.action:
            case "lookup":
                if not (merged and rule.table == "main"):
                    yield Rule(tests, (self.lookup(rule, merged),), None, rule.span)
            case "goto":
                if (target := self.target(rule, every)) is not None:
                    yield Rule(tests, (Goto(target),), None, rule.span)
            case "unreachable" | "blackhole" | "prohibit":
                kind = Set("route_type", ROUTE_TYPES[rule.action])
                yield Rule(tests, (kind, FOUND), None, rule.span)

    def target(self, rule: PolicyRule, every: list[PolicyRule]) -> str | None:
        """The table of the rules from a goto's target on, None while it has none (`[unresolved]`)."""
        rest = [r for r in every if r.priority >= (rule.goto or 0)]
        if not rest or rest[0].priority != rule.goto or rule.goto <= rule.priority:
            return None
        name = f"{self.name} rules from {rule.goto}"
        if name not in self.tables:
            self.add(name, rest, every)
        return name

    # Selectors

    def selectors(self, rule: PolicyRule) -> tuple[Condition, ...] | None:
        """The tests of a rule, None if it holds for no packet."""
        if rule.unsupported is not None:
            self.warn(
                f"the selector `{rule.unsupported}` is not followed: its rule is taken to hold for no packet", rule
            )
            return None
        never = rule.oif is not None  # only sockets that are bound to an interface look for it
        if never and not rule.negated:
            return None
        tests = tuple(self.positive(rule))
        if not rule.negated:
            return tests
        return () if never else (unless_all(tests),)

    def positive(self, rule: PolicyRule) -> Iterator[Condition]:
        if rule.iif is not None:
            yield is_("route_in", 0 if rule.iif == "lo" else interface(rule.iif))
        if rule.mark is not None:
            value, mask = rule.mark
            yield Masked("mark", value & mask, mask)
        if rule.source is not None:
            yield from inside("src", rule.source)
        if rule.destination is not None:
            yield from inside("dst", rule.destination)
        if rule.tos:
            yield Masked("tos", rule.tos & 0xFC, 0x1C if self.family == 4 else 0xFC)
        if rule.uids is not None:
            yield sent_by(*rule.uids)
        if rule.proto:
            yield is_("proto", rule.proto)
        if rule.sports is not None:
            yield in_range("sport", *rule.sports)
        if rule.dports is not None:
            yield in_range("dport", *rule.dports)

    def warn(self, message: str, rule: PolicyRule) -> None:
        self.known.tell(Diagnostic("unsupported-rule", "warning", message, rule.span))

    # Routing tables

    def lookup(self, rule: PolicyRule, merged: bool) -> Action:
        name = rule.table or "main"
        suffix, suppressed = self.suppression(rule)
        table = f"{self.name} in {name}{suffix}"
        if table not in self.tables:
            how = Lookup(self.family, self.known.settings, suppressed, self.name == REVERSE)
            self.tables.update(self.routes(table, name, how, merged))
        return Call(table, catches=(NOT_FOUND.verdict,))

    def routes(self, table: str, name: str, how: Lookup, merged: bool) -> dict[str, Table]:
        rows = self.known.table(name)
        if rows is None:
            return {table: Table(table, list(unknown_routes(self.known, name)), group="ip route", label=name)}
        if merged and name == "local":
            rows = [*rows, *(self.known.table("main") or [])]
        return lookup_tables(table, rows, how)

    def merged(self, rules: list[PolicyRule]) -> bool:
        """Whether IPv4 looks local and main up as one: it does until the first rule is added (fib_trie_unmerge).

        It makes a difference only where a route of main is inside a prefix of local.
        """
        if self.family == 6 or not are_standard(rules):
            return False
        local, main = self.known.table("local"), self.known.table("main")
        return local is not None and main is not None and bool(inside_local(local, main))

    def suppression(self, rule: PolicyRule) -> tuple[str, Callable[[Route], bool]]:
        """What a rule's lookup takes as not found, and a name for it."""
        longest, group = rule.suppress_prefixlength, rule.suppress_ifgroup
        if longest is None and group is None:
            return "", lambda _: False
        members = {i.name for i in self.known.interfaces if group is not None and i.group == group}
        if group is not None and not any(i.group for i in self.known.interfaces):
            self.warn(f"which interfaces are in group {group} was not saved (`ip link`): none is taken to be", rule)

        def suppressed(route: Route) -> bool:
            short = longest is not None and route.destination.mask.bit_count() <= longest
            return short or route.hops[0].out in members

        words = [f"suppress_prefixlength {longest}"] if longest is not None else []
        words += [f"suppress_ifgroup {group}"] if group is not None else []
        return " " + " ".join(words), suppressed


def inside_local(local: list[Route], main: list[Route]) -> list[Route]:
    """Routes of main that are narrower than one of table local around them."""
    wide = [r.destination for r in local if r.destination.mask != 0xFFFFFFFF]
    return [
        r for r in main if any(r.destination.value & w.mask == w.value and r.destination.mask > w.mask for w in wide)
    ]


# Tables that were not saved


def is_own(known: Known) -> Test:
    """Whether an address is one of the node's."""
    command = "ip addr" if known.some_routes else f"ip addr; {known.save_routes}"
    return ask_about("dst", assumption("the address is one of this node's", command))


def is_broadcast() -> Test:
    return ask_about("dst", assumption("the address is a broadcast address of this node's networks", "ip addr"))


def unknown_routes(known: Known, name: str) -> Iterator[Rule]:
    """A lookup in a table that was not saved."""
    if name == "local":
        yield from unknown_local(known)
        return
    table = f"in table {name}" if known.some_routes else "from this node"
    reached = assumption(f"there is a route to the address {table}", known.save_routes)
    out = assumption(f"the interface of the route to it {table}", known.save_routes)
    next_hop = assumption(f"the next hop of the route to it {table}", known.save_routes)
    gateway = Havoc("route_gateway", 0, _EVERY_NAME, next_hop, about="dst")
    yield Rule(
        (ask_about("dst", reached),),
        (
            Set("route_type", ROUTE_TYPES["unicast"]),
            Havoc("route_out", 0, _EVERY_NAME, out, about="dst"),
            gateway if known.addresses_known else Set("route_gateway", 0),
            Set("route_source", 0),
            Set("route_realm", 0),
            FOUND,
        ),
    )


def unknown_local(known: Known) -> Iterator[Rule]:
    """What is known of table local before anything was saved; groups are never in it in IPv4, and always in IPv6."""
    how = Lookup(known.family, known.settings)
    for table in lookup_tables("constant", constant_routes(known.family), how).values():
        yield from table.rules
    if known.family == 6:
        yield Rule((Masked("dst", 0xFF << 120, 0xFF << 120),), _found("multicast"))
        yield Rule((is_own(known),), _found("local"))
        return
    groups = Masked("dst", 0xE0000000, 0xF0000000, negated=True)
    single = (groups, *(Masked("dst", value, -1, negated=True) for value in (0, 0xFFFFFFFF)))
    yield Rule((*single, is_own(known)), _found("local"))
    yield Rule((*single, Masked("dst", 3, 3), is_broadcast()), _found("broadcast"))


def _found(kind: str) -> tuple[Action, ...]:
    question = assumption(f"the interface of this {kind} address", "ip addr")
    return (
        Set("route_type", ROUTE_TYPES[kind]),
        Havoc("route_out", 0, _EVERY_NAME, question, about="dst"),
        *(Set(name, 0) for name in ("route_gateway", "route_source", "route_realm")),
        FOUND,
    )

"""What the dumps say of each routing table, and what follows from the node's addresses where they say nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ruleparse.codec import ALL_ONES, Prefix, prefix, prefix_mask
from ruleparse.routing.model import Address, Hop, Interface, Interfaces, PolicyRule, Route, Routes
from ruleparse.routing.sysctl import Settings
from ruleparse.text import Diagnostic

ALL_ROUTES = "ip route show table all"


@dataclass(slots=True)
class Known:
    """The dumps of one node, as one family sees them. `notes` says what was taken for granted."""

    family: int
    routes: Routes
    policy: list[PolicyRule] | None
    interfaces: Interfaces
    settings: Settings
    notes: list[Diagnostic] = field(default_factory=list)

    @property
    def addresses_known(self) -> bool:
        return self.family in self.interfaces.families

    @property
    def some_routes(self) -> bool:
        """Whether any routes of the family were saved."""
        return self.routes.some(self.family)

    @property
    def save_routes(self) -> str:
        """The command that prints every route of the family."""
        return ALL_ROUTES if self.family == 4 else "ip -6 route show table all"

    @property
    def save_rules(self) -> str:
        """The command that prints the policy rules of the family."""
        return "ip rule" if self.family == 4 else "ip -6 rule"

    def table(self, name: str) -> list[Route] | None:
        """The rows of a routing table, None where nothing tells."""
        routes, family = self.routes, self.family
        if family in routes.complete or (family, name) in routes.tables:
            return [r for r in routes.routes if r.family == family and r.table == name]
        if name == "local" and self.addresses_known:
            self.note("table local was not saved: it is taken to hold what follows from `ip addr`", self.save_routes)
            return list(own_routes(self.interfaces, family, self.settings))
        if name == "default" and (family, "main") in routes.tables:
            self.note("table default was not saved: it is taken to be empty, as it nearly always is", self.save_routes)
            return []
        return None

    def rules(self) -> list[PolicyRule]:
        """The policy rules; the standard ones where none were saved, which whoever asks has to say."""
        return standard_rules(self.family) if self.policy is None else self.policy

    def note(self, message: str, command: str) -> None:
        self.tell(Diagnostic("not-saved", "note", message, None, (), f"save `{command}`"))

    def tell(self, about: Diagnostic) -> None:
        if about not in self.notes:
            self.notes.append(about)


def standard_rules(family: int) -> list[PolicyRule]:
    """What the kernel starts with."""
    tables = {0: "local", 32766: "main", 32767: "default"} if family == 4 else {0: "local", 32766: "main"}
    return [PolicyRule(priority, family, "lookup", table=table) for priority, table in tables.items()]


def are_standard(rules: list[PolicyRule]) -> bool:
    """Whether these rules do what the kernel's own do."""

    def essence(rule: PolicyRule) -> tuple[object, ...]:
        selectors = (rule.source, rule.destination, rule.mark, rule.iif, rule.oif, rule.uids, rule.proto, rule.tos)
        others = (rule.sports, rule.dports, rule.suppress_prefixlength, rule.suppress_ifgroup, rule.unsupported)
        return (rule.action, rule.negated, rule.table, *selectors, *others)

    family = rules[0].family if rules else 4
    return [essence(r) for r in rules] == [essence(r) for r in standard_rules(family)]


# Table local


def own_routes(interfaces: Interfaces, family: int, settings: Settings) -> Iterator[Route]:
    """What the kernel puts into table local for its addresses (net/ipv4/fib_frontend.c, net/ipv6/addrconf.c)."""
    yield from constant_routes(family)
    for interface in interfaces:
        own = [a for a in interface.addresses if a.family == family]
        yield from _own4(interface, own) if family == 4 else _own6(interface, own, settings)


def constant_routes(family: int) -> Iterator[Route]:
    """What is local on every node."""
    yield _row("local", prefix("127.0.0.0/8" if family == 4 else "::1/128"), "lo")


def _row(type_: str, destination: Prefix, out: str, address: Address | None = None) -> Route:
    source = address.value if address is not None and address.family == 4 else None
    span = address.span if address is not None else None
    return Route(destination.family, type_, destination, "local", (Hop(out),), 0, span, source)


def _host(value: int, family: int) -> Prefix:
    return Prefix(value, ALL_ONES[family], family)


def _own4(interface: Interface, own: list[Address]) -> Iterator[Route]:
    for address in own:
        yield _row("local", _host(address.value, 4), interface.name, address)
        if not interface.up:
            continue
        if address.broadcast not in (None, 0xFFFFFFFF):
            yield _row("broadcast", _host(address.broadcast or 0, 4), interface.name, address)
        mask = prefix_mask(address.length, 4)
        if address.length < 31 and address.peer & mask:
            yield _row("broadcast", _host(address.peer & mask | ~mask & 0xFFFFFFFF, 4), interface.name, address)
            if interface.loopback:
                yield _row("local", Prefix(address.peer & mask, mask, 4), interface.name, address)


def _own6(interface: Interface, own: list[Address], settings: Settings) -> Iterator[Route]:
    forwards = (
        settings.of_interface(6, interface.name, "forwarding") == 1
        or settings.number("net.ipv6.conf.all.forwarding") == 1
    )
    for address in own:
        if "tentative" in address.flags and "optimistic" not in address.flags:
            continue
        yield _row("local", _host(address.value, 6), interface.name, address)
        if forwards and address.length < 127 and not interface.loopback:
            mask = prefix_mask(address.length, 6)
            yield _row("anycast", _host(address.value & mask, 6), interface.name, address)
    if interface.up and not interface.loopback:
        yield _row("multicast", prefix("ff00::/8"), interface.name)

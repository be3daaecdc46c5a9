"""The IPv4 addresses that MASQUERADE and REDIRECT choose.

Sources: net/ipv4/devinet.c (inet_select_addr), net/netfilter/nf_nat_masquerade.c, nf_nat_redirect.c.
"""

from __future__ import annotations

from collections.abc import Iterator

from ruleparse.codec import interface, prefix_mask
from ruleparse.program import Masked, Return, Rule, Set
from ruleparse.routing.conditions import is_
from ruleparse.routing.model import Address, Interface, Interfaces


def primary(of: Interface) -> list[Address]:
    return [a for a in of.addresses if a.family == 4 and "secondary" not in a.flags]


def masquerade_rules(interfaces: Interfaces) -> Iterator[Rule]:
    """The address of `out` whose network holds the next hop, else its first, else the first of any interface."""
    for each in interfaces:
        usable = [a for a in primary(each) if a.scope == "global"]
        leaves = is_("out", interface(each.name))
        for address in usable[1:]:  # the first is taken anyway, but only if no other's network fits better
            yield _source(
                address, leaves, *_not_in(usable[: usable.index(address)]), _network("route_gateway", address)
            )
        yield from (_source(a, leaves) for a in usable[:1])
    for each in interfaces:
        for address in [a for a in primary(each) if a.scope == "global"][:1]:
            yield _source(address)
            return


def _source(address: Address, *tests: Masked) -> Rule:
    return Rule(tests, (Set("src", address.value), Return()), None, address.span)


def _network(field: str, address: Address, negated: bool = False) -> Masked:
    mask = prefix_mask(address.length, 4)
    return Masked(field, address.peer & mask, mask, negated)


def _not_in(addresses: list[Address]) -> Iterator[Masked]:
    return (_network("route_gateway", a, negated=True) for a in addresses)


def redirect_rules(interfaces: Interfaces) -> Iterator[Rule]:
    """The first primary address of the interface it came in by."""
    for each in interfaces:
        for address in primary(each)[:1]:
            tests = (is_("in", interface(each.name)),)
            yield Rule(tests, (Set("dst", address.value), Return()), None, address.span)

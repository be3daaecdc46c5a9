"""The tables of a node's routing: "fib", "address type", "masquerade" and "redirect".

Each reads and writes fields of the packet:

- "fib" looks up a route for `src`, `dst`, `mark`, `tos`, `proto`, `sport`, `dport`, `local`, `uid` and `route_in`
  (0 for packets of this node). It sets `route_type`, `route_out`, `route_gateway` (the next hop, `dst` itself on the
  link), `route_source` (0 if the route names none) and `route_realm`. Where nothing is found it leaves them alone. The
  interface of a local route is the one that has the address.
- "reverse fib" does the same for the way back to where a packet came from, once its addresses are swapped: where a
  route has several next hops it takes one that leads to `in`, as rp_filter and `-m rpfilter` do.
- "address type" sets `route_type` and `route_out` to what kind of address `dst` is and whose.
- "masquerade" sets `src` for a packet that leaves by `out`, "redirect" sets `dst` for one that came in by `in`, or that
  this node sent (`local`); where there is no address they drop it.
"""

from __future__ import annotations

from typing import NamedTuple

from ruleparse.packet import assumption
from ruleparse.program import Havoc, Return, Rule, Set, Stop, Table
from ruleparse.routing import source4, source6
from ruleparse.routing.address_type import address_type_tables
from ruleparse.routing.conditions import is_
from ruleparse.routing.known import Known
from ruleparse.routing.model import Interfaces, PolicyRules, Routes
from ruleparse.routing.policy import REVERSE, policy_tables
from ruleparse.routing.sysctl import Settings
from ruleparse.text import Diagnostic

MASQUERADE = "masquerade"
REDIRECT = "redirect"


class Fib(NamedTuple):
    """The tables by name, and what was taken for granted in making them."""

    tables: dict[str, Table]
    diagnostics: list[Diagnostic]


def fib_tables(
    family: int,
    routes: Routes | None = None,
    rules: PolicyRules | None = None,
    interfaces: Interfaces | None = None,
    settings: Settings | None = None,
) -> Fib:
    """The tables of one family, from what was saved of it; what was not becomes an assumption."""
    policy = [r for r in rules.rules if r.family == family] if rules and family in rules.families else None
    known = Known(family, routes or Routes(), policy, interfaces or Interfaces(), settings or Settings())
    tables = {
        **policy_tables(known),
        **policy_tables(known, REVERSE),
        **address_type_tables(known),
        **_masquerade(known),
        REDIRECT: Table(REDIRECT, _redirect(known)),
    }
    return Fib(tables, known.notes)


def _masquerade(known: Known) -> dict[str, Table]:
    if not known.addresses_known:
        question = assumption("the address that MASQUERADE takes, of the interface it leaves by", "ip addr")
        return {MASQUERADE: Table(MASQUERADE, [Rule((), (Havoc("src", 1, _largest(known), question, about="out"),))])}
    if known.family == 4:
        none = Rule((), (source6.NO_ADDRESS,))
        return {MASQUERADE: Table(MASQUERADE, [*source4.masquerade_rules(known.interfaces), none])}
    return source6.masquerade_tables(MASQUERADE, known.interfaces, known.settings)


def _redirect(known: Known) -> list[Rule]:
    loopback = 0x7F000001 if known.family == 4 else 1
    sent = Rule((is_("local", 1),), (Set("dst", loopback), Return()))
    if not known.addresses_known:
        question = assumption("the address of the interface it came in by, which REDIRECT takes", "ip addr")
        return [sent, Rule((), (Havoc("dst", 1, _largest(known), question, about="in"),))]
    of_family = source4 if known.family == 4 else source6
    none = Stop("drop", "REDIRECT found no address on the interface it came in by")
    return [sent, *of_family.redirect_rules(known.interfaces), Rule((), (none,))]


def _largest(known: Known) -> int:
    return (1 << (32 if known.family == 4 else 128)) - 1

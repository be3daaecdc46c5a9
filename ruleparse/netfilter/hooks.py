"""The way of a packet through the kernel, as tables of rules: which chains it meets, in which order, and what the
kernel itself decides in between.

Sources: net/ipv4/ip_input.c, ip_forward.c, ip_output.c, route.c; net/ipv6/ip6_input.c, ip6_output.c; priorities of
linux/netfilter_ipv4.h; measured in network namespaces where the sources leave a doubt.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ruleparse.codec import Prefix, interface, prefix
from ruleparse.netfilter import fields
from ruleparse.netfilter.connections import confirm, conntrack_table, settle_destination, settle_source
from ruleparse.netfilter.extension import ask
from ruleparse.netfilter.facts import Facts
from ruleparse.netfilter.ipvs.tables import IPVS, REPLIES, ipvs_tables
from ruleparse.netfilter.martians import early_drops, martian_drops, multicast4, multicast6, source_drops
from ruleparse.netfilter.save import BUILT_IN, Flavour
from ruleparse.netfilter.settings import InterfaceSetting, at_interface, is_on
from ruleparse.netfilter.tracking.generated import TTL_EXCEEDED
from ruleparse.netfilter.values import differs
from ruleparse.packet import assumption
from ruleparse.program import Action, Add, Call, Copy, Goto, Masked, Return, Rule, Set, Stop, Table, Test

PREROUTING, INPUT, FORWARD, OUTPUT, POSTROUTING = range(5)

CONNTRACK = -200
_PRIORITY = {"raw": -300, "mangle": -150, "filter": 0, "security": 50}
LOOPBACK = interface("lo")


@dataclass(frozen=True, slots=True)
class Base:
    """One ruleset that hooks in: `prefix` comes before the names of its program tables."""

    prefix: str
    flavour: Flavour
    tables: frozenset[str]

    def priority(self, table: str, hook: int) -> int:
        """When the kernel calls this table at a hook; iptables-nft runs security late (1.8.9)."""
        if table == "nat":
            return -100 if hook in (PREROUTING, OUTPUT) else 100
        return 150 if table == "security" and self.flavour == "nft" else _PRIORITY[table]


def rule(*parts: Masked | Test | Action) -> Rule:
    """A rule of the kernel's own: tests first, then actions."""
    tests = tuple(p for p in parts if isinstance(p, Masked | Test))
    return Rule(tests, tuple(p for p in parts if not isinstance(p, Masked | Test)))


def is_(field: str, value: int, negated: bool = False) -> Masked:
    return Masked(field, value, -1, negated)


def inside(field: str, text: str | Prefix, negated: bool = False) -> Masked:
    p = prefix(text) if isinstance(text, str) else text
    return Masked(field, p.value, p.mask, negated)


def drop(reason: str, *tests: Masked | Test) -> Rule:
    return Rule(tests, (Stop("drop", reason),))


def path_tables(family: int, bases: Iterable[Base], facts: Facts) -> dict[str, Table]:
    """The kernel's own tables that a packet of this family may walk; "arrive" and "send" are where it starts."""
    bases, sysctl = list(bases), facts.sysctl
    tables = [
        Table("arrive", [*early_drops(family), rule(Goto("PREROUTING"))]),
        Table("PREROUTING", _prerouting(family, bases)),
        Table("route", [*_given_route(facts.routes_saved), rule(*_lookup())]),
        Table("route in", _route_in(family, facts)),
        Table("INPUT", _input(family, bases, facts.balances)),
        Table("FORWARD", _forward(family, bases, facts)),
        Table("send", _send()),
        Table("OUTPUT", _output(family, bases, facts.balances)),
        Table("answer", _answer()),
        Table("route out", _route_out(family, sysctl)),
        Table("reroute", [*(_on_the_same_link() if family == 6 else []), rule(Call("route out"))]),
        Table("POSTROUTING", _postrouting(bases)),
        Table("loop back", [rule(is_("ct_state", fields.INVALID), Set("ct_pending", 1), *_FORGET_TEMPLATE)]),
        conntrack_table(family, sysctl) if facts.tracks else Table("conntrack", []),
    ]
    balanced = ipvs_tables(family, facts, _ends_of_balanced(family)) if facts.balances else {}
    return {**{t.name: t for t in tables}, **balanced}


_FORGET_TEMPLATE = tuple(Set(f"ct_{name}", 0) for name in ("known", "entry", "dir", "error", "zone", "zone_reply"))
"""A packet that conntrack made nothing of is looked at again when it comes in over the loopback."""


def _prerouting(family: int, bases: list[Base]) -> list[Rule]:
    moved = rule(is_("looped", 1), differs("dst", "old_dst"), Set("looped", 0))
    came = {-151: [rule(Copy("old_tos", "tos"), Copy("old_ttl", "ttl"))]} if family == 6 else {}
    nat = {**came, -101: [rule(Copy("old_dst", "dst"))], -99: [moved]}
    return [rule(Set("hook", PREROUTING), Set("out", 0)), *_chains(PREROUTING, bases, nat), rule(Goto("route in"))]


def _chains(hook: int, bases: list[Base], between: Mapping[int, list[Rule]] | None = None) -> list[Rule]:
    """Rules that call each base chain of a hook in the order of priorities, with `between` what else happens when."""
    steps: list[tuple[int, list[Rule]]] = list((between or {}).items())
    if hook in (PREROUTING, OUTPUT):
        steps.append((CONNTRACK, [rule(is_("ct_pending", 1), Call("conntrack"), Set("ct_pending", 0))]))
    for base in bases:
        for table in base.tables & BUILT_IN.keys():
            if fields.HOOKS[hook] in BUILT_IN[table]:
                call = Call(f"{base.prefix}{table} {fields.HOOKS[hook]}", ("accept",))
                steps.append((base.priority(table, hook), _nat(hook, call) if table == "nat" else [rule(call)]))
    return [r for _, rules in sorted(steps, key=lambda step: step[0]) for r in rules]


def _nat(hook: int, call: Call) -> list[Rule]:
    """nat is asked once for each side of a connection, at its first packet."""
    return settle_destination(call) if hook in (PREROUTING, OUTPUT) else settle_source(call)


def _given_route(routes_saved: bool) -> list[Rule]:
    """The interface that somebody gave; where routes were saved and say otherwise, who is right is a question."""
    given = is_("out_given", 0, negated=True)
    route = (Set("route_type", fields.UNICAST), Copy("route_out", "out_given"), Set("route_gateway", 0), Return())
    if not routes_saved:
        return [rule(given, *route)]
    question = "the packet leaves by the interface that is given as --out, though the saved routes say otherwise"
    other = ask(assumption(question, "ip route show table all"))
    return [
        rule(given, *_lookup()),
        rule(given, differs("route_out", "out_given"), other, *route),
        rule(given, Return()),
    ]


def _lookup() -> list[Action]:
    return [Set("route_type", 0), Set("route_out", 0), Set("route_gateway", 0), Set("route_source", 0), Call("fib")]


def _unroutable(to: str = "the destination", family: int | None = None) -> list[Rule]:
    """With a `family`, somebody else sent the packet and is told."""
    reasons = {
        0: f"no route to {to}",
        fields.UNREACHABLE: f"the route to {to} is of type unreachable",
        fields.BLACKHOLE: f"the route to {to} is of type blackhole",
        fields.PROHIBIT: f"the route to {to} is of type prohibit",
        fields.THROW: f"no route to {to}",
    }
    errors = {} if family is None else _UNROUTABLE[family]
    return [rule(is_("route_type", kind), Stop("drop", reason, errors.get(kind))) for kind, reason in reasons.items()]


_UNROUTABLE: dict[int, dict[int, str]] = {
    4: {
        0: "icmp-net-unreachable",
        fields.THROW: "icmp-net-unreachable",
        fields.UNREACHABLE: "icmp-host-unreachable",
        fields.PROHIBIT: "icmp-admin-prohibited",
    },
    6: {
        0: "icmp6-no-route",
        fields.THROW: "icmp6-no-route",
        fields.UNREACHABLE: "icmp6-no-route",
        fields.PROHIBIT: "icmp6-adm-prohibited",
    },
}
"""What a packet of somebody else's gets that cannot be routed (ip_error, ip6_pkt_drop)."""


def _route_in(family: int, facts: Facts) -> list[Rule]:
    return [
        rule(is_("looped", 1), Goto("INPUT")),
        *([*multicast4(), rule(inside("dst", "255.255.255.255"), Goto("INPUT"))] if family == 4 else []),
        rule(Copy("route_in", "in"), Call("route")),
        *martian_drops(family, facts),
        *_unroutable(family=family),
        *source_drops(family, facts),
        *(multicast6() if family == 6 else []),
        rule(is_("route_type", fields.LOCAL), Goto("INPUT")),
        rule(is_("route_type", fields.BROADCAST), Goto("INPUT")),
        rule(is_("route_type", fields.ANYCAST), Goto("INPUT")),
        rule(is_("route_type", fields.MULTICAST), Goto("INPUT")),
        rule(Goto("FORWARD")),
    ]


def _input(family: int, bases: list[Base], balances: bool) -> list[Rule]:
    incomplete = "a lone fragment waits for the rest of its packet"
    fragments = [drop(incomplete, is_("fragment", 0, negated=True)), drop(incomplete, is_("more_fragments", 1))]
    return [
        *(fragments if family == 4 else []),
        rule(Set("hook", INPUT), Set("out", 0)),
        *_chains(INPUT, bases, {98: [rule(Call(REPLIES))], 99: [rule(Call(IPVS))]} if balances else {}),
        *confirm(),
        rule(Stop("accept", detail="local")),
    ]


def _forward(family: int, bases: list[Base], facts: Facts) -> list[Rule]:
    sysctl = facts.sysctl
    switch = "net.ipv4.ip_forward" if family == 4 else "net.ipv6.conf.all.forwarding"
    off4 = (at_interface(InterfaceSetting.forwarding(sysctl), 0),)
    return [
        drop(f"this node does not forward: {switch} = 0", *(off4 if family == 4 else is_on(sysctl, switch, off=True))),
        drop("only packets addressed to this node's MAC are forwarded", is_("pkttype", 0, negated=True)),
        _ttl_ends(family),
        rule(Set("hook", FORWARD), Add("ttl", -1, 0, 255), Copy("out", "route_out")),
        *_chains(FORWARD, bases, {100: [rule(Call(REPLIES))]} if facts.balances else {}),
        rule(Goto("POSTROUTING")),
    ]


def _ttl_ends(family: int) -> Rule:
    return Rule((Masked("ttl", 0, 0xFE),), (Stop("drop", _TTL_ENDS[family], TTL_EXCEEDED[family]),))


_TTL_ENDS = {4: "its TTL ends here", 6: "its hop limit ends here"}


def _answer() -> list[Rule]:
    """What the node itself has to say, its source chosen by the route if it is not settled."""
    open_ = is_("src", 0)
    return [
        rule(open_, Set("route_in", 0), Call("route out"), Copy("src", "route_source")),
        rule(open_, Copy("out", "route_out"), Call("masquerade")),
        rule(Set("out", 0), Goto("send")),
    ]


def _send() -> list[Rule]:
    return [rule(Set("hook", OUTPUT), Set("in", 0), Set("route_in", 0), Call("route out")), rule(Goto("OUTPUT"))]


def _output(family: int, bases: list[Base], balances: bool) -> list[Rule]:
    """From where a packet of this node has its first route."""
    remember = [Copy(f"old_{f}", f) for f in ("src", "dst", "mark", "tos", "ttl")]
    watched = ("src", "dst", "mark", "tos") if family == 4 else ("src", "dst", "mark", "tos", "ttl")
    moved = [rule(differs(f, f"old_{f}"), *(Copy(f"old_{g}", g) for g in watched), Call("reroute")) for f in watched]
    after_nat = [*_rerouted_after_nat(family), *([rule(Call(REPLIES))] if balances else [])]
    balanced = {-98: [rule(Call(IPVS))]} if balances else {}
    return [
        rule(Set("hook", OUTPUT), Set("in", 0), Set("route_in", 0), Copy("out", "route_out")),
        *_chains(OUTPUT, bases, {-151: [rule(*remember)], -149: moved, -99: after_nat, **balanced}),
        rule(Goto("POSTROUTING")),
    ]


def _rerouted_after_nat(family: int) -> list[Rule]:
    """Only if NAT has changed where to, though it may have undone a prefix translation (nf_nat_ipv6_local_fn)."""
    moved = differs("dst", "old_dst")
    if family == 4:
        return [rule(moved, Call("reroute"))]
    by_nat = differs("ct_dst", "ct_reply_src"), differs("ct_reply_dst", "ct_src")
    return [rule(is_("ct_dir", way), moved, by_nat[way], Call("reroute")) for way in (0, 1)]


def _ends_of_balanced(family: int) -> list[Rule]:
    """What IPVS cannot send to a server of another node (__ip_vs_get_out_rt)."""
    loopback = inside("src", "127.0.0.0/8" if family == 4 else "::1/128")
    barred = drop("IPVS lets no loopback address leave the node", loopback)
    return [*_unroutable("the server", family), barred, _ttl_ends(family), rule(Add("ttl", -1, 0, 255))]


def _route_out(family: int, sysctl: Mapping[str, str]) -> list[Rule]:
    """What is for this node stays on loopback, an IPv6 subnet's anycast address, too (net/ipv6/route.c,
    ip6_rt_get_dev_rcu); a loopback address must not leave (net/ipv4/route.c, __mkroute_output)."""
    to_itself: list[Action] = [Set("route_type", fields.LOCAL), Set("route_out", LOOPBACK), Return()]
    nowhere = [rule(is_("dst", 0), *to_itself)] if family == 4 else []
    rules = [
        *nowhere,
        rule(Call("route")),
        rule(is_("route_type", fields.LOCAL), Set("route_out", LOOPBACK)),
        rule(is_("route_type", fields.ANYCAST), Set("route_out", LOOPBACK)),
        *_unroutable(),
    ]
    if family == 4:
        leaves = (inside("src", "127.0.0.0/8"), is_("route_out", LOOPBACK, negated=True))
        barred = at_interface(InterfaceSetting.of(sysctl, "route_localnet"), 0, "route_out")
        rules.append(drop("a loopback address must not leave the node", *leaves, barred))
    return rules


def _on_the_same_link() -> list[Rule]:
    """A link-local destination is looked up again on the link that the packet would leave by (ip6_route_me_harder)."""
    again = (Copy("route_in", "route_out"), Call("route out"), Set("route_in", 0), Return())
    return [rule(inside("dst", "fe80::/10"), *again)]


def _postrouting(bases: list[Base]) -> list[Rule]:
    """`-o` sees the route that holds now, which in OUTPUT it does not. What goes to lo comes in again."""
    return [
        rule(Set("hook", POSTROUTING), Copy("out", "route_out")),
        *_chains(POSTROUTING, bases),
        *confirm(),
        rule(
            is_("local", 1),
            is_("route_out", LOOPBACK),
            Set("looped", 1),
            Set("in", LOOPBACK),
            Set("out", 0),
            Call("loop back"),
            Goto("PREROUTING"),
        ),
        rule(Stop("accept", detail="out")),
    ]

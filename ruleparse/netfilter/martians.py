"""Packets that the kernel itself refuses before or while it routes them: wrong addresses, wrong interfaces.

Sources: net/ipv6/ip6_input.c (ip6_rcv_core), net/ipv4/route.c (ip_route_input_slow), net/ipv4/fib_frontend.c
(fib_validate_source), net/ipv6/ip6_output.c (ip6_forward).
"""

from __future__ import annotations

from dataclasses import dataclass

from ruleparse import bits
from ruleparse.bits import Bool
from ruleparse.codec import Codec, interface, prefix
from ruleparse.netfilter import fields
from ruleparse.netfilter.extension import ask
from ruleparse.netfilter.facts import Facts
from ruleparse.netfilter.settings import InterfaceSetting, at_interface
from ruleparse.netfilter.values import differs
from ruleparse.packet import Packet, assumption
from ruleparse.program import Goto, Key, Masked, Rule, Stop, Test, World

_LOOPBACK = Masked("in", interface("lo"), -1, negated=True)


def _inside(field: str, text: str, negated: bool = False) -> Masked:
    p = prefix(text)
    return Masked(field, p.value, p.mask, negated)


def _drop(reason: str, *tests: Masked | Test) -> Rule:
    return Rule(tests, (Stop("drop", reason),))


def early_drops(family: int) -> list[Rule]:
    """Before any chain sees the packet."""
    other = _drop("it is addressed to another host's MAC address", Masked("pkttype", 3, -1))
    if family == 4:
        return [other]
    return [
        other,
        _drop("a multicast source address", _inside("src", "ff00::/8")),
        _drop("a loopback address from outside", _inside("src", "::1/128"), _LOOPBACK),
        _drop("a loopback address from outside", _inside("dst", "::1/128"), _LOOPBACK),
        _drop("a packet to an interface-local multicast address from outside", _inside("dst", "ff01::/16"), _LOOPBACK),
        _drop("a packet to a multicast address of reserved scope", _inside("dst", "ff00::/16")),
    ]


def multicast4() -> list[Rule]:
    """IPv4 multicast is delivered to a member of the group and, without a multicast router, to nobody else."""
    group = _inside("dst", "224.0.0.0/4")
    joined = ask(assumption("this node is a member of the multicast group", "ip maddr"))
    return [
        _drop("a multicast source address (martian)", group, _inside("src", "224.0.0.0/4")),
        _drop("a loopback source address from outside (martian)", group, _inside("src", "127.0.0.0/8"), _LOOPBACK),
        Rule((_inside("dst", "224.0.0.1/32"),), (Goto("INPUT"),)),
        Rule((group, joined), (Goto("INPUT"),)),
        _drop("this node is no member of the multicast group and routes no multicast", group),
    ]


def multicast6() -> list[Rule]:
    """IPv6 multicast is delivered to a member of the group; all nodes are members of ff02::1 (ip6_mc_input)."""
    is_multicast = Masked("route_type", fields.MULTICAST, -1)
    joined = ask(assumption("this node is a member of the multicast group", "ip -6 maddr"))
    return [
        Rule((_inside("dst", "ff02::1/128"),), (Goto("INPUT"),)),
        Rule((is_multicast, joined), (Goto("INPUT"),)),
        _drop("this node is no member of the multicast group", is_multicast),
    ]


def martian_drops(family: int, facts: Facts) -> list[Rule]:
    """Before the packet is routed: addresses that no packet from outside may have."""
    return _martians4(facts) if family == 4 else []


def source_drops(family: int, facts: Facts) -> list[Rule]:
    """Once there is a route: whether the source may be where the packet came from (fib_validate_source)."""
    return _sources4(facts) if family == 4 else _sources6()


def _martians4(facts: Facts) -> list[Rule]:
    loopback = Masked("in", interface("lo"), -1, negated=True)
    barred = (loopback, at_interface(InterfaceSetting.of(facts.sysctl, "route_localnet"), 0))
    return [
        _drop("a multicast source address (martian)", _inside("src", "224.0.0.0/4")),
        _drop("a broadcast source address (martian)", _inside("src", "255.255.255.255/32")),
        _drop("a source address in 0.0.0.0/8 (martian)", _inside("src", "0.0.0.0/8")),
        _drop("a destination address in 0.0.0.0/8 (martian)", _inside("dst", "0.0.0.0/8")),
        _drop("a loopback source address from outside (martian)", _inside("src", "127.0.0.0/8"), *barred),
        _drop("a loopback destination address from outside (martian)", _inside("dst", "127.0.0.0/8"), *barred),
    ]


def _sources4(facts: Facts) -> list[Rule]:
    return [
        _drop("its source is an address of this node (martian)", Test(OWN_SOURCE, OwnSource.of(facts))),
        _drop(
            "the way back to its source leaves by another interface (rp_filter)", Test(RP_FILTER, RpFilter.of(facts))
        ),
    ]


def _sources6() -> list[Rule]:
    forwarded = Masked("route_type", fields.UNICAST, -1)
    return [
        _drop(
            "an unspecified source address is not forwarded",
            _inside("src", "::/128"),
            forwarded,
            differs("route_out", "in"),
        ),
        _drop(
            "a link-local source address is not forwarded",
            _inside("src", "fe80::/10"),
            forwarded,
            differs("route_out", "in"),
        ),
    ]


def _reverse(packet: Packet, world: World, with_mark: InterfaceSetting) -> Packet:
    """The route back to the source, as it looks to a packet of this node."""
    mark = packet["mark"]
    if mark != 0:
        mark = bits.select(with_mark.holds(1, packet, world), mark, 0)
    swapped = {"dst": packet["src"], "src": packet["dst"], "mark": mark}
    blank = {"route_in": 0, "route_type": 0, "route_out": 0, "route_gateway": 0, "uid": 0}
    return world.probe("reverse fib", packet.but({**swapped, **blank}))


@dataclass(frozen=True, slots=True)
class OwnSource:
    """What decides whether a source address is one that only this node itself may use."""

    accept_local: InterfaceSetting
    src_valid_mark: InterfaceSetting
    policy_routing: bool
    addresses_saved: bool

    @classmethod
    def of(cls, facts: Facts) -> OwnSource:
        accept_local, mark = (InterfaceSetting.of(facts.sysctl, name) for name in ("accept_local", "src_valid_mark"))
        return cls(accept_local, mark, facts.policy_routing, facts.addresses_saved)


_NOT_FROM_OUTSIDE = assumption("the kernel refuses the address as one of this node's", "ip addr; sysctl -a")


def _own_source(how: OwnSource, packet: Packet, world: World) -> Bool:
    """An address of this node's own; with policy routing any that is no single host's (fib_validate_source)."""
    if not how.addresses_saved and not how.accept_local.saved:
        return world.ask(_NOT_FROM_OUTSIDE, packet["src"])
    if how.policy_routing:
        back = _reverse(packet, world, how.src_valid_mark)
        not_a_host = (fields.LOCAL, fields.BROADCAST, fields.MULTICAST, fields.ANYCAST)
        own = bits.any_of(bits.equal_masked(back["route_type"], kind, -1) for kind in not_a_host)
    else:
        source = world.probe("address type", packet.but({"dst": packet["src"], "route_type": 0}))
        own = bits.without(bits.equal_masked(source["route_type"], fields.LOCAL, -1), _no_address_itself(packet))
    return own if own is False else bits.without(own, how.accept_local.holds(1, packet, world))


def _no_address_itself(packet: Packet) -> Bool:
    """127.0.0.53 is in the network of an address of this node, and none itself (inet_lookup_ifaddr_rcu)."""
    network = bits.equal_masked(packet["src"], 0x7F000000, 0xFF000000)
    return bits.without(network, bits.equal_masked(packet["src"], 0x7F000001, -1))


@dataclass(frozen=True, slots=True)
class RpFilter:
    """What decides whether the way back to the source matters, and which it is."""

    rp_filter: InterfaceSetting
    src_valid_mark: InterfaceSetting
    routes_saved: bool

    @classmethod
    def of(cls, facts: Facts) -> RpFilter:
        rp_filter, mark = (InterfaceSetting.of(facts.sysctl, name) for name in ("rp_filter", "src_valid_mark"))
        return cls(rp_filter, mark, facts.routes_saved)


_NO_WAY_BACK = assumption("rp_filter refuses the address", "sysctl -a; ip route show table all")


def _fails_rp_filter(how: RpFilter, packet: Packet, world: World) -> Bool:
    """Strict (1): the way back leaves by the interface it came in by. Loose (2): there is a way back."""
    if not how.routes_saved and not how.rp_filter.saved:
        wrong = world.ask(_NO_WAY_BACK, packet["src"])
    elif how.rp_filter.every == 0 and not any(how.rp_filter.own.values()):
        return False
    else:
        back = _reverse(packet, world, how.src_valid_mark)
        reachable = bits.equal_masked(back["route_type"], fields.UNICAST, -1)
        same = bits.both(reachable, bits.equal(back["route_out"], packet["in"]))
        wrong = bits.either(
            *(
                False if passes is True else bits.without(how.rp_filter.holds(mode, packet, world), passes)
                for mode, passes in ((1, same), (2, reachable))
            )
        )
    return bits.without(wrong, bits.equal_masked(packet["in"], interface("lo"), -1))


OWN_SOURCE = Key(("own source",), Codec("facts", str), _own_source, "its source is an address of this node")
RP_FILTER = Key(("rp_filter",), Codec("sysctl", str), _fails_rp_filter, "rp_filter refuses it")

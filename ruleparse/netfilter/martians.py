"""Packets that the kernel itself refuses before or while it routes them: wrong addresses, wrong interfaces.

Sources: net/ipv6/ip6_input.c (ip6_rcv_core), net/ipv4/route.c (ip_route_input_slow), net/ipv4/fib_frontend.c
(fib_validate_source), net/ipv6/ip6_output.c (ip6_forward).
"""

from __future__ import annotations

from collections.abc import Mapping

from ruleparse import bits
from ruleparse.bits import Bool
from ruleparse.codec import Codec, interface, prefix
from ruleparse.netfilter import fields
from ruleparse.netfilter.extension import ask
from ruleparse.netfilter.facts import Facts
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
    """While the packet is routed: the route is known, the packet was not yet let in."""
    return _martians4(facts) if family == 4 else _martians6()


def _martians4(facts: Facts) -> list[Rule]:
    sysctl = facts.sysctl
    localnet = sysctl.get("net.ipv4.conf.all.route_localnet") == "1"
    loopback = (
        []
        if localnet
        else [
            _drop("a loopback source address from outside (martian)", _inside("src", "127.0.0.0/8"), _LOOPBACK),
            _drop("a loopback destination address from outside (martian)", _inside("dst", "127.0.0.0/8"), _LOOPBACK),
        ]
    )
    return [
        _drop("a multicast source address (martian)", _inside("src", "224.0.0.0/4")),
        _drop("a broadcast source address (martian)", _inside("src", "255.255.255.255/32")),
        _drop("a source address in 0.0.0.0/8 (martian)", _inside("src", "0.0.0.0/8")),
        _drop("a destination address in 0.0.0.0/8 (martian)", _inside("dst", "0.0.0.0/8")),
        *loopback,
        _drop("its source is an address of this node (martian)", Test(OWN_SOURCE, facts)),
        _drop("the way back to its source leaves by another interface (rp_filter)", Test(RP_FILTER, dict(sysctl))),
    ]


def _martians6() -> list[Rule]:
    forwarded = Masked("route_type", fields.UNICAST, -1)
    return [
        _drop("an unspecified source address is not forwarded", _inside("src", "::/128"), forwarded),
        _drop(
            "a link-local source address is not forwarded",
            _inside("src", "fe80::/10"),
            forwarded,
            differs("route_out", "in"),
        ),
    ]


def _reverse(packet: Packet, world: World, mark: bool) -> Packet:
    """The route back to the source, as it looks to a packet of this node."""
    swapped = {"dst": packet["src"], "src": packet["dst"], "mark": packet["mark"] if mark else 0}
    blank = {"route_in": 0, "route_type": 0, "route_out": 0, "route_gateway": 0, "uid": 0}
    return world.probe("reverse fib", packet.but({**swapped, **blank}))


def _own_source(facts: Facts, packet: Packet, world: World) -> Bool:
    """An address of this node's own; with policy routing any that is no single host's (fib_validate_source)."""
    if facts.sysctl.get("net.ipv4.conf.all.accept_local") == "1":
        return False
    if facts.policy_routing:
        back = _reverse(packet, world, mark=facts.sysctl.get("net.ipv4.conf.all.src_valid_mark") == "1")
        not_a_host = (fields.LOCAL, fields.BROADCAST, fields.MULTICAST, fields.ANYCAST)
        return bits.any_of(bits.equal_masked(back["route_type"], kind, -1) for kind in not_a_host)
    source = world.probe("address type", packet.but({"dst": packet["src"], "route_type": 0}))
    return bits.equal_masked(source["route_type"], fields.LOCAL, -1)


def _fails_rp_filter(sysctl: Mapping[str, str], packet: Packet, world: World) -> Bool:
    """Strict (1): the way back leaves by the interface it came in by. Loose (2): there is a way back."""
    strict = _interfaces_with(sysctl, 1, packet)
    loose = _interfaces_with(sysctl, 2, packet)
    if strict is False and loose is False:
        return False
    back = _reverse(packet, world, sysctl.get("net.ipv4.conf.all.src_valid_mark") == "1")
    reachable = bits.equal_masked(back["route_type"], fields.UNICAST, -1)
    same = bits.equal(back["route_out"], packet["in"])
    wrong = bits.either(
        bits.both(strict, bits.negate(bits.both(reachable, same))), bits.both(loose, bits.negate(reachable))
    )
    return bits.without(wrong, bits.equal_masked(packet["in"], interface("lo"), -1))


def _interfaces_with(sysctl: Mapping[str, str], mode: int, packet: Packet) -> Bool:
    """Whether the interface it came in by has this rp_filter mode: the larger of its own and `all`."""
    prefix_, suffix = "net.ipv4.conf.", ".rp_filter"
    every = _number(sysctl.get(f"{prefix_}all{suffix}", ""))
    names = [k[len(prefix_) : -len(suffix)] for k in sysctl if k.startswith(prefix_) and k.endswith(suffix)]
    modes = {n: max(every, _number(sysctl[f"{prefix_}{n}{suffix}"])) for n in names if n not in ("all", "default")}
    listed = [n for n, m in modes.items() if m == mode and len(n) < 16]
    if every == mode:
        others = [n for n, m in modes.items() if m != mode and len(n) < 16]
        return bits.negate(bits.any_of(bits.equal_masked(packet["in"], interface(n), -1) for n in others))
    return bits.any_of(bits.equal_masked(packet["in"], interface(n), -1) for n in listed)


def _number(text: str) -> int:
    """A setting that is no number is one that was not saved."""
    return int(text) if text.isdecimal() else 0


OWN_SOURCE = Key(("own source",), Codec("facts", str), _own_source, "its source is an address of this node")
RP_FILTER = Key(("rp_filter",), Codec("sysctl", str), _fails_rp_filter, "rp_filter refuses it")

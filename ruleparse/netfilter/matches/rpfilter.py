from __future__ import annotations

from dataclasses import dataclass

from ruleparse import bits
from ruleparse.bits import Bool, Number, both, either, negate
from ruleparse.codec import interface
from ruleparse.netfilter import fields
from ruleparse.netfilter.extension import Context, Givens, Match, Option, Tests
from ruleparse.netfilter.matches.addrtype import is_unicast6
from ruleparse.netfilter.values import TEXT
from ruleparse.packet import Packet
from ruleparse.program import Key, Test, World


@dataclass(frozen=True, slots=True)
class Check:
    """Which way back is good enough."""

    family: int
    loopback: int
    loose: bool
    with_mark: bool
    accept_local: bool


def _is_zero(n: Number) -> Bool:
    return bits.equal_masked(n, 0, -1)


def _needs_no_way_back(check: Check, packet: Packet) -> Bool:
    """Loopback packets, and those that start where no address is known yet."""
    loopback = bits.equal_masked(packet["in"], check.loopback, -1)
    no_source = _is_zero(packet["src"])
    if check.family == 6:
        return either(loopback, no_source)
    all_hosts = bits.equal_masked(packet["dst"], 0xFFFFFFFF, -1)
    local_group = bits.equal_masked(packet["dst"], 0xE0000000, 0xFFFFFF00)
    return either(loopback, both(no_source, either(all_hosts, local_group)))


def _usable_as_source(check: Check, address: Number) -> Bool:
    if check.family == 6:
        return is_unicast6(address)
    broadcast = bits.equal_masked(address, 0xFFFFFFFF, -1)
    multicast = bits.equal_masked(address, 0xE0000000, 0xF0000000)
    return negate(either(broadcast, multicast))


def _reversed(check: Check, packet: Packet) -> Packet:
    """The packet whose route is looked up: the way back, as if this node sent it."""
    source = bits.select(_usable_as_source(check, packet["dst"]), packet["dst"], 0)
    mark = packet["mark"] if check.with_mark else 0
    return packet.but({
        "src": source, "dst": packet["src"], "mark": mark, "route_in": 0, "route_type": 0, "route_out": 0,
        "sport": 0, "dport": 0, "local": 0, "proto": packet["proto"] if check.family == 6 else 0,
    })  # fmt: skip


def _passes(check: Check, packet: Packet, world: World) -> Bool:
    """IPv6 prefers, of several routes to one prefix, that by the interface the packet came in by (rt6_device_match);
    to link-local addresses it takes no other, --loose or not (rpfilter_lookup_reverse6).
    """
    exempt = _needs_no_way_back(check, packet)
    if exempt is True:
        return True
    reverse = _reversed(check, packet)
    on_link = bits.equal_masked(packet["src"], *_LINK_LOCAL) if check.family == 6 else False
    if on_link is False:
        return either(exempt, _leads_back(check, packet, reverse, world))
    along = world.probe("reverse fib", reverse.but({"route_in": packet["in"]}))
    by_it, kind = bits.equal(along["route_out"], packet["in"]), along["route_type"]
    near = both(bits.equal_masked(kind, fields.UNICAST, -1), by_it)
    if check.accept_local:
        near = either(near, bits.equal_masked(kind, fields.LOCAL, -1))
    if on_link is True:
        return either(exempt, near)
    return either(exempt, bits.pick(on_link, near, _leads_back(check, packet, reverse, world)))


_LINK_LOCAL = 0xFE80 << 112, 0xFFC0 << 112


def _leads_back(check: Check, packet: Packet, reverse: Packet, world: World) -> Bool:
    back = world.probe("reverse fib", reverse)
    kind = back["route_type"]
    same_way = True if check.loose else bits.equal(back["route_out"], packet["in"])
    if check.family == 6 and same_way is not True:
        along = world.probe("reverse fib", reverse.but({"route_in": packet["in"]}))
        same_way = either(same_way, bits.equal(along["route_out"], packet["in"]))
    good = both(bits.equal_masked(kind, fields.UNICAST, -1), same_way)
    if check.accept_local:
        local = bits.equal_masked(kind, fields.LOCAL, -1)
        good = either(good, both(local, same_way if check.family == 4 else True))
    return good


WAY_BACK = Key(("way back",), TEXT, _passes, "an answer would leave by the interface the packet came in by")


def _tests(givens: Givens, context: Context) -> Tests:
    check = Check(
        context.family,
        interface(context.facts.loopback),
        givens.has("--loose"),
        givens.has("--validmark"),
        givens.has("--accept-local"),
    )
    return [Test(WAY_BACK, check, givens.has("--invert"))]


MATCH = Match(
    "rpfilter",
    """Whether a packet to its source would leave by the interface it came in by (--loose: by any)
    (iptables-extensions(8); net/ipv4/netfilter/ipt_rpfilter.c, net/ipv6/netfilter/ip6t_rpfilter.c).""",
    (Option(("--loose",)), Option(("--validmark",)), Option(("--accept-local",)), Option(("--invert",))),
    tests=_tests,
)

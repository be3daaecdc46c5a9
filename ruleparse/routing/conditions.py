"""Tests that routes and policy rules make, beyond a field under a mask."""

from __future__ import annotations

from collections.abc import Iterable

from ruleparse import bits
from ruleparse.bits import Bool, both, either, negate
from ruleparse.codec import Codec, Prefix
from ruleparse.packet import Assumption, Packet
from ruleparse.program import Key, Masked, Test, World
from ruleparse.program import ask as ask

Condition = Test | Masked


def is_(field: str, value: int) -> Masked:
    return Masked(field, value, -1)


def inside(field: str, p: Prefix) -> tuple[Masked, ...]:
    """A test that an address is in a prefix; none for the prefix of all addresses."""
    return (Masked(field, p.value, p.mask),) if p.mask else ()


# Questions


def _answer_about(value: tuple[Assumption, str], packet: Packet, world: World) -> Bool:
    question, field = value
    return world.ask(question, packet[field])


_ASK_ABOUT = Key(("?",), Codec("question", str), _answer_about)


def ask_about(field: str, question: Assumption) -> Test:
    """A test that only the running system can answer, asked anew of each number that a field holds."""
    return Test(_ASK_ABOUT, (question, field))


# Composites


def _all_hold(parts: tuple[Condition, ...], packet: Packet, world: World) -> Bool:
    return bits.all_of(part.holds(packet, world) for part in parts)


_ALL = Key(("all of",), Codec("conditions", str), _all_hold)


def unless_all(parts: Iterable[Condition]) -> Test:
    """A test that holds where one of these does not."""
    return Test(_ALL, tuple(parts), negated=True)


def _in_range(value: tuple[str, int, int], packet: Packet, _: World) -> Bool:
    field, low, high = value
    return bits.between(packet[field], low, high)


_RANGE = Key(("in range",), Codec("range", str), _in_range)


def in_range(field: str, low: int, high: int) -> Test:
    return Test(_RANGE, (field, low, high))


def _one_of(value: tuple[str, frozenset[int]], packet: Packet, _: World) -> Bool:
    field, numbers = value
    held = packet[field]
    if isinstance(held, int):
        return held in numbers
    return bits.any_of(bits.equal_masked(held, number, -1) for number in sorted(numbers))


_ONE_OF = Key(("one of",), Codec("numbers", str), _one_of)


def one_of(field: str, numbers: Iterable[int]) -> Test:
    return Test(_ONE_OF, (field, frozenset(numbers)))


# Who sends


def _sent_by(uids: tuple[int, int], packet: Packet, _: World) -> Bool:
    """Packets that came in count as root's (net/ipv4/route.c, sock_net_uid)."""
    own = bits.equal_masked(packet["local"], 1, 1)
    root = negate(own) if uids[0] == 0 else False
    return root if own is False else either(root, both(own, bits.between(packet["uid"], *uids)))


_SENT_BY = Key(("uidrange",), Codec("uid-uid", str), _sent_by)


def sent_by(low: int, high: int) -> Test:
    return Test(_SENT_BY, (low, high))


# Interfaces that IPv6 insists on


def needs_its_interface(destination: bits.Number) -> Bool:
    """rt6_need_strict: addresses that mean something on one link only."""
    top = 1 << 128
    return bits.any_of([
        bits.equal_masked(destination, 0xFF << 120, 0xFF << 120),
        bits.equal_masked(destination, 0xFE80 << 112, 0xFFC0 << 112),
        bits.equal_masked(destination, 1, top - 1),
    ])  # fmt: skip


def _stays_on_link(out: int, packet: Packet, _: World) -> Bool:
    strict = needs_its_interface(packet["dst"])
    if strict is False:
        return True
    came_in = packet["route_in"]
    same = either(bits.equal_masked(came_in, 0, -1), bits.equal_masked(came_in, out, -1))
    return either(negate(strict), same)


_STAYS_ON_LINK = Key(("stays on link",), Codec("interface", str), _stays_on_link)


def stays_on_link(out: int) -> Test:
    """Link-local and multicast packets only take routes of the interface they came in by (net/ipv6/route.c)."""
    return Test(_STAYS_ON_LINK, out)

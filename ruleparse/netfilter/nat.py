"""Address translation: the values of NAT targets, and what each rewrites (net/netfilter/nf_nat_core.c)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ruleparse import bits
from ruleparse.bits import Bool
from ruleparse.codec import Codec, address, integer, show_address
from ruleparse.netfilter.extension import Case, Context, Givens, Option
from ruleparse.netfilter.fields import DCCP, ICMP, ICMP6, SCTP, TCP, UDP, UDPLITE
from ruleparse.netfilter.services import SERVICES
from ruleparse.netfilter.values import in_range
from ruleparse.packet import Packet
from ruleparse.program import Action, Add, Copy, Havoc, Key, Masked, Set, Stop, Test, World

Ports = tuple[int, int]
Tests = tuple[Test | Masked, ...]


@dataclass(frozen=True, slots=True)
class NatRange:
    """`addresses` and `ports` are inclusive; `base` is the port that `ports` starts from when ports are shifted.
    `family` is that of the addresses, if there are any.
    """

    addresses: tuple[int, int] | None
    ports: Ports | None
    base: int | None = None
    family: int | None = None


@dataclass(frozen=True, slots=True)
class Side:
    """What a translation changes: the destination or the source. `before` is what the connection has for an address:
    where nothing else is said a packet is given that again, if prefix translation has changed its own.
    """

    address: str
    port: str
    rule: str
    before: str


DESTINATION = Side("dst", "dport", "dst_nat_rule", "ct_dst")
SOURCE = Side("src", "sport", "src_nat_rule", "ct_src")

# How it is written --------------------------------------------------------------------------------------------------


def _port(text: str) -> int:
    return SERVICES[text] if text in SERVICES else integer(text, 0, 65535)


def parse_ports(text: str) -> Ports:
    """`80`, `80-90`; a service may be named, also where its name has a dash."""
    low, dash, high = ("", "", "") if text in SERVICES else text.partition("-")
    return (_port(low), _port(high)) if dash else (_port(text),) * 2


def parse_range(text: str) -> NatRange:
    """`a`, `a-b`, `a:80`, `a:80-90`, `:8080`, `[v6]:80`, `[v6-v6]:80-90`, `a:1000-2000/3000`."""
    host, port_text = text, ""
    if text.startswith("["):
        host, bracket, port_text = text[1:].partition("]")
        if not bracket:
            raise ValueError(f"{text!r} has no closing bracket")
        port_text = port_text.removeprefix(":")
    elif text.count(":") <= 1:
        host, _, port_text = text.partition(":")
    family = (6 if ":" in host else 4) if host else None
    port_text, _, base = port_text.partition("/")
    ports = parse_ports(port_text) if port_text else None
    return NatRange(_addresses(host), ports, integer(base, 0, 65535) if base else None, family)


def _addresses(text: str) -> tuple[int, int] | None:
    low, dash, high = text.partition("-")
    return (address(low), address(high if dash else low)) if text else None


def show_nat_range(r: NatRange) -> str:
    host = ""
    if r.addresses and r.family:
        low, high = (show_address(a, r.family) for a in r.addresses)
        host = low if low == high else f"{low}-{high}"
    if r.ports is None:
        return host
    host = f"[{host}]" if r.family == 6 and host else host
    return f"{host}:{show_ports(r.ports)}" + (f"/{r.base}" if r.base is not None else "")


def show_ports(ports: Ports) -> str:
    return str(ports[0]) if ports[0] == ports[1] else f"{ports[0]}-{ports[1]}"


NAT_RANGE = Codec("[address[-address]][:port[-port][/base]]", parse_range, show_nat_range)
NAT_PORTS = Codec("port[-port]", parse_ports, show_ports)
RANDOM = (Option(("--random",)), Option(("--random-fully",)))
PERSISTENT = Option(("--persistent",))


def is_random(givens: Givens) -> bool:
    """Whether the rule asks for random ports; the two ways differ in what an onlooker could guess."""
    return givens.has("--random") or givens.has("--random-fully")


# What it does -------------------------------------------------------------------------------------------------------


def by_hook(context: Context) -> list[tuple[Side, Tests]]:
    """The side that a target changes which goes by the hook: sure in a built-in chain, to be tested in others."""
    if context.chain in ("PREROUTING", "OUTPUT"):
        return [(DESTINATION, ())]
    if context.chain in ("INPUT", "POSTROUTING"):
        return [(SOURCE, ())]
    prerouting, output = Masked("hook", 0, -1), Masked("hook", 3, -1)
    return [(DESTINATION, (prerouting,)), (DESTINATION, (output,)), (SOURCE, ())]


def translated(side: Side, context: Context, *changes: Action) -> tuple[Action, ...]:
    """A translation ends the nat table's walk."""
    return (*changes, Set(side.rule, context.handle), Stop("accept"))


def rewrite(side: Side, wanted: NatRange, context: Context, *, random: bool = False) -> list[Case]:
    """What a target that translates does."""
    head = _address_change(side, wanted, context)
    cases = [
        Case(c.tests, translated(side, context, *head, *c.actions))
        for c in port_changes(side, wanted, context, random=random)
    ]
    if side is SOURCE and not random and isinstance(next(iter(head), None), Havoc):
        return [Case(_in_range_already(wanted, context), translated(side, context)), *cases]
    return cases


def _in_range_already(wanted: NatRange, context: Context) -> Tests:
    """A source that suits as it is stays (get_unique_tuple)."""
    suits = Test(Key((SOURCE.address,), NAT_RANGE, in_range(SOURCE.address)), wanted.addresses)
    return (suits, _within(_port_field(SOURCE, context), wanted.ports)) if wanted.ports else (suits,)


def _address_change(side: Side, wanted: NatRange, context: Context) -> tuple[Action, ...]:
    if wanted.addresses is None:
        return (Copy(side.address, side.before),) if context.family == 6 else ()
    low, high = wanted.addresses
    if low == high:
        return (Set(side.address, low),)
    addresses = show_nat_range(NatRange(wanted.addresses, None, None, wanted.family))
    question = context.asks(f"the address that the kernel picks of {addresses}", "conntrack -L")
    return (Havoc(side.address, low, high, question),)


def port_changes(side: Side, wanted: NatRange, context: Context, *, random: bool = False) -> list[Case]:
    """A port in the range is kept, unless a random one is asked for; else it becomes one of the range: the first for
    destinations, any for sources (nf_nat_l4proto_unique_tuple; Linux 5.18 to 6.7 took any for destinations too), and
    another if that is taken.
    """
    field = _port_field(side, context)
    if wanted.ports is None:
        return list(_any_of_its_kind(context)) if random and side is SOURCE else [Case((), ())]
    low, high = sorted(wanted.ports)
    if low == high:
        fixed = (Set("port_fixed", 1),) if side is SOURCE else ()
        return [Case((), (Set(field, low), *fixed))]
    if wanted.base is not None:
        return list(_shifted(field, (low, high), wanted.base, context))
    if random:
        return [Case((), (_any_port(field, (low, high), context),))]
    if side is SOURCE:
        return [Case((_within(field, (low, high)),), ()), Case((), (_any_port(field, (low, high), context),))]
    ranged = Set("port_ranged", 1)
    return [Case((_within(field, (low, high)),), (ranged,)), Case((), (Set(field, low), ranged))]


def _port_field(side: Side, context: Context) -> str:
    """What stands for a port: for ICMP, the identifier."""
    return "icmp_id" if context.protocol in (ICMP, ICMP6) else side.port


def _within(field: str, ports: Ports) -> Test:
    return Test(Key((field,), NAT_PORTS, in_range(field)), ports)


def _any_port(field: str, ports: Ports, context: Context) -> Action:
    return Havoc(field, *ports, context.asks(f"the {field} that the kernel picks at random at {context.span.where}"))


# Random source ports without a range keep their kind: privileged ones stay privileged.


def _any_of_its_kind(context: Context) -> Iterator[Case]:
    has_ports, has_id = Test(HAS_PORTS, PORTED), Test(HAS_PORTS, (ICMP, ICMP6))
    for low, high, new_low in ((0, 511, 1), (512, 1023, 600), (1024, 65535, 1024)):
        yield Case((has_ports, _within("sport", (low, high))), (_any_port("sport", (new_low, high), context),))
    yield Case((has_id,), (_any_port("icmp_id", (0, 65535), context),))
    yield Case((), ())


PORTED = (TCP, UDP, SCTP, DCCP, UDPLITE)


def _one_of(protocols: tuple[int, ...], packet: Packet, _: World) -> Bool:
    return bits.any_of(bits.equal_masked(packet["proto"], p, -1) for p in protocols)


HAS_PORTS = Key(("proto",), Codec("protocols", str), _one_of, "protocol one of {}")

# `low-high/base` shifts ports: new = low + (port - base) modulo the size of the range, in 16 bits.

MOST_WINDOWS = 128
"""Ports are shifted case by case as long as so few cases do."""


def _shifted(field: str, ports: Ports, base: int, context: Context) -> Iterator[Case]:
    low, high = ports
    size = high - low + 1
    for window in range(MOST_WINDOWS):
        start = window * size
        if start > 0xFFFF:
            return
        end = min(start + size - 1, 0xFFFF)
        for first, last in _unwrapped(base + start, base + end):
            amount = low - base - start + (0x10000 if base + start > first else 0)
            yield Case((_within(field, (first, last)),), (Add(field, amount, 0, 0xFFFF),))
    yield Case((), (_any_port(field, ports, context),))


def _unwrapped(first: int, last: int) -> Iterator[Ports]:
    """A stretch of ports that may run over 65535 and go on at 0, in pieces that do not."""
    if first <= 0xFFFF:
        yield first, min(last, 0xFFFF)
    if last > 0xFFFF:
        yield max(first, 0x10000) - 0x10000, last - 0x10000

from __future__ import annotations

import re
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from ruleparse.bits import Number
from ruleparse.codec import Codec, prefix_mask
from ruleparse.netfilter import wire
from ruleparse.netfilter.extension import Context, Cut, Givens, Match, Option, Tests
from ruleparse.netfilter.fields import AH, ESP
from ruleparse.netfilter.ipv6_headers import DESTINATION, FRAGMENT, HOP_BY_HOP, NONE, ROUTING
from ruleparse.netfilter.nat import PORTED
from ruleparse.netfilter.rates import bucket, rate
from ruleparse.netfilter.unsettled import ask_each_time, here, remembered
from ruleparse.netfilter.values import TEXT, whole
from ruleparse.packet import Packet
from ruleparse.program import Key, Test, World

_PACKETS = rate(1_000_000)
_SIZES = {"m": 1 << 20, "k": 1 << 10, "": 1}
_BYTES = re.compile(r"(\d+)([kmKM]?)[bB]?(?:/s(?:ec(?:ond)?)?)?")
_MOST = (1 << 32) - 1


@dataclass(frozen=True, slots=True)
class Rate:
    """Packets by the time between two of them, or bytes a second."""

    amount: int
    of_bytes: bool


def _parse_rate(text: str) -> Rate:
    found = _BYTES.fullmatch(text)
    if found is None or "b" not in text.lower():
        return Rate(_PACKETS.parse(text), of_bytes=False)
    return Rate(_as_kept(int(found[1]) * _SIZES[found[2].lower()]), of_bytes=True)


def _as_kept(octets: int) -> int:
    """The kernel keeps the cost of 16 octets (bytes_to_cost and back, libxt_hashlimit.c)."""
    cost = _MOST // ((octets >> 4) + 1)
    return ((_MOST // cost if cost else _MOST) - 1) << 4


def _show_rate(value: Rate) -> str:
    if not value.of_bytes:
        return _PACKETS.show(value.amount)
    for unit, size in _SIZES.items():
        if value.amount >= size and value.amount % size == 0:
            return f"{value.amount // size}{unit}b/s"
    return "0b/s"


def _parse_burst(text: str) -> str:
    if not _BYTES.fullmatch(text):
        raise ValueError(f"{text} is neither a number of packets nor of bytes")
    return text


_RATE = Codec("rate", _parse_rate, _show_rate)


def _tests(givens: Givens, context: Context) -> Tests:
    above = givens.has("--hashlimit-above")
    name = "--hashlimit-above" if above else "--hashlimit-upto"
    limit = f"{givens.get('--hashlimit-name', '')} of {_RATE.show(givens.get(name))}"
    mode = f" for each {givens.get('--hashlimit-mode')}" if givens.has("--hashlimit-mode") else ""
    question = context.asks(f"the limit {limit}{mode} has room {here(context)}", _settle(givens, context))
    negated = above is not givens.negated(name)
    too_short = [_NO_PORTS] if "port" in mode else []
    if givens.get(name).of_bytes or givens.has("--hashlimit-rate-match"):
        return [*too_short, ask_each_time(question, negated)]
    burst = int(givens.get("--hashlimit-burst", "5"))
    return [*too_short, remembered(question, _which_bucket(givens, context), bucket(burst), negated)]


def ports_of(raw: bytes) -> tuple[int, int] | None:
    """What this match takes for ports; None if the packet ends before them, or says that nothing follows.

    ESP has its SPI there, as an authentication header has in IPv4; others have none, which counts as 0
    (hashlimit_init_dst, proto_ports_offset, ipv6_skip_exthdr).
    """
    found = wire.layout(raw)
    if found.version == 6 and found.fragment:
        return 0, 0
    if found.version == 6 and found.protocol in _HEADERS_OF_IPV6:
        return None
    at = _PORTS_AT.get(found.protocol)
    if at is None:
        return 0, 0
    ports = raw[found.offset + at : found.end][:4]
    return (int.from_bytes(ports[:2], "big"), int.from_bytes(ports[2:], "big")) if len(ports) == 4 else None


_PORTS_AT = {**dict.fromkeys((*PORTED, ESP), 0), AH: 4}
_HEADERS_OF_IPV6 = frozenset({HOP_BY_HOP, ROUTING, FRAGMENT, AH, NONE, DESTINATION})


def _lacks_ports(_: None, packet: Packet, __: World) -> bool:
    return packet.raw is not None and ports_of(packet.raw) is None


_NO_PORTS = Cut(Test(Key(("ports",), TEXT, _lacks_ports), None), "a packet without ports is dropped on the spot")


def _ports_now(packet: Packet) -> tuple[Number, Number] | None:
    if packet.raw is not None:
        raw = wire.current(packet)
        return None if raw is None else ports_of(raw)
    if packet["proto"] in PORTED:
        return packet["sport"], packet["dport"]
    return None if packet["proto"] in (ESP, AH) else (0, 0)


_ADDRESSES = {"srcip": "src", "dstip": "dst"}


def _which_bucket(givens: Givens, context: Context) -> Callable[[Packet], Hashable | None]:
    """The bucket of a packet: each list has one for each combination of what its mode names."""
    wanted = [part for part in givens.get("--hashlimit-mode", "").split(",") if part]
    masks = {
        "src": prefix_mask(givens.get("--hashlimit-srcmask", _WIDTH[context.family]), context.family),
        "dst": prefix_mask(givens.get("--hashlimit-dstmask", _WIDTH[context.family]), context.family),
    }

    def which(packet: Packet) -> Hashable | None:
        ports = _ports_now(packet)
        if ports is None:
            return None
        numbers = {"src": packet["src"], "dst": packet["dst"], "srcport": ports[0], "dstport": ports[1]}
        parts: list[int] = []
        for part in wanted:
            name = _ADDRESSES.get(part, part)
            number = numbers[name]
            if not isinstance(number, int):
                return None
            parts.append(number & masks.get(name, 0xFFFFFFFF))
        return ("hashlimit", givens.get("--hashlimit-name", ""), context.family, *parts)

    return which


_WIDTH = {4: 32, 6: 128}


def _settle(givens: Givens, context: Context) -> str:
    return f"cat /proc/net/{'ip6t' if context.family == 6 else 'ipt'}_hashlimit/{givens.get('--hashlimit-name', '')}"


MATCH = Match(
    "hashlimit",
    """A token bucket for each source, destination or port: `upto` matches while it has room, `above` when it has not. A
    dump does not hold how full they are, so this is an assumption; with --stateful they are full at first and
    nothing is refilled between packets (iptables-extensions(8); net/netfilter/xt_hashlimit.c).""",
    (
        Option(("--hashlimit-upto", "--hashlimit"), _RATE),
        Option(("--hashlimit-above",), _RATE),
        Option(("--hashlimit-burst",), Codec("number or bytes", _parse_burst)),
        Option(("--hashlimit-mode",), TEXT),
        Option(("--hashlimit-name",), TEXT),
        Option(("--hashlimit-htable-size",), whole(32)),
        Option(("--hashlimit-htable-max",), whole(32)),
        Option(("--hashlimit-htable-gcinterval",), whole(32)),
        Option(("--hashlimit-htable-expire",), whole(32)),
        Option(("--hashlimit-srcmask",), whole(8)),
        Option(("--hashlimit-dstmask",), whole(8)),
        Option(("--hashlimit-rate-match",)),
        Option(("--hashlimit-rate-interval",), whole(32)),
    ),
    tests=_tests,
)

"""Packets as people write them: option names and texts, or keys of a JSON object, into fields and conditions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ruleparse import bits
from ruleparse.bits import Bool, Number
from ruleparse.codec import (
    INTERFACE_BYTES,
    address,
    integer,
    interface,
    interface_name,
    interface_pattern,
    mac,
    masked_number,
    prefix,
    protocol,
    show_address,
    show_mac,
    show_protocol,
)
from ruleparse.netfilter.icmp_types import ICMP6_NAMES, ICMP_NAMES, icmp_codec
from ruleparse.netfilter.services import SERVICES
from ruleparse.packet import Packet, Unknowns


class SpecError(ValueError):
    """A packet option that makes no sense; the message names it."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked about: a packet, and under which condition on its unknown fields."""

    packet: Packet
    reach: Bool
    family: int
    local: bool


Condition = Callable[[Number], Bool]
Parsed = int | Condition
"""A value, or a condition that leaves several values."""


def _one_of(text: str, one: Callable[[str], Parsed]) -> Parsed:
    """A comma list of values and conditions."""
    items = [one(part.strip()) for part in text.split(",") if part.strip()]
    if not items:
        raise ValueError("is empty")
    if len(items) == 1:
        return items[0]
    return lambda n: bits.any_of(bits.equal_masked(n, i, -1) if isinstance(i, int) else i(n) for i in items)


def _span(text: str, one: Callable[[str], int]) -> Parsed:
    low, dash, high = text.partition("-")
    if not dash:
        return one(text)
    a, b = one(low), one(high)
    if a > b:
        raise ValueError(f"{text}: the range is empty")
    return lambda n: bits.between(n, a, b)


def _port(text: str) -> Parsed:
    return _one_of(text, lambda part: SERVICES.get(part.lower()) or _span(part, lambda t: integer(t, 0, 0xFFFF)))


def _number(size: int) -> Callable[[str], Parsed]:
    return lambda text: _one_of(text, lambda part: _span(part, lambda t: integer(t, 0, (1 << size) - 1)))


def _address(text: str) -> Parsed:
    def one(part: str) -> Parsed:
        if "/" not in part:
            return _span(part, address)
        p = prefix(part)
        return (
            p.value
            if str(p).endswith("/32" if p.family == 4 else "/128")
            else lambda n: bits.equal_masked(n, p.value, p.mask)
        )

    return _one_of(text, one)


def _interface(text: str) -> Parsed:
    def one(part: str) -> Parsed:
        if not part.endswith("+"):
            return interface(part)
        value, mask = interface_pattern(part)
        return lambda n: bits.equal_masked(n, value, mask)

    return _one_of(text, one)


def _anything(_: Number) -> Bool:
    return True


def _flags(text: str) -> Parsed:
    names = {"FIN": 1, "SYN": 2, "RST": 4, "PSH": 8, "ACK": 16, "URG": 32, "ECE": 64, "CWR": 128}
    if text.lower() == "any":
        return _anything
    if text.upper() == "NONE":
        return 0
    unknown = [w for w in text.upper().split(",") if w not in names]
    if unknown:
        raise ValueError(f"{unknown[0]} is not a TCP flag ({', '.join(names)})")
    return sum(names[w] for w in set(text.upper().split(",")))


def _mark(text: str) -> Parsed:
    if text.lower() == "any":
        return _anything
    value, mask = masked_number(text)
    return value if mask == 0xFFFFFFFF else lambda n: bits.equal_masked(n, value, mask)


CT_STATES = {"INVALID": 1, "ESTABLISHED": 2, "RELATED": 4, "NEW": 8, "UNTRACKED": 128}


def _ctstate(text: str) -> Parsed:
    def one(word: str) -> int:
        if word.upper() not in CT_STATES:
            raise ValueError(f"{word} is not one of {', '.join(CT_STATES)}")
        return CT_STATES[word.upper()]

    return _one_of(text, one)


def _moment(text: str) -> int:
    """A moment in seconds since 1970; where it names no zone it is UTC, as `-m time` counts."""
    try:
        moment = datetime.fromisoformat(text)
        seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise ValueError("is not a time such as 2026-11-22T17:40, 2026-11-22T17:40:00Z or …+01:00") from None
    if not 0 <= seconds < _LATEST:
        raise ValueError("is not between 1970 and 2242")
    return int(seconds)


_LATEST = 1 << 33


OPTIONS: Mapping[str, tuple[str, Callable[[str], Parsed]]] = {
    "in": ("in", _interface),
    "out": ("out_given", _interface),
    "src": ("src", _address),
    "dst": ("dst", _address),
    "proto": ("proto", lambda text: _one_of(text, protocol)),
    "sport": ("sport", _port),
    "dport": ("dport", _port),
    "tcp_flags": ("tcp_flags", _flags),
    "ctstate": ("ct_given", _ctstate),
    "mark": ("mark", _mark),
    "ttl": ("ttl", _number(8)),
    "tos": ("tos", _number(8)),
    "length": ("length", _number(16)),
    "src_mac": ("src_mac", mac),
    "dst_mac": ("dst_mac", mac),
    "uid": ("uid", _number(32)),
    "gid": ("gid", _number(32)),
    "at": ("time", _moment),
}
"""Option or JSON key: the field it fills and how its text is read."""

KEYS = frozenset({*OPTIONS, "icmp_type", "family", "local", "id", "hex", "flow", "ct_next"})
"""Every key a packet may have."""


def interfaces_of(spec: Mapping[str, Any]) -> list[str]:
    """The names and patterns of interfaces that a packet's keys give, as far as they are some."""
    texts = [str(spec[key]) for key in ("in", "out") if spec.get(key)]
    words = [word.strip() for text in texts for word in text.split(",")]
    return [w for w in words if w and len(w.encode("utf-8", "surrogateescape")) < INTERFACE_BYTES]


def family_of(spec: Mapping[str, Any]) -> int | None:
    """4 or 6 where the packet itself says so. Raises SpecError if it says both."""
    said = {key: 6 if ":" in str(spec[key]) else 4 for key in ("src", "dst") if spec.get(key)}
    if spec.get("family"):
        if str(spec["family"]) not in ("4", "6"):
            raise SpecError(f"--family {spec['family']}: there are 4 and 6")
        said["family"] = int(spec["family"])
    if len(set(said.values())) > 1:
        raise SpecError(f"IPv4 and IPv6 in one packet: {', '.join(f'--{key} {spec[key]}' for key in said)}")
    if said:
        return next(iter(said.values()))
    names = str(spec.get("proto", "")).lower()
    return 6 if names in ("icmpv6", "ipv6-icmp", "58") else 4 if names in ("icmp", "1") else None


def asked(
    spec: Mapping[str, Any],
    family: int,
    wire_fields: Mapping[str, Number] | None = None,
    raw: bytes | None = None,
    interfaces: Callable[[], Sequence[int]] | None = None,
    nodes: int = 1 << 20,
    earlier: Unknowns | None = None,
    make: type[Unknowns] = Unknowns,
    order: Sequence[str] = (),
) -> Asked:
    """What a packet's keys ask; `interfaces` gives those that an unknown one may be, `nodes` the room for decision
    diagrams, `earlier` is what was not known of the packet before, `order` are fields whose
    bits come first among what is unknown.
    Raises SpecError.
    """
    unknown = sorted(k for k, v in spec.items() if v is not None and k not in KEYS)
    if unknown:
        raise SpecError(f"{unknown[0]!r} is not a packet option; there are {', '.join(sorted(KEYS))}")
    sizes = dict.fromkeys(("src", "dst", "route_gateway"), 32) if family == 4 else {}
    unknowns = make(nodes, sizes, interfaces)
    if earlier is not None:
        unknowns.continues(earlier)
    values: dict[str, Number] = dict(wire_fields or {})
    conditions: list[tuple[str, Condition]] = []
    for key, (field, parse) in OPTIONS.items():
        text = spec.get(key)
        if text is None or (key == "in" and text == "local"):
            continue
        try:
            parsed = parse(str(text))
        except ValueError as error:
            raise SpecError(f"--{key.replace('_', '-')} {text}: {error}") from None
        if isinstance(parsed, int):
            values[field] = parsed
        else:
            conditions.append((field, parsed))
    _icmp_type(spec, values, family)
    _consistent(spec, values.get("proto"))
    local = bool(spec.get("local")) or spec.get("in") == "local"
    _first_of_a_connection(values, {f for f, _ in conditions}, family)
    if local:
        values |= {"local": 1, "socket": 1, "in": 0, "gid": values.get("gid", 0)}
    for field in order:
        if field not in values and (field not in _PORT_FIELDS or values.get("proto", _PORTS[0]) in _PORTS):
            unknowns.field(field)
    for field, _ in conditions:
        values[field] = bits.number(unknowns.field(field))
    packet = Packet(values, unknowns, raw)
    reach = bits.all_of(condition(packet[field]) for field, condition in conditions)
    if reach is False:
        raise SpecError("the packet options contradict each other")
    return Asked(packet, reach, family, local)


def is_whole(packet: Packet) -> Bool:
    """That a packet has no ports where its protocol knows none: there are not many of such packets, but one."""
    proto, unknowns = packet["proto"], packet.unknowns
    ported = bits.any_of(bits.equal_masked(proto, number, -1) for number in _PORTS)
    ports = [unknowns.fields[name] for name in _PORT_FIELDS if name in unknowns.fields]
    return bits.either(ported, bits.all_of(bits.equal_masked(port, 0, -1) for port in ports))


def _icmp_type(spec: Mapping[str, Any], values: dict[str, Number], family: int) -> None:
    text = spec.get("icmp_type")
    if text is None or str(text).lower() == "any":
        return
    try:
        kind, low, high = icmp_codec(ICMP_NAMES if family == 4 else ICMP6_NAMES).parse(str(text))
    except ValueError as error:
        raise SpecError(f"--icmp-type {text}: {error}") from None
    values["icmp_type"] = kind
    if low == high:
        values["icmp_code"] = low


_ICMP = (1, 58)
_PORTS = (6, 17, 33, 132, 136)
_PORT_FIELDS = ("sport", "dport")
_HEADERS: Mapping[str, tuple[tuple[int, ...], str]] = {
    "sport": (_PORTS, "ports"),
    "dport": (_PORTS, "ports"),
    "tcp_flags": ((6,), "TCP flags"),
    "icmp_type": (_ICMP, "ICMP type"),
}
"""Options that only some protocols have: which, and what they lack otherwise."""


def _consistent(spec: Mapping[str, Any], proto: Number | None) -> None:
    """Raises SpecError for options that no packet can have together."""
    if spec.get("local") and spec.get("in") not in (None, "local"):
        raise SpecError(f"--in {spec['in']}: a packet that this node sends (--local) comes in by no interface")
    for key, (protocols, what) in _HEADERS.items():
        if spec.get(key) is not None and isinstance(proto, int) and proto not in protocols:
            option = key.replace("_", "-")
            raise SpecError(f"--{option} {spec[key]}: a packet of --proto {spec.get('proto', proto)} has no {what}")


def _first_of_a_connection(values: dict[str, Number], conditions: set[str], family: int) -> None:
    """A packet nobody said more of starts a connection: a SYN, an echo request."""
    if values.get("ct_given", 8) != 8 or "ct_given" in conditions:
        return
    proto = values.get("proto")  # None where there are several, too
    if proto in (6, None) and "tcp_flags" not in values and "tcp_flags" not in conditions:
        values["tcp_flags"] = 2
    if proto in (1, 58, None) and "icmp_type" not in values:
        values["icmp_type"] = 8 if family == 4 else 128
        values.setdefault("icmp_code", 0)


def written(packet: Packet, values: Mapping[str, int], family: int) -> dict[str, str]:
    """The options that describe one packet, of the fields that were not known before."""
    keys = {field: key for key, (field, _) in OPTIONS.items() if field not in packet.values or field in values}
    proto = values.get("proto", packet.values.get("proto"))
    shown = {keys[name]: _SHOWN.get(name, str)(values[name]) for name in keys if name in values}
    shown |= {name: show_address(values[name], family) for name in ("src", "dst") if name in values}
    return {key: text for key, text in shown.items() if key not in _PORT_FIELDS or proto in _PORTS}


_SHOWN: Mapping[str, Callable[[int], str]] = {
    "in": interface_name,
    "out_given": interface_name,
    "proto": show_protocol,
    "src_mac": show_mac,
    "dst_mac": show_mac,
}

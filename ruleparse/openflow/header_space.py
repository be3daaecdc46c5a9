"""All packets that may come to a bridge: which fields they have, what these may hold, how one is written down."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from ruleparse.bits import Bool, all_of, any_bit, any_of, at_least, either, equal_masked, negate
from ruleparse.openflow.fields import flow
from ruleparse.openflow.formats import full
from ruleparse.openflow.keys import KEYS, KEYWORDS, NEEDS, FlowKey
from ruleparse.openflow.program import BridgeProgram
from ruleparse.packet import Packet
from ruleparse.program import Masked

_ARP = (*NEEDS["ipv4"], *NEEDS["arp"])
_WITH_PORTS = tuple(case for name in ("tcp", "udp", "sctp", "icmp4", "icmp6") for case in NEEDS[name])
PRESENT: Mapping[str, tuple[tuple[Masked, ...], ...]] = {
    **dict.fromkeys(("in_port", "dl_type", "dl_src", "dl_dst", "vlan_tci", "pkt_mark"), NEEDS[""]),
    **dict.fromkeys(("tun_id", "tun_src", "tun_dst", "tun_ipv6_src", "tun_ipv6_dst", "tun_flags"), NEEDS[""]),
    "nw_proto": (*NEEDS["ip"], *NEEDS["arp"]),
    **dict.fromkeys(("nw_src", "nw_dst"), _ARP),
    **dict.fromkeys(("ipv6_src", "ipv6_dst", "ipv6_label"), NEEDS["ipv6"]),
    **dict.fromkeys(("nw_tos", "nw_ttl"), NEEDS["ip"]),
    **dict.fromkeys(("tp_src", "tp_dst"), _WITH_PORTS),
    "tcp_flags": NEEDS["tcp"],
    **dict.fromkeys(("arp_sha", "arp_tha"), (*NEEDS["arp"], *NEEDS["nd"])),
    "nd_target": NEEDS["nd"],
}
"""Fields that nobody knows unless somebody says them, each with when a packet has it. All else is 0 of a packet that
comes in: registers, metadata, what conntrack says. It is no fragment."""

ORDER = ("dl_type", "nw_proto", "nw_dst", "ipv6_dst", "dl_dst", "tp_dst", "in_port", "nw_src", "ipv6_src", "dl_src")
"""Fields in the order in which diagrams look at them; others come behind."""

WHO = "in_port"
"""The first field that says whom a packet is from; which bucket of a group it uses comes before that, as it depends on
where the packet goes."""

_ALWAYS = frozenset({"in_port", "dl_type", "nw_proto", "nw_src", "nw_dst"})
_HASHED = 1
"""A hash of the datapath, for packets that a group spreads."""


def fields_named(programs: Iterable[BridgeProgram]) -> list[str]:
    """Fields that flows or groups may look at or change; no other says anything of a packet's fate."""
    texts = {source.text for program in programs for source in program.sources}
    return [name for name in _ordered() if name in _ALWAYS or any(w in text for w in _WORDS[name] for text in texts)]


def _ordered() -> Iterator[str]:
    yield from ORDER
    yield from (name for name in PRESENT if name not in ORDER)


def _words(name: str) -> set[str]:
    """What a dump that is about a field has in it."""
    keys = [key for key in KEYS if any(part.field == name for part in key.parts)]
    return {word for key in keys for word in (key.name, key.shown, *key.headers, *key.aliases)} | set(
        _ALSO.get(name, ())
    )


_ALSO: Mapping[str, tuple[str, ...]] = {
    "nw_ttl": ("ttl",),
    "nw_tos": ("tos", "ecn", "dscp"),
    "vlan_tci": ("vlan",),
    "tun_id": ("tunnel",),
    **dict.fromkeys(("ipv6_src", "ipv6_dst"), ("nat",)),
    **dict.fromkeys(("tp_src", "tp_dst"), ("nat", "icmp")),
}
_WORDS = {name: _words(name) for name in PRESENT}


def is_real(packet: Packet, names: Iterable[str]) -> Bool:
    """That an unknown packet may exist: what it has no room for is 0."""
    return all_of([*(_is_there_or_zero(packet, name) for name in names), *(_fits(packet, name) for name in names)])


def has(packet: Packet, name: str) -> Bool:
    """That a packet has a field."""
    return any_of(all_of(equal_masked(packet[t.field], t.value, t.mask) for t in case) for case in PRESENT[name])


def _is_there_or_zero(packet: Packet, name: str) -> Bool:
    return either(equal_masked(packet[flow(name)], 0, -1), has(packet, name))


def _fits(packet: Packet, name: str) -> Bool:
    number = packet[flow(name)]
    match name:
        case "nw_proto":
            return negate(at_least(number, 1 << 8))
        case "tcp_flags":
            return negate(at_least(number, 1 << 12))
        case "tp_src" | "tp_dst":
            short = any_of(equal_masked(packet[flow("nw_proto")], n, -1) for n in (1, 58))
            return either(negate(short), negate(at_least(number, 1 << 8)))
        case "vlan_tci":
            return either(equal_masked(number, 0, -1), any_bit(number, 0x1000))
        case "dl_type":
            tags = any_of(equal_masked(number, n, -1) for n in (0x8100, 0x88A8))
            return all_of([at_least(number, 0x5FF), negate(tags)])
    return True


def hashes(program: BridgeProgram) -> dict[str, int]:
    """What a packet has besides, where the datapath has hashed it for a group."""
    spreads = any(group.type == "select" and group.method != "hash" for group in program.groups.values())
    return {flow("dp_hash"): _HASHED} if spreads else {}


def choices_between_buckets(program: BridgeProgram) -> int:
    """How many questions there may be about which bucket of a group is used."""
    return sum(len(group.buckets) - 1 for group in program.groups.values() if group.type == "select" and group.buckets)


# Written down


def written(values: Mapping[str, int]) -> str:
    """One packet as ofproto/trace takes it; what is 0 is left out."""
    left = {name: value for name, value in values.items() if value}
    words = [f"in_port={left.pop(flow('in_port'))}"] if flow("in_port") in left else []
    words += _protocol(left)
    for name in [n for n in left if n.startswith(flow("tun_"))]:
        words.append(_word(name, left.pop(name), values))
    for name in sorted(left, key=_place):
        words += [_word(name, left[name], values)] if left[name] else []
    return ",".join(words)


def _protocol(left: dict[str, int]) -> list[str]:
    """Ethernet type and protocol by their name, taken out of what is left."""
    for word in sorted(KEYWORDS.values(), key=lambda k: -len(k.values)):
        if word.name != "eth" and all(left.get(flow(name)) == value for name, value in word.values.items()):
            for name in word.values:
                del left[flow(name)]
            return [word.name]
    return [f"dl_type=0x{left.pop(flow('dl_type')):04x}"] if flow("dl_type") in left else []


_PLACES = ("nw_proto", "dl_src", "dl_dst", "vlan_tci", "nw_src", "nw_dst", "ipv6_src", "ipv6_dst", "nw_tos", "nw_ttl")


def _place(name: str) -> tuple[int, str]:
    plain = name.removeprefix(flow(""))
    return (_PLACES.index(plain) if plain in _PLACES else len(_PLACES)), plain


def _word(name: str, value: int, values: Mapping[str, int]) -> str:
    key = key_of(name, values)
    if name == flow("nw_tos"):
        return ",".join(f"{word}={v}" for word, v in (("nw_tos", value & ~3), ("nw_ecn", value & 3)) if v)
    text = key.format.show(value, full(key.width), key.width)
    return f"{key.name if key.needs in ('tcp', 'udp', 'sctp', 'arp', 'nd', 'icmp4', 'icmp6') else key.shown}={text}"


def key_of(name: str, values: Mapping[str, int]) -> FlowKey:
    """How a packet with these values calls a field."""
    keys = [key for key in KEYS if _is_all_of(key, name)]
    return next((key for key in keys if _fulfilled(key, values)), keys[0])


def _is_all_of(key: FlowKey, name: str) -> bool:
    parts = [part for part in key.parts if part.field != "unused"]
    return key.name not in ("dl_vlan", "in_port_oxm") and [flow(p.field) for p in parts] == [name]


def _fulfilled(key: FlowKey, values: Mapping[str, int]) -> bool:
    return any(all(values.get(t.field, 0) & t.mask == t.value for t in case) for case in NEEDS[key.needs])


def ports_of(programs: Sequence[BridgeProgram]) -> list[tuple[int, str]]:
    """Ports that a packet may come in by, with their names; none where nobody saved them, so that it is any number."""
    if not all(program.port_list.known for program in programs):
        return []
    saved = {n: port.name for program in programs for n, port in program.port_list.saved.items()}
    return [(n, f"{n} ({name})" if name else str(n)) for n, name in sorted(saved.items())]

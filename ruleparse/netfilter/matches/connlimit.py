from __future__ import annotations

from collections.abc import Hashable

from ruleparse.bits import Number
from ruleparse.codec import prefix_mask
from ruleparse.netfilter import wire
from ruleparse.netfilter.bytewise import cut_if
from ruleparse.netfilter.extension import NEVER, Context, Givens, Match, Option, Tests
from ruleparse.netfilter.fields import ICMP, ICMP6
from ruleparse.netfilter.matches.conntrack import tracked
from ruleparse.netfilter.tracking.connection import PORTED
from ruleparse.netfilter.unsettled import here, remembered
from ruleparse.netfilter.values import whole
from ruleparse.packet import Packet

_WIDTH = {4: 32, 6: 128}


def _tests(givens: Givens, context: Context) -> Tests:
    name = "--connlimit-above" if givens.has("--connlimit-above") else "--connlimit-upto"
    above = (name == "--connlimit-above") is not givens.negated(name)
    most = givens.get(name, 0)
    if most == 0:
        return [] if above else [NEVER]
    side, end = ("to", "dst") if givens.has("--connlimit-daddr") else ("from", "src")
    length = givens.get("--connlimit-mask", _WIDTH[context.family])
    who = f"{side} the packet's {'destination' if end == 'dst' else 'source'}/{length}"
    words = f"there are more than {most} connections {who}, this one included, {here(context)}"
    mask = prefix_mask(length, context.family)

    def key(packet: Packet) -> Hashable | None:
        address, zone = packet[end], packet["ct_zone"]
        return ("connlimit", context.handle, address & mask, zone) if isinstance(address, int) else None

    def count(seen: frozenset[tuple[Number, ...]] | None, packet: Packet) -> tuple[bool | None, object] | None:
        """Of those seen some may be gone, so only that they were too few is certain."""
        connection = _connection(packet)
        if not all(isinstance(part, int) for part in connection):
            return None
        seen = (seen or frozenset()) | {connection}
        return False if len(seen) <= most else None, seen

    return [_NO_TUPLE, remembered(context.asks(words, "conntrack -L"), key, count, not above)]


def _connection(packet: Packet) -> tuple[Number, ...]:
    if tracked(packet) is not False:
        return tuple(packet[f"ct_{part}"] for part in ("proto", "src", "dst", "sport", "dport"))
    return tuple(
        packet[part] for part in ("proto", "src", "dst", "sport", "dport", "icmp_type", "icmp_code", "icmp_id")
    )


def _has_no_tuple(raw: bytes) -> bool:
    """What conntrack reads first of a transport header is missing (nf_ct_get_tuplepr)."""
    found = wire.layout(raw)
    needed = 4 if found.protocol in PORTED else 8 if found.protocol in (ICMP, ICMP6) else 0
    return bool(found.fragment) or found.end - found.offset < needed


_NO_TUPLE = cut_if(_has_no_tuple, "connlimit", "has no ports to tell connections by")


MATCH = Match(
    "connlimit",
    """How many connections a host or network has open; an assumption, but that the packet's own always counts. With
    --stateful there cannot be more than came so far (iptables-extensions(8); net/netfilter/xt_connlimit.c).""",
    (
        Option(("--connlimit-upto",), whole(32)),
        Option(("--connlimit-above",), whole(32)),
        Option(("--connlimit-mask",), whole(8)),
        Option(("--connlimit-saddr",)),
        Option(("--connlimit-daddr",)),
    ),
    state="unknown",
    tests=_tests,
)

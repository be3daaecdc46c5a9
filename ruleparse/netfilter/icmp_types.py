"""Types of ICMP and ICMPv6 by name, as rules write them (iptables, libxt_icmp.h)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ruleparse import bits
from ruleparse.bits import Bool
from ruleparse.codec import Codec, integer
from ruleparse.packet import Packet
from ruleparse.program import Key, World

ANY = 255


class IcmpTypes(NamedTuple):
    """One type and the codes from `low` to `high`."""

    kind: int
    low: int
    high: int


def _names(text: str) -> dict[str, IcmpTypes]:
    """Lines of a type and its names, each name followed by `/code` where it stands for one code."""
    found = {}
    for line in text.split("\n"):
        kind, *names = line.split() or [""]
        for name in names:
            word, _, code = name.partition("/")
            found[word] = IcmpTypes(int(kind), int(code or 0), int(code or 255))
    return found


ICMP_NAMES = _names("""
0 echo-reply pong
3 destination-unreachable network-unreachable/0 host-unreachable/1 protocol-unreachable/2 port-unreachable/3
3 fragmentation-needed/4 source-route-failed/5 network-unknown/6 host-unknown/7 network-prohibited/9 host-prohibited/10
3 TOS-network-unreachable/11 TOS-host-unreachable/12 communication-prohibited/13 host-precedence-violation/14
3 precedence-cutoff/15
4 source-quench
5 redirect network-redirect/0 host-redirect/1 TOS-network-redirect/2 TOS-host-redirect/3
8 echo-request ping
9 router-advertisement
10 router-solicitation
11 time-exceeded ttl-exceeded ttl-zero-during-transit/0 ttl-zero-during-reassembly/1
12 parameter-problem ip-header-bad/0 required-option-missing/1
13 timestamp-request
14 timestamp-reply
17 address-mask-request
18 address-mask-reply
""")

ICMP6_NAMES = _names("""
1 destination-unreachable no-route/0 communication-prohibited/1 beyond-scope/2 address-unreachable/3 port-unreachable/4
1 failed-policy/5 reject-route/6
2 packet-too-big
3 time-exceeded ttl-exceeded ttl-zero-during-transit/0 ttl-zero-during-reassembly/1
4 parameter-problem bad-header/0 unknown-header-type/1 unknown-option/2
128 echo-request ping
129 echo-reply pong
130 mld-listener-query
131 mld-listener-report
132 mld-listener-done mld-listener-reduction
133 router-solicitation
134 router-advertisement
135 neighbour-solicitation neighbor-solicitation
136 neighbour-advertisement neighbor-advertisement
137 redirect
""")


def icmp_codec(names: Mapping[str, IcmpTypes]) -> Codec[IcmpTypes]:
    """`8`, `3/4` or a name, which may be cut short where that leaves no doubt."""
    wide = "any" in names

    def parse(text: str) -> IcmpTypes:
        word = text.lower()
        found = {value for name, value in names.items() if name.lower().startswith(word)}
        exact = {value for name, value in names.items() if name.lower() == word}
        if exact or found:
            if len(exact or found) > 1:
                raise ValueError(f"{text} is short for more than one ICMP type")
            return (exact or found).pop()
        kind, slash, code = text.partition("/")
        low = integer(code, 0, 255) if slash else 0
        return IcmpTypes(integer(kind, 0, 255), low, low if slash else 255)

    def show(value: IcmpTypes) -> str:
        if wide and value.kind == ANY:
            return "any"
        return f"{value.kind}" if (value.low, value.high) == (0, 255) else f"{value.kind}/{value.low}"

    return Codec("type[/code]|name", parse, show)


def icmp_key(codec: Codec[IcmpTypes], *, any_type: bool) -> Key:
    """Whether type and code fit. In IPv4, type 255 fits all."""

    def means(value: IcmpTypes, packet: Packet, _: World) -> Bool:
        if any_type and value.kind == ANY:
            return True
        right_code = (value.low, value.high) == (0, 255) or bits.between(packet["icmp_code"], value.low, value.high)
        return bits.both(bits.equal_masked(packet["icmp_type"], value.kind, -1), right_code)

    return Key(("icmp_type", "icmp_code"), codec, means, "ICMP type {}")

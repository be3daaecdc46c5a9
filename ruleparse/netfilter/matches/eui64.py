from __future__ import annotations

from ruleparse import bits
from ruleparse.bits import Bool, Number
from ruleparse.netfilter.extension import Context, Givens, Match, Tests
from ruleparse.netfilter.values import TEXT
from ruleparse.packet import Packet
from ruleparse.program import Key, Test, World


def _eui64(mac: Number) -> Number:
    """The interface identifier made of an Ethernet address (RFC 4291, appendix A)."""
    vendor, serial = bits.shift(mac, 16, 64), bits.shift(mac, 0, 24)
    upper = bits.rewrite(vendor, 0, (1 << 40) - 1)
    return bits.rewrite(bits.mix(upper, serial), 0x0200_00FF_FE00_0000, 0)


def _means(_: None, packet: Packet, __: World) -> Bool:
    return bits.equal(bits.shift(packet["src"], 0, 64), _eui64(packet["src_mac"]))


def _tests(_: Givens, __: Context) -> Tests:
    return [Test(Key(("eui64",), TEXT, _means, "the source is made of the MAC"), None)]


MATCH = Match(
    "eui64",
    """Whether the lower half of the source address is made of the Ethernet source
    (ip6tables-extensions(8); net/ipv6/netfilter/ip6t_eui64.c).""",
    families=(6,),
    tests=_tests,
)

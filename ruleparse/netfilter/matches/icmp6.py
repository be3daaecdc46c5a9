from __future__ import annotations

from ruleparse.netfilter.extension import Match, Option
from ruleparse.netfilter.icmp_types import ICMP6_NAMES, icmp_codec, icmp_key

_CODEC = icmp_codec(ICMP6_NAMES)

MATCH = Match(
    "icmp6",
    """ICMPv6 type, or type and code, by number or name
    (ip6tables-extensions(8); net/ipv6/netfilter/ip6_tables.c, icmp6_match).""",
    (Option(("--icmpv6-type",), _CODEC, icmp_key(_CODEC, any_type=False)),),
    families=(6,),
    reads=8,
)

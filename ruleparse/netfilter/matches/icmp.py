from __future__ import annotations

from ruleparse.netfilter.extension import Match, Option
from ruleparse.netfilter.icmp_types import ANY, ICMP_NAMES, IcmpTypes, icmp_codec, icmp_key

_CODEC = icmp_codec({"any": IcmpTypes(ANY, 0, 255), **ICMP_NAMES})

MATCH = Match(
    "icmp",
    """ICMP type, or type and code, by number or name; type 255 is any
    (iptables-extensions(8); net/ipv4/netfilter/ip_tables.c, icmp_match).""",
    (Option(("--icmp-type",), _CODEC, icmp_key(_CODEC, any_type=True)),),
    families=(4,),
    reads=8,
)

from ruleparse.netfilter.extension import Match, Option
from ruleparse.netfilter.values import DPORT, PORTS, SPORT

MATCH = Match(
    "udp",
    """UDP ports, from the first fragment's header (iptables-extensions(8); net/netfilter/xt_tcpudp.c).""",
    (
        Option(("--sport", "--source-port"), PORTS, SPORT),
        Option(("--dport", "--destination-port"), PORTS, DPORT),
    ),
    reads=8,
    native_in_nft=True,
)

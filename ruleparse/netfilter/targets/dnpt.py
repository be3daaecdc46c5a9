from ruleparse.netfilter.extension import Target
from ruleparse.netfilter.prefix_translation import OPTIONS, translation

TARGET = Target(
    "DNPT",
    """Puts the destination under another prefix, without a connection, and goes on; a word of the address changes too,
    so that checksums stay right (ip6tables-extensions(8); net/ipv6/netfilter/ip6t_NPT.c).""",
    translation("dst"),
    OPTIONS,
    families=(6,),
    tables=("mangle",),
)

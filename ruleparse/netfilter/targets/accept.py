from ruleparse.netfilter.extension import Target
from ruleparse.netfilter.verdicts import accept

TARGET = Target(
    "ACCEPT",
    "Ends this table's walk; the hook's later tables may still drop the packet.",
    accept,
    ends=True,
)

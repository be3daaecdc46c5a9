from ruleparse.netfilter.extension import Target
from ruleparse.program import Return

TARGET = Target(
    "RETURN",
    "Goes back to the calling chain, or to the policy of a built-in one.",
    lambda _, __: (Return(),),
    ends=True,
)

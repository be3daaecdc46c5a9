from ruleparse.netfilter.extension import Target
from ruleparse.program import Stop

TARGET = Target("DROP", "Discards the packet without a word.", lambda _, __: (Stop("drop"),), ends=True)

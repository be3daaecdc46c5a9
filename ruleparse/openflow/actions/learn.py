from __future__ import annotations

from ruleparse.openflow.action import Kind
from ruleparse.openflow.learned_flow import Learn, Learning, read_learn
from ruleparse.openflow.steps import Steps
from ruleparse.program import Call


def _lower(learn: Learn, steps: Steps) -> None:
    steps.do(Call(steps.bridge.lasting(Learning(learn, steps.span))))


ACTION = Kind(
    ("learn",),
    """Adds a flow for packets to come (with --stateful: they find it); this packet is not changed. Written with the
    learned flow's table and numbers, what it matches (FIELD[BITS], FIELD=FIELD, FIELD=VALUE) and does (load:A->B,
    output:FIELD). With `result_dst` a bit says whether `limit` left room for it.""",
    "learn(table=N,…)",
    read_learn,
    lambda learn: str(learn.written),
    _lower,
)

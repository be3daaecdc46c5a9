from __future__ import annotations

from ruleparse.openflow.action import Kind, as_written, nothing

ACTION = Kind(
    ("learn",),
    """Adds a flow for packets to come; this packet is not changed. Written with the learned flow's table and numbers,
    what it matches (FIELD[BITS], FIELD=FIELD, FIELD=VALUE) and does (load:A->B, output:FIELD).""",
    "learn(table=N,…)",
    as_written,
    str,
    nothing,
)

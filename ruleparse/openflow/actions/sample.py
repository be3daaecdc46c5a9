from __future__ import annotations

from ruleparse.openflow.action import Kind, as_written, nothing

ACTION = Kind(
    ("sample",),
    "Samples packets for IPFIX.",
    "sample(probability=N,collector_set_id=N,…)",
    as_written,
    str,
    nothing,
    state="inert",
)

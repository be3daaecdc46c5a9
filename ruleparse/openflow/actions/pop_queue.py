from __future__ import annotations

from ruleparse.openflow.action import Kind, as_written, nothing

ACTION = Kind(
    ("pop_queue",),
    "Ends the choice of a queue.",
    "pop_queue",
    as_written,
    str,
    nothing,
    state="inert",
)

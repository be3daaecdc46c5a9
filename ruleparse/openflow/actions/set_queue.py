from __future__ import annotations

from ruleparse.openflow.action import Kind, as_written, nothing

ACTION = Kind(
    ("set_queue",),
    "Chooses a queue for the outputs behind it.",
    "set_queue:N",
    as_written,
    str,
    nothing,
    slot="set_queue",
    state="inert",
)

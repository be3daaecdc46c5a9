from __future__ import annotations

from ruleparse.openflow.action import Kind, as_written, nothing

ACTION = Kind(
    ("debug_recirc",),
    "Recirculates, for tests.",
    "debug_recirc",
    as_written,
    str,
    nothing,
    state="inert",
)

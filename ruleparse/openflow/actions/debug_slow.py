from __future__ import annotations

from ruleparse.openflow.action import Kind, as_written, nothing

ACTION = Kind(
    ("debug_slow",),
    "Takes the slow path, for tests.",
    "debug_slow",
    as_written,
    str,
    nothing,
    state="inert",
)

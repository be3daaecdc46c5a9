from __future__ import annotations

from ruleparse.openflow.action import Kind, behind_colon, nothing

ACTION = Kind(
    ("note",),
    "Bytes for people and controllers to read.",
    "note:HEX.HEX…",
    behind_colon,
    lambda text: f"note:{text}",
    nothing,
    state="inert",
)

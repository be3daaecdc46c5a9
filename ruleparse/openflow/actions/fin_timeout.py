from __future__ import annotations

from ruleparse.openflow.action import Kind, as_written, nothing

ACTION = Kind(
    ("fin_timeout",),
    "Shortens the timeouts of the flow once a TCP connection ends.",
    "fin_timeout(idle_timeout=N,hard_timeout=N)",
    as_written,
    str,
    nothing,
    state="inert",
)

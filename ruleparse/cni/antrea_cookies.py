"""The cookies of Antrea's flows: round of the agent and kind of flow (pkg/agent/openflow/cookie/allocator.go)."""

from __future__ import annotations

from collections.abc import Iterable

_FIXED = ("default", "gateway", "node", "pod", "service", "policy", "SNAT")
_FLEXIBLE = ("default", "pods", "network policy", "service", "egress", "multicast", "multicluster", "traceflow")


def round_of(cookie: int) -> int:
    """Counts the starts of the agent; 0 for cookies of releases before 0.3."""
    return cookie >> 48


def category(cookie: int, flexible: bool) -> str | None:
    """What a flow is for."""
    names = _FLEXIBLE if flexible else _FIXED
    number = cookie >> 40 & 0xFF
    return names[number] if number < len(names) else None


def rounds(cookies: Iterable[int | None]) -> list[int]:
    """The rounds that flows are of; more than one after a restart until the old ones are removed."""
    return sorted({round_of(cookie) for cookie in cookies if cookie} - {0})

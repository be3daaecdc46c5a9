"""Say what saved iptables, ipset and ip dumps of a Kubernetes node do to a packet, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ruleparse.node import Node, diff, load

__all__ = ["Node", "diff", "load"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from ruleparse import node

        return getattr(node, name)
    raise AttributeError(name)

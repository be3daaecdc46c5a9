"""Saved bridges for tests of decoders."""

from __future__ import annotations

import re
from pathlib import Path

from ruleparse.cni.saved_flows import SavedBridge, SavedFlow
from ruleparse.openflow.read import read_flows
from ruleparse.openflow.read_groups import Groups, read_groups
from ruleparse.text import Source

_PORT = re.compile(r"(?m)^ (\d+)\(([^)]+)\): ")


def saved_bridge(folder: Path, flows: str = "flows.txt") -> SavedBridge:
    """What `dump-flows`, `dump-groups` and `show` said."""
    dump = read_flows(Source.from_path(folder / flows))
    groups, ports = folder / "groups.txt", folder / "ports.txt"
    there = Groups([read_groups(Source.from_path(groups))] if groups.exists() else [])
    named = _PORT.findall(ports.read_text("utf-8")) if ports.exists() else ()
    return SavedBridge([dump], there, {int(number): name for number, name in named})


def flow_in(bridge: SavedBridge, table: str, wanted: str) -> SavedFlow:
    """The one flow of a table whose match and actions have this in them."""
    (found,) = [flow for flow in bridge.table(table) if wanted in flow.rule]
    return found

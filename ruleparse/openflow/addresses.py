"""Behind which port a bridge has learned each Ethernet address to be, as `ovs-appctl fdb/show` says."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

from ruleparse.codec import mac
from ruleparse.grammars import terminal
from ruleparse.openflow.by_line import lines
from ruleparse.openflow.formats import PORTS
from ruleparse.text import Diagnostic, Source

Addresses = dict[tuple[int, int], int]
"""Ports by VLAN and address."""


@cache
def _address() -> re.Pattern[str]:
    """A line of the grammar, for there may be thousands."""
    parts = (terminal("ovs_fdb", token) for token in ("PORT", "VLAN", "MAC", "AGE"))
    return re.compile(r"[ \t]*" + r"[ \t]+".join(f"({part})" for part in parts) + r"[ \t\r]*")


def read_addresses(sources: Iterable[Source]) -> tuple[Addresses, list[Diagnostic]]:
    """What some texts hold. Never raises."""
    found: Addresses = {}
    problems: list[Diagnostic] = []
    for source in sources:
        for line in filter(None, map(_address().fullmatch, source.text.split("\n"))):
            port = PORTS["LOCAL"] if line[1] == "LOCAL" else int(line[1])
            found[int(line[2]), mac(line[3])] = port
        others = (line for line, _ in lines(source, "ovs_fdb", "learned addresses", _address().fullmatch))
        problems += [line for line in others if isinstance(line, Diagnostic)]
    return found, problems

"""Behind which port a bridge has learned each Ethernet address to be, as `ovs-appctl fdb/show` says."""

from __future__ import annotations

from collections.abc import Iterable

from ruleparse.codec import mac
from ruleparse.openflow.by_line import lines
from ruleparse.openflow.formats import PORTS
from ruleparse.text import Diagnostic, Source

Addresses = dict[tuple[int, int], int]
"""Ports by VLAN and address."""


def read_addresses(sources: Iterable[Source]) -> tuple[Addresses, list[Diagnostic]]:
    """What some texts hold. Never raises."""
    found: Addresses = {}
    problems: list[Diagnostic] = []
    for source in sources:
        for line, _ in lines(source, "ovs_fdb", "learned addresses"):
            if isinstance(line, Diagnostic):
                problems.append(line)
            elif line.data == "address":
                port, vlan, address, _age = map(str, line.children)
                found[int(vlan), mac(address)] = PORTS["LOCAL"] if port == "LOCAL" else int(port)
    return found, problems

"""ipset: reading what was saved of sets, and whether a packet is in one."""

from __future__ import annotations

from collections.abc import Iterable

from ruleparse.netfilter.ipset.changes import NotKnown, changed
from ruleparse.netfilter.ipset.index import Membership
from ruleparse.netfilter.ipset.membership import contains
from ruleparse.netfilter.ipset.model import IpSet, Member
from ruleparse.netfilter.ipset.read import read
from ruleparse.text import Diagnostic, Source

__all__ = ["IpSet", "Member", "Membership", "NotKnown", "changed", "contains", "read_sets"]


def read_sets(sources: Iterable[Source]) -> tuple[dict[str, IpSet], list[Diagnostic]]:
    """The sets of some texts of `ipset save` or `ipset list` by name, and what is wrong with the texts."""
    found = read(sources)
    return found.sets, found.diagnostics

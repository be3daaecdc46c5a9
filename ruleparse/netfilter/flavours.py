"""iptables-legacy and iptables-nft on one node: two rule sets in force, and a packet has to pass both.

Where both have a table at the same hook, the one that was loaded last is asked first (net/netfilter/core.c,
nf_hook_entries_grow), which no dump of theirs tells.
"""

from __future__ import annotations

from collections.abc import Sequence

from ruleparse.netfilter.save import Ruleset, SavedTable
from ruleparse.packet import Assumption, presumption
from ruleparse.text import Diagnostic

ORDER = presumption("at the same hook, tables of iptables-legacy come before those of iptables-nft", "nft list hooks")


def both_in_force(rulesets: Sequence[Ruleset]) -> Diagnostic | None:
    """What to say of rule sets of one family, each of another flavour, if more than one does anything."""
    busy = [r for r in rulesets if any(map(_does_something, r.tables.values()))]
    if len(busy) < 2:
        return None
    tool = "ip6tables" if busy[0].family == 6 else "iptables"
    sets = " and ".join(f"{tool}-{r.flavour} ({r.source.name})" for r in busy)
    message = f"rules of {sets} are both in force: a packet has to pass both"
    return Diagnostic("both-flavours", "warning", message)


def left_open(rulesets: Sequence[Ruleset]) -> list[Assumption]:
    """What several rule sets leave open together: their order, where both have something to say in one table."""
    busy = [{name for name, table in r.tables.items() if _does_something(table)} for r in rulesets]
    return [ORDER] if len(busy) > 1 and set.intersection(*busy) else []


def _does_something(table: SavedTable) -> bool:
    return any(c.stretches or c.policy not in (None, "ACCEPT") for c in table.chains.values())

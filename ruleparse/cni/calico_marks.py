"""Which bits of the mark Calico uses for what: they are configured, so the rules that test and set them tell."""

from __future__ import annotations

import re
from itertools import islice

from ruleparse.cni.calico_policies import POLICY_CHAINS
from ruleparse.cni.saved import SavedRules

_BITS = (
    ("accept", r'"(?:Return if p\w+ accepted|Policy explicitly accepted packet\.)".* --mark (?P<bits>0x[\da-f]+)/'),
    ("pass", r'"Start of (?:policies|tier \S+)".* --set-xmark 0x0/(?P<bits>0x[\da-f]+)'),
    ("both", r'--comment "cali:\S+" -j MARK --set-xmark 0x0/(?P<bits>0x30*)\s'),
)
_DROP_BIT = r"-m mark --mark (?P<bits>0x[\da-f]+)/\S+ -j (?:DROP|REJECT)"


def mark_bits(saved: SavedRules) -> dict[str, int]:
    """`accept`, `pass`, `drop`, `scratch` and their bits, as far as rules use them."""
    table = saved["filter"]
    endpoints = islice(table.starting("cali-tw-", "cali-fw-", "cali-th-"), 50)
    texts = [table.text(chain) for chain in ("FORWARD", "cali-FORWARD", "cali-INPUT", *endpoints)]
    found: dict[str, int] = {}
    for name, pattern in _BITS:
        if match := next(filter(None, (re.search(pattern, text) for text in texts)), None):
            found[name] = int(match["bits"], 16)
    if scratch := re.search(r"-i \S+ .*--set-xmark (?P<bits>0x[\da-f]+)/", saved["raw"].text("cali-PREROUTING")):
        found["scratch"] = int(scratch["bits"], 16)
    if "both" in found:
        found.setdefault("pass", found["both"] & ~found.get("accept", 0))
    policy_texts = (table.text(chain) for chain in table.starting(*POLICY_CHAINS))
    if drop := next(filter(None, (re.search(_DROP_BIT, text) for text in policy_texts)), None):
        found["drop"] = int(drop["bits"], 16)
    return found

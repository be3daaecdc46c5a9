"""Two programs write the same bits of the packet mark.

Why: each takes the bits for its own. Calico reads "a policy accepted this" where Tailscale meant "this comes from a
tunnel", kube-proxy masquerades what somebody else marked. It shows as packets that vanish, or that policies do not see.

Fix: give one of them other bits (Calico: `IptablesMarkMask`, Tailscale: none, kube-proxy: `iptablesMasqueradeBit`).

Sure: it is certain that both write these bits; whether one packet meets both, and in which order, is not followed, so
this is a suspicion. Who wrote a chain is told by its name.

Example:

    *filter
    :FORWARD ACCEPT [0:0]
    :cali-FORWARD - [0:0]
    :ts-forward - [0:0]
    -A FORWARD -j cali-FORWARD
    -A FORWARD -j ts-forward
    -A cali-FORWARD -j MARK --set-xmark 0x0/0xe0000
    # here
    -A ts-forward -i tailscale0 -j MARK --set-xmark 0x40000/0xff0000
    -A ts-forward -m mark --mark 0x40000/0xff0000 -j ACCEPT
    COMMIT
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import islice, product

from ruleparse.cni.saved import Here
from ruleparse.codec import masked_number
from ruleparse.lint.finding import Finding, LintRule, Related, suspicion
from ruleparse.lint.ruleset import Rules

_OWNERS = {
    "kube-router": r"KUBE-(?:ROUTER|POD-FW|NWPLCY)-",
    "Calico": r"cali-",
    "the AWS VPC CNI": r"AWS-",
    "Antrea": r"ANTREA-",
    "Cilium": r"(?:OLD_)?CILIUM_",
    "Weave": r"WEAVE",
    "Tailscale": r"ts-",
    "Istio": r"ISTIO_",
    "portmap": r"CNI-",
    "kube-proxy": r"KUBE-",
}
"""The first whose chains are called so; kube-proxy's prefix is that of others, too."""

Mark = tuple[int, Here]
"""Bits, and the rule that writes them."""


def find(rules: Rules) -> Iterator[Finding]:
    written: dict[str, list[Mark]] = {}
    for table in rules.tables.values():
        for here in table.callers.get("MARK", ()):
            owner, bits = owner_of(here.chain), bits_written(here)
            if owner is not None and bits:
                written.setdefault(owner, []).append((bits, here))
    owners = [owner for owner in _OWNERS if owner in written]
    for index, owner in enumerate(owners):
        yield from islice(_shared(owner, {other: written[other] for other in owners[:index]}, written[owner]), 1)


def _shared(owner: str, others: Mapping[str, list[Mark]], marks: list[Mark]) -> Iterator[Finding]:
    for name, theirs in others.items():
        for (bits, here), (other_bits, there) in product(marks, theirs):
            if both := bits & other_bits:
                message = f"{owner} and {name} both write {both:#x} of the mark"
                yield suspicion(message, here.words.span, Related(there.words.span, f"{name} writes them here"))


def owner_of(chain: str) -> str | None:
    return next((owner for owner, pattern in _OWNERS.items() if re.match(pattern, chain)), None)


def bits_written(here: Here) -> int:
    """Bits that a rule sets, clears or turns; a mark without a mask is written whole."""
    try:
        value, mask = masked_number(here.value("--set-xmark", "--set-mark", "--or-mark", "--xor-mark") or "0/0")
    except ValueError:
        return 0
    return value | mask


RULE = LintRule("mark-bits-shared", "warning", find)

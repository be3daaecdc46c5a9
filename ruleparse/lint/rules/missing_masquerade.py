"""Packets are marked for masquerade, and nothing masquerades them.

Why: a node port, an external address, a pod that asks itself: answers to such packets come back only if their source
was replaced. KUBE-MARK-MASQ marks them; without KUBE-POSTROUTING behind POSTROUTING that is all that happens.

Fix: restart kube-proxy, which writes all rules anew; see who flushes POSTROUTING.

Sure: certain: nat was saved, KUBE-MARK-MASQ is in use, and what POSTROUTING leads to was followed.

Example:

    *nat
    :PREROUTING ACCEPT [0:0]
    :POSTROUTING ACCEPT [0:0]
    # here
    :KUBE-MARK-MASQ - [0:0]
    :KUBE-NODEPORTS - [0:0]
    -A PREROUTING -j KUBE-NODEPORTS
    -A KUBE-NODEPORTS -p tcp -m tcp --dport 30080 -j KUBE-MARK-MASQ
    -A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000
    COMMIT
"""

from __future__ import annotations

from collections.abc import Iterator

from ruleparse.lint.finding import Finding, LintRule, Related, error
from ruleparse.lint.ruleset import Chains, Rules, chain_span

_MARK, _MASQUERADE = "KUBE-MARK-MASQ", ("MASQUERADE", "SNAT")


def find(rules: Rules) -> Iterator[Finding]:
    nat = rules.table("nat")
    used = [here for here in nat.callers.get(_MARK, ()) if here.chain in nat.hooks]
    if not used or "POSTROUTING" not in nat.chains:
        return
    span, by = chain_span(nat.chains[_MARK]), Related(used[0].words.span, "a rule that marks packets")
    if not any(here.target == "MARK" for here in nat.rules(_MARK)):
        yield error(f"{_MARK} marks nothing", span, by, fix=f"-A {_MARK} -j MARK --set-xmark 0x4000/0x4000")
    elif not any(masquerades(nat, chain) for chain in nat.below(["POSTROUTING"])):
        fix = "-A POSTROUTING -j KUBE-POSTROUTING" if "KUBE-POSTROUTING" in nat.chains else None
        yield error("packets are marked for masquerade, and no rule behind POSTROUTING does it", span, by, fix=fix)


def masquerades(nat: Chains, chain: str) -> bool:
    """Whether a chain masquerades what is marked: the rule asks for a mark, or packets without one were sent back."""
    only_marked = False
    for here in nat.rules(chain):
        mark = here.option("--mark")
        if here.target in _MASQUERADE and (only_marked or (mark and not mark.negated)):
            return True
        only_marked = only_marked or bool(here.target == "RETURN" and mark and mark.negated)
    return False


RULE = LintRule("missing-masquerade", "error", find)

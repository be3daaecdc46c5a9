"""A rule translates addresses where the kernel cannot do that.

Why: destinations are translated in nat PREROUTING and OUTPUT, sources in nat POSTROUTING and INPUT, nothing anywhere
else. No kernel loads such a rule, so the dump was edited, or never loaded.

Fix: move the rule to the table and a chain that can.

Sure: certain: what leads to the chain was followed. Nothing is said of `iptables -S`, which does not name the table.

Example:

    *nat
    :PREROUTING ACCEPT [0:0]
    :POSTROUTING ACCEPT [0:0]
    # here
    -A PREROUTING -s 10.244.0.0/16 -j MASQUERADE
    COMMIT
"""

from __future__ import annotations

from collections.abc import Iterator

from ruleparse.lint.finding import Finding, LintRule, Related, error
from ruleparse.lint.ruleset import Rules, chain_span, jump_span
from ruleparse.netfilter import registry

_DESTINATION = frozenset({"PREROUTING", "OUTPUT"})
_SOURCE = frozenset({"POSTROUTING", "INPUT"})
WHERE = {
    "DNAT": _DESTINATION,
    "REDIRECT": _DESTINATION,
    "SNAT": _SOURCE,
    "MASQUERADE": frozenset({"POSTROUTING"}),
}
"""linux/net/netfilter/xt_nat.c, xt_REDIRECT.c, xt_MASQUERADE.c: the hooks that each target names"""


def find(rules: Rules) -> Iterator[Finding]:
    for table in rules.tables.values() if rules.ruleset.whole else ():
        for target, allowed in WHERE.items():
            if target in table.chains:
                continue
            for here in table.callers.get(target, ()):
                declared = registry.target(target)
                if declared is not None and table.name not in declared.tables:
                    yield error(f"{target} works in table nat only, not in {table.name}", jump_span(here))
                elif wrong := table.hooks.get(here.chain, frozenset()) - allowed:
                    where = " and ".join(sorted(wrong))
                    message = f"{target} cannot apply to packets in {where}, and {here.chain} is called there"
                    message = message if here.chain not in wrong else f"{target} cannot apply to packets in {where}"
                    declared_at = Related(chain_span(table.chains[here.chain]), f"called from {where}")
                    yield error(message, jump_span(here), *([] if here.chain in wrong else [declared_at]))


RULE = LintRule("nat-cannot-apply", "error", find)

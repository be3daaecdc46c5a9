"""A rule jumps to a chain that is not there.

Why: no kernel holds such a rule, so the dump was cut or edited, or is of two moments. iptables-restore refuses all of
it, and whoever writes these rules (kube-proxy, a network plugin) fails every time it tries.

Fix: declare the chain (`:NAME - [0:0]`) and give it its rules, or delete the rule.

Sure: certain where the table was saved whole. A name that could be a target nobody declared here is a suspicion.

Example:

    *nat
    :PREROUTING ACCEPT [0:0]
    :KUBE-SERVICES - [0:0]
    -A PREROUTING -j KUBE-SERVICES
    # here
    -A KUBE-SERVICES -d 10.96.0.10/32 -p udp -m udp --dport 53 -j KUBE-SVC-TCOU7JCQXEZGVUNU
    COMMIT
"""

from __future__ import annotations

from collections.abc import Iterator

from ruleparse.lint.finding import Finding, LintRule, error, suspicion
from ruleparse.lint.ruleset import Rules, jump_span
from ruleparse.netfilter import registry


def find(rules: Rules) -> Iterator[Finding]:
    if not rules.ruleset.whole:
        return
    for table in rules.tables.values():
        for target, callers in table.callers.items():
            if target in table.chains:
                continue
            for here in callers:
                if here.option("-g", "--goto") or not could_be_a_target(target):
                    yield error(f"there is no chain {target} in table {table.name}", jump_span(here))
                elif registry.target(target) is None:
                    message = f"{target} is neither a chain of table {table.name} nor a target that is known"
                    yield suspicion(message, jump_span(here))


def could_be_a_target(name: str) -> bool:
    """Names of targets are upper case, without hyphens."""
    return name.isupper() and "-" not in name


RULE = LintRule("missing-chain", "error", find)

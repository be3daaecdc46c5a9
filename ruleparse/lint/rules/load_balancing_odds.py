"""The odds of a service's endpoints do not add up.

Why: kube-proxy lets each of n endpoints have its turn by giving them the odds 1/n, 1/(n-1) … 1/2, and the last one all
that is left. Other odds send more to some endpoints than to others; a last rule with odds of its own lets packets
through that go to no endpoint at all; a rule without odds that is not the last starves those behind it.

Fix: restart kube-proxy, which writes all rules anew; find out who else edits them.

Sure: certain: nothing but kube-proxy writes these chains, and it writes these odds (to five digits before 1.17).

Example:

    *nat
    :PREROUTING ACCEPT [0:0]
    :KUBE-SERVICES - [0:0]
    :KUBE-SVC-AAAAAAAAAAAAAAAA - [0:0]
    :KUBE-SEP-AAAAAAAAAAAAAAAA - [0:0]
    :KUBE-SEP-BBBBBBBBBBBBBBBB - [0:0]
    :KUBE-MARK-MASQ - [0:0]
    -A PREROUTING -j KUBE-SERVICES
    -A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000
    -A KUBE-SERVICES -d 10.96.0.9/32 -p tcp -m tcp --dport 80 -j KUBE-SVC-AAAAAAAAAAAAAAAA
    # here
    -A KUBE-SVC-AAAAAAAAAAAAAAAA -m statistic --mode random --probability 0.3 -j KUBE-SEP-AAAAAAAAAAAAAAAA
    -A KUBE-SVC-AAAAAAAAAAAAAAAA -j KUBE-SEP-BBBBBBBBBBBBBBBB
    -A KUBE-SEP-AAAAAAAAAAAAAAAA -s 10.244.1.2/32 -j KUBE-MARK-MASQ
    -A KUBE-SEP-AAAAAAAAAAAAAAAA -p tcp -m tcp -j DNAT --to-destination 10.244.1.2:80
    -A KUBE-SEP-BBBBBBBBBBBBBBBB -s 10.244.1.3/32 -j KUBE-MARK-MASQ
    -A KUBE-SEP-BBBBBBBBBBBBBBBB -p tcp -m tcp -j DNAT --to-destination 10.244.1.3:80
    COMMIT
"""

from __future__ import annotations

from collections.abc import Iterator

from ruleparse.cni.kube_services import chances
from ruleparse.cni.saved import Here
from ruleparse.lint.finding import Finding, LintRule, Related, error
from ruleparse.lint.ruleset import Rules, jump_span

_ROUNDING = 1.1e-5


def find(rules: Rules) -> Iterator[Finding]:
    nat = rules.table("nat")
    for chain in nat.saved.starting("KUBE-SVC-", "KUBE-SVL-", "KUBE-XLB-"):
        choices = [here for here, _ in chances(nat.rules(chain))]
        for index, here in enumerate(choices):
            if (wrong := _wrong(here, len(choices) - index)) is None:
                continue
            service = rules.services.of_chain(chain)
            option = here.option("--probability")
            span = here.words.option_span(option) if option else jump_span(here)
            whose = f" of {service}" if service else ""
            ends = Related(choices[-1].words.span, f"the last of {len(choices)} endpoints")
            yield error(f"endpoint {index + 1} of {len(choices)}{whose} {wrong}", span, ends)
            break


def _wrong(here: Here, left: int) -> str | None:
    """What is wrong with the odds of a rule, behind which `left - 1` others choose."""
    given = here.value("--probability")
    if given is None:
        return None if left == 1 else f"takes all packets: the {left - 1} behind it get none"
    odds = _number(given)
    if odds is None:
        return f"has odds that are no number: {given}"
    if left == 1:
        return f"takes only {odds:.4g} of what is left: the rest goes to no endpoint"
    return None if abs(odds - 1 / left) <= _ROUNDING else f"has odds of {given} where 1/{left} is fair"


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


RULE = LintRule("load-balancing-odds", "error", find)

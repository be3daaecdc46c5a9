"""Two pods have the same host port.

Why: the first rule takes every packet, so the second pod gets none; often the first belongs to a pod that is gone, and
the packets go nowhere.

Fix: delete the chain of the pod that is gone (its comment holds the container's id), or give the second another port.

Sure: certain that the second rule gets nothing; which of the pods is still there a dump does not tell.

Example:

    *nat
    :PREROUTING ACCEPT [0:0]
    :CNI-HOSTPORT-DNAT - [0:0]
    :CNI-DN-1f05f5ae - [0:0]
    :CNI-DN-77c2b90d - [0:0]
    -A PREROUTING -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT
    -A CNI-HOSTPORT-DNAT -p tcp -m multiport --dports 8080 -j CNI-DN-1f05f5ae
    # here
    -A CNI-HOSTPORT-DNAT -p tcp -m multiport --dports 8080 -j CNI-DN-77c2b90d
    -A CNI-DN-1f05f5ae -p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.244.1.9:80
    -A CNI-DN-77c2b90d -p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.244.1.12:80
    COMMIT
"""

from __future__ import annotations

from collections.abc import Iterator

from ruleparse.cni.saved import Here
from ruleparse.lint.finding import Finding, LintRule, Related, error
from ruleparse.lint.ruleset import Rules


def find(rules: Rules) -> Iterator[Finding]:
    for chain in ("CNI-HOSTPORT-DNAT", "KUBE-HOSTPORTS"):
        first: dict[tuple[str | None, ...], Here] = {}
        for here in rules.table("nat").rules(chain):
            for port in filter(None, (here.value("--dports", "--dport") or "").split(",")):
                other = first.setdefault((here.value("-d"), here.value("-p"), port), here)
                if pod(other) != pod(here):
                    message = f"host port {port} is taken: this pod gets nothing on it"
                    yield error(message, here.words.span, Related(other.words.span, "takes every packet"))
                    break


def pod(here: Here) -> tuple[str, str | None]:
    return here.target, here.value("--to-destination")


RULE = LintRule("hostport-taken-twice", "error", find)

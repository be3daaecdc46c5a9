"""A host port catches packets to services (CVE-2019-9946).

Why: CNI-HOSTPORT-DNAT (or KUBE-HOSTPORTS) comes before KUBE-SERVICES and does not ask whether the packet is for this
node. A pod with host port 443 gets what is meant for any service with port 443, that of the API server among them.

Fix: update the portmap plugin to 0.7.5 or later, which puts its jump behind, and delete the old jump.

Sure: certain where a host port is the port of a service: those packets are named. A suspicion where none is yet.

Example:

    *nat
    :PREROUTING ACCEPT [0:0]
    :CNI-HOSTPORT-DNAT - [0:0]
    :KUBE-SERVICES - [0:0]
    :KUBE-SVC-AAAAAAAAAAAAAAAA - [0:0]
    :KUBE-SEP-AAAAAAAAAAAAAAAA - [0:0]
    :KUBE-MARK-MASQ - [0:0]
    # here
    -A PREROUTING -j CNI-HOSTPORT-DNAT
    -A PREROUTING -j KUBE-SERVICES
    -A CNI-HOSTPORT-DNAT -p tcp -m tcp --dport 443 -j DNAT --to-destination 10.244.1.9:443
    -A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000
    -A KUBE-SERVICES -d 10.96.0.1/32 -p tcp -m tcp --dport 443 -j KUBE-SVC-AAAAAAAAAAAAAAAA
    -A KUBE-SVC-AAAAAAAAAAAAAAAA -j KUBE-SEP-AAAAAAAAAAAAAAAA
    -A KUBE-SEP-AAAAAAAAAAAAAAAA -s 192.0.2.10/32 -j KUBE-MARK-MASQ
    -A KUBE-SEP-AAAAAAAAAAAAAAAA -p tcp -m tcp -j DNAT --to-destination 192.0.2.10:6443
    COMMIT
"""

from __future__ import annotations

from collections.abc import Iterator

from ruleparse.cni.saved import Here
from ruleparse.lint.finding import Finding, LintRule, Related, error, suspicion
from ruleparse.lint.ruleset import Chains, Rules

_HOST_PORTS = ("CNI-HOSTPORT-DNAT", "KUBE-HOSTPORTS")


def find(rules: Rules) -> Iterator[Finding]:
    nat = rules.table("nat")
    for hook in ("PREROUTING", "OUTPUT"):
        services = next((here for here in nat.rules(hook) if here.target == "KUBE-SERVICES"), None)
        for here in nat.rules(hook):
            early = services is not None and here.number < services.number and here.target in _HOST_PORTS
            if not early or services is None or here.option("--dst-type", "-d"):
                continue
            ports = list(host_ports(nat, here.target))
            behind = Related(services.words.span, "services come behind")
            if caught := next((h for h in nat.rules("KUBE-SERVICES") if port(h) in ports), None):
                what = f"{caught.value('-d')} port {caught.value('--dport')}"
                message = f"packets to service {what} go to the pod that has this host port"
                yield error(message, here.words.span, Related(caught.words.span, "never sees them"), behind)
            elif ports:
                message = f"{here.target} comes before KUBE-SERVICES: a host port may catch packets to services"
                yield suspicion(message, here.words.span, behind)


def port(here: Here) -> tuple[str | None, str | None]:
    return here.value("-p"), here.value("--dport") if here.value("-d") else None


def host_ports(nat: Chains, chain: str) -> Iterator[tuple[str | None, str | None]]:
    """Protocols and ports that a chain of host ports takes, whatever the address."""
    for here in nat.rules(chain):
        if here.option("-d", "--dst-type"):
            continue
        if here.value("--dport"):
            yield here.value("-p"), here.value("--dport")
        yield from ((here.value("-p"), one) for one in (here.value("--dports") or "").split(",") if one)


RULE = LintRule("hostport-before-services", "error", find)

"""An external address of a service belongs to somebody else (CVE-2020-8554).

Why: whoever may create services can give them any external address. The node then sends packets to that address to the
service's own pods: those for another service, for a pod, for the cloud's metadata.

Fix: remove the address from the service; let an admission controller refuse such addresses.

Sure: certain that the address is also that of another service with the same port, or of an endpoint. The metadata
address may be meant, so it is a suspicion. Addresses of the node itself are in common use and left alone.

Example:

    *nat
    :PREROUTING ACCEPT [0:0]
    :KUBE-SERVICES - [0:0]
    :KUBE-SVC-AAAAAAAAAAAAAAAA - [0:0]
    :KUBE-SVC-BBBBBBBBBBBBBBBB - [0:0]
    :KUBE-SEP-AAAAAAAAAAAAAAAA - [0:0]
    :KUBE-SEP-BBBBBBBBBBBBBBBB - [0:0]
    :KUBE-MARK-MASQ - [0:0]
    -A PREROUTING -j KUBE-SERVICES
    -A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000
    -A KUBE-SERVICES -d 10.96.0.9/32 -p tcp -m comment --comment "shop/web cluster IP" -m tcp --dport 80 -j KUBE-SVC-AAAAAAAAAAAAAAAA
    # here
    -A KUBE-SERVICES -d 10.96.0.9/32 -p tcp -m comment --comment "evil/mitm external IP" -m tcp --dport 80 -j KUBE-SVC-BBBBBBBBBBBBBBBB
    -A KUBE-SVC-AAAAAAAAAAAAAAAA -j KUBE-SEP-AAAAAAAAAAAAAAAA
    -A KUBE-SVC-BBBBBBBBBBBBBBBB -j KUBE-SEP-BBBBBBBBBBBBBBBB
    -A KUBE-SEP-AAAAAAAAAAAAAAAA -s 10.244.1.2/32 -j KUBE-MARK-MASQ
    -A KUBE-SEP-AAAAAAAAAAAAAAAA -p tcp -m tcp -j DNAT --to-destination 10.244.1.2:80
    -A KUBE-SEP-BBBBBBBBBBBBBBBB -s 10.244.1.3/32 -j KUBE-MARK-MASQ
    -A KUBE-SEP-BBBBBBBBBBBBBBBB -p tcp -m tcp -j DNAT --to-destination 10.244.1.3:80
    COMMIT
"""  # noqa: E501

from __future__ import annotations

import re
from collections.abc import Iterator

from ruleparse.cni.saved import Here
from ruleparse.lint.finding import Finding, LintRule, Related, error, suspicion
from ruleparse.lint.ruleset import Rules, chain_span

_OF_A_SERVICE = re.compile(r"KUBE-(?:SVC|SVL|EXT|XLB|FW)-(\w+)").fullmatch
_EXTERNAL = re.compile(r"(?:external|loadbalancer) IP").search
_METADATA = ("169.254.169.254", "fd00:ec2::254")


def find(rules: Rules) -> Iterator[Finding]:
    portals = [here for here in rules.table("nat").rules("KUBE-SERVICES") if _OF_A_SERVICE(here.target)]
    first: dict[tuple[str | None, ...], Here] = {}
    for here in portals:
        key = (here.value("-d"), here.value("-p"), here.value("--dport"))
        other = first.setdefault(key, here)
        if service(other) != service(here):
            message = f"two services have {key[0]} port {key[2]}: this one gets nothing"
            yield error(message, here.words.span, Related(other.words.span, "gets all of it"))
    for here in portals:
        if any(map(_EXTERNAL, here.words.comments())):
            yield from _of_others(rules, here)


def service(here: Here) -> str:
    found = _OF_A_SERVICE(here.target)
    return found[1] if found else here.target


def _of_others(rules: Rules, here: Here) -> Iterator[Finding]:
    nat, address = rules.table("nat"), here.value("-d") or ""
    if address in _METADATA:
        yield suspicion(f"{address} is where the cloud keeps its metadata", here.words.span)
    for chain in _endpoint_chains(rules, address):
        own = any(e.chain == chain for e in rules.services.endpoints(here.target))
        endpoint = rules.services.endpoint(chain) or ""
        if not own and endpoint.endswith(f":{here.value('--dport')}"):
            related = Related(chain_span(nat.chains[chain]), f"endpoint {endpoint}")
            yield error(f"{address} is the address of a pod of another service", here.words.span, related)
            return


def _endpoint_chains(rules: Rules, address: str) -> list[str]:
    from ruleparse.codec import address as number

    try:
        return rules.services.pods.get(number(address), [])
    except ValueError:
        return []


RULE = LintRule("service-address-hijack", "error", find)

"""The ipsets of a Calico node."""

from __future__ import annotations

from ..ipset import IpSet
from ..model import Cluster, Family, PolicyRule, family_of
from .names import selector_set, set_name
from .static import Encapsulation


def calico_sets(cluster: Cluster, family: Family, encapsulation: Encapsulation) -> list[IpSet]:
    nodes = tuple(node.address for node in (cluster.node, *cluster.peers) if family_of(node.address) == family)

    def networks(identity: str, members: tuple[str, ...]) -> IpSet:
        return IpSet(set_name(family, identity), "hash:net", members, family)

    sets = [
        networks("all-ipam-pools", (cluster.pod_cidr,)),
        networks("masq-ipam-pools", (cluster.pod_cidr,)),
    ]
    if encapsulation == "ipip":
        sets.append(networks("all-hosts-net", nodes))
    if encapsulation == "vxlan":
        sets.append(networks("all-vxlan-net", nodes[1:]))
    selected = {each.peer_selector: each for each in _policy_rules(cluster) if each.peer_selector}
    for selector, policy_rule in selected.items():
        members = tuple(address for address in policy_rule.peers if family_of(address) == family)
        sets.append(IpSet(selector_set(family, selector), "hash:net", members, family))
    return sets


def _policy_rules(cluster: Cluster) -> list[PolicyRule]:
    return [each for policy in cluster.policies for each in (*(policy.ingress or ()), *(policy.egress or ()))]

"""Pods and host endpoints as Calico's chains tell them, and the policies that hold each."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from ruleparse.cni.calico_policies import GROUP_CHAINS, POLICY_CHAINS, policies_of, policy_of
from ruleparse.cni.saved import SavedTable
from ruleparse.cni.things import Held
from ruleparse.kubernetes.cluster import Pod

_ENDS = (("pod", "cali-tw-", "cali-fw-"), ("host endpoint", "cali-fh-", "cali-th-"))
"""Chains of what goes to an end, and of what comes from it; a host endpoint is the network behind its interface."""


def interface_of(namespace: str, pod: str, prefix: str = "cali") -> str:
    """The interface of a pod: libcalico-go, lib/names; the AWS VPC CNI names its own alike, after `eni`."""
    return prefix + hashlib.sha1(f"{namespace}.{pod}".encode(), usedforsecurity=False).hexdigest()[:11]


def pods_by_interface(pods: Iterable[Pod], prefixes: Sequence[str]) -> dict[str, str]:
    """`default/web` by the interfaces that pods would have."""
    kept = prefixes or ("cali",)
    return {interface_of(p.namespace, p.name, prefix): p.full_name for p in pods for prefix in kept}


def held(table: SavedTable, whose: Callable[[str], str], names: Mapping[str, str]) -> Iterator[Held]:
    """Every end; `whose` says the namespace of an interface, in brackets, `names` whose it is."""
    for kind, into, out_of in _ENDS:
        chains = [name for prefix in (into, out_of) for name in table.starting(prefix)]
        for interface in sorted({chain.removeprefix(into).removeprefix(out_of) for chain in chains}):
            mine = tuple(prefix + interface for prefix in (into, out_of) if prefix + interface in table)
            found = re.search(r"namespace ([^,)]+)", whose(interface)) if kind == "pod" else None
            ingress, egress = (_asked(table, prefix + interface) for prefix in (into, out_of))
            yield Held(kind, interface, names.get(interface), found and found[1], None, ingress, egress, mine)


def _asked(table: SavedTable, chain: str) -> tuple[str, ...] | None:
    """The policies that a chain asks, in order; None where it asks none."""
    targets = [here.target for here in table.rules(chain)]
    groups = [target for target in targets if target.startswith((*POLICY_CHAINS, *GROUP_CHAINS))]
    return tuple(dict.fromkeys(str(policy) for group in groups for policy in policies_of(table, group))) or None


def policy_chains(table: SavedTable, name: str) -> Iterator[str]:
    """The chains of a policy: `default/deny-nginx`, `NetworkPolicy default/deny-nginx`."""
    for chain in table.starting(*POLICY_CHAINS):
        policy = policy_of(table, chain)
        if name in (policy.name, str(policy)):
            yield chain

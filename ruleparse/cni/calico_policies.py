"""Calico's policies and profiles: what their chains and comments call them, and what they accept."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ruleparse.cni.saved import Here, SavedTable

DIRECTIONS = {"cali-pi-": "ingress", "cali-po-": "egress", "cali-pri-": "ingress", "cali-pro-": "egress"}
POLICY_CHAINS = ("cali-pi-", "cali-po-")
PROFILE_CHAINS = ("cali-pri-", "cali-pro-")
GROUP_CHAINS = ("cali-gi-", "cali-go-")

_HEAD = re.compile(r"(?P<kind>Policy|Profile|\w*Policy) (?P<name>\S+) (?:ingress|egress)")
"""the comment at the head of a chain since 3.22; since 3.32 the kind is that of the resource"""

_LONGEST = 28
"""characters in the name of a chain; longer ones are hashed"""

_PREFIXED = {
    "knp.default.": "NetworkPolicy",
    "kanp.adminnetworkpolicy.": "AdminNetworkPolicy",
    "kbanp.baselineadminnetworkpolicy.": "BaselineAdminNetworkPolicy",
    "kcnp.kube-admin.": "ClusterNetworkPolicy",
    "kcnp.kube-baseline.": "ClusterNetworkPolicy",
}
"""how Calico calls the policies of Kubernetes itself"""

_KINDS = {
    "KubernetesNetworkPolicy": "NetworkPolicy",
    "KubernetesClusterNetworkPolicy": "ClusterNetworkPolicy",
    "NetworkPolicy": "Calico NetworkPolicy",
    "knp": "NetworkPolicy",
    "kcnp": "ClusterNetworkPolicy",
    "np": "Calico NetworkPolicy",
    "gnp": "GlobalNetworkPolicy",
}
"""kinds since 3.32, in comments and at the start of a chain's suffix"""


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy by the name that `kubectl` knows it by, or the hash that is all the dump has."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


def policy_named(name: str, kind: str = "Policy") -> Policy:
    """A policy by Calico's own name of it: `default/knp.default.deny-nginx`, `platform.quarantine` …"""
    if kind != "Policy":
        return Policy(_KINDS.get(kind, kind), name)
    *place, last = name.split("/")
    if place and place[0] in _KINDS:
        return Policy(_KINDS[place[0]], "/".join([*place[1:], last]))
    if len(place) == 2 or (place and last.startswith(f"{place[0]}.") and place[0] != "default"):
        place = place[1:]
    for prefix, resource in _PREFIXED.items():
        if last.startswith(prefix):
            owner = place[-1:] if resource == "NetworkPolicy" else []
            return Policy(resource, "/".join([*owner, last.removeprefix(prefix)]))
    tier, dot, own = last.partition(".")
    shown = last if not dot or tier != "default" else own
    return Policy("Calico NetworkPolicy", f"{place[0]}/{shown}") if place else Policy("GlobalNetworkPolicy", shown)


def policy_of(table: SavedTable, chain: str) -> Policy:
    """The policy of a chain, by its head's comment or its name."""
    if head := _head(table, chain):
        return policy_named(head["name"], head["kind"])
    suffix = chain.split("-", 2)[2]
    if suffix.startswith("_"):
        return _known(table, chain) or Policy("policy", f"with hash {suffix[1:]} (its name is not in the dump)")
    return policy_named(suffix)


def _known(table: SavedTable, chain: str) -> Policy | None:
    """The NetworkPolicy whose chain this is, among those that `kubectl` said there are."""
    cluster = table.program.cluster
    prefix = "-".join(chain.split("-", 2)[:2]) + "-"
    for policy in cluster.policies if cluster is not None else ():
        own = f"{policy.namespace}/knp.default.{policy.name}"
        if hashed(prefix, own) == chain:
            return policy_named(own)
    return None


def policies_of(table: SavedTable, chain: str) -> list[Policy]:
    """The policy of a chain, or all of a group's."""
    return [policy_of(table, member) for member in members(table, chain)]


def members(table: SavedTable, chain: str) -> list[str]:
    """The policy chains of a group; a policy's chain is alone."""
    if not chain.startswith(GROUP_CHAINS):
        return [chain]
    return [here.target for here in table.rules(chain) if here.target.startswith(POLICY_CHAINS)]


def profiles_of(table: SavedTable, interface: str) -> set[str]:
    """The profiles of the pod behind an interface."""
    rules = (here for way in ("tw", "fw") for here in table.rules(f"cali-{way}-{interface}"))
    return {profile_of(table, here.target) for here in rules if here.target.startswith(PROFILE_CHAINS)}


def profile_of(table: SavedTable, chain: str) -> str:
    """A profile as Calico calls it: `kns.default`, `ksa.default.web`, or its hash."""
    if head := _head(table, chain):
        return head["name"]
    suffix = chain.split("-", 2)[2]
    return suffix if not suffix.startswith("_") else _unhashed(table, chain) or f"with hash {suffix[1:]}"


def _unhashed(table: SavedTable, chain: str) -> str | None:
    """The service account whose profile has this hash, among the usual ones of the namespaces seen."""
    prefix = "-".join(chain.split("-", 2)[:2]) + "-"
    namespaces = [name.removeprefix("cali-pri-kns.") for name in table.starting("cali-pri-kns.")]
    candidates = (*(f"ksa.{namespace}.default" for namespace in namespaces), "ksa.kube-system.coredns")
    return next((name for name in candidates if hashed(prefix, name) == chain), None)


def hashed(prefix: str, suffix: str) -> str:
    """The name of the chain of a suffix that is too long for it (felix/hashutils)."""
    digest = base64.urlsafe_b64encode(hashlib.sha256(suffix.encode()).digest()).decode()
    return f"{prefix}_{digest}"[:_LONGEST]


def profile_words(profile: str) -> str:
    """`profile of namespace default`, `profile of service account web in namespace default`."""
    kind, _, rest = profile.partition(".")
    if kind in ("kns", "k8s_ns") and rest:
        return f"profile of namespace {rest}"
    if kind == "ksa" and "." in rest:
        namespace, _, account = rest.partition(".")
        return f"profile of service account {account} in namespace {namespace}"
    return f"profile {profile}"


def _head(table: SavedTable, chain: str) -> re.Match[str] | None:
    for here in table.rules(chain)[:1]:
        for comment in here.words.comments():
            if found := _HEAD.fullmatch(comment):
                return found
    return None


# What a policy accepts

_IGNORED = {"-m", "--match", "--comment", "-j", "--jump", "-g", "--goto", "--set-xmark", "--mark", "--reject-with"}
_WORDS = {
    "-p": ("{}", "anything but {}"),
    "--dport": ("port {}", "any port but {}"),
    "--dports": ("port {}", "any port but {}"),
    "--icmp-type": ("type {}", "any type but {}"),
    "--icmpv6-type": ("type {}", "any type but {}"),
    "-s": ("from {}", "not from {}"),
    "-d": ("to {}", "not to {}"),
    "--sports": ("from port {}", "from any port but {}"),
}
"""in the order in which they are said; what a condition is called, and its opposite"""
_SIDES = {"src": "from", "dst": "to", "src,src": "from", "dst,dst": "to"}


def accepted(table: SavedTable, chain: str, accept: int) -> list[str] | None:
    """What each rule of a policy accepts, in words; None where one is spread over several rules."""
    found = []
    for here in table.rules(chain):
        bits = bits_set(here)
        if bits and bits != accept:
            return None
        if bits == accept:
            found.append(conditions(here))
    return found


def bits_set(here: Here) -> int:
    return here.bits("--set-xmark") if here.target == "MARK" else 0


def conditions(here: Here) -> str:
    """What a rule of a policy fits, in words."""
    said = [words for _, words in sorted(_conditions(here), key=lambda condition: condition[0])]
    return " ".join(said if here.option("-p") else ["everything", *said])


def _conditions(here: Here) -> Iterator[tuple[int, str]]:
    order = list(_WORDS)
    for option in here.words.options:
        value = ",".join(option.words[:1]).removesuffix("/32").removesuffix("/128")
        if option.name in _WORDS:
            yield order.index(option.name), _WORDS[option.name][option.negated].format(value)
        elif option.name == "--match-set":
            name, directions, *_ = (*option.words, "", "")
            side = _SIDES.get(directions, "with")
            yield len(order), f"{'not ' if option.negated else ''}{side} members of set {name}"
        elif option.name not in _IGNORED:
            yield len(order), " ".join(["not"] * option.negated + [option.name, *option.words])


def shortened(things: Iterable[object], most: int = 5) -> str:
    """`a, b and c`, `a, b and 7 more`."""
    words = [str(thing) for thing in things]
    if len(words) > most:
        words = [*words[: most - 1], f"{len(words) - most + 1} more"]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""

"""Chains of workload endpoints, and the trees that dispatch to them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import groupby

from ..model import Direction, Family, NetworkPolicy, Pod
from ..save import Table
from . import felix
from .felix import Rule, rule, write_chain
from .names import chain_name, group_chain, namespaced_selector, policy_chain, policy_name
from .policies import POLICY_PREFIX, PROFILE_PREFIX, write_policy, write_profile
from .release import Release

TIER_ORDER = {"default": 1_000_000}
ENDPOINT_PREFIX: dict[Direction, str] = {"ingress": "cali-tw-", "egress": "cali-fw-"}
GROUP_PREFIX: dict[Direction, str] = {"ingress": "cali-gi-", "egress": "cali-go-"}
POLICIES_BETWEEN_RETURNS = 5
VXLAN_PORT = 4789


def write_endpoints(
    table: Table, family: Family, release: Release, pods: tuple[Pod, ...], policies: tuple[NetworkPolicy, ...]
) -> None:
    for pod in pods:
        for direction in ENDPOINT_PREFIX:
            _write_endpoint(table, family, release, pod, policies, direction)
    for profile in sorted({profile for pod in pods for profile in profiles(pod)}):
        write_profile(table, family, release, profile)
    names = sorted(pod.interface for pod in pods)
    _write_dispatch(table, "cali-from-wl-dispatch", names, felix.arriving, "cali-fw-")
    _write_dispatch(table, "cali-to-wl-dispatch", names, felix.leaving, "cali-tw-")


def profiles(pod: Pod) -> tuple[str, str]:
    return f"kns.{pod.namespace}", f"ksa.{pod.namespace}.{pod.service_account}"


def _write_endpoint(
    table: Table,
    family: Family,
    release: Release,
    pod: Pod,
    policies: tuple[NetworkPolicy, ...],
    direction: Direction,
) -> None:
    governing = [each for each in policies if each.applies_to(pod) and each.rules(direction) is not None]
    governing.sort(key=lambda each: (TIER_ORDER.get(each.tier, 100), each.tier, each.order, policy_name(each)))
    for policy in governing:
        write_policy(table, family, release, policy, direction)

    rules = [*_start(release), *(_no_tunnels(release) if direction == "egress" else ())]
    for tier, in_tier in groupby(governing, key=lambda each: each.tier):
        rules += _tier(table, release, tier, list(in_tier), direction)
    for profile in profiles(pod):
        rules.append(rule(do=felix.jump(chain_name(PROFILE_PREFIX[direction], profile))))
        rules.append(rule(felix.mark_set(release.accept), do=felix.RETURN, say="Return if profile accepted"))
    rules.append(rule(do=felix.DROP, say="Drop if no profiles matched"))
    write_chain(table, chain_name(ENDPOINT_PREFIX[direction], pod.interface), rules)


def _start(release: Release) -> list[Rule]:
    verdicts = release.accept | release.passed if release.clears_verdict_at_once else release.accept
    return [
        rule(felix.state("RELATED,ESTABLISHED"), do=felix.ACCEPT),
        rule(felix.state("INVALID"), do=felix.DROP),
        rule(do=felix.clear_mark(verdicts)),
    ]


def _no_tunnels(release: Release) -> list[Rule]:
    source = f"packets originating in {release.encapsulation_source_text}"
    return [
        rule("-p 17", felix.to_ports(VXLAN_PORT), do=felix.DROP, say=f"Drop VXLAN encapped {source}"),
        rule("-p 4", do=felix.DROP, say=f"Drop IPinIP encapped {source}"),
    ]


def _tier(table: Table, release: Release, tier: str, policies: list[NetworkPolicy], direction: Direction) -> list[Rule]:
    rules = []
    if start := release.start_of_tier(tier):
        rules.append(rule(do=felix.clear_mark(release.passed), say=start))
    for chain in _policy_chains(table, release, policies, direction):
        rules.append(rule(felix.mark_clear(release.passed), do=felix.jump(chain)))
        rules.append(rule(felix.mark_set(release.accept), do=felix.RETURN, say="Return if policy accepted"))
    rules.append(rule(felix.mark_clear(release.passed), do=felix.DROP, say=release.end_of_tier(tier)))
    return rules


def _policy_chains(
    table: Table, release: Release, policies: list[NetworkPolicy], direction: Direction
) -> Iterable[str]:
    """One chain per policy; neighbours with the same selector share a group's chain."""
    for (namespace, selects), group in groupby(policies, key=lambda each: (each.namespace, each.selects)):
        members = list(group)
        chains = [policy_chain(POLICY_PREFIX[direction], policy, release) for policy in members]
        if len(members) == 1 or not release.groups_policies:
            yield from chains
            continue
        selector = namespaced_selector(namespace, selects)
        side = "inbound" if direction == "ingress" else "outbound"
        names = [policy_name(policy) for policy in members]
        grouped = group_chain(GROUP_PREFIX[direction], members[0].tier, selector, side, names)
        write_chain(table, grouped, _group(release, chains))
        yield grouped


def _group(release: Release, chains: list[str]) -> list[Rule]:
    verdicts = release.accept | release.passed
    rules = []
    for index, chain in enumerate(chains):
        first_of_block = index % POLICIES_BETWEEN_RETURNS == 0
        if index and first_of_block:
            rules.append(rule(felix.any_mark(verdicts), do=felix.RETURN, say="Return on verdict"))
        undecided = "" if first_of_block else felix.mark_clear(verdicts)
        rules.append(rule(undecided, do=felix.jump(chain)))
    return rules


def _write_dispatch(
    table: Table, root: str, names: list[str], match: Callable[[str], str], endpoint_prefix: str
) -> None:
    """Interfaces that share their next letter go through a chain of their own."""

    def to_endpoint(name: str) -> Rule:
        return rule(match(name), do=felix.goto(chain_name(endpoint_prefix, name)))

    unknown = rule(do=felix.DROP, say="Unknown interface")
    common = _common_length(names)
    rules = []
    for prefix, group in groupby(names, key=lambda name: name[: common + 1]):
        members = list(group)
        if len(members) == 1:
            rules.append(to_endpoint(members[0]))
            continue
        child = f"{root}-{prefix[common:]}"
        rules.append(rule(match(f"{prefix}+"), do=felix.goto(child)))
        write_chain(table, child, [*map(to_endpoint, members), unknown])
    write_chain(table, root, [*rules, unknown])


def _common_length(names: list[str]) -> int:
    """Letters that all names share; they are sorted, so the first and the last differ most."""
    if not names:
        return 0
    pairs = zip(names[0], names[-1], strict=False)
    return next((index for index, (first, last) in enumerate(pairs) if first != last), len(names[0]))

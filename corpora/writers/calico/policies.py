"""Chains of policies and profiles: what they allow, they mark and return."""

from __future__ import annotations

from dataclasses import replace

from ..model import Direction, Family, NetworkPolicy, PolicyRule, family_of
from ..save import Table
from . import felix
from .felix import Rule, rule, write_chain
from .names import chain_name, policy_chain, policy_name, selector_set
from .release import Release

PORTS_PER_MULTIPORT = 15
POLICY_PREFIX: dict[Direction, str] = {"ingress": "cali-pi-", "egress": "cali-po-"}
PROFILE_PREFIX: dict[Direction, str] = {"ingress": "cali-pri-", "egress": "cali-pro-"}


def write_policy(table: Table, family: Family, release: Release, policy: NetworkPolicy, direction: Direction) -> None:
    rules: list[Rule] = []
    for policy_rule in policy.rules(direction) or ():
        if _fits(policy_rule, family):
            rules += _rules(release, policy_rule, family, direction)
    text = f"Policy {policy_name(policy)} {direction}"
    write_chain(table, policy_chain(POLICY_PREFIX[direction], policy, release), _finished(release, rules, text))


def write_profile(table: Table, family: Family, release: Release, profile: str) -> None:
    """A namespace's profile allows everything; a service account's has no rules."""
    for direction, prefix in PROFILE_PREFIX.items():
        rules = _rules(release, PolicyRule(), family, direction) if profile.startswith("kns.") else []
        text = f"Profile {profile} {direction}"
        write_chain(table, chain_name(prefix, profile), _finished(release, rules, text))


def _fits(policy_rule: PolicyRule, family: Family) -> bool:
    return all(family_of(network) == family for network in policy_rule.peer_networks)


def _finished(release: Release, rules: list[Rule], text: str) -> list[Rule]:
    if release.strips_final_returns and rules and rules[-1].action == felix.RETURN:
        rules = rules[:-1]
    if not release.comments_policy_chains:
        return rules
    first, *others = rules or [Rule()]
    return [replace(first, comments=(text,)), *others]


def _rules(release: Release, wanted: PolicyRule, family: Family, direction: Direction) -> list[Rule]:
    """One iptables rule holds one network and 15 ports; more of them are or-ed through mark bits."""
    peer_option = "--source" if direction == "ingress" else "--destination"
    match_set = felix.from_set if direction == "ingress" else felix.to_set
    protocol = f"-p {wanted.protocol}" if wanted.protocol else ""
    port_matches = [felix.to_ports(*ports) for ports in _chunks(wanted.ports)]
    peers = [f"{peer_option} {network}" for network in wanted.peer_networks]
    exceptions = [f"{peer_option} {network}" for network in wanted.except_networks]

    alternatives: list[list[tuple[str, ...]]] = []
    if len(port_matches) > 1:
        alternatives.append([(protocol, ports) for ports in port_matches])
    if len(peers) > 1:
        alternatives.append([(peer,) for peer in peers])
    blocks = _blocks(release, alternatives, exceptions)
    matches = (
        protocol,
        peers[0] if len(peers) == 1 else "",
        match_set(selector_set(family, wanted.peer_selector)) if wanted.peer_selector else "",
        port_matches[0] if len(port_matches) == 1 else "",
        felix.mark_set(release.scratch0) if blocks else "",
    )
    return [*blocks, *_verdict(release, wanted.action, matches)]


def _chunks(ports: tuple[int, ...]) -> list[tuple[int, ...]]:
    return [ports[start : start + PORTS_PER_MULTIPORT] for start in range(0, len(ports), PORTS_PER_MULTIPORT)]


def _blocks(release: Release, alternatives: list[list[tuple[str, ...]]], exceptions: list[str]) -> list[Rule]:
    """scratch0 says whether all blocks matched so far, scratch1 whether the current one did."""
    if not alternatives and not exceptions:
        return []
    all_blocks, this_block = release.scratch0, release.scratch1
    start = 0 if alternatives else all_blocks
    rules = [rule(do=felix.set_masked_mark(start, all_blocks | this_block))]
    for index, block in enumerate(alternatives):
        bit = this_block if index else all_blocks
        rules += [rule(*matches, do=felix.set_mark(bit)) for matches in block]
        if index:
            rules.append(rule(felix.mark_clear(this_block), do=felix.clear_mark(all_blocks)))
    return rules + [rule(exception, do=felix.clear_mark(all_blocks)) for exception in exceptions]


def _verdict(release: Release, action: str, matches: tuple[str, ...]) -> list[Rule]:
    if action == "Log":
        return [rule(*matches, do='--jump LOG --log-prefix "calico-packet: " --log-level 5')]
    if action == "Deny" and not release.has_drop_mark:
        return [rule(*matches, do=felix.DROP)]
    bit = {"Allow": release.accept, "Pass": release.passed, "Deny": release.drop}[action]
    end = felix.DROP if action == "Deny" else felix.RETURN
    return [rule(*matches, do=felix.set_mark(bit)), rule(felix.mark_set(bit), do=end)]

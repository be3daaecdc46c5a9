"""Chains that every Calico node has, whatever runs on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..model import Family
from ..save import Ruleset
from . import felix
from .endpoints import VXLAN_PORT
from .felix import Rule, append_rules, insert_jump, rule, write_chain
from .names import set_name
from .release import Release

Encapsulation = Literal["none", "ipip", "vxlan"]
HOST_ACCEPTED = "Host endpoint policy accepted packet."
ROUTER_ICMPV6_TYPES = (130, 131, 132, 133, 135, 136)


@dataclass(frozen=True)
class Host:
    release: Release
    family: Family
    encapsulation: Encapsulation
    endpoint_to_host: str
    mangle_allow: str
    prefix: str
    service_cidrs: tuple[str, ...] = ()

    @property
    def workloads(self) -> str:
        return f"{self.prefix}+"

    def set(self, identity: str) -> str:
        return set_name(self.family, identity)


def write_static(ruleset: Ruleset, host: Host) -> None:
    _write_raw(ruleset, host)
    _write_mangle(ruleset, host)
    _write_nat(ruleset, host)
    _write_filter(ruleset, host)


def _write_raw(ruleset: Ruleset, host: Host) -> None:
    table, release = ruleset["raw"], host.release
    from_workload = felix.mark_set(release.scratch0)
    untracked = []
    if host.encapsulation == "vxlan" and release.leaves_vxlan_untracked:
        untracked = [rule("-p udp", f"--dport {VXLAN_PORT}", do=felix.NOTRACK)]
    skip = [rule(from_workload, do=felix.jump("cali-rpf-skip"))] if release.has_rpf_skip else []
    clear, accept = rule(do=felix.clear_mark(release.all_marks)), _accept_marked(host)
    prerouting = [
        clear,
        *untracked,
        rule(felix.arriving(host.workloads), do=felix.set_mark(release.scratch0)),
        *skip,
        rule(from_workload, "-m rpfilter --invert --validmark", do=felix.DROP),
        rule(felix.mark_clear(release.scratch0), do=felix.jump("cali-from-host-endpoint")),
        accept,
    ]
    write_chain(table, "cali-PREROUTING", prerouting)
    write_chain(table, "cali-OUTPUT", [clear, rule(do=felix.jump("cali-to-host-endpoint")), *untracked, accept])
    table.chain("cali-from-host-endpoint", "cali-to-host-endpoint")
    if skip:
        table.chain("cali-rpf-skip")
    for chain in ("PREROUTING", "OUTPUT"):
        insert_jump(table, chain)


def _accept_marked(host: Host, action: str = felix.ACCEPT, say: str = "") -> Rule:
    return rule(felix.mark_set(host.release.accept), do=action, say=say)


def _write_mangle(ruleset: Ruleset, host: Host) -> None:
    table, release = ruleset["mangle"], host.release
    prerouting = [
        rule(felix.state("RELATED,ESTABLISHED"), do=host.mangle_allow),
        _accept_marked(host, host.mangle_allow),
        rule(do=felix.jump("cali-from-host-endpoint")),
        _accept_marked(host, host.mangle_allow, HOST_ACCEPTED),
    ]
    write_chain(table, "cali-PREROUTING", prerouting)
    table.chain("cali-from-host-endpoint")
    insert_jump(table, "PREROUTING")
    if not release.polices_after_nat:
        return
    postrouting = [
        _accept_marked(host, felix.RETURN),
        rule(do=felix.clear_mark(release.all_marks)),
        rule(felix.state("DNAT"), do=felix.jump("cali-to-host-endpoint")),
        _accept_marked(host, felix.RETURN, HOST_ACCEPTED),
    ]
    write_chain(table, "cali-POSTROUTING", postrouting)
    table.chain("cali-to-host-endpoint")
    insert_jump(table, "POSTROUTING")


def _write_nat(ruleset: Ruleset, host: Host) -> None:
    table = ruleset["nat"]
    pools, masqueraded = host.set("all-ipam-pools"), host.set("masq-ipam-pools")
    outside = f"-m set ! --match-set {pools} dst"
    write_chain(table, "cali-nat-outgoing", [rule(felix.from_set(masqueraded), outside, do=felix.MASQUERADE)])
    table.chain("cali-fip-dnat", "cali-fip-snat")
    for chain in ("PREROUTING", "OUTPUT"):
        write_chain(table, f"cali-{chain}", [rule(do=felix.jump("cali-fip-dnat"))])
        insert_jump(table, chain)
    postrouting = [rule(do=felix.jump("cali-fip-snat")), rule(do=felix.jump("cali-nat-outgoing"))]
    if tunnel := {"ipip": "tunl0", "vxlan": "vxlan.calico", "none": ""}[host.encapsulation]:
        wrong_source = "-m addrtype ! --src-type LOCAL --limit-iface-out"
        matches = (felix.leaving(tunnel), wrong_source, felix.FROM_LOCAL)
        postrouting.append(rule(*matches, do=felix.MASQUERADE))
    write_chain(table, "cali-POSTROUTING", postrouting)
    if host.release.appends_postrouting:
        append_rules(table, "POSTROUTING", [rule(do=felix.jump("cali-POSTROUTING"))])
    else:
        insert_jump(table, "POSTROUTING")


def _write_filter(ruleset: Ruleset, host: Host) -> None:
    table, release = ruleset["filter"], host.release
    write_chain(table, "cali-INPUT", _filter_input(host))
    write_chain(table, "cali-OUTPUT", _filter_output(host))
    write_chain(table, "cali-FORWARD", _filter_forward(host))
    write_chain(table, "cali-wl-to-host", _workload_to_host(host))
    table.chain("cali-from-hep-forward", "cali-to-hep-forward", "cali-from-host-endpoint", "cali-to-host-endpoint")
    if release.blocks_service_loops:
        loops = [rule(f"--destination {network}", do=felix.DROP) for network in host.service_cidrs]
        write_chain(table, "cali-cidr-block", loops)
    for chain in ("INPUT", "FORWARD", "OUTPUT"):
        insert_jump(table, chain)
    tail = [_accept_marked(host, say="Policy explicitly accepted packet.")]
    if release.polices_after_nat:
        tail.append(rule(do=felix.set_mark(release.accept)))
    append_rules(table, "FORWARD", tail)


def _filter_input(host: Host) -> list[Rule]:
    return [
        *_tunnels_in(host),
        rule(felix.arriving(host.workloads), do=felix.goto("cali-wl-to-host")),
        _accept_marked(host),
        rule(do=felix.clear_mark(host.release.all_marks)),
        rule(do=felix.jump("cali-from-host-endpoint")),
        _accept_marked(host, say=HOST_ACCEPTED),
    ]


def _tunnels_in(host: Host) -> list[Rule]:
    if host.family == 6 or host.encapsulation == "none":
        return []
    if host.encapsulation == "ipip":
        known = felix.from_set(host.set("all-hosts-net"))
        return [
            rule("-p 4", known, felix.TO_LOCAL, do=felix.ACCEPT, say="Allow IPIP packets from Calico hosts"),
            rule("-p 4", do=felix.DROP, say="Drop IPIP packets from non-Calico hosts"),
        ]
    vxlan, listed = host.release.vxlan_text
    port, known = felix.to_ports(VXLAN_PORT), felix.from_set(host.set("all-vxlan-net"))
    allow, drop = f"Allow {vxlan} packets from {listed} hosts", f"Drop {vxlan} packets from non-{listed} hosts"
    return [
        rule("-p 17", port, known, felix.TO_LOCAL, do=felix.ACCEPT, say=allow),
        rule("-p 17", port, felix.TO_LOCAL, do=felix.DROP, say=drop),
    ]


def _tunnels_out(host: Host) -> list[Rule]:
    if host.family == 6 or host.encapsulation == "none":
        return []
    if host.encapsulation == "ipip":
        known = felix.to_set(host.set("all-hosts-net"))
        text = "Allow IPIP packets to other Calico hosts"
        return [rule("-p 4", known, felix.FROM_LOCAL, do=felix.ACCEPT, say=text)]
    vxlan, listed = host.release.vxlan_text
    matches = (felix.to_ports(VXLAN_PORT), felix.FROM_LOCAL, felix.to_set(host.set("all-vxlan-net")))
    return [rule("-p 17", *matches, do=felix.ACCEPT, say=f"Allow {vxlan} packets to other {listed} hosts")]


def _filter_output(host: Host) -> list[Rule]:
    before_nat = "-m conntrack ! --ctstate DNAT" if host.release.polices_after_nat else ""
    return [
        _accept_marked(host),
        rule(felix.leaving(host.workloads), do=felix.RETURN),
        *_tunnels_out(host),
        rule(do=felix.clear_mark(host.release.all_marks)),
        rule(before_nat, do=felix.jump("cali-to-host-endpoint")),
        _accept_marked(host, say=HOST_ACCEPTED),
    ]


def _filter_forward(host: Host) -> list[Rule]:
    release = host.release
    rules = [
        rule(do=felix.clear_mark(release.all_marks & ~release.accept)),
        rule(felix.mark_clear(release.accept), do=felix.jump("cali-from-hep-forward")),
        rule(felix.arriving(host.workloads), do=felix.jump("cali-from-wl-dispatch")),
        rule(felix.leaving(host.workloads), do=felix.jump("cali-to-wl-dispatch")),
        rule(do=felix.jump("cali-to-hep-forward")),
    ]
    if release.blocks_service_loops:
        rules.append(rule(do=felix.jump("cali-cidr-block")))
    return rules


def _workload_to_host(host: Host) -> list[Rule]:
    types = ROUTER_ICMPV6_TYPES if host.family == 6 else ()
    return [
        *(rule("-p 58", f"-m icmp6 --icmpv6-type {number}", do=felix.ACCEPT) for number in types),
        rule(do=felix.jump("cali-from-wl-dispatch")),
        rule(do=host.endpoint_to_host, say="Configured DefaultEndpointToHostAction"),
    ]

"""The AWS VPC CNI: pods carry addresses of the VPC; SNAT and marks for what leaves it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from .hosts import ethernet, gateway_route, mac_of
from .model import Cluster, Pod
from .node import KUBERNETES_SYSCTLS, LOOPBACK, HostNetwork, Link, Route
from .rule import comment
from .save import Ruleset, Table

MARK = "0x80"
SET_MARK = f"-j CONNMARK --set-xmark {MARK}/{MARK}"
RESTORE_MARK = f"-j CONNMARK --restore-mark --nfmask {MARK} --ctmask {MARK}"
RETURN_CHAINS_SINCE = 17


@dataclass(frozen=True)
class Vpc:
    """Networks that keep pod addresses, and which pods live on the second ENI."""

    cidrs: tuple[str, ...]
    excluded: tuple[str, ...] = ()
    second_eni: str = ""
    second_eni_pods: tuple[str, ...] = ()


def write_aws_vpc(ruleset: Ruleset, cluster: Cluster, vpc: Vpc, minor: int) -> None:
    """The rules of amazon-vpc-cni-k8s 1.`minor`."""
    nat, node = ruleset["nat"], cluster.node
    nat.prepend("POSTROUTING", comment("AWS SNAT CHAIN"), "-j AWS-SNAT-CHAIN-0")
    snat = (
        "! -o vlan+",
        comment("AWS, SNAT"),
        "-m addrtype ! --dst-type LOCAL",
        f"-j SNAT --to-source {node.address} --random-fully",
    )
    _write_exceptions(nat, vpc, minor, "AWS-SNAT-CHAIN", ("AWS SNAT CHAIN", "AWS SNAT CHAIN EXCLUSION"), snat)

    outbound = (f"-i {POD_INTERFACES}", comment("AWS, outbound connections"))
    nat.append("PREROUTING", *outbound, "-j AWS-CONNMARK-CHAIN-0")
    nat.append("PREROUTING", comment("AWS, CONNMARK"), RESTORE_MARK)
    texts = ("AWS CONNMARK CHAIN, VPC CIDR", "AWS CONNMARK CHAIN, EXCLUDED CIDR")
    _write_exceptions(nat, vpc, minor, "AWS-CONNMARK-CHAIN", texts, (comment("AWS, CONNMARK"), SET_MARK))

    _write_primary_interface_marks(ruleset["mangle"], node.interface)


POD_INTERFACES = "eni+"


def _write_primary_interface_marks(mangle: Table, interface: str) -> None:
    text = comment("AWS, primary ENI")
    limited = "-m addrtype --dst-type LOCAL --limit-iface-in"
    mangle.append("PREROUTING", f"-i {interface}", text, limited, SET_MARK)
    for pods in (POD_INTERFACES, "vlan+"):
        mangle.append("PREROUTING", f"-i {pods}", text, RESTORE_MARK)


def _write_exceptions(
    nat: Table, vpc: Vpc, minor: int, chain: str, texts: tuple[str, str], final: tuple[str, ...]
) -> None:
    """Up to 1.16 a ladder of negated networks, one chain each; then one chain of RETURNs."""
    exceptions = [(network, texts[0]) for network in vpc.cidrs] + [(network, texts[1]) for network in vpc.excluded]
    if minor >= RETURN_CHAINS_SINCE:
        for network, text in exceptions:
            nat.append(f"{chain}-0", f"-d {network}", comment(text), "-j RETURN")
        nat.append(f"{chain}-0", *final)
        return
    for rung, (network, text) in enumerate(exceptions):
        nat.append(f"{chain}-{rung}", f"! -d {network}", comment(text), f"-j {chain}-{rung + 1}")
    nat.append(f"{chain}-{len(exceptions)}", *final)


def aws_network(cluster: Cluster, vpc: Vpc) -> HostNetwork:
    """One /32 route per pod; pods of the second ENI leave through table 2."""
    node = cluster.node
    second = replace(node, address=vpc.second_eni, interface="eth1")
    veths = tuple(
        Link(pod.interface, _pod_mac(pod), (), 9001, "if3", "", f"cni-{pod.interface[3:]}", "veth")
        for pod in cluster.pods
    )
    routes = [gateway_route(node)]
    routes += [Route(pod.address, f"dev {pod.interface} scope link") for pod in cluster.pods]
    routes += [
        Route("default", f"via {node.gateway} dev eth1", table="2"),
        Route(node.gateway, "dev eth1 scope link", table="2"),
    ]
    rules = [(512, f"from all to {pod.address} lookup main") for pod in cluster.pods]
    rules.append((1024, f"from all fwmark {MARK}/{MARK} lookup main"))
    rules += [(1536, f"from {address} lookup 2") for address in vpc.second_eni_pods]
    sysctls = KUBERNETES_SYSCTLS | {f"net.ipv4.conf.{node.interface}.rp_filter": 2}
    links = (LOOPBACK, ethernet(node), ethernet(second), *veths)
    return HostNetwork(links, tuple(routes), rules=tuple(rules), sysctls=sysctls)


def _pod_mac(pod: Pod) -> str:
    return mac_of(pod.address, "0a:58")

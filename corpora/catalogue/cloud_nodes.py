"""Nodes of a cloud: AWS with its own CNI."""

from __future__ import annotations

from dataclasses import replace

from ..writers.aws_vpc import Vpc, aws_network, write_aws_vpc
from ..writers.calico import calico_sets, interface_name, write_calico
from ..writers.calico.felix import RETURN
from ..writers.model import Cluster, Endpoint, NetworkPolicy, Node, Pod, PolicyRule, Service
from ..writers.save import Printer, Ruleset
from .dump import Dump, node_files
from .kube_proxy_nodes import kube_ruleset

NODE = Node("ip-10-20-1-50", "10.20.1.50", 24, "10.20.1.1", "10.20.0.0/16")
VPC = Vpc(("10.20.0.0/16", "100.64.0.0/16"), ("192.168.100.0/24",), "10.20.1.51", ("10.20.1.130",))


def _pod(name: str, address: str, namespace: str = "default") -> Pod:
    return Pod(namespace, name, address, interface_name(namespace, name, "eni"), (("app", name.split("-")[0]),))


PODS = (
    _pod("web-6d4b9", "10.20.1.77"),
    _pod("api-77f9c", "10.20.1.130"),
    _pod("coredns-0", "10.20.1.90", "kube-system"),
)
SERVICES = (
    Service("default", "kubernetes", "https", "tcp", 443, "172.20.0.1", (Endpoint("10.20.1.5", 443),)),
    Service("kube-system", "kube-dns", "dns", "udp", 53, "172.20.0.10", (Endpoint("10.20.1.90", 53, local=True),)),
    Service(
        "default", "web", "", "tcp", 80, "172.20.14.8", (Endpoint("10.20.1.77", 8080, local=True),), node_port=31080
    ),
)
CLUSTER = Cluster("10.20.0.0/16", "172.20.0.0/16", NODE, pods=PODS, services=SERVICES)


def dumps() -> list[Dump]:
    return [_aws("aws-vpc-cni", 19, 29), _aws("aws-vpc-cni-1.11", 11, 22), _aws_with_calico()]


def _ruleset(minor: int, kubernetes: int) -> Ruleset:
    ruleset = kube_ruleset(CLUSTER, kubernetes)
    write_aws_vpc(ruleset, CLUSTER, VPC, minor)
    return ruleset


def _aws(folder: str, minor: int, kubernetes: int) -> Dump:
    files = node_files(_ruleset(minor, kubernetes), printer=Printer("1.8.4"), network=aws_network(CLUSTER, VPC))
    story = "pods with addresses of the VPC, one of them on the second network interface"
    return Dump(folder, "AWS VPC CNI, kube-proxy", f"1.{minor}, 1.{kubernetes}", story, files)


def _aws_with_calico() -> Dump:
    """Calico for policy only; its mangle rules return so that the marks of the CNI still happen."""
    policy = NetworkPolicy("default", "web", (("app", "web"),), (PolicyRule("tcp", (8080,)),))
    facts = replace(CLUSTER, policies=(policy,))
    ruleset = _ruleset(18, 28)
    write_calico(ruleset, facts, 27, encapsulation="none", interface_prefix="eni", mangle_allow=RETURN)
    sets = calico_sets(facts, 4, "none")
    files = node_files(ruleset, printer=Printer("1.8.8"), network=aws_network(CLUSTER, VPC), sets=sets)
    return Dump(
        "aws-vpc-cni-calico", "AWS VPC CNI, Calico, kube-proxy", "1.18, 3.27, 1.28", "Calico for policy only", files
    )

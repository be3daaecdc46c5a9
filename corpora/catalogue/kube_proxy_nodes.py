"""Nodes with kube-proxy, one for each generation of its rules."""

from __future__ import annotations

from dataclasses import replace

from ..writers.flannel import flannel_network, write_flannel
from ..writers.hosts import plain_network
from ..writers.kube_proxy import write_kube_proxy
from ..writers.kube_proxy_ipvs import (
    ipvs_sets,
    ipvsadm_save,
    virtual_servers,
    with_service_device,
    write_kube_proxy_ipvs,
)
from ..writers.kubelet import write_kubelet
from ..writers.model import Cluster, Endpoint, Family, Pod, Service
from ..writers.save import Printer, Ruleset
from .dump import Dump, node_files
from .example import EVERY_KIND_OF_SERVICE, SYSTEM_SERVICES, WORKER, WORKER6, cluster, cluster6

PRINTERS = {
    16: Printer("1.8.3"),
    18: Printer("1.8.4", counters=True),
    21: Printer("1.8.5"),
    23: Printer("1.8.7", "nft"),
    24: Printer("1.8.7"),
    27: Printer("1.8.9", "nft"),
    31: Printer("1.8.9", counters=True),
    34: Printer("1.8.9", "nft"),
}


def dumps() -> list[Dump]:
    generations = [_generation(minor, printer) for minor, printer in PRINTERS.items()]
    return [*generations, _flannel(), _dual_stack(), _ipvs(), _large_cluster(), _rules_only(), _unknown_cluster_cidr()]


def kube_ruleset(facts: Cluster, minor: int, family: Family = 4) -> Ruleset:
    ruleset = Ruleset(family)
    write_kubelet(ruleset, minor)
    write_kube_proxy(ruleset, facts, minor)
    return ruleset


def _generation(minor: int, printer: Printer) -> Dump:
    ruleset = Ruleset()
    write_kubelet(ruleset, minor)
    write_kube_proxy(ruleset, cluster(), minor, accounting=minor >= 34)
    files = node_files(ruleset, printer=printer, network=plain_network(WORKER))
    return Dump(f"kube-proxy-1.{minor}", "kube-proxy", f"1.{minor}", "every kind of service on a worker", files)


def _flannel() -> Dump:
    pods = tuple(
        Pod("default", f"web-{number}", f"10.244.1.{number + 4}", f"veth{0x5A3C10 + number:x}") for number in range(3)
    )
    facts = replace(cluster((*SYSTEM_SERVICES, *EVERY_KIND_OF_SERVICE[4:6])), pods=pods)
    ruleset = kube_ruleset(facts, 29)
    write_flannel(ruleset, facts)
    files = node_files(ruleset, printer=Printer("1.8.9"), network=flannel_network(facts))
    story = "a worker with pods behind the bridge cni0; flannel masquerades and accepts"
    return Dump("kube-proxy-flannel", "kube-proxy, flannel", "1.29, 0.24", story, files)


def _ipvs() -> Dump:
    """A service's packets go through INPUT, then from IPVS through OUTPUT to the endpoint."""
    pods = tuple(Pod("shop", f"shop-{n}", f"10.244.1.{n}", f"veth{0x5A3C10 + n:x}") for n in (2, 11, 12, 21, 40))
    facts = replace(cluster(), pods=pods)
    ruleset = Ruleset()
    write_kubelet(ruleset, 30)
    write_kube_proxy_ipvs(ruleset, facts)
    write_flannel(ruleset, facts)
    network = with_service_device(flannel_network(facts), facts)
    node_addresses = (WORKER.address, "10.244.1.0", "10.244.1.1")
    files = node_files(ruleset, printer=Printer("1.8.9"), network=network, sets=ipvs_sets(facts))
    files["ipvsadm.txt"] = ipvsadm_save(virtual_servers(facts, node_addresses))
    story = "every kind of service, balanced by IPVS, on a worker with flannel"
    return Dump("kube-proxy-ipvs", "kube-proxy, flannel", "1.30, 0.24", story, files)


def _dual_stack() -> Dump:
    rulesets = (kube_ruleset(cluster(EVERY_KIND_OF_SERVICE[:6]), 28), kube_ruleset(cluster6(), 28, 6))
    network = plain_network(WORKER, f"{WORKER6.address}/64", WORKER6.gateway)
    files = node_files(*rulesets, printer=Printer("1.8.9", "nft"), network=network)
    return Dump("kube-proxy-dual-stack", "kube-proxy", "1.28", "services of both families", files)


def _large_cluster() -> Dump:
    """More than a thousand endpoints: kube-proxy leaves the comments of their chains out."""
    services = tuple(_numbered_service(number) for number in range(60))
    ruleset = Ruleset()
    write_kubelet(ruleset, 27)
    write_kube_proxy(ruleset, cluster(services), 27, endpoint_comments=False)
    files = node_files(ruleset, printer=Printer("1.8.8"), network=plain_network(WORKER))
    story = "as in a cluster of more than 1000 endpoints: no comments on endpoint chains"
    return Dump("kube-proxy-large-cluster", "kube-proxy", "1.27", story, files)


def _numbered_service(number: int) -> Service:
    endpoints = tuple(Endpoint(f"10.244.{2 + index}.{number + 10}", 8080) for index in range(number % 5 + 1))
    return Service("load", f"svc-{number:03}", "http", "tcp", 80, f"10.96.200.{number + 1}", endpoints)


def _rules_only() -> Dump:
    files = node_files(kube_ruleset(cluster(), 26), printer=Printer("1.8.7"))
    return Dump("rules-only", "kube-proxy", "1.26", "iptables-save alone: no addresses, no routes", files)


def _unknown_cluster_cidr() -> Dump:
    ruleset = Ruleset()
    write_kubelet(ruleset, 25)
    write_kube_proxy(ruleset, cluster(EVERY_KIND_OF_SERVICE[:9]), 25, detect_local=False)
    files = node_files(ruleset, printer=Printer("1.8.7"), network=plain_network(WORKER))
    story = "kube-proxy without --cluster-cidr: nothing masquerades traffic from outside to cluster addresses"
    return Dump("kube-proxy-no-cluster-cidr", "kube-proxy", "1.25", story, files)

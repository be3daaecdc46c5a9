"""kube-proxy, ipvs mode."""

from __future__ import annotations

from collections.abc import Iterator

from ruleparse.cni.decoder import Case, Decoder, Name, Row

_SET = "-m set --match-set (?P<six>KUBE-6-|KUBE-)"


class KubeProxyIpvs(Decoder):
    """kube-proxy in ipvs mode: the rules around ipvs, and its ipsets. Which endpoints a service has is in the kernel's
    ipvs tables (`ipvsadm -Sn`), not in the rules.
    """

    name = "kube-proxy-ipvs"
    title = "kube-proxy (ipvs mode)"
    markers = ("KUBE-LOAD-BALANCER", "KUBE-NODE-PORT", "KUBE-IPVS-FILTER")
    elsewhere = "kube-proxy is in ipvs mode: which endpoint a service sends it to, `ipvsadm -Sn` says."

    chains = (
        Name("KUBE-LOAD-BALANCER", "load balancer IPs of services"),
        Name("KUBE-NODE-PORT", "node ports of services"),
        Name("KUBE-SOURCE-RANGES-FIREWALL", "source ranges of load balancers"),
        Name("KUBE-IPVS-FILTER", "guard of service addresses"),
        Name("KUBE-IPVS-OUT-FILTER", "guard of service addresses, from this node"),
    )
    sets = (
        Name("KUBE-(6-)?LOOP-BACK", "endpoints that call themselves"),
        Name("KUBE-(6-)?CLUSTER-IP", "cluster IPs and ports of services"),
        Name("KUBE-(6-)?EXTERNAL-IP", "external IPs and ports of services"),
        Name("KUBE-(6-)?EXTERNAL-IP-LOCAL", "external IPs and ports of services, policy Local"),
        Name("KUBE-(6-)?LOAD-BALANCER", "load balancer IPs and ports of services"),
        Name("KUBE-(6-)?LOAD-BALANCER-LOCAL", "load balancer IPs and ports of services, policy Local"),
        Name("KUBE-(6-)?LOAD-BALANCER-FW", "load balancer IPs and ports with source ranges"),
        Name("KUBE-(6-)?LOAD-BALANCER-SOURCE-(IP|CIDR)", "clients that the source ranges of a load balancer let in"),
        Name("KUBE-(6-)?NODE-PORT-(?P<protocol>TCP|UDP|SCTP)(-HASH)?", "node ports of services, {protocol}"),
        Name(
            "KUBE-(6-)?NODE-PORT-LOCAL-(?P<protocol>TCP|UDP|SCTP)(-HASH)?",
            "node ports of services, policy Local, {protocol}",
        ),
        Name("KUBE-(6-)?HEALTH-CHECK-NODE-PORT", "health check node ports of services"),
        Name("KUBE-(6-)?IPVS-IPS", "all addresses of ipvs services"),
    )
    interfaces = (Name("kube-ipvs0", "device that holds the addresses of services (ipvs)"),)
    rules = (
        Row("a service that has this endpoint, called by it: masquerade", words=f"{_SET}LOOP-BACK .*MASQUERADE"),
        Row("a cluster IP: mark for masquerade", words=f"{_SET}CLUSTER-IP .*KUBE-MARK-MASQ"),
        Row("an external IP: mark for masquerade", words=f"{_SET}EXTERNAL-IP .*KUBE-MARK-MASQ"),
        Row("an external IP of a service", words=f"{_SET}EXTERNAL-IP(-LOCAL)? "),
        Row("a cluster IP of a service", words=f"{_SET}CLUSTER-IP "),
        Row("client in the source ranges of the load balancer", words=f"{_SET}LOAD-BALANCER-SOURCE-"),
        Row("a load balancer IP with source ranges", words=f"{_SET}LOAD-BALANCER-FW "),
        Row("a load balancer IP of a service", words=f"{_SET}LOAD-BALANCER(-LOCAL)? "),
        Row("a node port of a service, policy Local", words=f"{_SET}NODE-PORT-LOCAL-"),
        Row("a node port of a service", words=f"{_SET}NODE-PORT-"),
        Row("a health check of a service", words=f"{_SET}HEALTH-CHECK-NODE-PORT "),
        Row("a service address, but none of its ports", words=f"{_SET}IPVS-IPS .*REJECT"),
    )
    decisions = (
        Row(
            "The address belongs to a service, but the service has no such port: with ipvs the node itself holds the "
            "address, and kube-proxy refuses what would reach the node's own ports that way.",
            words=f"{_SET}IPVS-IPS .*REJECT",
        ),
        Row(
            "The client is in none of the loadBalancerSourceRanges of the service.",
            chain="KUBE-SOURCE-RANGES-FIREWALL|KUBE-FIREWALL",
            target="DROP|KUBE-MARK-DROP",
        ),
    )

    def remarks(self, case: Case) -> Iterator[str]:
        return super().remarks(case) if self.saved.program.facts.virtual_servers is None else iter(())

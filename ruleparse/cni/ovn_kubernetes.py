"""OVN-Kubernetes, its rules on the host."""

from __future__ import annotations

from ruleparse.cni.decoder import Decoder, Mark, Name, Row


class OvnKubernetes(Decoder):
    """OVN-Kubernetes: node ports and external IPs on the host, egress addresses. Services and policies of pods are in
    OVN, and there is no kube-proxy.
    """

    name = "ovn-kubernetes"
    title = "OVN-Kubernetes"
    markers = ("OVN-KUBE-NODEPORT", "OVN-KUBE-EXTERNALIP", "OVN-KUBE-EGRESS-SVC", "OVN-KUBE-ITP")
    elsewhere = "OVN-Kubernetes judges pods in OVN: for its policies and services walk the flows of br-int."

    chains = (
        Name("OVN-KUBE-NODEPORT", "services by node port"),
        Name("OVN-KUBE-EXTERNALIP", "services by external IP"),
        Name("OVN-KUBE-ETP", "services whose externalTrafficPolicy is Local"),
        Name("OVN-KUBE-ITP", "services whose internalTrafficPolicy is Local"),
        Name("OVN-KUBE-EGRESS-SVC", "egress of services"),
        Name("OVN-KUBE-EGRESS-IP-MULTI-NIC", "egress IPs"),
        Name("OVN-KUBE-UDN-MASQUERADE", "user-defined networks"),
        Name("OVN-KUBE-SNAT-MGMTPORT", "SNAT of what enters OVN by the management port"),
    )
    rules = (
        Row("node port {dport}: to {to_destination}", chain="OVN-KUBE-NODEPORT", target="DNAT"),
        Row("{d} port {dport}: to {to_destination}", chain="OVN-KUBE-EXTERNALIP", target="DNAT"),
        Row("policy Local: to {to_destination}", chain="OVN-KUBE-(ETP|ITP)", target="DNAT"),
        Row("policy Local: to a port of this node", chain="OVN-KUBE-ITP", target="REDIRECT"),
        Row("egress of service {service}", chain="OVN-KUBE-EGRESS-SVC", comment="(?P<service>.+/.+)"),
        Row("the source becomes {to_source}", chain="OVN-KUBE-.*", target="SNAT"),
    )
    interfaces = (
        Name("ovn-k8s-mp0", "management port of this node (OVN-Kubernetes)"),
        Name("br-ex", "external bridge (OVN-Kubernetes)", shared=True),
        Name(r"genev_sys_\d+", "Geneve tunnels of Open vSwitch"),
        Name(r"vxlan_sys_\d+", "VXLAN tunnels of Open vSwitch"),
    )
    marks = (Mark(0x1745EC, "to the management port: internalTrafficPolicy Local (OVN-Kubernetes)"),)

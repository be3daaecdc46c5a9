"""flannel."""

from __future__ import annotations

from ruleparse.cni.decoder import Decoder, Name, Row
from ruleparse.cni.versions import Sign


class Flannel(Decoder):
    """flannel: masquerading of what leaves the cluster network, and acceptance of everything in it. flannel has no
    network policies.
    """

    name = "flannel"
    title = "flannel"
    markers = ("FLANNEL-POSTRTG", "FLANNEL-FWD")
    traces = '--comment "flanneld '

    signs = (
        Sign("nat", "FLANNEL-POSTRTG", since="0.20"),
        Sign("nat", "POSTROUTING", '"flanneld masq" -j (RETURN|MASQUERADE)', until="0.19"),
    )
    chains = (
        Name("FLANNEL-POSTRTG", "masquerading of what leaves the cluster network"),
        Name("FLANNEL-FWD", "forwarding in the cluster network"),
    )
    rules = (
        Row("marked by kube-proxy: kube-proxy masquerades it", comment="flanneld masq", words="-m mark .*-j RETURN"),
        Row("from outside to a pod on this node: the client's address stays", words='! -s .*"flanneld masq" -j RETURN'),
        Row("within the cluster network: addresses stay", comment="flanneld masq", target="RETURN"),
        Row("from outside into {d}: masquerade", words='! -s .*"flanneld masq" -j MASQUERADE'),
        Row("from {s} to outside of the cluster network: masquerade", comment="flanneld masq", target="MASQUERADE"),
        Row("from a pod in {s}: accept", comment="flanneld forward", words=" -s "),
        Row("to a pod in {d}: accept", comment="flanneld forward", words=" -d "),
    )
    decisions = (
        Row(
            "flannel accepts whatever is from or to the cluster network; it has no network policies.",
            comment="flanneld forward",
            target="ACCEPT",
        ),
    )
    interfaces = (
        Name(r"flannel(-v6)?\.\d+", "flannel's VXLAN device"),
        Name("flannel-wg(-v6)?", "flannel's WireGuard device"),
        Name(r"flannel\.ipip", "flannel's IPIP device"),
    )

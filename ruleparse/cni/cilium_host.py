"""Cilium, its rules on the host."""

from __future__ import annotations

from ruleparse.cni.decoder import Decoder, Mark, Name, Row


class CiliumHost(Decoder):
    """Cilium's rules beside its eBPF programs: masquerading, the way to its proxy, connection tracking. Its policies
    and services are in eBPF, and no dump of rules shows them.
    """

    name = "cilium-host"
    title = "Cilium"
    markers = ("CILIUM_FORWARD", "CILIUM_INPUT", "CILIUM_POST_nat", "CILIUM_POST")
    elsewhere = (
        "Cilium judges pods in eBPF programs: what is accepted here may be dropped there, no dump of rules shows it."
    )

    chains = (
        Name("(OLD_)?CILIUM_FORWARD", "Cilium, forwarded packets"),
        Name("(OLD_)?CILIUM_INPUT", "Cilium, packets to this node"),
        Name("(OLD_)?CILIUM_OUTPUT.*", "Cilium, packets of this node"),
        Name("(OLD_)?CILIUM_PRE.*", "Cilium, packets that arrive"),
        Name("(OLD_)?CILIUM_POST.*", "Cilium, packets that leave"),
        Name("CILIUM_TRANSIENT_FORWARD", "Cilium, while it renews its rules"),
    )
    rules = (
        Row("from a pod to outside of the cluster: masquerade", comment="cilium masquerade non-cluster"),
        Row("{what}", chain="(OLD_)?CILIUM_.*", comment="(cilium: )?(?P<what>.+)"),
    )
    sets = (Name("cilium_node_set_v[46]", "nodes of the cluster"),)
    interfaces = (
        Name("lxc_health", "health endpoint (Cilium)"),
        Name("lxc[0-9a-f]+", "pod interface (Cilium)"),
        Name("cilium_host|cilium_net", "Cilium's host device"),
        Name("cilium_(vxlan|geneve)", "Cilium's tunnel device"),
        Name("cilium_wg0", "Cilium's WireGuard device"),
    )
    marks = (
        Mark(0x200, "to the proxy (Cilium)"),
        Mark(0xA00, "from the proxy (Cilium)"),
        Mark(0xC00, "from the host (Cilium)"),
    )

"""kubelet, and the host ports of the Docker shim."""

from __future__ import annotations

from ruleparse.cni.decoder import Decoder, Name, Row


class Kubelet(Decoder):
    """kubelet: its canaries, the guard of 127.0.0.0/8, the drop mark up to 1.26, host ports of the Docker shim up to
    1.23.
    """

    name = "kubelet"
    title = "kubelet"
    markers = ("KUBE-FIREWALL", "KUBE-KUBELET-CANARY", "KUBE-IPTABLES-HINT", "KUBE-HOSTPORTS")

    chains = (
        Name("KUBE-FIREWALL", "kubelet's firewall"),
        Name("KUBE-KUBELET-CANARY", "kubelet's canary: it notices when rules are flushed"),
        Name("KUBE-IPTABLES-HINT", "kubelet's hint: the backend of iptables that it uses"),
        Name("KUBE-HOSTPORTS", "host ports of pods"),
        Name("KUBE-HP-.*", "host port of a pod"),
    )
    rules = (
        Row("to 127.0.0.0/8 from elsewhere", comment="block incoming localnet connections"),
        Row("carries the drop mark", comment="kubernetes firewall for dropping marked packets"),
        Row("host port {dport} of pod {pod}", comment=r"(?P<pod>\S+) hostport \d+", chain="KUBE-HOSTPORTS"),
        Row("to pod {pod}, {to_destination}", comment=r"(?P<pod>\S+) hostport \d+", target="DNAT"),
        Row("masquerade: from 127.0.0.1 to a host port", comment="SNAT for localhost access to hostports"),
    )
    decisions = (
        Row(
            "Only this node itself may send to 127.0.0.0/8: kubelet and kube-proxy drop such packets from elsewhere "
            "(CVE-2020-8558).",
            comment="block incoming localnet connections",
        ),
    )

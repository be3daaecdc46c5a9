"""The reference plugins of CNI: bridge, ptp, portmap, their IP masquerading."""

from __future__ import annotations

from collections.abc import Iterator

from ruleparse.cni.decoder import Decoder, Mark, Name, Row

_OF = r'name: "(?P<network>[^"]+)" id: "(?P<id>[^"]+)"'


class Portmap(Decoder):
    """The plugins bridge, ptp and portmap of containernetworking: host ports of pods, masquerading of pods, chains
    named by a hash whose comments say which network and container they are for.
    """

    name = "portmap"
    title = "CNI plugins (bridge, portmap)"
    markers = ("CNI-HOSTPORT-DNAT", "CNI-HOSTPORT-MASQ", "CNI-HOSTPORT-SETMARK", "CNI-FORWARD", "CNI-ADMIN")
    traces = r"-j CNI-[0-9a-f]{24}\b"

    chains = (
        Name("CNI-HOSTPORT-DNAT", "host ports of pods"),
        Name("CNI-HOSTPORT-MASQ", "masquerading of host ports"),
        Name("CNI-HOSTPORT-SETMARK", "mark for masquerade of host ports"),
        Name("CNI-DN-[0-9a-f]{21}", "host ports of one pod"),
        Name("CNI-SN-[0-9a-f]{21}", "masquerading for the host ports of one pod"),
        Name("CNI-FORWARD", "forwarding for CNI networks"),
        Name("CNI-ADMIN", "rules of your own, before those of CNI"),
        Name("CNI-[0-9a-f]{24}", "masquerading of one pod"),
    )
    rules = (
        Row("host ports of container {id:.12} on {network}", comment=f"dnat {_OF}"),
        Row("host port {dport}: to pod {to_destination}", chain="CNI-DN-.*", target="DNAT"),
        Row("from {s}: mark for masquerade", chain="CNI-DN-.*", target="CNI-HOSTPORT-SETMARK"),
        Row("set the masquerade mark", chain="CNI-HOSTPORT-SETMARK", target="MARK"),
        Row("masquerade: a host port was used", chain="CNI-HOSTPORT-MASQ", target="MASQUERADE"),
        Row("within network {network}: addresses stay", comment=_OF, target="ACCEPT"),
        Row("from a pod of network {network} to elsewhere: masquerade", comment=_OF, target="MASQUERADE"),
        Row("leaves container {id:.12} of network {network}", comment=_OF),
        Row("part of a known connection of {d}", chain="CNI-FORWARD", words="-d .*ESTABLISHED"),
        Row("from pod {s}: accept", chain="CNI-FORWARD", words=" -s .*-j ACCEPT"),
    )
    interfaces = (
        Name("cni0", "bridge of the pods on this node"),
        Name("cbr0", "bridge of the pods on this node (kubenet)"),
        Name("cni-podman0|podman0", "bridge of Podman's containers"),
        Name("veth.*", "one end of a pod's or container's cable (veth)"),
    )

    @property
    def marks(self) -> Iterator[Mark]:
        for here in self.saved["nat"].rules("CNI-HOSTPORT-SETMARK"):
            if bits := here.bits("--set-xmark", "--or-mark"):
                yield Mark(bits, f"masquerade mark {bits:#x} (host ports of CNI)")

"""OpenShift SDN."""

from __future__ import annotations

from ruleparse.cni.decoder import Decoder, Name, Row


class OpenShiftSdn(Decoder):
    """OpenShift SDN 3.x and 4.x on the host: its firewall, masquerading, egress. Its policies are flows of br0."""

    name = "openshift-sdn"
    title = "OpenShift SDN"
    markers = ("OPENSHIFT-FIREWALL-ALLOW", "OPENSHIFT-MASQUERADE", "OS_FIREWALL_ALLOW")
    elsewhere = "OpenShift SDN judges pods in its Open vSwitch bridge: for its policies walk the flows of br0."

    chains = (
        Name("OPENSHIFT-FIREWALL-ALLOW", "what OpenShift always lets into this node"),
        Name("OPENSHIFT-FIREWALL-FORWARD", "forwarding for pods"),
        Name("OPENSHIFT-ADMIN-OUTPUT-RULES", "rules of your own for what pods send out"),
        Name("OPENSHIFT-BLOCK-OUTPUT", "what nobody may reach"),
        Name("OPENSHIFT-MASQUERADE(-2)?", "masquerading for pods"),
        Name("OPENSHIFT-NOTRACK", "tunnel packets are not tracked"),
        Name("OS_FIREWALL_ALLOW", "ports of this node that the installer opened"),
    )
    rules = (
        Row("{what}", chain="OPENSHIFT-.*", comment="(?P<what>.+)"),
        Row("{what}", chain="INPUT", comment=r"(\d+ )?(?P<what>traffic from (SDN|docker)|vxlan incoming)"),
        Row("a port of this node that the installer opened", chain="OS_FIREWALL_ALLOW", target="ACCEPT"),
        Row("masquerade", chain="OPENSHIFT-MASQUERADE.*", target="MASQUERADE"),
    )
    decisions = (
        Row(
            "conntrack cannot place the packet in any connection (state INVALID): a packet sent again after its "
            "connection was closed.",
            comment="attempted resend after connection close",
        ),
        Row(
            "OpenShift lets nobody but the node itself reach the machine config server.", chain="OPENSHIFT-BLOCK-OUTPUT"
        ),
    )

    interfaces = (
        Name("tun0", "this node's port of the pod network (OpenShift SDN)", shared=True),
        Name("vxlan_sys_4789", "VXLAN tunnels between nodes (OpenShift SDN)", shared=True),
    )

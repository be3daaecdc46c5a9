"""The AWS VPC CNI (amazon-vpc-cni-k8s)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from ruleparse.cni.decoder import Case, Decoder, Mark, Name, Row
from ruleparse.cni.versions import Sign


class AwsVpc(Decoder):
    """The AWS VPC CNI: SNAT of what leaves the VPC, the connection mark that keeps replies on the primary ENI, egress
    addresses of the other family.

    Up to 1.16 the VPC's networks are a ladder of chains, since 1.17 one chain of RETURNs. Its own network policy agent
    works in eBPF and leaves nothing in the rules.
    """

    name = "aws-vpc"
    title = "AWS VPC CNI"
    under_drop = "The AWS VPC CNI adds no rule that accepts: under this policy pods reach no other node."
    markers = ("AWS-SNAT-CHAIN-0", "AWS-CONNMARK-CHAIN-0")
    traces = '--comment "AWS, '

    signs = (
        Sign("nat", "AWS-SNAT-CHAIN-0", "-j RETURN", since="1.17"),
        Sign("nat", "AWS-SNAT-CHAIN-0", "-j AWS-SNAT-CHAIN-1", until="1.16"),
        Sign("nat", "AWS-CONNMARK-CHAIN-0", since="1.8"),
    )
    chains = (
        Name(r"AWS-SNAT-CHAIN-\d+", "SNAT of what leaves the VPC"),
        Name(r"AWS-CONNMARK-CHAIN-\d+", "mark of connections that leave the VPC"),
        Name("CNI-E4-.*", "SNAT of a pod's IPv4 egress"),
        Name("CNI-E6-.*", "SNAT of a pod's IPv6 egress"),
    )
    rules = (
        Row("to {d}, excluded from SNAT", comment="AWS SNAT CHAIN EXCLUSION", target="RETURN"),
        Row("to {d}, excluded from the mark", comment="AWS CONNMARK CHAIN, EXCLUDED CIDR", target="RETURN"),
        Row("to {d}, in the VPC: the pod's address stays", comment="AWS SNAT CHAIN", target="RETURN"),
        Row("to {d}, in the VPC", comment="AWS CONNMARK CHAIN, VPC CIDR", target="RETURN"),
        Row("not to {d}", comment="AWS (SNAT|CONNMARK) CHAIN.*", words="! -d "),
        Row("leaves the VPC: the source becomes {to_source}, the node's primary address", comment="AWS, SNAT"),
        Row("mark the connection: by the primary ENI", comment="AWS, (CONNMARK|primary ENI)", words="--set-xmark"),
        Row("take over the connection's mark", comment="AWS, .*", words="--restore-mark"),
        Row("from a pod, outbound", comment="AWS, outbound connections"),
        Row("multicast: no SNAT", chain="CNI-E[46]-.*", target="ACCEPT"),
        Row("egress of a pod: the source becomes {to_source}", chain="CNI-E[46]-.*", target="SNAT"),
        Row("another pod's egress address on this node", comment="Block Node Local Pod access via .*"),
    )
    decisions = (
        Row(
            "The destination is the egress-only address of a pod on this node: pods are reached by their own family.",
            comment="Block Node Local Pod access via .*",
        ),
    )

    def remarks(self, case: Case) -> Iterator[str]:
        for here in case.path:
            if here.target == "SNAT" and "AWS, SNAT" in here.words.comments():
                yield (
                    f"The AWS VPC CNI replaces the source by {here.value('--to-source')}, because the destination is "
                    "outside of the VPC: security groups and policies there see the node, not the pod."
                )

    @cached_property
    def marks(self) -> tuple[Mark, ...]:
        rules = (here for chain in ("mangle", "nat") for here in self.saved[chain].rules("PREROUTING"))
        bits = {here.bits("--nfmask", "--set-xmark") for here in rules if "AWS, " in here.text}
        return tuple(Mark(bit, f"mark {bit:#x}: by the primary ENI (AWS VPC CNI)") for bit in bits if bit)

    interfaces = (
        Name("eni[0-9a-f]{11}", "pod interface (AWS VPC CNI)", shared=True),
        Name("vlan[0-9a-z.]+", "branch ENI of a pod with security groups (AWS VPC CNI)", shared=True),
    )

"""Weave Net and its policy controller."""

from __future__ import annotations

from collections.abc import Iterable

from ruleparse.cni.decoder import Decoder, Mark, Name, Row


class Weave(Decoder):
    """Weave Net: its bridge, masquerading, and network policies (weave-npc), whose comments hold the selectors."""

    name = "weave"
    title = "Weave Net"
    markers = ("WEAVE-NPC", "WEAVE", "WEAVE-CANARY")

    chains = (
        Name("WEAVE-NPC", "network policies, ingress"),
        Name("WEAVE-NPC-DEFAULT", "pods that no policy isolates for ingress"),
        Name("WEAVE-NPC-INGRESS", "what policies let in"),
        Name("WEAVE-NPC-EGRESS", "network policies, egress"),
        Name("WEAVE-NPC-EGRESS-DEFAULT", "pods that no policy isolates for egress"),
        Name("WEAVE-NPC-EGRESS-CUSTOM", "what policies let out"),
        Name("WEAVE-NPC-EGRESS-ACCEPT", "mark of what policies let out"),
        Name("WEAVE", "masquerading for pods"),
        Name("WEAVE-EXPOSE", "pods that are reached from outside"),
        Name("WEAVE-CANARY", "Weave's canary: it notices when rules are flushed"),
        Name("WEAVE-IPSEC-.*", "encryption between nodes"),
    )
    rules = (
        Row("no policy isolates it in namespace {ns}", comment=r"DefaultAllow .* for namespace: (?P<ns>\S+)"),
        Row("a policy allows {what}", chain="WEAVE-NPC-(INGRESS|EGRESS-CUSTOM)", comment="(?P<what>.+)"),
        Row("no policy let it in", chain="FORWARD", target="DROP", words="-o weave "),
        Row("no policy let it out", chain="WEAVE-NPC-EGRESS", target="DROP"),
        Row("part of a known connection", chain="WEAVE-NPC.*", words="ESTABLISHED"),
        Row("mark what policies let out", chain="WEAVE-NPC-EGRESS-ACCEPT", target="MARK"),
        Row("to or from another node over the bridge", chain="WEAVE-NPC.*", words="-m physdev"),
        Row("to this node: egress policies do not apply", chain="WEAVE-NPC-EGRESS", words="--dst-type LOCAL"),
        Row("from a pod to elsewhere: accept", chain="FORWARD", words="-i weave ! -o weave -j ACCEPT"),
        Row("masquerade: pods and others meet with the node's address", chain="WEAVE", target="MASQUERADE"),
        Row("addresses stay", chain="WEAVE", target="RETURN"),
    )
    decisions = (
        Row(
            "A network policy selects the pod it goes to, and none lets it in: WEAVE-NPC-INGRESS holds what policies "
            "allow, with their selectors as comments.",
            chain="FORWARD",
            target="DROP",
            words="-o weave ",
        ),
        Row(
            "A network policy selects the pod it comes from, and none lets it out: WEAVE-NPC-EGRESS-CUSTOM holds what "
            "policies allow, with their selectors as comments.",
            chain="WEAVE-NPC-EGRESS",
            target="DROP",
        ),
    )
    sets = (
        Name("weaver-no-masq-local", "addresses that are not masqueraded (Weave)"),
        Name("weave-.*", "pods or addresses that a policy selects (Weave)"),
    )
    interfaces = (
        Name("weave", "Weave's bridge"),
        Name("vethwe-.*", "port of Weave's bridge"),
        Name("vethwepl.*", "pod interface (Weave)"),
        Name("vxlan-6784", "Weave's VXLAN device"),
    )

    @property
    def marks(self) -> Iterable[Mark]:
        return (Mark(0x40000, "let out by a policy (Weave)"), Mark(0x20000, "to be encrypted (Weave)"))

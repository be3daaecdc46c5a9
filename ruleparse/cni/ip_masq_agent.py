"""ip-masq-agent."""

from __future__ import annotations

from ruleparse.cni.decoder import Decoder, Name, Row


class IpMasqAgent(Decoder):
    """ip-masq-agent, on GKE and AKS: everything is masqueraded that does not go to one of its networks."""

    name = "ip-masq-agent"
    title = "ip-masq-agent"
    markers = ("IP-MASQ-AGENT", "IP-MASQ")

    chains = (Name("IP-MASQ(-AGENT)?", "masquerading of what leaves the cluster"),)
    rules = (
        Row("to {d}: the source stays", chain="IP-MASQ(-AGENT)?", target="RETURN"),
        Row("to elsewhere: masquerade", chain="IP-MASQ(-AGENT)?", target="MASQUERADE"),
    )

"""NodeLocal DNSCache."""

from __future__ import annotations

from ruleparse.cni.decoder import Decoder, Name, Row


class NodeLocalDns(Decoder):
    """NodeLocal DNSCache: lookups to the node's own cache are not tracked, so they meet no address translation, and
    rules for known connections do not let their answers pass.
    """

    name = "node-local-dns"
    title = "NodeLocal DNSCache"
    traces = "NodeLocal DNS Cache|-d 169\\.254\\.20\\.10/32 .*(NOTRACK|CT --notrack)"

    rules = (
        Row("name lookup in the node's cache: not tracked", comment="NodeLocal DNS Cache: skip conntrack"),
        Row("name lookup in the node's cache: accept", comment="NodeLocal DNS Cache: allow DNS traffic"),
        Row("{what}", comment="NodeLocal DNS Cache: (?P<what>.+)"),
    )
    interfaces = (Name("nodelocaldns", "device that holds the addresses of the node's DNS cache"),)

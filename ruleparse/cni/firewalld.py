"""firewalld."""

from __future__ import annotations

from ruleparse.cni.decoder import Decoder, Name, Row
from ruleparse.cni.versions import Sign

_WAYS = {
    "IN": "to this node",
    "FWDI": "forwarded, where it came in",
    "FWDO": "forwarded, where it leaves",
    "FWD": "forwarded",
    "PRE": "on arrival",
    "POST": "on leaving",
}


class Firewalld(Decoder):
    """firewalld with its iptables backend: zones, direct rules, and the REJECT at the end, behind which nothing that
    others append is reached.
    """

    name = "firewalld"
    title = "firewalld"
    markers = ("INPUT_direct", "FORWARD_direct", "INPUT_ZONES")

    signs = (Sign("filter", "FORWARD_dispatch", since="2"), Sign("filter", "FORWARD_IN_ZONES", until="1"))

    def _zone(self, way: str, zone: str, part: str = "") -> str:
        return f"zone {zone}, {_WAYS[way]}" + (f", {part}" if part else "")

    chains = (
        Name(r"\w+_direct", "direct rules of firewalld"),
        Name(r"\w+_ZONES(_SOURCE)?|\w+_dispatch", "find the zone"),
        Name("(?P<way>IN|FWDI|FWDO|FWD|PRE|POST)_(?P<zone>.+?)(_(?P<part>log|deny|allow|pre|post))?", _zone),
    )
    rules = (
        Row("part of a known connection", chain="INPUT|FORWARD", words="ESTABLISHED(,DNAT)? -j ACCEPT"),
        Row("zone {zone} allows it", chain="[A-Z]+_(?P<zone>.+)_allow", target="ACCEPT"),
        Row("zone {zone} refuses it", chain="[A-Z]+_(?P<zone>.+)_deny", target="DROP|REJECT"),
        Row("no zone let it pass", chain="INPUT|FORWARD", words="--reject-with icmp6?-(host|adm)-prohibited"),
    )
    decisions = (
        Row(
            "No zone of firewalld let it pass. Rules that others append to {chain} stand behind this one and are not "
            "reached: `firewall-cmd --zone=trusted --add-source=NETWORK` lets a network of pods pass.",
            chain="(?P<chain>INPUT|FORWARD)",
            words="--reject-with icmp6?-(host|adm)-prohibited",
        ),
    )

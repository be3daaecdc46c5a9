from __future__ import annotations

from collections.abc import Callable

from ruleparse import bits
from ruleparse.bits import Bool
from ruleparse.codec import Codec
from ruleparse.netfilter.extension import Match, Option
from ruleparse.netfilter.values import PORTS
from ruleparse.packet import Packet
from ruleparse.program import Key, World

Ports = tuple[tuple[int, ...], ...]
"""Single ports and pairs of first and last: the kernel tells `80` from `80:80`."""


def _parse(text: str) -> Ports:
    return tuple(PORTS.parse(word) if ":" in word else PORTS.parse(word)[:1] for word in text.split(","))


def _show(ports: Ports) -> str:
    return ",".join(":".join(map(str, item)) for item in ports)


def _among(*fields: str) -> Callable[[Ports, Packet, World], Bool]:
    def means(ports: Ports, packet: Packet, _: World) -> Bool:
        return bits.any_of(bits.between(packet[field], item[0], item[-1]) for field in fields for item in ports)

    return means


_CODEC: Codec[Ports] = Codec("port[:port][,port[:port]…]", _parse, _show)


def _key(words: str, *fields: str) -> Key:
    return Key(fields, _CODEC, _among(*fields), words)


MATCH = Match(
    "multiport",
    """Any of up to 15 ports, of TCP, UDP, UDP-Lite, SCTP and DCCP
    (iptables-extensions(8); net/netfilter/xt_multiport.c).""",
    (
        Option(("--sports", "--source-ports"), _CODEC, _key("source port {}", "sport")),
        Option(("--dports", "--destination-ports"), _CODEC, _key("destination port {}", "dport")),
        Option(("--ports",), _CODEC, _key("source or destination port {}", "sport", "dport")),
    ),
    reads=4,
)

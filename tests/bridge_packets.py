"""Packets of bridges in a few words, for tests: `1 tcp/S 10.0.0.1:1000 > 10.0.0.2:80` comes in by port 1."""

from __future__ import annotations

import re
from dataclasses import dataclass

_WORDS = re.compile(r"(\d+) (tcp|udp|icmp)(?:/(\w+))? (\d+\.\d+\.\d+\.(\d+)):(\d+) > (\d+\.\d+\.\d+\.(\d+)):(\d+)")
_FLAGS = {"S": 2, "A": 16, "F": 1, "R": 4}
_PROTOCOLS = {"tcp": 6, "udp": 17, "icmp": 1}


@dataclass(frozen=True, slots=True)
class Headers:
    """Of a packet at a port; ports of ICMP are its type and code."""

    src_mac: str
    dst_mac: str
    src: str = ""
    dst: str = ""
    proto: int = 0
    sport: int = 0
    dport: int = 0
    ttl: int = 0
    tos: int = 0
    tcp_flags: int = 0


@dataclass(frozen=True, slots=True)
class Sent:
    """A packet, and the port it comes in by."""

    port: int
    headers: Headers

    @property
    def family(self) -> int:
        return 6 if ":" in self.headers.src else 4

    @property
    def flow(self) -> str:
        """As ofproto/trace takes it."""
        h, six = self.headers, self.family == 6
        name = _NAMES[h.proto, six]
        addresses = ("ipv6_src", "ipv6_dst") if six else ("nw_src", "nw_dst")
        words = [f"in_port={self.port}", name, f"dl_src={h.src_mac}", f"dl_dst={h.dst_mac}"]
        words += [f"{addresses[0]}={h.src}", f"{addresses[1]}={h.dst}", f"nw_ttl={h.ttl}"]
        ends = ("type", "code") if h.proto in (1, 58) else ("src", "dst")
        plain = "icmpv6" if h.proto == 58 else name.rstrip("6")
        words += [f"{plain}_{ends[0]}={h.sport}", f"{plain}_{ends[1]}={h.dport}"]
        return ",".join(words + ([f"tcp_flags={h.tcp_flags:#x}"] if h.proto == 6 else []))

    @property
    def of_the_datapath(self) -> str:
        """As netdev-dummy/receive takes it."""
        h, six = self.headers, self.family == 6
        outer, kind = ("ipv6", "0x86dd") if six else ("ipv4", "0x0800")
        rest = f"tclass=0,hlimit={h.ttl}" if six else f"tos=0,ttl={h.ttl}"
        label = "label=0," if six else ""
        name = {6: "tcp", 17: "udp", 132: "sctp", 1: "icmp", 58: "icmpv6"}[h.proto]
        ends = f"type={h.sport},code={h.dport}" if h.proto in (1, 58) else f"src={h.sport},dst={h.dport}"
        words = [
            f"in_port({self.port}),eth(src={h.src_mac},dst={h.dst_mac}),eth_type({kind})",
            f"{outer}(src={h.src},dst={h.dst},{label}proto={h.proto},{rest},frag=no),{name}({ends})",
        ]
        return ",".join(words + ([f"tcp_flags({h.tcp_flags:#x})"] if h.proto == 6 else []))


_NAMES = {(6, False): "tcp", (17, False): "udp", (132, False): "sctp", (1, False): "icmp"}
_NAMES |= {(6, True): "tcp6", (17, True): "udp6", (132, True): "sctp6", (58, True): "icmp6"}


def packet(words: str) -> Sent:
    found = _WORDS.fullmatch(words)
    assert found is not None, words
    port, name, flags, src, low, sport, dst, high, dport = found.groups()
    macs = f"02:00:00:00:00:{int(low):02x}", f"02:00:00:00:00:{int(high):02x}"
    set_ = sum(_FLAGS[flag] for flag in flags or "")
    return Sent(int(port), Headers(*macs, src, dst, _PROTOCOLS[name], int(sport), int(dport), 64, 0, set_))

"""What follows the first packet of a connection: replies made from what came out, where it came out."""

from __future__ import annotations

import random
from dataclasses import replace

from tests.oracle import wire
from tests.oracle.decode import decode
from tests.oracle.kernel import Fate
from tests.oracle.topology import Site
from tests.oracle.wire import Packet

ORIGINAL, REPLY = "o", "r"
_MSS = b"\x02\x04\x05\xb4"
#: a step is a direction and what is said; 'error' is an ICMP error about what last came the other way
_SCRIPTS: dict[int, tuple[tuple[str, ...], ...]] = {
    wire.TCP: (
        ("o SYN", "r SYN|ACK", "o ACK", "o PSH|ACK", "r PSH|ACK", "o FIN|ACK", "r FIN|ACK", "o ACK"),
        ("o SYN", "r SYN|ACK", "o ACK", "o PSH|ACK", "r error", "o RST|ACK"),
        ("o SYN", "r SYN|ACK", "o ACK", "r PSH|ACK"),
        ("o SYN", "r error", "o SYN"),
        ("o SYN", "r RST|ACK"),
        ("o SYN", "o SYN"),
    ),
    wire.UDP: (("o", "r", "o", "r"), ("o", "r", "o error"), ("o", "r error", "o"), ("o", "o")),
    wire.UDPLITE: (("o", "r", "o"),),
    wire.SCTP: (("o INIT", "r INIT_ACK", "o COOKIE_ECHO"), ("o INIT", "o INIT")),
    wire.ICMP: (("o", "r", "o"), ("o", "o"), ("o", "r error")),
    wire.ICMP6: (("o", "r", "o"), ("o", "r error")),
}
_NOISE = {wire.TCP: 0.3, wire.SCTP: 0.5}
"""How often a conversation has packets in it that nobody expects there."""
_ANY_FLAGS = (wire.SYN, wire.SYN | wire.ACK, wire.ACK, wire.ACK, wire.RST, wire.RST | wire.ACK, wire.FIN | wire.ACK,
              wire.PSH | wire.ACK, wire.FIN, 0)  # fmt: skip
_ANY_OPTIONS = (b"", b"", _MSS, _MSS + b"\x03\x03\x07\x01", _MSS + b"\x04\x02\x01\x01")
_OFF_BY = (0, 0, 0, 0, 1, -1, 4, -4, 1000, 64999, 65001, 70000, -70000, 1 << 31)
_ANY_CHUNKS = (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 14)
_FLAGS = {"SYN": wire.SYN, "ACK": wire.ACK, "PSH": wire.PSH, "FIN": wire.FIN, "RST": wire.RST}
_CHUNKS = {"INIT": wire.SCTP_INIT, "INIT_ACK": wire.SCTP_INIT_ACK, "COOKIE_ECHO": wire.SCTP_COOKIE_ECHO}
_ECHO_REPLY = {8: 0, 13: 14, 128: 129}
_ERRORS = {4: ((3, 3), (3, 1), (11, 0)), 6: ((1, 4), (1, 0), (3, 0))}


class Conversation:
    """`next()` gives packet after packet; `saw()` must be told what became of each."""

    def __init__(self, rng: random.Random, opening: Packet, site: Site) -> None:
        self._rng, self._opening, self._site = rng, opening, site
        self._steps = list(rng.choice(_SCRIPTS.get(opening.proto, (("o", "o"),))) if opens(opening) else ("o",))
        if rng.random() < _NOISE.get(opening.proto, 0):
            for _ in range(rng.randint(1, 4)):
                self._steps.insert(rng.randint(0, len(self._steps)), f"{rng.choice((ORIGINAL, REPLY))} noise")
        self._sequence = {ORIGINAL: opening.seq, REPLY: rng.randrange(1, 1 << 31)}
        self._came_out: dict[str, Fate] = {}
        self.way = ORIGINAL

    def next(self) -> Packet | None:
        while self._steps:
            self.way, _, what = self._steps.pop(0).partition(" ")
            packet = self._error() if what == "error" else self._noise() if what == "noise" else self._say(what)
            if packet:
                return replace(packet, ident=self._rng.randrange(1, 65536))
        return None

    def saw(self, fate: Fate) -> None:
        if fate.end and fate.packet.proto == self._opening.proto:
            self._came_out[self.way] = fate
        elif not fate.end and self._rng.random() < 0.6:
            self._steps.clear()

    def _say(self, what: str) -> Packet | None:
        packet = self._opening if self.way == ORIGINAL else self._answer()
        if packet is None:
            return None
        if packet.proto == wire.SCTP and what:
            return replace(packet, chunk=_CHUNKS[what])
        return self._tcp(packet, what) if packet.proto == wire.TCP and what else packet

    def _noise(self) -> Packet | None:
        """Anything at all from one of the two ends."""
        packet, pick = self._opening if self.way == ORIGINAL else self._answer(), self._rng.choice
        if packet is None:
            return None
        if packet.proto == wire.SCTP:
            return replace(packet, chunk=pick(_ANY_CHUNKS), tag=pick((None, None, 0, 1, 0x11223344)))
        other = REPLY if self.way == ORIGINAL else ORIGINAL
        seq, ack = (self._sequence[way] + pick(_OFF_BY) & 0xFFFFFFFF for way in (self.way, other))
        data = pick((b"", b"", b"more", bytes(1000)))
        flags, window = pick(_ANY_FLAGS), pick((65000, 65000, 0, 1))
        return replace(packet, flags=flags, seq=seq, ack=ack, window=window, options=pick(_ANY_OPTIONS), payload=data)

    def _answer(self) -> Packet | None:
        """From whoever the opening reached, back to whom it seemed to come from."""
        fate = self._came_out.get(ORIGINAL)
        if not fate or not fate.end:
            return None
        seen = decode(fate.end.raw)
        kind, code = self._opening.icmp
        return replace(
            self._opening, src=seen["dst"], dst=seen["src"], sport=seen.get("dport", 0), dport=seen.get("sport", 0),
            enters=fate.end.at, uid=0, src_mac="", dst_mac="", ttl=64, icmp=(_ECHO_REPLY.get(kind, kind), code),
            rest=seen.get("icmpid", 0) << 16 | self._opening.rest & 0xFFFF,
        )  # fmt: skip

    def _tcp(self, packet: Packet, what: str) -> Packet:
        flags = sum(_FLAGS[name] for name in what.split("|"))
        other = REPLY if self.way == ORIGINAL else ORIGINAL
        payload = (packet.payload or b"data") if flags & wire.PSH else b""
        said = replace(
            packet,
            flags=flags,
            payload=payload,
            options=_MSS if flags & wire.SYN else b"",
            seq=self._sequence[self.way],
            ack=self._sequence[other] if flags & wire.ACK else 0,
        )
        length = len(payload) + bool(flags & (wire.SYN | wire.FIN))
        if self.way == REPLY or not self._repeats(what):
            self._sequence[self.way] += length
        return said

    def _repeats(self, what: str) -> bool:
        """The same again is a retransmission."""
        return f"{self.way} {what}" in self._steps

    def _error(self) -> Packet | None:
        about = self._came_out.get(REPLY if self.way == ORIGINAL else ORIGINAL)
        if not about or not about.end or about.end.at not in (wire.LOCAL, *(link.name for link in self._site.links)):
            return None
        seen, family = decode(about.end.raw), self._opening.family
        sender = seen["dst"]
        if about.end.at != wire.LOCAL and self._rng.random() < 0.5:
            sender = self._rng.choice(self._site.hosts(self._site.link(about.end.at), family))
        return Packet(
            sender,
            seen["src"],
            wire.ICMP if family == 4 else wire.ICMP6,
            about.end.at,
            icmp=self._rng.choice(_ERRORS[family]),
            inner=about.end.raw[:548],
        )


def opens(packet: Packet) -> bool:
    """Whether a connection can begin with this packet."""
    if packet.cut is not None or packet.spoilt or packet.fragment & ~0x4000:
        return False
    if packet.proto in (wire.ICMP, wire.ICMP6):
        return packet.icmp[0] in _ECHO_REPLY
    return {wire.TCP: packet.flags == wire.SYN, wire.SCTP: packet.chunk == wire.SCTP_INIT}.get(packet.proto, True)

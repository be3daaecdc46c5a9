"""What follows the first packet of a connection: replies made from what came out, where it came out."""

from __future__ import annotations

import random
from dataclasses import replace

from tests.oracle.kernel import Fate
from tests.oracle.topology import Site
from tests.oracle.wire import (
    ACK, FIN, ICMP, ICMP6, LOCAL, PSH, RST, SCTP, SCTP_COOKIE_ECHO, SCTP_INIT, SCTP_INIT_ACK, SYN, TCP, UDP, UDPLITE, Packet,
    decode,
)  # fmt: skip

ORIGINAL, REPLY = "o", "r"
_MSS = b"\x02\x04\x05\xb4"
#: steps of a conversation: a direction and what is said, 'error' being an ICMP error about the last packet the other way
_SCRIPTS: dict[int, tuple[tuple[str, ...], ...]] = {
    TCP: (("o SYN", "r SYN|ACK", "o ACK", "o PSH|ACK", "r PSH|ACK", "o FIN|ACK", "r FIN|ACK", "o ACK"),
          ("o SYN", "r SYN|ACK", "o ACK", "r PSH|ACK"), ("o SYN", "o SYN"), ("o SYN", "r RST|ACK"), ("o SYN", "r error", "o SYN"),
          ("o SYN", "r SYN|ACK", "o ACK", "o PSH|ACK", "r error", "o RST|ACK")),
    UDP: (("o", "r", "o", "r"), ("o", "o"), ("o", "r error", "o"), ("o", "r", "o error")),
    UDPLITE: (("o", "r", "o"),),
    SCTP: (("o INIT", "r INIT_ACK", "o COOKIE_ECHO"), ("o INIT", "o INIT")),
    ICMP: (("o", "r", "o"), ("o", "o"), ("o", "r error")),
    ICMP6: (("o", "r", "o"), ("o", "r error")),
}  # fmt: skip
_FLAGS = {"SYN": SYN, "ACK": ACK, "PSH": PSH, "FIN": FIN, "RST": RST}
_CHUNKS = {"INIT": SCTP_INIT, "INIT_ACK": SCTP_INIT_ACK, "COOKIE_ECHO": SCTP_COOKIE_ECHO}
_ECHO_REPLY = {8: 0, 13: 14, 128: 129}
_ERRORS = {4: ((3, 3), (3, 1), (11, 0)), 6: ((1, 4), (1, 0), (3, 0))}


class Conversation:
    """`next()` gives packet after packet; `saw()` must be told what became of each."""

    def __init__(self, rng: random.Random, opening: Packet, site: Site) -> None:
        self._rng, self._opening, self._site = rng, opening, site
        self._steps = list(rng.choice(_SCRIPTS.get(opening.proto, (("o", "o"),))) if _opens(opening) else ("o",))
        self._sequence = {ORIGINAL: opening.seq, REPLY: rng.randrange(1, 1 << 31)}
        self._came_out: dict[str, Fate] = {}
        self.way = ORIGINAL

    def next(self) -> Packet | None:
        while self._steps:
            self.way, _, what = self._steps.pop(0).partition(" ")
            packet = self._error() if what == "error" else self._say(what)
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
        if packet.proto == SCTP and what:
            return replace(packet, chunk=_CHUNKS[what])
        return self._tcp(packet, what) if packet.proto == TCP and what else packet

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
        payload = (packet.payload or b"data") if flags & PSH else b""
        said = replace(packet, flags=flags, payload=payload, options=_MSS if flags & SYN else b"",
                       seq=self._sequence[self.way], ack=self._sequence[other] if flags & ACK else 0)
        length = len(payload) + bool(flags & (SYN | FIN))
        if self.way == REPLY or not self._repeats(what):
            self._sequence[self.way] += length
        return said

    def _repeats(self, what: str) -> bool:
        """The same again is a retransmission."""
        return f"{self.way} {what}" in self._steps

    def _error(self) -> Packet | None:
        about = self._came_out.get(REPLY if self.way == ORIGINAL else ORIGINAL)
        if not about or not about.end or about.end.at not in (LOCAL, *(link.name for link in self._site.links)):
            return None
        seen, family = decode(about.end.raw), self._opening.family
        sender = seen["dst"]
        if about.end.at != LOCAL and self._rng.random() < 0.5:
            sender = self._rng.choice(self._site.hosts(self._site.link(about.end.at), family))
        return Packet(sender, seen["src"], ICMP if family == 4 else ICMP6, about.end.at, icmp=self._rng.choice(_ERRORS[family]),
                      inner=about.end.raw[:548])


def _opens(packet: Packet) -> bool:
    """Whether a connection can begin with this packet."""
    if packet.cut is not None or packet.spoilt or packet.fragment & ~0x4000:
        return False
    if packet.proto in (ICMP, ICMP6):
        return packet.icmp[0] in _ECHO_REPLY
    return {TCP: packet.flags == SYN, SCTP: packet.chunk == SCTP_INIT}.get(packet.proto, True)

"""Which of several links `multipath` and `bundle` give a packet (lib/flow.c, flow_hash_fields; lib/multipath.c).

Some of it mixes bits as builds without CRC instructions do (`hashing.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ruleparse.jhash import jhash
from ruleparse.openflow.fields import flow
from ruleparse.openflow.hashing import hash_int, hash_words
from ruleparse.packet import Packet

_IP, _IPV6 = 0x0800, 0x86DD
_TCP, _UDP, _SCTP = 6, 17, 132
_WORD = (1 << 32) - 1

Known = Callable[[str], int]
"""The value of a field of a packet."""


class _NotKnown(Exception):
    pass


def _of_bytes(data: bytes, basis: int) -> int:
    """jhash_bytes: words as they lie in the memory of most processors."""
    words = _words(data)
    return jhash(words, basis + len(data) - 4 * len(words) & _WORD)


def _words(data: bytes) -> list[int]:
    return [int.from_bytes(data[at : at + 4], "little") for at in range(0, len(data), 4)]


def _address(known: Known, side: str) -> bytes:
    """Four bytes or sixteen; none of what has no address."""
    kind = known("dl_type")
    if kind == _IP:
        return known(f"nw_{side}").to_bytes(4, "big")
    return known(f"ipv6_{side}").to_bytes(16, "big") if kind == _IPV6 else b""


def _one_end(side: str) -> Callable[[Known, int], int]:
    def hashed(known: Known, basis: int) -> int:
        address = _address(known, side)
        return _of_bytes(address, basis) if address else basis

    return hashed


def _of_sender(known: Known, basis: int) -> int:
    return _of_bytes(known("dl_src").to_bytes(6, "big"), basis)


def _both_ends(known: Known) -> bytes:
    return bytes(a ^ b for a, b in zip(_address(known, "src"), _address(known, "dst"), strict=True))


def _both_ports(known: Known, protocols: Sequence[int]) -> bytes:
    if known("dl_type") not in (_IP, _IPV6) or known("nw_proto") not in protocols:
        return bytes(2)
    return (known("tp_src") ^ known("tp_dst")).to_bytes(2, "big")


def _link_layer(known: Known) -> bytes:
    """Type, VLAN, and what tells both Ethernet addresses apart."""
    vlan, macs = (known("vlan_tci") ^ known("vlan_tci1")) & 0xFFF, known("dl_src") ^ known("dl_dst")
    return known("dl_type").to_bytes(2, "big") + vlan.to_bytes(2, "big") + macs.to_bytes(6, "big")


def _layers_2_to_4(known: Known, basis: int) -> int:
    head = _link_layer(known)
    proto = known("nw_proto") if known("dl_type") in (_IP, _IPV6) else 0
    ports = _both_ports(known, (_TCP, _SCTP))
    data = _both_ends(known).ljust(16, b"\0") + head[:4] + ports + head[4:] + bytes([proto])
    return _of_bytes(data.ljust(32, b"\0"), basis)


def _layer_3(known: Known, basis: int) -> int:
    data = _both_ends(known).ljust(16, b"\0") + known("dl_type").to_bytes(2, "big")
    return _of_bytes(data.ljust(20, b"\0"), basis)


def _layers_3_and_4(*protocols: int) -> Callable[[Known, int], int]:
    def hashed(known: Known, basis: int) -> int:
        ends = _both_ends(known)
        if not ends:
            return hash_words(_words(_link_layer(known).ljust(12, b"\0")), basis, basis)
        words = [*_words(ends), known("nw_proto")]
        if known("nw_proto") in protocols:
            words += _words(_both_ports(known, protocols))
        return hash_words(words, basis, basis)

    return hashed


HASHES: Mapping[str, Callable[[Known, int], int]] = {
    "eth_src": _of_sender,
    "symmetric_l4": _layers_2_to_4,
    "symmetric_l3l4": _layers_3_and_4(_TCP, _SCTP),
    "symmetric_l3l4+udp": _layers_3_and_4(_TCP, _SCTP, _UDP),
    "nw_src": _one_end("src"),
    "nw_dst": _one_end("dst"),
    "symmetric_l3": _layer_3,
}


def mixes(fields: str, algorithm: str) -> bool:
    """Whether the choice depends on how the switch was built."""
    return fields.startswith("symmetric_l3l4") or algorithm in ("hrw", "iter_hash")


def hash_of(fields: str, packet: Packet, basis: int) -> int | None:
    """The hash of a packet, None where that depends on a field that is not known."""

    def known(name: str) -> int:
        value = packet[flow(name)]
        if not isinstance(value, int):
            raise _NotKnown
        return value

    try:
        return HASHES[fields](known, basis)
    except _NotKnown:
        return None


ALGORITHMS = ("modulo_n", "hash_threshold", "hrw", "iter_hash")


def link(algorithm: str, hashed: int, links: int, argument: int) -> int:
    """Which of so many links a packet with this hash takes."""
    match algorithm:
        case "modulo_n":
            return hashed % links
        case "hash_threshold":
            return 0 if links == 1 else hashed // (_WORD // links + 1)
        case "hrw" if links <= 64:
            return max(range(links), key=lambda number: (hash_int(hashed, number), -number))
        case "hrw":
            return _tried_again(hashed, links, 1)
    return _tried_again(hashed, links, argument)


def _tried_again(hashed: int, links: int, modulo: int) -> int:
    if modulo < links or modulo // 2 > links:
        modulo = 1 << (links - 1).bit_length()
    turn = 0
    while (found := hash_int(hashed, turn) % modulo & 0xFFFF) >= links:
        turn += 1
    return found


def member(hashed: int, members: Sequence[bool]) -> int | None:
    """Which of some members that are up, by hashes of their places; None if none is."""
    up = [place for place, is_up in enumerate(members) if is_up]
    return max(up, key=lambda place: (hash_int(place, hashed), -place), default=None)

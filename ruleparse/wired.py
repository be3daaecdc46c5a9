"""What a packet given as bytes, and the interface it comes in by, say about its fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ruleparse import bits
from ruleparse.bits import Number
from ruleparse.codec import interface_name, mac
from ruleparse.netfilter import wire
from ruleparse.snapshot import Snapshot
from ruleparse.spec import Asked, SpecError

_LONGEST_HEADER = 24
_OTHERHOST, _MULTICAST, _BROADCAST = 3, 2, 1


@dataclass(frozen=True, slots=True)
class Wired:
    """Fields that bytes settle. `awkward`: it is a fragment or too short, so matches may stumble over it."""

    fields: Mapping[str, Number]
    raw: bytes | None = None
    family: int | None = None
    awkward: bool = False


def wired(spec: Mapping[str, Any], snapshot: Snapshot) -> Wired:
    """Raises SpecError if the bytes are not an IP packet."""
    fields: dict[str, Number] = _packet_type(spec, snapshot)
    if spec.get("hex") is None:
        return Wired(fields)
    try:
        raw = bytes.fromhex(str(spec["hex"]))
        family = wire.layout(raw).version
        flavours = {r.flavour for r in snapshot.rulesets(family)}
        fields |= wire.fields_of(raw, auth_ends=flavours == {"nft"})
    except ValueError as error:
        raise SpecError(f"hex: {error}") from None
    length = fields["transport_length"]
    short = isinstance(length, int) and length < _LONGEST_HEADER
    return Wired(fields, raw, family, short or bool(fields["fragment"] or fields["more_fragments"]))


def for_this_node(
    question: Asked, snapshots: Sequence[Snapshot], interfaces: Callable[[], Sequence[int]] = tuple
) -> Asked:
    """Frames whose destination nobody gave are for this node: what comes in by an interface, which may be one of
    `interfaces`, has that one's address.

    It stays unknown where an interface's address was not saved, or is another on another node of the question.
    """
    packet = question.packet
    if question.local or packet.given("dst_mac") or packet.values.get("pkttype"):
        return question
    way_in = packet["in"]
    addresses = {value: _address_of(value, snapshots) for value in ([way_in] if type(way_in) is int else interfaces())}
    if None in addresses.values():
        return question
    own: Number = 0
    for value, address in addresses.items():
        own = bits.select(bits.equal_masked(way_in, value, -1), address or 0, own)
    return replace(question, packet=packet.but({"dst_mac": own}))


def _address_of(interface: int, snapshots: Sequence[Snapshot]) -> int | None:
    (own, *others) = {s.routing.mac_of(interface_name(interface)) for s in snapshots}
    return None if others else own


def _packet_type(spec: Mapping[str, Any], snapshot: Snapshot) -> dict[str, Number]:
    """Broadcast, multicast, or for another host, by the destination MAC (eth_type_trans, net/ethernet/eth.c)."""
    text = spec.get("dst_mac")
    if text is None:
        return {}
    try:
        to = mac(str(text))
    except ValueError as error:
        raise SpecError(f"--dst-mac: {error}") from None
    if to == (1 << 48) - 1:
        return {"pkttype": _BROADCAST}
    if to >> 40 & 1:
        return {"pkttype": _MULTICAST}
    link = snapshot.routing.interfaces.named(str(spec.get("in", "")))
    own = link.mac if link is not None else None
    return {"pkttype": _OTHERHOST} if own is not None and own != to else {"pkttype": 0}

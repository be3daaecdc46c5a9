"""NORMAL: what a switch does that learns addresses (ofproto/ofproto-dpif-xlate.c, xlate_normal)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ruleparse.codec import show_mac
from ruleparse.openflow.fields import flow
from ruleparse.openflow.ports import Ports
from ruleparse.openflow.questions import settled_for_all
from ruleparse.openflow.vlans import EVERY, ID, PRIORITY, PortVlans
from ruleparse.packet import Assumption, Packet
from ruleparse.program import Action, Emit, Note, Remember, Return, Rule, Set, Test

OUT = flow("out_port")
TAG = flow("vlan_tci")
LEARNED = (flow("dl_src"), flow("dl_dst"), TAG)
"""What a switch learns addresses from."""
GROUP_ADDRESS = 1 << 40
RESERVED = 0x0180C2000000
"""The first of sixteen addresses that no bridge forwards."""

Learned = dict[tuple[int, int], int]
"""The port behind which an address of a VLAN is."""


def normal(packet: Packet, came: int, ports: Ports, learned: Learned | None, learns: bool) -> Rule:
    """What becomes of a packet that is known and came in by a port. `learned` is None where nobody saved that."""
    source, target, tag = (packet[name] for name in LEARNED)
    assert isinstance(source, int)
    assert isinstance(target, int)
    assert isinstance(tag, int)
    if not ports.exists(came):
        return Rule((), (Note("NORMAL forwards nothing that came in by no port"), Return()))
    asked, own = vlan_questions(ports), vlans_of(ports, came)
    if not own.takes(tag & ID):
        return Rule(asked, (Note("its port takes no frames of this VLAN" if tag & ID else _UNTAGGED), Return()))
    if target & ~0xF == RESERVED:
        return Rule((), (Note("NORMAL forwards nothing to a reserved address"), Return()))
    vlan = own.inside(tag & ID)
    sent = _Sent(ports, came, vlan, tag)
    learning = (
        [_learn(learned, (vlan, source), came)] if learned is not None and learns and not _is_group(source) else []
    )
    if _is_group(target):
        return Rule(asked, (*learning, *sent.everywhere(), Return()))
    if learned is None:
        words = f"the bridge has not learned where {show_mac(target)} is"
        question = settled_for_all(Assumption(words, "ovs-appctl fdb/show", presumed=True))
        return Rule((*asked, question), (*sent.everywhere(), Return()))
    behind = came if learns and target == source else learned.get((vlan, target))
    if behind is None:
        return Rule(asked, (*learning, *sent.everywhere(), Return()))
    to = (Note("it is learned to be behind the port it came in by"),) if behind == came else sent.to(behind)
    return Rule(asked, (*learning, *to, Return()))


_UNTAGGED = "its port takes no frames without a VLAN"


def _is_group(address: int) -> bool:
    return address & GROUP_ADDRESS != 0


def _learn(learned: Learned, address: tuple[int, int], port: int) -> Action:
    def change(_packet: Packet, _memory: object) -> None:
        learned[address] = port

    return Remember(change)


class _Sent:
    """A frame of a VLAN on its way out, its tag what it came with."""

    def __init__(self, ports: Ports, came: int, vlan: int, tag: int) -> None:
        self.ports = ports
        self.came = came
        self.vlan = vlan
        self.tag = tag

    def everywhere(self) -> Iterator[Action]:
        if not self.ports.known:
            yield Emit("every port")
            return
        for port in sorted(self.ports.saved):
            if port != self.came and vlans_of(self.ports, port).carries(self.vlan):
                yield from self.to(port)

    def to(self, port: int) -> Iterable[Action]:
        if port == 0 or not self.ports.exists(port):
            return (Note(f"there is no port {port}"),)
        tag = vlans_of(self.ports, port).outside(self.vlan, self.tag & PRIORITY)
        if tag == self.tag:
            return (Set(OUT, port), Emit("port"))
        return (Set(OUT, port), Set(TAG, tag), Emit("port"), Set(TAG, self.tag))


# Which VLANs ports carry


def vlans_of(ports: Ports, number: int) -> PortVlans:
    saved = ports.saved.get(number)
    name = saved.name if saved is not None else ports.told.get(number, "")
    return (ports.vlans or {}).get(name) or EVERY


def has_vlans(ports: Ports) -> bool:
    """Whether a port is more than one that carries all."""
    return any(vlans != EVERY for vlans in (ports.vlans or {}).values())


def vlan_questions(ports: Ports) -> tuple[Test, ...]:
    """What is taken for granted of the VLANs that ports carry."""
    if ports.vlans is None:
        return (_NOT_SAVED,)
    if ports.bonds:
        words = f"NORMAL sends by every link of a bond, and not by one: {', '.join(ports.bonds)}"
        return (settled_for_all(Assumption(words, "ovs-appctl bond/show", presumed=True)),)
    untold = sorted(name for name, vlans in ports.vlans.items() if vlans is None)
    if untold:
        return (settled_for_all(Assumption(f"ports carry all VLANs: {', '.join(untold)}", presumed=True)),)
    return () if ports.modes_known or not has_vlans(ports) else (_NO_MODES,)


def questions_about_many(ports: Ports) -> tuple[Test, ...]:
    """What packets that are not known depend on: of these no VLANs of ports are followed."""
    return (_LEFT_OUT,) if has_vlans(ports) else vlan_questions(ports)


_LEFT_OUT = settled_for_all(
    Assumption("every port carries all VLANs, whatever tag and trunks say", "why, of one packet")
)
_NOT_SAVED = settled_for_all(
    Assumption("every port carries all VLANs (tag, trunks)", "ovs-vsctl list port", presumed=True)
)
_NO_MODES = settled_for_all(
    Assumption("the way in which ports carry VLANs (vlan_mode) is not set", "ovs-vsctl list port", presumed=True)
)

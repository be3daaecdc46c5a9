"""Where an output goes: `flow.out_port` says to which port, in_port from where (ofproto-dpif-xlate.c)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ruleparse.codec import show_mac
from ruleparse.openflow.fields import flow
from ruleparse.openflow.formats import PORTS
from ruleparse.openflow.headers import ETHERNET, TYPE
from ruleparse.openflow.ports import Ports
from ruleparse.openflow.questions import settled_for_all
from ruleparse.packet import Assumption, Packet
from ruleparse.program import Action, Call, Emit, Masked, Note, Remember, Return, Rule, Set, Table

OUT, IN = flow("out_port"), flow("in_port")
_GROUP_ADDRESS = 1 << 40
_RESERVED = 0x0180C2000000
"""The first of sixteen addresses that no bridge forwards."""


_ANY_PACKET = (PORTS["CONTROLLER"], PORTS["TABLE"])

Learned = dict[tuple[int, int], int]
"""The port behind which an address of a VLAN is."""


def output_table(ports: Ports, start: str, learned: Learned | None = None, *, learns: bool = False) -> Table:
    """Sends the packet to the port that it is on its way to; `start` is the table that TABLE means.

    `learned` is what the switch knows, None where nobody saved that; one that `learns` adds to it.
    """

    def narrow(packet: Packet) -> Iterable[Rule]:
        out, came = packet[OUT], packet[IN]
        if not isinstance(out, int) or not isinstance(came, int):
            return table.rules
        if packet[TYPE] != ETHERNET and out not in _ANY_PACKET:
            return (Rule((), (Note("no port takes a packet without an Ethernet header"), Return())),)
        if out == PORTS["NORMAL"]:
            return (_normal(packet, came, ports, learned, learns),)
        return (Rule((), (*_known(out, came, ports, start), Return())),)

    table = Table("output", _unknown(ports), narrow=narrow)
    return table


def _normal(packet: Packet, came: int, ports: Ports, learned: Learned | None, learns: bool) -> Rule:
    """As a switch does that learns addresses (ofproto-dpif-xlate.c, xlate_normal)."""
    source, target, tag = (packet[flow(name)] for name in ("dl_src", "dl_dst", "vlan_tci"))
    if not ports.exists(came):
        return Rule((), (Note("NORMAL forwards nothing that came in by no port"), Return()))
    if not isinstance(target, int) or not isinstance(source, int) or not isinstance(tag, int):
        return Rule((), (*_everywhere(came, ports), Return()))
    if target & ~0xF == _RESERVED:
        return Rule((), (Note("NORMAL forwards nothing to a reserved address"), Return()))
    vlan = tag & 0xFFF
    learning = (
        () if learned is None or not learns or source & _GROUP_ADDRESS else (_learn(learned, (vlan, source), came),)
    )
    if target & _GROUP_ADDRESS:
        return Rule((), (*learning, *_everywhere(came, ports), Return()))
    if learned is None:
        words = f"the bridge has not learned where {show_mac(target)} is"
        question = settled_for_all(Assumption(words, "ovs-appctl fdb/show", presumed=True))
        return Rule((question,), (*_everywhere(came, ports), Return()))
    behind = came if learns and target == source else learned.get((vlan, target))
    if behind is None:
        return Rule((), (*learning, *_everywhere(came, ports), Return()))
    to = (Note("it is learned to be behind the port it came in by"),) if behind == came else _to(behind, ports)
    return Rule((), (*learning, *to, Return()))


def _learn(learned: Learned, address: tuple[int, int], port: int) -> Action:
    def change(_packet: Packet, _memory: object) -> None:
        learned[address] = port

    return Remember(change)


def _known(out: int, came: int, ports: Ports, start: str) -> Sequence[Action]:
    match out:
        case 0xFFF8:
            return _to(came, ports)
        case 0xFFF9:
            return (Call(start),)
        case 0xFFFB | 0xFFFC:
            return _everywhere(came, ports)
        case 0xFFFD:
            return (Emit("controller"),)
        case 0xFFFF:
            return ()
    if out == came:
        return (Note("no output to the port it came in by"),)
    return _to(out, ports)


def _to(port: int, ports: Ports) -> Sequence[Action]:
    if port == 0 or not ports.exists(port):
        return (Note(f"there is no port {port}"),)
    return (Set(OUT, port), Emit("port"))


def _everywhere(came: int, ports: Ports) -> Sequence[Action]:
    if not ports.known:
        return (Emit("every port"),)
    return [action for port in sorted(ports.saved) if port != came for action in (Set(OUT, port), Emit("port"))]


def _unknown(ports: Ports) -> tuple[Rule, ...]:
    """For a packet that is not known: every port that there is, one by one."""
    rules = [Rule((Masked(OUT, PORTS["CONTROLLER"], -1),), (Emit("controller"), Return()))]
    for port in sorted(ports.saved):
        away = Masked(IN, port, -1, negated=True)
        rules.append(Rule((Masked(OUT, port, -1), away), (Emit("port"), Return())))
        for flood in ("NORMAL", "FLOOD", "ALL"):
            rules.append(Rule((Masked(OUT, PORTS[flood], -1), away), (Set(OUT, port), Emit("port"))))
        rules.append(
            Rule((Masked(OUT, PORTS["IN_PORT"], -1), Masked(IN, port, -1)), (Set(OUT, port), Emit("port"), Return()))
        )
    return tuple(rules)

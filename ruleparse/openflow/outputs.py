"""Where an output goes: `flow.out_port` says to which port, in_port from where (ofproto-dpif-xlate.c)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ruleparse.bits import Bool, any_of, both, each_value, equal, equal_masked, without
from ruleparse.openflow.conditions import given
from ruleparse.openflow.fields import flow
from ruleparse.openflow.formats import PORTS
from ruleparse.openflow.headers import ETHERNET, TYPE
from ruleparse.openflow.normal import GROUP_ADDRESS, LEARNED, RESERVED, Learned, normal, questions_about_many
from ruleparse.openflow.ports import Ports
from ruleparse.openflow.questions import settled_for_all
from ruleparse.packet import Assumption, Packet
from ruleparse.program import Action, Call, Emit, Note, Return, Rule, Set, Table

OUT, IN = flow("out_port"), flow("in_port")

_ANY_PACKET = (PORTS["CONTROLLER"], PORTS["TABLE"])

_ASIDE = flow("ct_aside")
_UNTRANSLATED = Assumption(
    "what goes on behind ct(nat) is not translated: the datapath has rewritten it, and the flows do not know",
    "ovs-appctl dpctl/dump-flows",
    presumed=True,
)


def output_table(ports: Ports, start: str, learned: Learned | None = None, *, learns: bool = False) -> Table:
    """Sends the packet to the port that it is on its way to; `start` is the table that TABLE means.

    `learned` is what the switch knows, None where nobody saved that; one that `learns` adds to it.
    """

    def narrow(packet: Packet) -> Iterable[Rule]:
        out, came = packet[OUT], packet[IN]
        seen = [out, came, packet[TYPE], *(packet[name] for name in LEARNED if out == PORTS["NORMAL"])]
        if not all(isinstance(n, int) for n in seen):
            return _unknown(packet, ports, start, learned or {})
        assert isinstance(out, int)
        assert isinstance(came, int)
        if packet[TYPE] != ETHERNET and out not in _ANY_PACKET:
            return (Rule((), (Note("no port takes a packet without an Ethernet header"), Return())),)
        if out == PORTS["NORMAL"]:
            return (normal(packet, came, ports, learned, learns),)
        asked = (settled_for_all(_UNTRANSLATED),) if learns and packet[_ASIDE] == 1 else ()
        return (Rule(asked, (*_known(out, came, ports, start), Return())),)

    return Table("output", (), narrow=narrow)


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


def _unknown(packet: Packet, ports: Ports, start: str, learned: Learned) -> Iterator[Rule]:
    """For packets that are not known: every port that they may be on their way to."""
    came = packet[IN]
    for out, on_the_way in each_value(packet[OUT]):
        asked = questions_about_many(ports) if out == PORTS["NORMAL"] else ()
        when = on_the_way if out in _ANY_PACKET else both(on_the_way, equal(packet[TYPE], ETHERNET))
        for to, where in _targets(out, packet, ports, learned):
            if (there := both(when, where)) is not False:
                yield Rule((given(there), *asked), (Set(OUT, to), Emit("port")))
        if out not in (*_FLOODS, PORTS["IN_PORT"]):
            back = both(when, equal(came, out))
            yield Rule((given(without(when, back)),), (*_known(out, -1, ports, start), Return()))
        elif out in _FLOODS and not ports.known:
            floods = both(when, _flooded(out, packet, ports, learned))
            yield Rule((given(floods), *asked), (Emit("every port"), Return()))
        yield Rule((given(on_the_way),), (Return(),))


_FLOODS = tuple(PORTS[name] for name in ("NORMAL", "FLOOD", "ALL"))


def _targets(out: int, packet: Packet, ports: Ports, learned: Learned) -> Iterator[tuple[int, Bool]]:
    """The ports to which a packet is sent that floods, or goes back; and which packets are."""
    came = packet[IN]
    if out == PORTS["NORMAL"]:
        forwarded = _forwarded(packet, ports)
        for address, port in learned.items():
            if port and ports.exists(port):
                yield port, without(both(forwarded, _is_at(address, packet)), equal(came, port))
    if out in _FLOODS and ports.known:
        floods = _flooded(out, packet, ports, learned)
        yield from ((port, without(floods, equal(came, port))) for port in sorted(ports.saved))
    elif out == PORTS["IN_PORT"]:
        yield from ((port, where) for port, where in each_value(came) if port and ports.exists(port))


def _flooded(out: int, packet: Packet, ports: Ports, learned: Learned) -> Bool:
    """Packets that go everywhere, of those on their way to a port that may mean that."""
    if out != PORTS["NORMAL"]:
        return True
    return without(_forwarded(packet, ports), any_of(_is_at(address, packet) for address in learned))


def _forwarded(packet: Packet, ports: Ports) -> Bool:
    """Packets that a switch forwards."""
    reserved = equal_masked(packet[flow("dl_dst")], RESERVED, (1 << 48) - 1 & ~0xF)
    came = any_of(equal(packet[IN], port) for port in ports.saved) if ports.known else True
    return without(came, reserved)


def _is_at(address: tuple[int, int], packet: Packet) -> Bool:
    """Packets to an address of a VLAN that is no group's."""
    vlan, target = address
    if target & GROUP_ADDRESS:
        return False
    tagged = equal_masked(packet[flow("vlan_tci")], vlan, 0xFFF)
    return both(tagged, equal_masked(packet[flow("dl_dst")], target, -1))

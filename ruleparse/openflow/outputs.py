"""Where an output goes: `flow.out_port` says to which port, in_port from where (ofproto-dpif-xlate.c)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ruleparse.codec import show_mac
from ruleparse.openflow.fields import flow
from ruleparse.openflow.formats import PORTS
from ruleparse.openflow.ports import Ports
from ruleparse.openflow.questions import settled_for_all
from ruleparse.packet import Assumption, Packet
from ruleparse.program import Action, Call, Emit, Masked, Note, Return, Rule, Set, Table, Test

OUT, IN = flow("out_port"), flow("in_port")
_GROUP_ADDRESS = 1 << 40
_RESERVED = 0x0180C2000000
"""The first of sixteen addresses that no bridge forwards."""


def output_table(ports: Ports, start: str) -> Table:
    """Sends the packet to the port that it is on its way to; `start` is the table that TABLE means."""

    def narrow(packet: Packet) -> Iterable[Rule]:
        out, came = packet[OUT], packet[IN]
        if isinstance(out, int) and isinstance(came, int):
            return (Rule(_tests(out, packet), (*_known(out, came, ports, start), Return())),)
        return table.rules

    table = Table("output", _unknown(ports), narrow=narrow)
    return table


def _tests(out: int, packet: Packet) -> tuple[Test, ...]:
    """What a learning switch would have to know."""
    target = packet[flow("dl_dst")]
    if out != PORTS["NORMAL"] or not isinstance(target, int) or target & _GROUP_ADDRESS:
        return ()
    words = f"the bridge has not learned where {show_mac(target)} is"
    return (settled_for_all(Assumption(words, "ovs-appctl fdb/show", presumed=True)),)


def _known(out: int, came: int, ports: Ports, start: str) -> Sequence[Action]:
    match out:
        case 0xFFF8:
            return _to(came, ports)
        case 0xFFF9:
            return (Call(start),)
        case 0xFFFA if not ports.exists(came):
            return (Note("NORMAL forwards nothing that came in by no port"),)
        case 0xFFFA | 0xFFFB | 0xFFFC:
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

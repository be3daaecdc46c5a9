"""Sends packets through a ruleset, one by one, and writes down what happened."""

from __future__ import annotations

import random
from collections.abc import Sequence

from tests.oracle import recording
from tests.oracle.conversations import ORIGINAL, Conversation, opens
from tests.oracle.decode import decode
from tests.oracle.kernel import Fate, Firewall, Loaded
from tests.oracle.packets import to_many
from tests.oracle.recording import Record
from tests.oracle.wire import Packet

_THROWS, _TALKING = 7, 3


def first_packets(firewall: Firewall, loaded: Loaded, packets: Sequence[Packet]) -> list[Record]:
    """Each packet on its own: nothing that an earlier one left behind is there any more."""
    records = []
    for number, packet in enumerate(filter(_can_be_sent, packets)):
        fate = firewall.send(packet, loaded)
        firewall.forget(loaded, fate)
        record = recording.of_packet(firewall, loaded, number, fate)
        if loaded.gambles and (others := _other_outcomes(firewall, loaded, packet, record)):
            record["alts"] = others
        records.append(record)
    return records


def _can_be_sent(packet: Packet) -> bool:
    """No socket may have a group for its source, or an address of one link; none at all is filled in by the kernel."""
    unfit = to_many(packet.src) or packet.src.startswith("fe80:") or {packet.src, packet.dst} & {"0.0.0.0", "::"}
    return not (packet.local and unfit)


def _other_outcomes(firewall: Firewall, loaded: Loaded, packet: Packet, record: Record) -> list[Record]:
    """The dice are thrown again."""
    others: list[Record] = []
    for _ in range(_THROWS):
        fate = firewall.send(packet, loaded)
        firewall.forget(loaded, fate)
        outcome = recording.outcome(loaded, fate)
        if outcome not in others and not outcome.items() <= record.items():
            others.append(outcome)
    return others


def in_order(firewall: Firewall, loaded: Loaded, packets: Sequence[Packet]) -> list[Record]:
    """The same as ever, but the kernel remembers."""
    return [
        recording.of_packet(firewall, loaded, number, firewall.send(packet, loaded))
        for number, packet in enumerate(packets)
    ]


def conversations(firewall: Firewall, loaded: Loaded, openings: Sequence[Packet], rng: random.Random) -> list[Record]:
    """Whole connections, a few of them at a time, as many packets as there are openings; the kernel remembers."""
    records: list[Record] = []
    unpredictable: set[int] = set()
    unheard = False
    waiting = [(flow, packet) for flow, packet in enumerate(openings) if opens(packet) or rng.random() < 0.3]
    talking: list[tuple[int, Conversation]] = []
    while len(records) < len(openings) and (waiting or talking):
        while waiting and len(talking) < _TALKING:
            flow, packet = waiting.pop(0)
            talking.append((flow, Conversation(rng, packet, firewall.site)))
        flow, conversation = speaker = rng.choice(talking)
        said = conversation.next()
        if said is None or not _can_be_sent(said):
            talking.remove(speaker)
            continue
        fate = firewall.send(said, loaded)
        conversation.saw(fate)
        record = recording.of_packet(firewall, loaded, len(records), fate, flow, conversation.way)
        if flow in unpredictable or _port_by_chance(record, loaded):
            unpredictable.add(flow)
            record["skip"] = "the kernel chose a port"
        if unheard:
            record["skip"] = "what the node said before was not heard, or a copy was not looked at"
        unheard = unheard or _matters_later(fate, loaded)
        records.append(record)
    return records


_COUNTS = ("--mode nth", "-m limit", "-m hashlimit", "-m quota", "-m recent", "-j SET")


def _matters_later(fate: Fate, loaded: Loaded) -> bool:
    """Whether something is left behind by what is not judged: copies, and what the node itself says, which is kept from
    being heard here.
    """
    if fate.came_out_again:
        return True
    said = [decode(made.raw) for made in fate.made]
    is_reset, is_error = (any(sign in packet for packet in said) for sign in ("flags", "inner"))
    return is_reset or (is_error and any(words in loaded.text for words in _COUNTS))


def _port_by_chance(record: Record, loaded: Loaded) -> bool:
    """Where two connections would look alike, one of them gets a port that is written nowhere."""
    if "out" not in record or record["dir"] != ORIGINAL:
        return False
    before, after = record["f"].get("sport"), record["out"]["f"].get("sport")
    return before != after and f":{after}\n" not in loaded.text and f"--to-ports {after}\n" not in loaded.text

"""Sends the packets of a ruleset, one by one, and writes down what happened."""

from __future__ import annotations

import random

from tests.oracle import recording
from tests.oracle.conversations import Conversation
from tests.oracle.kernel import Firewall, Loaded
from tests.oracle.recording import Record
from tests.oracle.rulesets import Ruleset
from tests.oracle.wire import Packet

_THROWS, _TALKING = 7, 3


def first_packets(firewall: Firewall, loaded: Loaded, packets: list[Packet], gambles: bool = False) -> list[Record]:
    """Each packet on its own: nothing that an earlier one left behind is there any more."""
    records = []
    for number, packet in enumerate(packets):
        fate = firewall.send(packet, loaded)
        firewall.forget(loaded, fate)
        record = recording.of_packet(firewall, loaded, number, fate)
        if gambles and (others := _other_outcomes(firewall, loaded, packet, record)):
            record["alts"] = others
        records.append(record)
    return records


def _other_outcomes(firewall: Firewall, loaded: Loaded, packet: Packet, record: Record) -> list[Record]:
    """The dice are thrown again."""
    others: list[Record] = []
    for _ in range(_THROWS):
        fate = firewall.send(packet, loaded)
        firewall.forget(loaded, fate)
        outcome = recording.outcome(loaded, fate)
        if outcome not in others and any(record[key] != value for key, value in outcome.items() if key in record):
            others.append(outcome)
    return others


def conversations(firewall: Firewall, loaded: Loaded, ruleset: Ruleset, rng: random.Random) -> list[Record]:
    """Whole connections, a few of them at a time; the kernel remembers all."""
    records: list[Record] = []
    openings = list(enumerate(ruleset.packets))
    talking: list[tuple[int, Conversation]] = []
    while len(records) < len(ruleset.packets) and (openings or talking):
        while openings and len(talking) < _TALKING:
            flow, packet = openings.pop(0)
            talking.append((flow, Conversation(rng, packet, firewall.site)))
        flow, conversation = speaker = rng.choice(talking)
        said = conversation.next()
        if said is None:
            talking.remove(speaker)
            continue
        fate = firewall.send(said, loaded)
        conversation.saw(fate)
        records.append(recording.of_packet(firewall, loaded, len(records), fate, flow, conversation.way))
    return records

"""The ways in which people dump flows."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from tests.oracle.ovs.judge import Judge
from tests.oracle.ovs.pipeline import BRIDGE, Pipeline

BROKEN = "decode error"


@dataclass(frozen=True, slots=True)
class Flavour:
    protocol: str
    options: tuple[str, ...]

    def __str__(self) -> str:
        return " ".join((self.protocol, *self.options))


APPCTL = "ovs-appctl bridge/dump-flows"
FLAVOURS = (
    *(
        Flavour(f"OpenFlow1{minor}", (names, *stats))
        for minor in (0, 3, 5)
        for names in ("--no-names", "--names")
        for stats in ((), ("--no-stats",))
    ),
    Flavour(APPCTL, ()),
)


def choose(random: Random, pipeline: Pipeline) -> Flavour:
    """OpenFlow 1.0 alone tells `mod_vlan_vid` from `set_field:…->vlan_vid`, which adds no tag; it cannot tell what is
    written to the action set."""
    text = "\n".join(pipeline.flows)
    if "mod_vlan" in text:
        return FLAVOURS[0]
    return random.choice([f for f in FLAVOURS if f.protocol != "OpenFlow10" or "write_actions" not in text])


def dump(judge: Judge, flavour: Flavour) -> dict[str, str]:
    """Raises:
    ValueError: this OpenFlow version cannot tell all that is in the flows
    """
    texts = judge.dump("OpenFlow15") if flavour.protocol == APPCTL else judge.dump(flavour.protocol, flavour.options)
    if flavour.protocol == APPCTL:
        texts["flows.txt"] = judge.ovs.ask("bridge/dump-flows", BRIDGE)
    if BROKEN in texts["flows.txt"]:
        raise ValueError(f"{flavour}: {BROKEN}")
    return texts

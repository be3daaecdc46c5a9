"""Registers, and the three ways in which flows write them."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True)
class Bits:
    register: int
    low: int
    high: int

    @property
    def mask(self) -> int:
        return (1 << self.high + 1) - (1 << self.low)

    @property
    def whole(self) -> bool:
        return self.mask == 0xFFFFFFFF

    def holds(self, value: int) -> str:
        shifted = value << self.low & self.mask
        return f"reg{self.register}={shifted:#x}" + ("" if self.whole else f"/{self.mask:#x}")

    def loaded(self, value: int) -> str:
        return f"load:{value & self.mask >> self.low:#x}->{self.nxm}"

    def set(self, value: int) -> str:
        mask = "" if self.whole else f"/{self.mask:#x}"
        return f"set_field:{value << self.low & self.mask:#x}{mask}->reg{self.register}"

    @property
    def nxm(self) -> str:
        ends = "" if self.whole else str(self.low) if self.low == self.high else f"{self.low}..{self.high}"
        return f"NXM_NX_REG{self.register}[{ends}]"


@dataclass(frozen=True, slots=True)
class Layout:
    """Where a generation of pipelines keeps what it knows of a packet."""

    source: Bits
    found: Bits
    rewrite: Bits
    deny: Bits
    loads: bool

    def write(self, bits: Bits, value: int) -> str:
        return bits.loaded(value) if self.loads else bits.set(value)


PORT, ADDRESS, DENIED_BY = Bits(1, 0, 31), Bits(3, 0, 31), Bits(3, 0, 31)
ENDPOINT_PORT, STATE, ENDPOINT = Bits(4, 0, 15), Bits(4, 16, 18), Bits(4, 0, 18)
EGRESS_RULE, INGRESS_RULE = Bits(5, 0, 31), Bits(6, 0, 31)
RANGES = ((0, 31), (0, 31), (0, 15), (16, 31), (0, 3), (9, 9), (16, 18), (4, 27))


def random_layout(random: Random) -> Layout:
    if random.random() < 0.5:
        return Layout(Bits(0, 0, 15), Bits(0, 16, 16), Bits(0, 19, 19), Bits(0, 20, 20), random.random() < 0.8)
    return Layout(Bits(0, 0, 3), Bits(0, 8, 8), Bits(0, 9, 9), Bits(0, 10, 10), random.random() < 0.2)


def random_bits(random: Random) -> Bits:
    return Bits(random.choice((0, 1, 1, 2, 3, 4, 5)), *random.choice(RANGES))

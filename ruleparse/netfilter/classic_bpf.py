"""Runs classic BPF programs over a packet (linux/filter.h, net/core/filter.c)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

_WORD = (1 << 32) - 1
_ANCILLARY = 0x8000_0000
"""Offsets from here on mean other things than the packet's bytes (SKF_AD_OFF and such)."""

_SIZES = {0x00: 4, 0x08: 2, 0x10: 1}


class Instruction(NamedTuple):
    code: int
    jt: int
    jf: int
    k: int


class NotInThePacket(ValueError):
    """The program asks for something that the packet's bytes do not tell."""


def parse_program(text: str) -> tuple[Instruction, ...]:
    """`4,48 0 0 9,21 0 1 6,6 0 0 1,6 0 0 0`: how many instructions, then each."""
    count, *lines = text.split(",")
    try:
        program = tuple(Instruction(*map(int, line.split())) for line in lines if line.strip())
    except (TypeError, ValueError):
        raise ValueError(f"{text!r} is not a BPF program (count,code jt jf k,…)") from None
    if not count.strip().isdecimal() or int(count) != len(program) or not program:
        raise ValueError(f"the BPF program says it has {count} instructions, here are {len(program)}")
    return program


def show_program(program: Sequence[Instruction]) -> str:
    return ",".join([str(len(program)), *(f"{i.code} {i.jt} {i.jf} {i.k}" for i in program)])


class _OutOfPacket(Exception):
    """A load behind the packet's end, which ends the program with 0."""


def run(program: Sequence[Instruction], data: bytes) -> int:
    """What the program returns. Raises NotInThePacket."""
    try:
        return _Machine(data).run(program)
    except _OutOfPacket:
        return 0


class _Machine:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.a = self.x = 0
        self.memory = [0] * 16

    def run(self, program: Sequence[Instruction]) -> int:
        at = 0
        while at < len(program):
            code, jt, jf, k = program[at]
            at += 1
            match code & 7:
                case 0:
                    self.a = self.load(code, k)
                case 1:
                    self.x = self.load_index(code, k)
                case 2:
                    self.memory[k] = self.a
                case 3:
                    self.memory[k] = self.x
                case 4:
                    self.a = self.compute(code & 0xF0, self.x if code & 8 else k)
                case 5:
                    at += k if code & 0xF0 == 0 else jt if self.jumps(code & 0xF0, self.x if code & 8 else k) else jf
                case 6:
                    return self.a if code & 0x18 == 0x10 else k
                case _:
                    self.a, self.x = (self.x, self.x) if code & 0xF8 == 0x80 else (self.a, self.a)
        return 0

    def load(self, code: int, k: int) -> int:
        match code & 0xE0:
            case 0x00:
                return k
            case 0x20:
                return self.octets(k, _SIZES[code & 0x18])
            case 0x40:
                return self.octets(self.x + k & _WORD, _SIZES[code & 0x18])
            case 0x60:
                return self.memory[k]
            case 0x80:
                return len(self.data)
        raise NotInThePacket(f"BPF instruction {code}")

    def load_index(self, code: int, k: int) -> int:
        match code & 0xE0:
            case 0x00:
                return k
            case 0x60:
                return self.memory[k]
            case 0x80:
                return len(self.data)
            case 0xA0:
                return (self.octets(k, 1) & 15) * 4
        raise NotInThePacket(f"BPF instruction {code}")

    def octets(self, at: int, size: int) -> int:
        if at >= _ANCILLARY:
            raise NotInThePacket(f"BPF load at {at:#x}")
        if at + size > len(self.data):
            raise _OutOfPacket
        return int.from_bytes(self.data[at : at + size], "big")

    def compute(self, operation: int, operand: int) -> int:
        a = self.a
        if operation in (0x30, 0x90) and operand == 0:
            raise _OutOfPacket
        results = {
            0x00: lambda: a + operand, 0x10: lambda: a - operand, 0x20: lambda: a * operand, 0x30: lambda: a // operand,
            0x40: lambda: a | operand, 0x50: lambda: a & operand, 0x60: lambda: a << (operand & 31),
            0x70: lambda: a >> (operand & 31), 0x80: lambda: -a, 0x90: lambda: a % operand, 0xA0: lambda: a ^ operand,
        }  # fmt: skip
        if operation not in results:
            raise NotInThePacket(f"BPF operation {operation:#x}")
        return results[operation]() & _WORD

    def jumps(self, condition: int, operand: int) -> bool:
        match condition:
            case 0x10:
                return self.a == operand
            case 0x20:
                return self.a > operand
            case 0x30:
                return self.a >= operand
            case _:
                return bool(self.a & operand)

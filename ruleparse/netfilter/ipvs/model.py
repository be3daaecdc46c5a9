"""Virtual servers and the real ones behind them (linux/ip_vs.h)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ruleparse.codec import show_address, show_protocol
from ruleparse.text import Diagnostic, Span

Method = Literal["masq", "route", "tunnel", "local"]
"""How packets get to a real server: with its address for their destination, as they are, inside others, not at all."""


@dataclass(frozen=True, slots=True)
class RealServer:
    """`port` 0 leaves the port of the packet as it is."""

    family: int
    address: int
    port: int
    method: Method
    weight: int
    span: Span

    def __str__(self) -> str:
        return _end(self.family, self.address, self.port)


@dataclass(frozen=True, slots=True)
class VirtualServer:
    """A service by address, protocol and port (0: every port), or by the `mark` of its packets."""

    family: int
    proto: int
    address: int
    port: int
    scheduler: str
    span: Span
    mark: int = 0
    persistent: bool = False
    servers: tuple[RealServer, ...] = ()

    def __str__(self) -> str:
        """`10.96.0.10:53/udp`, `mark 0x1`"""
        if self.mark:
            return f"mark {self.mark:#x}"
        return f"{_end(self.family, self.address, self.port)}/{show_protocol(self.proto)}"


def _end(family: int, address: int, port: int) -> str:
    host = show_address(address, family)
    return f"[{host}]:{port}" if family == 6 else f"{host}:{port}"


@dataclass(slots=True)
class VirtualServers:
    """All that some texts hold."""

    servers: list[VirtualServer] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)

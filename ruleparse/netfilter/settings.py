"""Settings of the kernel that decide about packets: what was saved of them, and a question where nothing was.

Sources: include/linux/inetdevice.h (which settings of one interface yield to those of `all`),
Documentation/networking/ip-sysctl.rst.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ruleparse import bits
from ruleparse.bits import Bool
from ruleparse.codec import INTERFACE_BYTES, Codec, interface
from ruleparse.netfilter.extension import NEVER, ask
from ruleparse.packet import Packet, assumption
from ruleparse.program import Key, Test, World

_CONF = "net.ipv4.conf."
_LARGEST = {"rp_filter": 2}
"""How many kinds of being on there are, where there is more than one: all above it are the same."""


def number(sysctl: Mapping[str, str], name: str) -> int | None:
    """A setting, None if it was not saved."""
    text = sysctl.get(name, "")
    return int(text) if text.removeprefix("-").isdecimal() else None


def is_on(sysctl: Mapping[str, str], name: str, *, off: bool = False) -> tuple[Test, ...]:
    """Tests that hold if a setting of the whole node is on (or `off`): none if it is, a question if nobody knows."""
    value = number(sysctl, name)
    if value is None:
        return (ask(assumption(f"{name} is {0 if off else 1}", f"sysctl {name}")),)
    return () if (value == 0) is off else (NEVER,)


@dataclass(frozen=True, slots=True)
class InterfaceSetting:
    """`net.ipv4.conf.INTERFACE.NAME`: its value at interfaces that have their `own`, and at `every` other one."""

    every: int | None
    own: Mapping[str, int]
    words: str
    """how a question calls it"""

    @property
    def saved(self) -> bool:
        return self.every is not None

    @classmethod
    def of(cls, sysctl: Mapping[str, str], name: str) -> InterfaceSetting:
        """From what was saved. The larger of an interface's own and that of `all` holds (IN_DEV_MAXCONF, _ORCONF)."""
        every, own = _saved(sysctl, name)
        larger = {} if every is None else {n: max(every, value) for n, value in own.items()}
        return cls(every, larger, f"{name} of the interface")

    @classmethod
    def forwarding(cls, sysctl: Mapping[str, str]) -> InterfaceSetting:
        """An interface's own counts, which ip_forward sets for all of them (IN_DEV_FORWARD)."""
        every, own = _saved(sysctl, "forwarding")
        switch = number(sysctl, "net.ipv4.ip_forward")
        return cls(every if switch is None else min(1, switch), own, "net.ipv4.ip_forward")

    def holds(self, value: int, packet: Packet, world: World, field: str = "in") -> Bool:
        """Whether it is `value` at the interface that a field of the packet names."""
        if self.every is None and not self._settled(packet[field]):
            return world.ask(assumption(f"{self.words} is {value}", "sysctl -a"))
        same, others = (self._named(packet[field], value, like) for like in (True, False))
        return bits.negate(others) if self.every == value else same

    def _named(self, number: bits.Number, value: int, same: bool) -> Bool:
        names = (n for n, mode in self.own.items() if (mode == value) is same)
        return bits.any_of(bits.equal_masked(number, interface(n), -1) for n in names)

    def _settled(self, number: bits.Number) -> bool:
        return isinstance(number, int) and any(number == interface(n) for n in self.own)


def _saved(sysctl: Mapping[str, str], name: str) -> tuple[int | None, dict[str, int]]:
    """The value for `all`, and those of interfaces by name."""
    most = _LARGEST.get(name, 1)
    found: dict[str, int] = {}
    for key in sysctl:
        if key.startswith(_CONF) and key.endswith(f".{name}") and (value := number(sysctl, key)) is not None:
            found[key[len(_CONF) : -len(name) - 1].replace("/", ".")] = min(most, value)
    every = found.pop("all", None)
    found.pop("default", None)
    return every, {
        n: value for n, value in found.items() if len(n.encode("utf-8", "surrogateescape")) < INTERFACE_BYTES
    }


def at_interface(setting: InterfaceSetting, value: int, field: str = "in") -> Test:
    """A test that a setting has a value at the interface in a field."""
    return Test(_AT_INTERFACE, (setting, value, field))


def _at_interface(asked: tuple[InterfaceSetting, int, str], packet: Packet, world: World) -> Bool:
    setting, value, field = asked
    return setting.holds(value, packet, world, field)


_AT_INTERFACE = Key(("setting",), Codec("setting", str), _at_interface, "a setting of the interface")

"""The types of sets: what each of their dimensions reads of a packet (net/netfilter/ipset/ip_set_*.c)."""

from __future__ import annotations

from enum import Enum


class Dimension(Enum):
    """What one part of a member is, and how many bits it takes; addresses take as many as their family has."""

    IP = 0
    NET = 1
    PORT = 24  # protocol and port
    PLAIN_PORT = 16
    MARK = 32
    MAC = 48
    INTERFACE = 128
    SET = 2

    def width(self, family: int) -> int:
        return (32 if family == 4 else 128) if self in (Dimension.IP, Dimension.NET) else self.value


_WORDS = {
    "ip": Dimension.IP, "net": Dimension.NET, "port": Dimension.PORT, "mark": Dimension.MARK, "mac": Dimension.MAC,
    "iface": Dimension.INTERFACE, "set": Dimension.SET,
}  # fmt: skip

FAMILIES = {"inet": 4, "inet6": 6}
NO_FAMILY = frozenset({"bitmap:port", "list:set", "hash:mac"})
"""types whose sets a packet of either family can be in"""


def dimensions(type_: str) -> tuple[Dimension, ...]:
    """The dimensions of a type. Raises ValueError if there is no such type."""
    method, _, words = type_.partition(":")
    if type_ == "bitmap:port":
        return (Dimension.PLAIN_PORT,)
    try:
        found = tuple(_WORDS[word] for word in words.split(","))
    except KeyError:
        raise ValueError(f"{type_} is not a type of set") from None
    if method not in ("hash", "bitmap", "list"):
        raise ValueError(f"{type_} is not a type of set")
    return found

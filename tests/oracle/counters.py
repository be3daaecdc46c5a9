"""Rule counters read straight from the kernel: a few dozen microseconds where `iptables-save -c` takes milliseconds.

A reader has `keys`, one (table, chain, rule) for each counter as the dump numbers them, rule 0 being the
chain's policy, and `read()`, the packet counts in the same order.
"""

from __future__ import annotations

import ctypes
import socket
import struct
from collections import Counter
from dataclasses import dataclass
from typing import Protocol

from tests.oracle import netlink
from tests.oracle.dump import HOOKS, Key
from tests.oracle.netlink import Netlink


class Reader(Protocol):
    keys: list[Key]

    def read(self) -> list[int]: ...


def difference(keys: list[Key], before: list[int], after: list[int]) -> Counter[Key]:
    """The counters that moved, and by how much."""
    return Counter({key: new - old for key, old, new in zip(keys, before, after, strict=True) if new != old})


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where things are in struct ipt_entry or ip6t_entry."""

    level: int
    offsets: int
    counters: int


_LAYOUT = {4: _Layout(socket.IPPROTO_IP, 88, 96), 6: _Layout(socket.IPPROTO_IPV6, 140, 152)}
_GET_INFO, _GET_ENTRIES = 64, 65
_NAME, _ENTRIES_AT = 32, 40
_NONE = -1


class LegacyReader:
    """Tables of ip_tables and ip6_tables, by getsockopt."""

    def __init__(self, raw_socket: socket.socket, family: int, tables: list[str]) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._socket, self._layout = raw_socket, _LAYOUT[family]
        self.keys: list[Key] = []
        self._tables = [self._prepare(table) for table in tables]

    def read(self) -> list[int]:
        counts: list[int] = []
        for buffer, offsets in self._tables:
            self._get(_GET_ENTRIES, buffer)
            counts += [struct.unpack_from("=Q", buffer, at)[0] for at in offsets]
        return counts

    def _get(self, option: int, buffer: ctypes.Array[ctypes.c_char]) -> None:
        size = ctypes.c_uint32(len(buffer))
        if self._libc.getsockopt(self._socket.fileno(), self._layout.level, option, buffer, ctypes.byref(size)):
            raise OSError(ctypes.get_errno(), "cannot read the counters")

    def _prepare(self, table: str) -> tuple[ctypes.Array[ctypes.c_char], list[int]]:
        info = ctypes.create_string_buffer(table.encode(), 84)
        self._get(_GET_INFO, info)
        valid, *places, _, size = struct.unpack_from("=I5I5III", info, _NAME)
        buffer = ctypes.create_string_buffer(table.encode(), _ENTRIES_AT + size)
        struct.pack_into("=I", buffer, _NAME, size)
        self._get(_GET_ENTRIES, buffer)
        hooks = [hook for hook in range(5) if valid >> hook & 1]
        starts = {places[hook]: HOOKS[hook] for hook in hooks}
        policies = {places[5 + hook] for hook in hooks}
        offsets = []
        for key, at in self._walk(table, buffer.raw[_ENTRIES_AT:], starts, policies):
            self.keys.append(key)
            offsets.append(_ENTRIES_AT + at + self._layout.counters)
        return buffer, offsets

    def _walk(self, table: str, blob: bytes, starts: dict[int, str], policies: set[int]) -> list[tuple[Key, int]]:
        """Entries that are rules or policies: not the heads of user chains, nor the RETURN at their ends."""
        entries = self._entries(blob)
        found: list[tuple[Key, int]] = []
        chain, number = "", 0
        for (at, head), (_, next_head) in zip(entries, [*entries[1:], (0, None)], strict=True):
            if at in starts:
                chain, number = starts[at], 0
            if head is not None:
                chain, number = head, 0
            elif at in policies:
                found.append(((table, chain, 0), at))
            elif next_head is None:
                number += 1
                found.append(((table, chain, number), at))
        return found

    def _entries(self, blob: bytes) -> list[tuple[int, str | None]]:
        """(offset, name of the user chain that begins here if any) of all entries."""
        found, at = [], 0
        while at < len(blob):
            target, following = struct.unpack_from("=HH", blob, at + self._layout.offsets)
            name = _text(blob, at + target + 2, 29)
            found.append((at, _text(blob, at + target + 32, 30) if name == "ERROR" else None))
            at += following
        return found


def _text(data: bytes, at: int, size: int) -> str:
    return data[at : at + size].split(b"\0")[0].decode()


_GET_CHAIN, _NEW_CHAIN, _NEW_RULE, _GET_RULE = 4, 3, 6, 7
_TABLE, _RULE_CHAIN, _CHAIN_NAME, _CHAIN_COUNTERS, _PACKETS = 1, 2, 3, 8, 2
_COUNTER_PACKETS = 2


class NftReader:
    """Tables of iptables-nft, by netlink dumps of rules and chains."""

    def __init__(self, connection: Netlink, family: int, tables: list[str]) -> None:
        self._netlink, self._wanted = connection, set(tables)
        number = netlink.FAMILY[family]
        flags = netlink.REQUEST | netlink.DUMP
        self._rules = netlink.message(netlink.NFTABLES, _GET_RULE, flags, number)
        self._chains = netlink.message(netlink.NFTABLES, _GET_CHAIN, flags, number)
        rules, chains = self._netlink.dump(self._rules), self._netlink.dump(self._chains)
        of_rules, of_chains = self._find_rules(rules), self._find_policies(chains)
        self.keys = [key for key, _ in of_rules + of_chains]
        self._places = ([at for _, at in of_rules], [at for _, at in of_chains])
        self._sizes = len(rules), len(chains)

    def read(self) -> list[int]:
        counts: list[int] = []
        for request, size, places in zip((self._rules, self._chains), self._sizes, self._places, strict=True):
            data = self._netlink.dump(request)
            if len(data) != size:
                raise RuntimeError("the dump of the rules changed its size")
            counts += [struct.unpack_from("!Q", data, at)[0] for at in places]
        return counts

    def _find_rules(self, data: bytes) -> list[tuple[Key, int]]:
        found: list[tuple[Key, int]] = []
        numbers: Counter[tuple[str, str]] = Counter()
        for kind, start, end in netlink.messages(data):
            if kind != netlink.NFTABLES << 8 | _NEW_RULE:
                continue
            values = {attr: (a, b) for attr, a, b in netlink.attributes(data, netlink.body(start), end)}
            table, chain = _name(data, values[_TABLE]), _name(data, values[_RULE_CHAIN])
            if table in self._wanted:
                numbers[table, chain] += 1
                found.append(((table, chain, numbers[table, chain]), _counter(data, start, end)))
        return found

    def _find_policies(self, data: bytes) -> list[tuple[Key, int]]:
        found: list[tuple[Key, int]] = []
        for kind, start, end in netlink.messages(data):
            if kind != netlink.NFTABLES << 8 | _NEW_CHAIN:
                continue
            values = {attr: (a, b) for attr, a, b in netlink.attributes(data, netlink.body(start), end)}
            table = _name(data, values[_TABLE])
            if table in self._wanted and _CHAIN_COUNTERS in values:
                counters = {attr: a for attr, a, _ in netlink.attributes(data, *values[_CHAIN_COUNTERS])}
                found.append(((table, _name(data, values[_CHAIN_NAME]), 0), counters[_PACKETS]))
        return found


def _name(data: bytes, place: tuple[int, int]) -> str:
    return data[slice(*place)].rstrip(b"\0").decode()


def _counter(data: bytes, start: int, end: int) -> int:
    """Where the packet count of a rule's counter expression is."""
    name = data.find(b"counter\0", start, end)
    if name == _NONE:
        raise RuntimeError("a rule without a counter")
    header = 4
    for attr, at, _ in netlink.attributes(data, name + 8 + header, end):
        if attr == _COUNTER_PACKETS:
            return at
    raise RuntimeError("a counter without packets")

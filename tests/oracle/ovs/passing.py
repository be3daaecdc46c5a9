"""Packets that really pass through the switch: what left by which port, and which flows they met.

The datapath forgets its flows before each packet, so each is translated anew and counted at once.
"""

from __future__ import annotations

import re
import socket
import struct
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from corpora.vswitchd import Switch, switch
from tests.bridge_packets import Headers, Sent
from tests.oracle.ovs.judge import PATIENCE, Judge
from tests.oracle.ovs.pipeline import BRIDGE
from tests.oracle.ovs.world import BRIDGE_PORTS

LOCAL = 65534
_FLOW = re.compile(
    r"(?:table_id=(\d+), )?duration=\S+ .*?n_packets=(\d+),.*?(?:priority=(\d+))?(?:,([^ ]*?))?,? ?actions="
)
_PCAP_HEADER, _RECORD = 24, struct.Struct("<IIII")
_TRIES = 400

Key = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Passed:
    """What became of a packet: a copy of it at each port, and how often each flow was met."""

    copies: list[tuple[int, Headers]]
    met: Counter[Key]


@dataclass(slots=True)
class Passage:
    """A switch whose ports keep what leaves by them."""

    judge: Judge
    files: dict[int, Path]
    _read: dict[int, int] = field(default_factory=dict)
    _counts: Counter[Key] = field(default_factory=Counter)

    @property
    def ovs(self) -> Switch:
        return self.judge.ovs

    def begin(self) -> None:
        """Forget all connections and addresses; count from here."""
        self.ovs.ask("revalidator/purge")
        self.ovs.ask("dpctl/flush-conntrack")
        self.ovs.ask("fdb/flush", BRIDGE)
        self._counts = self._counted()
        for port in self.files:
            self._new(port)

    def send(self, packet: Sent) -> Passed:
        """Let a packet come in."""
        name = next((name for name, number in BRIDGE_PORTS.items() if number == packet.port), BRIDGE)
        self.ovs.ask("revalidator/purge")
        self.ovs.ask("netdev-dummy/receive", name, packet.of_the_datapath)
        for _ in range(_TRIES):
            counts = self._counted()
            if counts != self._counts:
                break
            time.sleep(0.0005)
        met, self._counts = counts - self._counts, counts
        return Passed([(port, headers) for port in self.files for headers in self._new(port)], met)

    def _counted(self) -> Counter[Key]:
        counts: Counter[Key] = Counter()
        for line in self.ovs.ask("bridge/dump-flows", BRIDGE).splitlines():
            found = _FLOW.match(line)
            assert found is not None, line
            if found[1] != "254":
                counts[int(found[1] or 0), int(found[3] or 32768)] += int(found[2])
        return counts

    def _new(self, port: int) -> list[Headers]:
        """What left by a port since somebody looked."""
        data = self.files[port].read_bytes() if self.files[port].exists() else b""
        at, found = self._read.get(port, _PCAP_HEADER), []
        while at + _RECORD.size <= len(data):
            length = _RECORD.unpack_from(data, at)[2]
            found.append(headers(data[at + _RECORD.size : at + _RECORD.size + length]))
            at += _RECORD.size + length
        self._read[port] = at
        return found


@contextmanager
def passage() -> Iterator[Passage]:
    with switch(PATIENCE) as ovs:
        ovs.bridge(BRIDGE, BRIDGE_PORTS)
        files = {}
        for name, number in {**BRIDGE_PORTS, BRIDGE: LOCAL}.items():
            files[number] = ovs.folder / f"{name}.pcap"
            ovs.vsctl("set", "interface", name, f"options:tx_pcap={files[number]}")
        ovs.ask("dpctl/ct-disable-tcp-seq-chk")
        yield Passage(Judge(ovs, {}, {}), files)


def headers(frame: bytes) -> Headers:
    """Of an Ethernet frame, with IP inside or not."""
    source, target = frame[6:12].hex(":"), frame[:6].hex(":")
    kind, body = int.from_bytes(frame[12:14], "big"), frame[14:]
    if kind == 0x8100:
        kind, body = int.from_bytes(body[2:4], "big"), body[4:]
    if kind == 0x0800:
        ends = socket.inet_ntop(socket.AF_INET, body[12:16]), socket.inet_ntop(socket.AF_INET, body[16:20])
        proto, ttl, tos, rest = body[9], body[8], body[1], body[(body[0] & 15) * 4 :]
    elif kind == 0x86DD:
        ends = socket.inet_ntop(socket.AF_INET6, body[8:24]), socket.inet_ntop(socket.AF_INET6, body[24:40])
        proto, ttl, tos, rest = body[6], body[7], int.from_bytes(body[:2], "big") >> 4 & 0xFF, body[40:]
    else:
        return Headers(source, target)
    if proto in (1, 58):
        return Headers(source, target, *ends, proto, rest[0], rest[1], ttl, tos)
    flags = rest[13] if proto == 6 else 0
    sport, dport = struct.unpack_from("!HH", rest)
    return Headers(source, target, *ends, proto, sport, dport, ttl, tos, flags)

"""Packets through a real node of Antrea, its bridge and its kernel, against one answer of `why` from what it saved."""

from __future__ import annotations

import os
import select
import socket
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from corpora.vswitchd import missing
from corpora.whole_saved import ROUTER_MAC, UPLINK, UPLINK_MAC, Whole, saved_texts, whole_node
from corpora.writers.antrea.node import GATEWAY_MAC, pod_mac
from ruleparse.journey import WholeOutcome, why_node
from ruleparse.sessions.journey import JourneySession
from ruleparse.snapshot import Snapshot, load
from ruleparse.why import Outcome
from ruleparse.why_bridge import BridgeOutcome, Egress
from tests.bridge_packets import Headers
from tests.oracle.namespaces import enter
from tests.oracle.ovs.passing import headers
from tests.oracle.wire import ACK, SYN, TCP, UDP, Packet

LACKING = missing() or ("" if os.geteuid() == 0 else "needs root")
pytestmark = [pytest.mark.oracle, pytest.mark.skipif(bool(LACKING), reason=LACKING)]
_PATIENCE, _QUIET = 0.6, 0.15
_ALL_TYPES = 3
PODS = {3: "10.244.1.10", 4: "10.244.1.11", 5: "10.244.1.12", 6: "10.244.1.13"}
CLIENT, NGINX, FRIEND = 3, 4, 6


@dataclass(frozen=True, slots=True)
class Row:
    """A packet, by the number of the pod's port, 0 for the uplink; to a pod's address, or to its MAC if it is near."""

    port: int
    src: str
    dst: str
    proto: int
    dport: int
    sport: int
    flags: int = SYN

    def __str__(self) -> str:
        return f"{self.port}: {self.src} to {self.dst}:{self.dport}"

    @property
    def macs(self) -> tuple[str, str]:
        if not self.port:
            return ROUTER_MAC, UPLINK_MAC
        near = [pod_mac(number) for number, address in PODS.items() if address == self.dst]
        return pod_mac(self.port), near[0] if near else GATEWAY_MAC

    @property
    def frame(self) -> bytes:
        source, target = (bytes.fromhex(mac.replace(":", "")) for mac in self.macs)
        packet = Packet(self.src, self.dst, self.proto, sport=self.sport, dport=self.dport, flags=self.flags)
        return target + source + b"\x08\x00" + packet.encode()


ROWS = [
    Row(port, PODS[port] if port else "192.168.10.99", dst, proto, dport, 41000 + number)
    for number, (port, dst, proto, dport) in enumerate(
        [
            (CLIENT, "203.0.113.9", UDP, 53),
            (CLIENT, "203.0.113.9", TCP, 443),
            (CLIENT, PODS[FRIEND], TCP, 80),
            (CLIENT, PODS[NGINX], TCP, 80),
            (FRIEND, PODS[NGINX], TCP, 80),
            (FRIEND, PODS[NGINX], TCP, 81),
            (CLIENT, "10.96.120.8", TCP, 80),
            (FRIEND, "10.96.120.8", TCP, 80),
            (FRIEND, "10.96.0.1", TCP, 443),
            (FRIEND, "10.96.120.10", TCP, 80),
            (FRIEND, "192.168.10.10", TCP, 22),
            (0, PODS[NGINX], TCP, 80),
            (0, PODS[CLIENT], UDP, 5000),
            (0, "198.51.100.7", UDP, 5000),
        ]
    )
]


@pytest.fixture(scope="module")
def node() -> Iterator[Whole]:
    with whole_node() as opened:
        yield opened


@pytest.fixture(scope="module")
def texts(node: Whole) -> dict[str, str]:
    return saved_texts(node)


@pytest.fixture(scope="module")
def saved(texts: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    folder = tmp_path_factory.mktemp("saved")
    for name, text in texts.items():
        (folder / name).write_text(text, "utf-8")
    return load([folder])


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_one_answer(node: Whole, saved: Snapshot, row: Row) -> None:
    seen = Counter(_plain(*copy) for copy in passed(node, row))
    outcomes = why_node(saved, _spec(node, row)).outcomes
    assert seen in [Counter(_said(o)) for o in outcomes], f"the node: {dict(seen)}"


def test_conversations(node: Whole, saved: Snapshot) -> None:
    """Requests and what answers them, from where they came out, one after another."""
    session = JourneySession(saved)
    asked = [
        Row(CLIENT, PODS[CLIENT], "203.0.113.9", UDP, 53, 42001),
        Row(FRIEND, PODS[FRIEND], "10.96.120.8", TCP, 80, 42002),
        Row(FRIEND, PODS[FRIEND], PODS[NGINX], TCP, 80, 42003),
        Row(0, "198.51.100.9", PODS[CLIENT], UDP, 53, 42004),
        Row(CLIENT, PODS[CLIENT], "10.96.120.8", TCP, 80, 42005),
    ]
    answered = 0
    for row in asked:
        seen = _agree(node, session, row)
        for port, h in seen:
            back = Row(port, h.dst, h.src, row.proto, h.sport, h.dport, SYN | ACK)
            answered += len(_agree(node, session, back))
    assert answered == 4


def _agree(node: Whole, session: JourneySession, row: Row) -> list[tuple[int, Headers]]:
    seen = passed(node, row)
    outcomes = session.why(_spec(node, row)).outcomes
    copies = Counter(_plain(*copy) for copy in seen)
    assert copies in [Counter(_said(o)) for o in outcomes], f"{row}: the node: {dict(copies)}"
    return seen


def test_the_dumps_are_those_of_the_corpora(texts: dict[str, str]) -> None:
    corpora = Path(__file__).parents[3] / "corpora" / "antrea-whole"
    assert texts == {path.name: path.read_text("utf-8") for path in corpora.iterdir()}


def _spec(node: Whole, row: Row) -> dict[str, Any]:
    names = {pod.number: pod.pod.interface for pod in node.node.pods}
    spec = {"in": names.get(row.port, UPLINK), "src": row.src, "dst": row.dst, "proto": str(row.proto)}
    flags = {"tcp_flags": "SYN,ACK" if row.flags & ACK else "SYN"} if row.proto == TCP else {}
    return spec | {"sport": str(row.sport), "dport": str(row.dport), "ttl": "64"} | flags


def _plain(port: int, h: Headers) -> tuple[Any, ...]:
    return port, h.src, h.dst, h.sport, h.dport, h.ttl


def _said(outcome: WholeOutcome | BridgeOutcome | Outcome) -> list[tuple[Any, ...]]:
    ends = [(0 if e.name == UPLINK else e.port, e.packet) for e in _ends(outcome) if e.name != "local"]
    return [(port, p["src"], p["dst"], p["sport"], p["dport"], p["ttl"]) for port, p in ends]


def _ends(outcome: WholeOutcome | BridgeOutcome | Outcome) -> Sequence[Egress]:
    if isinstance(outcome, WholeOutcome):
        return outcome.ends
    if isinstance(outcome, BridgeOutcome):
        return outcome.egress
    return [Egress(None, outcome.egress, outcome.packet)] if outcome.egress else []


def passed(node: Whole, row: Row) -> list[tuple[int, Headers]]:
    """The copies of a packet that come out at the far ends."""
    ends = {pod.number: f"far-{pod.number}" for pod in node.node.pods} | {0: "far-eth0"}
    with _listening(node, ends) as sockets:
        sockets[row.port].send(row.frame)
        found, until = [], time.monotonic() + _PATIENCE
        while (rest := until - time.monotonic()) > 0:
            ready, _, _ = select.select(list(sockets.values()), [], [], rest)
            for port, one in sockets.items():
                if one in ready:
                    frame, (_, _, kind, *_) = one.recvfrom(1 << 16)
                    seen = headers(frame) if frame[12:14] == b"\x08\x00" else None
                    if kind != socket.PACKET_OUTGOING and seen is not None and row.sport in (seen.sport, seen.dport):
                        found.append((port, seen))
                        until = min(until, time.monotonic() + _QUIET)
        return found


@contextmanager
def _listening(node: Whole, ends: dict[int, str]) -> Iterator[dict[int, socket.socket]]:
    """Sockets at the far ends."""
    here, there = os.open("/proc/thread-self/ns/net", os.O_RDONLY), os.open(f"/run/netns/{node.far.name}", os.O_RDONLY)
    sockets: dict[int, socket.socket] = {}
    try:
        enter(there)
        for port, name in ends.items():
            sockets[port] = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ALL_TYPES))
            sockets[port].bind((name, _ALL_TYPES))
        enter(here)
        yield sockets
    finally:
        with suppress(OSError):
            enter(here)
        for one in sockets.values():
            one.close()
        os.close(here)
        os.close(there)

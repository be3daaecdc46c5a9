"""Sockets at all ends of the firewall: they send what the tests send and see what comes out."""

from __future__ import annotations

import ctypes
import errno
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from tests.oracle import netlink
from tests.oracle.namespaces import Namespace
from tests.oracle.netlink import Netlink
from tests.oracle.wire import LOCAL

ETHER_TYPE = {4: 0x0800, 6: 0x86DD}
_ALL_TYPES, _SENTINEL_TYPE = 3, 0x88B5
_SO_RCVMARK, _SO_MARK, _SO_ATTACH_FILTER, _SO_RCVBUFFORCE = 75, 36, 26, 33
_ANY_PROTOCOL = 255
_BUFFER = 4 << 20


@dataclass(frozen=True, slots=True)
class Sight:
    """A packet as it was seen: at an interface that it left by, or `local`."""

    at: str
    raw: bytes
    mark: int = 0


class EgressTap:
    """Sees every IP packet that leaves by any interface of the namespace in which it was made."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ALL_TYPES))
        _only_outgoing(self._socket)
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVMARK, 1)
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER)
        self._socket.setblocking(False)

    def drain(self) -> list[Sight]:
        seen = []
        with suppress(BlockingIOError):
            while True:
                raw, ancillary, _, (interface, ether_type, *_) = self._socket.recvmsg(1 << 16, 64)
                if ether_type in ETHER_TYPE.values():
                    seen.append(Sight(interface, raw, _mark(ancillary)))
        return seen

    def close(self) -> None:
        self._socket.close()


def _mark(ancillary: list[tuple[int, int, bytes]]) -> int:
    return next((struct.unpack("=I", data[:4])[0] for _, kind, data in ancillary if kind == _SO_MARK), 0)


def _only_outgoing(tap: socket.socket) -> None:
    """A filter of four instructions: load the packet's type, keep it if it is PACKET_OUTGOING."""
    load, equal, give, packet_type, outgoing = 0x30, 0x15, 0x06, 0xFFFFF004, 4
    program = struct.pack(
        "=" + "HBBI" * 4, load, 0, 0, packet_type, equal, 0, 1, outgoing, give, 0, 0, 0xFFFFFFFF, give, 0, 0, 0
    )
    memory = ctypes.create_string_buffer(program)
    tap.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("=HxxxxxxQ", 4, ctypes.addressof(memory)))


class LogTap:
    """Reads what rules log to nfnetlink groups."""

    _CONFIG, _PACKET = 1, 0
    _COMMAND, _MODE, _BIND, _COPY_PACKET = 1, 2, b"\1", 2
    _MARK, _PAYLOAD = 2, 9

    def __init__(self, *groups: int) -> None:
        self._netlink = Netlink()
        self._netlink.socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER)
        for group in groups:
            self._configure(group, self._COMMAND, self._BIND)
            self._configure(group, self._MODE, struct.pack("!IBx", 0xFFFF, self._COPY_PACKET))
        self._netlink.socket.setblocking(False)

    def _configure(self, group: int, kind: int, value: bytes) -> None:
        flags = netlink.REQUEST | netlink.ACK
        body = netlink.attribute(kind, value)
        self._netlink.request(netlink.message(netlink.NFLOG, self._CONFIG, flags, resource=group, body=body))

    def drain(self) -> dict[int, list[Sight]]:
        """What was logged since the last time, by group."""
        seen: dict[int, list[Sight]] = {}
        with suppress(BlockingIOError):
            while True:
                data = self._netlink.socket.recv(1 << 17)
                for kind, start, end in netlink.messages(data):
                    if kind == netlink.NFLOG << 8 | self._PACKET:
                        group = int.from_bytes(data[start + 2 : start + 4], "big")
                        seen.setdefault(group, []).append(self._read(data, start, end))
        return seen

    def _read(self, data: bytes, start: int, end: int) -> Sight:
        values = {kind: data[a:b] for kind, a, b in netlink.attributes(data, netlink.body(start), end)}
        return Sight(LOCAL, values.get(self._PAYLOAD, b""), int.from_bytes(values.get(self._MARK, b""), "big"))

    def close(self) -> None:
        self._netlink.close()


class Injector:
    """Sends frames from the far end of a link."""

    def __init__(self, far_name: str) -> None:
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self._socket.bind((far_name, 0))

    def send(self, dst_mac: str, src_mac: str, ether_type: int, payload: bytes) -> None:
        self._socket.send(bytes.fromhex((dst_mac + src_mac).replace(":", "")) + ether_type.to_bytes(2, "big") + payload)

    def close(self) -> None:
        self._socket.close()


class Sentinel:
    """A frame sent behind a packet on a path of the same kind: when it has arrived, the packet is done with."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_SENTINEL_TYPE))
        self._socket.settimeout(2)
        self._serial = 0

    def wait(self, injector: Injector, dst_mac: str, src_mac: str) -> None:
        self._serial += 1
        payload = struct.pack("!Q", self._serial)
        for _ in range(3):
            injector.send(dst_mac, src_mac, _SENTINEL_TYPE, payload + bytes(38))
            with suppress(TimeoutError):
                while self._socket.recv(64)[:8] != payload:
                    pass
                return
        raise RuntimeError("sentinel frames get lost")

    def close(self) -> None:
        self._socket.close()


class LocalSender:
    """Raw sockets of any owner, to send packets of the firewall itself."""

    def __init__(self, namespace: Namespace) -> None:
        self._namespace = namespace
        self._sockets: dict[tuple[int, int], socket.socket] = {}

    def send(self, raw: bytes, src: str, dst: str, uid: int) -> int:
        """0, or the error with which the kernel refused; EPERM is nothing but a DROP in OUTPUT."""
        sender = self._socket(6 if ":" in src else 4, uid)
        try:
            sender.bind((src, 0))
            sender.sendto(raw, (dst, 0))
        except OSError as refused:
            return refused.errno or errno.EIO
        return 0

    def _socket(self, family: int, uid: int) -> socket.socket:
        if (family, uid) not in self._sockets:
            with self._namespace.entered(), _as_user(uid):
                self._sockets[family, uid] = raw_socket(family)
        return self._sockets[family, uid]

    def close(self) -> None:
        for sender in self._sockets.values():
            sender.close()


def raw_socket(family: int) -> socket.socket:
    raw = socket.socket(netlink.FAMILY[family], socket.SOCK_RAW, _ANY_PROTOCOL)
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    return raw


@contextmanager
def _as_user(uid: int) -> Iterator[None]:
    """A socket belongs to whom the file system takes us for when it is made."""
    libc = ctypes.CDLL(None)
    libc.setfsuid(uid)
    try:
        yield
    finally:
        libc.setfsuid(0)

"""The little netlink that the oracle speaks: nfnetlink requests, dumps and attributes."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator

NETLINK_NETFILTER = 12
REQUEST, ACK, DUMP = 0x1, 0x4, 0x300
ERROR, DONE = 2, 3
BATCH_BEGIN, BATCH_END = 16, 17
CTNETLINK, NFLOG, NFTABLES = 1, 4, 10
FAMILY = {4: socket.AF_INET, 6: socket.AF_INET6}

_HEADER = struct.Struct("=IHHII")
_NFGEN = struct.Struct("!BBH")
_ATTRIBUTE = struct.Struct("=HH")
_TYPE_MASK = 0x3FFF


def attribute(kind: int, value: bytes) -> bytes:
    return _ATTRIBUTE.pack(_ATTRIBUTE.size + len(value), kind) + value + bytes(-len(value) % 4)


def message(subsystem: int, command: int, flags: int, family: int = 0, resource: int = 0, body: bytes = b"") -> bytes:
    payload = _NFGEN.pack(family, 0, resource) + body
    return _HEADER.pack(_HEADER.size + len(payload), subsystem << 8 | command, flags, 1, 0) + payload


def batch(*messages: bytes) -> bytes:
    """What nf_tables wants around changes."""
    begin = message(0, BATCH_BEGIN, REQUEST, resource=NFTABLES)
    end = message(0, BATCH_END, REQUEST, resource=NFTABLES)
    return begin + b"".join(messages) + end


def messages(data: bytes) -> Iterator[tuple[int, int, int]]:
    """(type, start, end) of each message; start is that of the nfnetlink body, behind its own small header."""
    at = 0
    while at + _HEADER.size <= len(data):
        size, kind = struct.unpack_from("=IH", data, at)
        if size < _HEADER.size:
            return
        yield kind, at + _HEADER.size, at + size
        at += (size + 3) & ~3


def attributes(data: bytes, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """(type, start, end) of each attribute's value."""
    while start + _ATTRIBUTE.size <= end:
        size, kind = _ATTRIBUTE.unpack_from(data, start)
        if size < _ATTRIBUTE.size:
            return
        yield kind & _TYPE_MASK, start + _ATTRIBUTE.size, start + size
        start += (size + 3) & ~3


def body(start: int) -> int:
    """Where the attributes of an nfnetlink message begin."""
    return start + _NFGEN.size


class Netlink:
    """A socket to the netfilter side of the namespace in which it was made."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
        self.socket.bind((0, 0))

    def request(self, data: bytes) -> None:
        """Sends a request that asks for an acknowledgement, and waits for it."""
        self.socket.send(data)
        answer = self.socket.recv(1 << 16)
        for kind, start, _ in messages(answer):
            if kind == ERROR:
                _raise_if_refused(answer, start)

    def dump(self, data: bytes) -> bytes:
        """All datagrams of a dump in one piece (where the kernel cuts it varies)."""
        self.socket.send(data)
        answer = b""
        while True:
            part = self.socket.recv(1 << 20)
            for kind, start, _ in messages(part):
                if kind == ERROR:
                    _raise_if_refused(part, start)
                if kind == DONE:
                    return answer + part
            answer += part

    def close(self) -> None:
        self.socket.close()


def _raise_if_refused(data: bytes, start: int) -> None:
    (code,) = struct.unpack_from("=i", data, start)
    if code:
        raise OSError(-code, "netlink request refused")

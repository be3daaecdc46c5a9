"""Create nfacct objects in this network namespace: rules that name one load only when it exists.

ip netns exec NAMESPACE python3 corpora/nfacct.py NAME...
"""

from __future__ import annotations

import socket
import struct
import sys

NETLINK_NETFILTER = 12
CREATE_ACCOUNT = 7 << 8
REQUEST_ACKNOWLEDGE_CREATE = 0x1 | 0x4 | 0x400
ATTRIBUTE_NAME = 1


def create(name: str) -> None:
    value = name.encode() + b"\0"
    attribute = struct.pack("=HH", 4 + len(value), ATTRIBUTE_NAME) + value
    body = struct.pack("=BBH", socket.AF_UNSPEC, 0, 0) + attribute + b"\0" * (-len(attribute) % 4)
    header = struct.pack("=IHHII", 16 + len(body), CREATE_ACCOUNT, REQUEST_ACKNOWLEDGE_CREATE, 1, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER) as netlink:
        netlink.sendto(header + body, (0, 0))
        (error,) = struct.unpack_from("=i", netlink.recv(4096), 16)
    if error:
        raise OSError(-error, f"cannot create nfacct object {name}")


if __name__ == "__main__":
    for wanted in sys.argv[1:]:
        create(wanted)

"""The rows of tests/tables/matches*.toml that give a packet byte by byte, put to a real kernel."""

import os
import re
import shutil
import socket
import time
from collections.abc import Iterator

import pytest

from tests.match_rows import Row, rows
from tests.oracle.namespaces import Namespace

pytestmark = [
    pytest.mark.oracle,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root"),
    pytest.mark.skipif(shutil.which("iptables-legacy-restore") is None, reason="needs iptables"),
]

NEAR, FAR = "02:00:00:00:00:01", "02:00:00:00:00:02"
FRAME = bytes.fromhex((NEAR + FAR).replace(":", ""))
ETHERTYPE = {4: b"\x08\x00", 6: b"\x86\xdd"}
ROWS = [row for row in rows() if row.made_of and not row.packet and row.kernel and row.match != "unknown"]


@pytest.fixture(scope="module")
def wire() -> Iterator[tuple[Namespace, socket.socket]]:
    """A namespace with one interface, and a socket at the other end of its cable."""
    near, far = Namespace(), Namespace()
    try:
        for which in ("all", "default"):  # so that the far end says nothing by itself
            far.run("sysctl", "-q", "-w", f"net.ipv6.conf.{which}.disable_ipv6=1")
        near.run("ip", "link", "add", "eth0", "address", NEAR, "type", "veth", "peer", "far0", "netns", far.name)
        near.run("ip", "link", "set", "eth0", "arp", "off", "up")
        far.run("ip", "link", "set", "far0", "up")
        with far.entered():
            cable = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
            cable.bind(("far0", 0))
        time.sleep(0.1)
        yield near, cable
        cable.close()
    finally:
        near.remove()
        far.remove()


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_the_kernel_agrees(row: Row, wire: tuple[Namespace, socket.socket]):
    near, cable = wire
    tool = f"{'ip6tables' if row.family == 6 else 'iptables'}-{row.flavour}"
    rules = f"-A PREROUTING {row.rule}\n-A PREROUTING -m comment --comment rest\n"
    near.run(f"{tool}-restore", text=f"*mangle\n{rules}COMMIT\n")
    try:
        assert row.raw is not None
        cable.send(FRAME + ETHERTYPE[row.family] + row.raw)
        assert outcome(near, tool) == row.match
    finally:
        near.run(f"{tool}-restore", text="*mangle\nCOMMIT\n")


def outcome(near: Namespace, tool: str) -> bool | str:
    for _ in range(3):
        saved = near.run(f"{tool}-save", "-c", "-t", "mangle")
        hit, passed = (int(n) for n in re.findall(r"^\[(\d+):\d+\] -A", saved, re.MULTILINE))
        if passed:
            return bool(hit)
        time.sleep(0.02)
    return "dropped"

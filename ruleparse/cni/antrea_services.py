"""Services of Antrea's proxy: an address leads to a group, whose buckets are endpoints."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ruleparse.cni.antrea_tables import AntreaTables
from ruleparse.cni.saved_flows import SavedBridge, SavedFlow
from ruleparse.cni.things import Balanced, Served
from ruleparse.codec import show_address
from ruleparse.openflow.groups import Bucket

_ADDRESS = re.compile(
    r"load:(?P<a>0x[0-9a-f]+)->NXM_NX_REG3\[\]|set_field:(?P<b>0x[0-9a-f]+)->reg3|"
    r"set_field:(?P<six>0x[0-9a-f]+)->xxreg3|load:(?P<sixth>0x[0-9a-f]+)->NXM_NX_XXREG3\[\]"
)
_PORT = re.compile(r"load:(?P<a>0x[0-9a-f]+)->NXM_NX_REG4\[0\.\.15\]|set_field:(?P<b>0x[0-9a-f]+)/0xffff->reg4")
_STAYS = re.compile(r"learn\(table=[^,]+,(?:[^()]*,)?hard_timeout=([0-9]+)")
_PROTOCOLS = ("tcp", "udp", "sctp", "tcp6", "udp6", "sctp6")


def served(saved: SavedBridge, tables: AntreaTables) -> Iterator[tuple[Served, list[Balanced], int | None]]:
    """Every way to a service, its endpoints with their shares, and for how long a client keeps one."""
    flows = tables.flows("ServiceLB")
    stays = {_end(flow): int(found[1]) for flow in flows if (found := _STAYS.search(flow.text))}
    for flow in flows:
        group, end = flow.group(), _end(flow)
        if group is not None and end is not None:
            protocol, address, port = end
            way = Served("", protocol, address, port, "service address", "")
            yield way, _endpoints(saved, group), stays.get(end)


def _end(flow: SavedFlow) -> tuple[str, str, int] | None:
    address, port = flow.match.get("nw_dst") or flow.match.get("ipv6_dst"), flow.match.get("tp_dst", "")
    protocol = next((name for name in _PROTOCOLS if name in flow.match), None)
    if not address or not protocol or not port.isdecimal():
        return None
    return protocol.rstrip("6"), address, int(port)


def _endpoints(saved: SavedBridge, group: int) -> list[Balanced]:
    found = saved.groups.get(group)
    usable = [bucket for bucket in (found.buckets if found else ()) if bucket.weight != 0]
    total = sum(_weight(bucket) for bucket in usable)
    ends = ((_endpoint(str(bucket)), _weight(bucket) / total) for bucket in usable)
    return [Balanced(end, share) for end, share in ends if end is not None]


def _weight(bucket: Bucket) -> int:
    return 1 if bucket.weight is None else bucket.weight


def _endpoint(bucket: str) -> str | None:
    address, port = _ADDRESS.search(bucket), _PORT.search(bucket)
    if address is None or port is None:
        return None
    number = int(port["a"] or port["b"], 16)
    if six := address["six"] or address["sixth"]:
        return f"[{show_address(int(six, 16), 6)}]:{number}"
    return f"{show_address(int(address['a'] or address['b'], 16), 4)}:{number}"

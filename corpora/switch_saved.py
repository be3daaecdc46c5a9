"""Dumps that ovs-ofctl really printed: flows of our own, loaded into a switch that we start for them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from .catalogue.antrea_nodes import AntreaDump, antrea_dumps
from .catalogue.openshift_nodes import openshift_dumps
from .vswitchd import Switch, switch
from .writers.antrea import write_antrea
from .writers.antrea.bridge import Bridge
from .writers.openshift import write_openshift

FLAVOURS = {
    f"{short}{'-names' * names}": (f"OpenFlow{short[2:]}", names)
    for short in ("of10", "of13", "of15")
    for names in (False, True)
}
BY_HAND, BY_BUNDLE = "of10", "of15-names"
STEADY = {
    r"duration=[\d.]+s": "duration=86.401s",
    r"idle_age=\d+": "idle_age=86",
    r"\(xid=0x[0-9a-f]+\)": "(xid=0x2)",
    r"dpid:[0-9a-f]{16}": "dpid:00000a5b1d2e3f40",
}


def saved_bridges() -> dict[str, dict[str, str]]:
    """The files of each folder of a bridge, as the switch prints them now."""
    with switch() as ovs:
        saved = {dump.folder: dict(_files(ovs, dump)) for dump in antrea_dumps()}
        for dump in openshift_dumps():
            bridge = write_openshift(dump.node)
            load(ovs, bridge)
            saved[dump.folder] = dict(_printed(ovs, bridge, "of13"))
            ovs.delete(bridge.name)
        return saved


def save_bridges(root: Path) -> None:
    for folder, files in saved_bridges().items():
        for name, text in files.items():
            path = root / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")


def _files(ovs: Switch, dump: AntreaDump) -> Iterator[tuple[str, str]]:
    bridge = write_antrea(dump.node, dump.version)
    load(ovs, bridge)
    if dump.flavours:
        for flavour in FLAVOURS:
            yield from ((f"{flavour}/{name}", text) for name, text in _printed(ovs, bridge, flavour))
    else:
        yield from _printed(ovs, bridge, BY_BUNDLE if bridge.tables else BY_HAND)
    ovs.delete(bridge.name)


def load(ovs: Switch, bridge: Bridge) -> None:
    """As its controller would: groups first, flows refer to them."""
    ovs.bridge(bridge.name, bridge.ports, bridge.tables)
    if bridge.groups:
        ovs.ofctl("-O", bridge.protocol, "add-groups", bridge.name, "-", text="\n".join(map(str, bridge.groups)))
    ovs.ofctl("-O", bridge.protocol, "add-flows", bridge.name, "-", text="\n".join(map(str, bridge.flows)))


def _printed(ovs: Switch, bridge: Bridge, flavour: str) -> Iterator[tuple[str, str]]:
    protocol, names = FLAVOURS[flavour]
    options = ("-O", protocol, "--names" if names else "--no-names")
    yield "flows.txt", _steady(ovs.ofctl(*options, "dump-flows", bridge.name))
    yield "ports.txt", _steady(ovs.ofctl(*options, "show", bridge.name))
    if bridge.groups:
        yield "groups.txt", _steady(ovs.ofctl(*options, "dump-groups", bridge.name))


def _steady(text: str) -> str:
    """The same timers, transactions and addresses on every run; groups, which are kept in a hash, by number."""
    for pattern, replacement in STEADY.items():
        text = re.sub(pattern, replacement, text)
    places = count()
    text = re.sub(r"addr:[0-9a-f:]{17}", lambda _: f"addr:02:50:d0:00:ff:{next(places):02x}", text)
    head, *lines = text.splitlines(keepends=True)
    numbered = sorted(lines, key=lambda line: int(line.split("=")[1].split(",")[0])) if " group_id=" in text else lines
    return "".join((head, *numbered))

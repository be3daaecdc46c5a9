"""The sets of `query` before a real kernel: every witness walks to the fate that its set stands for."""

from __future__ import annotations

import ipaddress
import random
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from ruleparse.codec import protocol
from ruleparse.query.host import Packets, query
from ruleparse.snapshot import Snapshot, load
from ruleparse.why_bridge import FlowStep
from tests.oracle import recording, wire
from tests.oracle.answers import write_node
from tests.oracle.kernel import FLAVOURS, Firewall, Loaded, stay_on_one_cpu
from tests.oracle.namespaces import CommandFailed
from tests.oracle.packets import to_many
from tests.oracle.recording import Record
from tests.oracle.rulesets import TRACKED, random_ruleset
from tests.oracle.sets import KINDS
from tests.oracle.test_kernel import pytestmark as pytestmark
from tests.oracle.topology import Link, Route, Site, random_site
from tests.oracle.wire import Packet
from tests.query.test_laws import ASKED, DUMPS

SITE = Site(
    links=(
        Link("link-a", "02:00:00:00:00:01", "02:00:00:00:01:01", ("10.0.0.1/24",), ()),
        Link("link-b", "02:00:00:00:00:02", "02:00:00:00:01:02", ("10.0.1.1/24",), ()),
        Link("uplink", "02:00:00:00:00:03", "02:00:00:00:01:03", ("10.1.0.2/24",), ()),
    ),
    routes=(Route("default", "uplink", "via 10.1.0.1"),),
)
"""The node of tests/query/test_laws.py, its links with names that `ip` does not take for words of its own."""

THROWS = 60
"""In which a fate of even odds comes up, but once in 10**18 times."""
RULESETS, QUESTIONS = 8, 3
_SIZE = 60
_HEADER = {wire.TCP: 20, wire.UDP: 8, wire.ICMP: 8, wire.ICMP6: 8}


@pytest.fixture(scope="module", params=FLAVOURS)
def firewall(request: pytest.FixtureRequest) -> Iterator[Firewall]:
    with stay_on_one_cpu(), Firewall(SITE, request.param) as opened:
        yield opened


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(rules=DUMPS)
def test_witnesses_of_small_rulesets(firewall: Firewall, tmp_path_factory: pytest.TempPathFactory, rules: str) -> None:
    loaded = firewall.load(4, re.sub(r" -([io]) ([ab])\b", r" -\1 link-\2", rules))
    snapshot = saved(firewall, loaded, tmp_path_factory.mktemp("node"))
    judged = [judge(firewall, loaded, found) for found in query(snapshot, {**ASKED, "in": "link-a,link-b"}).sets]
    assert not [wrong for wrong in judged if wrong]


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("flavour", FLAVOURS)
def test_witnesses_of_random_rulesets(flavour: str, family: int, tmp_path: Path) -> None:
    rng = random.Random(f"query {flavour} {family}")
    judged = []
    with stay_on_one_cpu(), Firewall(random_site(rng), flavour) as firewall:
        kinds = [kind for kind in KINDS if firewall.supports_set(kind)]
        for number in range(RULESETS):
            profile = rng.choice(TRACKED).without_luck().without_the_untold()
            ruleset = random_ruleset(rng, firewall.site, family, profile, 30, kinds)
            try:
                loaded = firewall.load(family, ruleset.text(), ruleset.sets_text())
            except CommandFailed:
                continue
            snapshot = saved(firewall, loaded, tmp_path / str(number))
            fit = [packet for packet in ruleset.packets if _is_plain(packet)]
            for packet in rng.sample(fit, min(QUESTIONS, len(fit))):
                for found in query(snapshot, described(packet, firewall.site)).sets:
                    judged.append(judge(firewall, loaded, found))
    assert len(judged) > RULESETS
    assert not [wrong for wrong in judged if wrong]


def saved(firewall: Firewall, loaded: Loaded, folder: Path) -> Snapshot:
    write_node(folder, recording.of_ruleset(firewall, loaded, "law", "law", []))
    return load([folder])


def _is_plain(packet: Packet) -> bool:
    """One that `Packet` makes again of a description, and that arrives."""
    return packet.proto in _HEADER and not packet.local and not packet.raw and not to_many(packet.src)


def described(packet: Packet, site: Site) -> dict[str, Any]:
    """The packets around one: their addresses and port may be others nearby."""
    size = 28 if packet.family == 4 else 124
    spec: dict[str, Any] = {
        "in": packet.enters,
        "src": str(ipaddress.ip_network(f"{packet.src}/{size}", strict=False)),
        "dst": str(ipaddress.ip_network(f"{packet.dst}/{size}", strict=False)),
        "proto": packet.proto,
        "length": _SIZE if packet.family == 4 else _SIZE + 20,
        "tos": 0,
        "ttl": 64,
        "src_mac": packet.src_mac or site.link(packet.enters).far_mac,
    }
    if packet.proto in (wire.TCP, wire.UDP):
        spec |= {"sport": packet.sport, "dport": f"{max(packet.dport - 8, 0)}-{min(packet.dport + 8, 65535)}"}
    return spec


def packet_of(witness: Mapping[str, Any], site: Site) -> Packet:
    """A witness as a packet that can be sent, in a frame for this node, whatever the packet's destination."""
    proto = protocol(str(witness["proto"]))
    family = 6 if ":" in witness["src"] else 4
    return Packet(
        witness["src"],
        witness["dst"],
        proto,
        witness["in"],
        sport=int(witness.get("sport", 0)),
        dport=int(witness.get("dport", 0)),
        icmp=(8, 0) if family == 4 else (128, 0),
        tos=int(witness["tos"]),
        ttl=int(witness.get("ttl", 64)),
        src_mac=witness.get("src_mac", ""),
        dst_mac=witness.get("dst_mac", site.link(witness["in"]).mac),
        payload=bytes(_SIZE - 20 - _HEADER[proto]),
    )


def judge(firewall: Firewall, loaded: Loaded, found: Packets) -> str | None:
    """What is wrong with a set, None if its witness met its fate, or hangs on what nobody saved."""
    if found.assumptions:
        return None
    packet = packet_of(found.witness, firewall.site)
    seen = []
    for _ in range(THROWS if found.probability < 1 else 1):
        fate = firewall.send(packet, loaded)
        firewall.forget(loaded, fate)
        record = recording.of_packet(firewall, loaded, 0, fate)
        if (wrong := difference(record, found)) is None:
            return None
        seen.append(wrong)
    return f"{dict(found.witness)}: {found.verdict} {found.egress} {found.reason}: {seen[0]}\n{loaded.text}"


def difference(record: Record, found: Packets) -> str | None:
    """The first thing that the kernel did otherwise."""
    assert not isinstance(found.decided_by, FlowStep)
    by = found.decided_by and [found.decided_by.table, found.decided_by.chain, found.decided_by.rule]
    if found.verdict == "accept":
        if record["verdict"] == "drop":
            return f"the kernel drops it, by {record['by']} {record.get('reason', '')}"
        if record["out"]["at"] != found.egress:
            return f"it leaves by {record['out']['at']}"
        return f"it does not hit {by}" if by and by not in [hit[:3] for hit in record["hits"]] else None
    if record["verdict"] != "drop":
        return f"the kernel lets it through, by {record['out']['at']}"
    if record["by"] != (by or "kernel"):
        return f"it is dropped by {record['by']}, not {by}"
    kinds = [made["kind"] for made in record.get("gen", ())]
    return f"it is rejected with {kinds}" if kinds and found.reject_with not in kinds else None

"""Matches that count: questions about a packet by itself, and exact where packets come one after another."""

import pytest

from ruleparse.netfilter.matches.hashlimit import ports_of
from ruleparse.sessions.host import Session
from ruleparse.snapshot import Snapshot, load
from ruleparse.why import why
from tests.oracle import wire

PACKET = {
    "local": True,
    "src": "127.0.0.1",
    "dst": "127.0.0.1",
    "proto": "udp",
    "sport": 4000,
    "dport": 53,
    "length": 60,
}
ROWS = {
    "-m limit --limit 1/hour --limit-burst 2": "DDA",
    "-m hashlimit --hashlimit-upto 1/hour --hashlimit-burst 2 --hashlimit-mode srcip --hashlimit-name x": "DDA",
    "-m hashlimit --hashlimit-above 1/hour --hashlimit-burst 2 --hashlimit-mode srcip --hashlimit-name x": "AAD",
    "-m statistic --mode nth --every 3 --packet 1": "ADA",
    "-m quota --quota 150": "DDA",
    "-m recent --name x --update --seconds 60 --hitcount 1 --rsource": "AAA",
    "-m connbytes --connbytes 2 --connbytes-dir original --connbytes-mode packets": "ADD",
}
"""Rules that drop in OUTPUT what they match, and what becomes of three packets of one connection: drop or accept."""


@pytest.fixture
def node(tmp_path):
    def made(rule: str) -> Snapshot:
        rules = f"-A OUTPUT -m conntrack --ctstate INVALID\n-A OUTPUT {rule} -j DROP\n"
        tables = f"*mangle\n:OUTPUT ACCEPT [0:0]\n{rules}COMMIT\n"
        chains = ":INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n"
        (tmp_path / "rules").write_text(f"{tables}*filter\n{chains}COMMIT\n")
        return load([tmp_path])

    return made


def fate(session: Session) -> str:
    outcomes = session.why(PACKET).outcomes
    assert not [a for o in outcomes for a in o.assumptions if "rule at" in a.question]
    (verdict,) = {o.verdict for o in outcomes}
    return verdict[0].upper()


@pytest.mark.parametrize(("rule", "fates"), ROWS.items())
def test_they_are_exact_where_packets_come_one_after_another(node, rule, fates):
    session = Session(node(rule))
    assert "".join(fate(session) for _ in fates) == fates


@pytest.mark.parametrize("rule", [rule for rule in ROWS if "connbytes" not in rule])
def test_they_are_questions_about_a_packet_by_itself(node, rule):
    assert {o.verdict for o in why(node(rule), PACKET).outcomes} == {"accept", "drop"}


PORTS = [
    ("fd00::1", {"proto": wire.UDP, "sport": 7, "dport": 9}, (7, 9)),
    ("fd00::1", {"proto": wire.UDP, "sport": 7, "dport": 9, "extensions": (wire.DESTINATION,)}, (7, 9)),
    ("10.0.0.1", {"proto": wire.UDP, "sport": 7, "dport": 9, "cut": 3}, None),
    ("10.0.0.1", {"proto": wire.ESP, "spi": 0x10002}, (1, 2)),
    ("10.0.0.1", {"proto": wire.ESP, "spi": 0x10002, "cut": 3}, None),
    ("10.0.0.1", {"proto": wire.AH, "spi": 0x10002}, (1, 2)),
    ("10.0.0.1", {"proto": wire.AH, "cut": 7}, None),
    ("10.0.0.1", {"proto": wire.ICMP}, (0, 0)),
    ("fd00::1", {"proto": wire.AH}, None),
    ("fd00::1", {"proto": wire.AH, "cut": 1}, None),
    ("fd00::1", {"proto": 59}, None),
]
"""Packets, and what `hashlimit` takes for their ports: None if it drops them for having none."""


@pytest.mark.parametrize(("address", "fields", "ports"), PORTS, ids=str)
def test_what_are_ports_to_hashlimit(address, fields, ports):
    assert ports_of(wire.Packet(address, address, **fields).encode()) == ports

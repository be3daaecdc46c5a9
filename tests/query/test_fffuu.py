"""Our classes of addresses, and who reaches whom, against what fffuu published of firewalls (docs/ip-partitions.md).

fffuu takes what it does not model for matching in rules that accept, and leaves out rules that refuse by it: it must
never say less than we do, and where it says more we know why.
"""

import os
from pathlib import Path

import pytest

from ruleparse import bits
from ruleparse.codec import address
from ruleparse.query.address_matrix import asking_of, may_end
from ruleparse.sets.address_classes import classes
from ruleparse.snapshot import load
from tests.fffuu import EXAMPLES, GOLDEN, Sources, checkout, golden, lemma

LOOPBACK = "lo = [127.0.0.0/8]"
COMPANY = f"{LOOPBACK}\neth0 = [172.16.2.0/24]"
SSH, HTTP = ("ssh", 22), ("http", 80)

PRINTED = [
    ("synology_iptables-save_jun_2015_cleanup", "Synology_Diskstation_DS414/iptables-save_jun_2015_cleanup", "INPUT",
     LOOPBACK, {22: 1, 80: 2, 8080: 2}),
    ("parser_test", "Parser_Test/data/iptables-save", "FORWARD", LOOPBACK, {22: 2, 80: 2}),
    ("sqrl_2015_aug_iptables-save-spoofing-protection", "SQRL_Shorewall/2015_aug_iptables-save-spoofing-protection",
     "raw PREROUTING", "ipassmt_sqrl", {22: 1, 80: 1}),
    ("i8_iptables-save-2015-05-15_15-23-41_cheating",
     "TUM_Net_Firewall/iptables-save-2015-05-15_15-23-41_cheating", "FORWARD", "ipassmt_tumi8", {22: 11, 80: 12}),
]  # fmt: skip
"""Golden file, dump, chain, which sources come in where (or the file that says so), our number of classes by port."""

STATED = [
    ("medium-sized-company/Analyze_medium_sized_company.thy", "medium-sized-company/iptables-save", COMPANY, SSH, 5),
    ("medium-sized-company/Analyze_medium_sized_company.thy", "medium-sized-company/iptables-save", COMPANY, HTTP, 4),
    ("Contrived/Contrived_Example.thy", "Contrived/iptables-save", LOOPBACK, SSH, 4),
]
"""Theory, dump, sources, port, number of classes."""

TUM = "i8_iptables-save-2015-05-15_15-23-41_cheating"
PRINTERS = [f"131.159.20.{n}" for n in (15, 16, 19, 20)]
MORE = {
    # earlier rules refuse these SYNs (`--tcp-flags … SYN … -j REJECT`); fffuu leaves out what looks at flags
    (TUM, 22): [(["138.246.253.5"], PRINTERS),
    # `-i eth1.110 -d 131.159.15.247 -j ACCEPT`: not the interface of these sources; to fffuu it may be any
                (["192.168.212.0", "192.168.213.255"], ["131.159.15.247", "131.159.15.248"])],
    (TUM, 80): [(["138.246.253.5"], PRINTERS)],
}  # fmt: skip
"""Pairs that only fffuu takes for possible, those of ranges by their ends."""


@pytest.fixture(scope="module")
def published(request) -> Path:
    found = checkout(request.config.rootpath, os.environ.get("RULEPARSE_FFFUU"))
    if found is None:
        pytest.skip("RULEPARSE_FFFUU names no checkout of diekmann/Iptables_Semantics")
    return found


def compared(dump, chain, sources, port, theirs):
    """Pairs that both, only we and only they take for possible; how many classes we see."""
    asking = asking_of(load([dump]), {"proto": "tcp", "sport": "10000", "dport": str(port)}, chain)
    packet, unknowns = asking.question.packet, asking.unknowns
    ends = asking.walk(bits.both(asking.question.reach, sources.hold(packet))).ends
    ours = may_end(("accept",), unknowns, ends)
    said = theirs.reaches(packet)
    more = bits.without(said, ours)
    return bits.without(ours, said), more, len(classes([ours], unknowns)), asking


CASES = [(*row[:4], port, count) for row in PRINTED for port, count in row[4].items()]


@pytest.mark.parametrize(("name", "dump", "chain", "sources", "port", "count"), CASES)
def test_as_fffuu_printed_it(published, name, dump, chain, sources, port, count):
    theirs = golden((published / GOLDEN / name).read_text(), 10000, port)
    told = Sources(sources if "=" in sources else (published / "haskell_tool" / sources).read_text())
    less, more, found, asking = compared(published / EXAMPLES / dump, chain, told, port, theirs)
    assert less is False
    assert more == pairs(asking, MORE.get((name, port), []))
    assert found == count
    if (name, port) not in MORE:
        assert found == len(theirs.classes)


@pytest.mark.parametrize(("theory", "dump", "sources", "port", "count"), STATED)
def test_as_a_theory_states_it(published, theory, dump, sources, port, count):
    theirs = lemma((published / EXAMPLES / theory).read_text(), port[0])
    less, more, found, _ = compared(published / EXAMPLES / dump, "FORWARD", Sources(sources), port[1], theirs)
    assert (less, more, found) == (False, False, count)
    assert found == len(theirs.classes)


@pytest.mark.parametrize("dump", ["iptables-save", "iptables-save.by-linux-kernel"])
def test_a_generated_firewall_does_what_it_was_generated_for(published, dump):
    stated = (published / EXAMPLES / "topoS_generated/Analyze_topos_generated.thy").read_text()
    theirs = lemma(stated.partition("CT_Established")[0], "http")
    file = published / EXAMPLES / f"topoS_generated/imaginray_factory_network.{dump}"
    assert compared(file, "FORWARD", Sources(LOOPBACK), 80, theirs)[:3] == (False, False, 10)


def pairs(asking, listed):
    packet = asking.question.packet

    def among(end, texts):
        if texts[-1] == "192.168.213.255":
            return bits.between(packet[end], *map(address, texts))
        return bits.any_of(bits.equal_masked(packet[end], address(text), -1) for text in texts)

    return bits.any_of(bits.both(among("src", a), among("dst", b)) for a, b in listed)

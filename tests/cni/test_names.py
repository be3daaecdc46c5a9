"""What the decoders say: rows of `tables/cni.toml`, and what holds for all of them."""

import importlib
import pkgutil
import tomllib
from pathlib import Path
from random import Random

import pytest

from ruleparse import cni
from ruleparse.cni.calico_policies import hashed, policy_named
from ruleparse.cni.decoder import Decoder
from ruleparse.cni.names import DECODERS, Names
from ruleparse.codec import address, masked_number
from ruleparse.netfilter.program import NetfilterProgram
from ruleparse.netfilter.save import rule_lines
from ruleparse.packet import Packet
from ruleparse.program import Rule, Stop, Table
from ruleparse.snapshot import load
from tests.places import CORPORA, TABLES

NODES = tomllib.loads((TABLES / "cni.toml").read_text("utf-8"))["node"]


def program(text: str, folder: Path) -> NetfilterProgram:
    path = folder / "iptables-save.txt"
    path.write_text(text)
    return load([path]).program(4)


def numbered(table: Table) -> list[Rule]:
    """The rules of a chain, each number once, and a policy that drops as number 0."""
    first = {rule.number: rule for rule in reversed(table.rules) if rule.number}
    return [first[number] for number in sorted(first)] + [table.default] * (table.default.actions == (Stop("drop"),))


@pytest.mark.parametrize("row", NODES, ids=lambda row: row["name"])
def test_a_node_is_named(row, tmp_path):
    saved = program(row["save"], tmp_path)
    names = Names.of(saved)
    tables = [saved[key] for key in saved.chains]
    rules = [(f"{t.name} {rule.number}", t, rule) for t in tables for rule in numbered(t)]

    def known(pairs):
        return {key: value for key, value in pairs if value}

    assert names.writers() == row["writers"]
    assert known((t.name, names.chain(t.group, t.label)) for t in tables) == row.get("chains", {})
    assert known((key, names.rule(t, rule)) for key, t, rule in rules if rule.number) == row.get("says", {})
    assert known((key, names.decision(t, rule, Packet({}), [])) for key, t, rule in rules) == row.get("decides", {})
    assert {name: names.interface(name) or "" for name in row.get("interfaces", {})} == row.get("interfaces", {})
    assert {name: names.set(name) or "" for name in row.get("sets", {})} == row.get("sets", {})
    assert {mark: names.mark(*masked_number(mark)) or "" for mark in row.get("marks", {})} == row.get("marks", {})
    assert {ip: names.address(address(ip), 4) or "" for ip in row.get("addresses", {})} == row.get("addresses", {})


# Decoders, modules, documentation and rows agree


def test_every_decoder_is_asked():
    found = set()
    for module in pkgutil.iter_modules(cni.__path__):
        members = vars(importlib.import_module(f"{cni.__name__}.{module.name}")).values()
        found |= {m for m in members if isinstance(m, type) and issubclass(m, Decoder) and m is not Decoder}
    assert found == set(DECODERS)


@pytest.mark.parametrize("decoder", DECODERS, ids=lambda decoder: decoder.name)
def test_a_decoder_is_documented_and_has_rows(decoder):
    assert decoder.__doc__ != Decoder.__doc__
    assert decoder.__module__.rpartition(".")[2] == decoder.name.replace("-", "_")
    assert any(row["name"].split(",")[0] == decoder.name for row in NODES)
    assert [d.name for d in DECODERS].count(decoder.name) == 1


# Reading no more than what is asked for


def test_one_chain_is_named_without_reading_the_others(monkeypatch):
    saved = load([CORPORA / "kube-proxy-large-cluster"]).program(4)
    read = set()
    syntax = saved.syntax

    def watched(rule):
        read.add(rule.span.text.split()[1])
        return syntax(rule)

    monkeypatch.setattr(saved, "syntax", watched)
    names = Names.of(saved)
    assert not read
    chain = next(c.name for c in saved.chains.values() if c.name.startswith("KUBE-SEP-"))
    assert str(names.chain("nat", chain)).startswith("endpoint ")
    assert names.writers()
    assert len(read) < 5


def test_names_are_kept_with_their_program():
    saved = load([CORPORA / "kube-proxy-1.34"]).program(4)
    assert Names.of(saved) is Names.of(saved)


# Rules that somebody edited

JUNK = [
    "",
    "0",
    "x",
    "0x",
    "a/b",
    "::",
    '"',
    "--",
    "{port}",
    "-j",
    "KUBE-SEP-",
    "cali-pi-",
    "cali-tw-",
    "0x10000/",
    "9" * 30,
]


@pytest.mark.parametrize("seed", range(60))
def test_no_rule_is_too_strange(seed, tmp_path):
    random = Random(seed)
    lines = random.choice(NODES)["save"].split("\n")
    words = [word for line in lines for word in line.split()]
    for _ in range(random.randrange(1, 30)):
        at = random.randrange(len(lines))
        parts = lines[at].split(" ")
        where = random.randrange(len(parts))
        change = [[], [random.choice(words)], [random.choice(JUNK)], [parts[where], random.choice(words)]]
        parts[where : where + 1] = random.choice(change)
        lines[at] = " ".join(parts)
    saved = program("*filter\nCOMMIT\n" + "\n".join(lines), tmp_path)
    names = Names.of(saved)
    names.writers(), names.address(1, 4), names.mark(0xFFFF, 0xFFFF), names.set("cali40s:x"), names.interface("cali0")
    for key, chain in saved.chains.items():
        table = Table(key, (), group=key.split(" ")[0], label=chain.name)
        names.chain(table.group, table.label), names.endpoints(table.label)
        for number, span in enumerate((line for stretch in chain.rules for line in rule_lines(stretch)), 1):
            rule = Rule((), (), number, span)
            names.rule(table, rule), names.decision(table, rule, Packet({}), [])


# Endpoints


def test_the_share_of_an_endpoint_is_what_those_above_it_leave(tmp_path):
    chain = "KUBE-SVC-AAAAAAAAAAAAAAAA"
    odds = ["--probability 0.20000000019 ", "--probability 0.50000000000 ", ""]
    lines = [f":{chain} - [0:0]"]
    for i, p in enumerate(odds):
        sep = f"KUBE-SEP-{'ABC'[i] * 16}"
        lines += [f":{sep} - [0:0]", f"-A {sep} -p tcp -m tcp -j DNAT --to-destination 10.0.0.{i}:80"]
        lines += [f"-A {chain} {'-m statistic --mode random ' + p if p else ''}-j {sep}"]
    saved = program("*nat\n" + "\n".join(lines) + "\nCOMMIT\n", tmp_path)
    found = Names.of(saved).endpoints(chain)
    assert [e.address for e in found] == ["10.0.0.0:80", "10.0.0.1:80", "10.0.0.2:80"]
    assert [e.share for e in found] == pytest.approx([0.2, 0.4, 0.4])


def test_rules_of_legacy_and_nft_do_not_mix(tmp_path):
    dump = """# Generated by iptables-save v1.8.9{}
*nat
:KUBE-SVC-AAAAAAAAAAAAAAAA - [0:0]
:KUBE-SEP-AAAAAAAAAAAAAAAA - [0:0]
-A KUBE-SVC-AAAAAAAAAAAAAAAA -m comment --comment "shop/web" -j KUBE-SEP-AAAAAAAAAAAAAAAA
-A KUBE-SEP-AAAAAAAAAAAAAAAA -p tcp -m tcp -j DNAT --to-destination {}:80
COMMIT
"""
    saved = program(dump.format(" (nf_tables)", "10.0.0.1") + dump.format("", "10.0.0.2"), tmp_path)
    names = Names.of(saved)
    for flavour, endpoint in (("nft", "10.0.0.1"), ("legacy", "10.0.0.2")):
        table = saved[f"{flavour} nat KUBE-SVC-AAAAAAAAAAAAAAAA"]
        assert names.rule(table, table.rules[0]) == f"endpoint {endpoint}:80, the only one"


def test_endpoints_behind_an_entry_from_outside():
    names = Names.of(load([CORPORA / "kube-proxy-1.34"]).program(4))
    assert len(names.endpoints("KUBE-EXT-ITBI3OHKD3FRXPDK")) == 3
    assert len(names.endpoints("KUBE-FW-VPWLIZ4UCZR3AVHA")) == 3
    assert [e.address for e in names.endpoints("KUBE-EXT-FOEC2PG7GHGCYFGM")] == ["10.244.1.21:8080"]
    assert names.endpoints("KUBE-MARK-MASQ") == []


def test_names_of_ipv6_endpoints():
    saved = load([CORPORA / "kube-proxy-dual-stack"])
    names, six = Names.of(saved.program(4)), Names.of(saved.program(6))
    assert names.writers() == six.writers()
    portals = next(c for c in saved.program(6).chains.values() if c.name.startswith("KUBE-SVC-"))
    assert all(e.address.startswith("[fd") for e in six.endpoints(portals.name))


# Calico's own names of policies


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("default/knp.default.deny-nginx", "NetworkPolicy default/deny-nginx"),
        ("default/shop/knp.default.web", "NetworkPolicy shop/web"),
        ("shop/default.web", "Calico NetworkPolicy shop/web"),
        ("shop/platform.web", "Calico NetworkPolicy shop/platform.web"),
        ("default.lockdown", "GlobalNetworkPolicy lockdown"),
        ("lockdown", "GlobalNetworkPolicy lockdown"),
        ("platform.quarantine", "GlobalNetworkPolicy platform.quarantine"),
        ("platform/platform.quarantine", "GlobalNetworkPolicy platform.quarantine"),
        ("kanp.adminnetworkpolicy.first", "AdminNetworkPolicy first"),
        ("adminnetworkpolicy/kanp.adminnetworkpolicy.first", "AdminNetworkPolicy first"),
        ("kbanp.baselineadminnetworkpolicy.default", "BaselineAdminNetworkPolicy default"),
        ("knp/shop/web", "NetworkPolicy shop/web"),
        ("np/shop/web", "Calico NetworkPolicy shop/web"),
        ("gnp/lockdown", "GlobalNetworkPolicy lockdown"),
    ],
)
def test_a_policy_is_named_as_kubectl_does(name, shown):
    assert str(policy_named(name)) == shown


def test_the_hash_in_a_chain_name():
    assert hashed("cali-pri-", "ksa.kube-system.coredns") == "cali-pri-_u2Tn2rSoAPffvE7JO6"

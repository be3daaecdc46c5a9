"""The decoders on whole nodes: our own corpora, walks through them, and foreign dumps where they are at hand."""

import json
import re
import tomllib
from collections import Counter
from collections.abc import Iterator

import pytest

import ruleparse
from ruleparse.cni.names import Names
from ruleparse.netfilter.program import NetfilterProgram
from ruleparse.packet import Packet
from ruleparse.program import Rule, Table
from ruleparse.snapshot import NothingRead, load
from tests.places import CORPORA, TABLES

WALKS = tomllib.loads((TABLES / "cni_walks.toml").read_text("utf-8"))["walk"]
FOLDERS = (
    "kube-proxy-1.16",
    "kube-proxy-1.21",
    "kube-proxy-1.24",
    "kube-proxy-1.34",
    "kube-proxy-dual-stack",
    "kube-proxy-large-cluster",
    "kube-proxy-flannel",
    "kube-proxy-ipvs",
    "calico-3.16",
    "calico-3.22",
    "calico-3.30",
    "aws-vpc-cni-1.11",
    "aws-vpc-cni-calico",
    "docker-28",
)

# Rules that differ only in these are one shape; the golden files hold the first of each.
VALUES = (
    (r"^\[\d+:\d+\] ", ""),
    (r"KUBE-(\w+)-[A-Z2-7]{16}\b", r"KUBE-\1-…"),
    (r"\b(cali|eni)[0-9a-f]{11}\b", r"\1…"),
    (r"cali:[\w-]{16}", "cali:…"),
    (r"(cali-[\w]+-_)[\w-]{19}", r"\1…"),
    (r"[\w.-]+/[\w.-]+:?[\w-]*(?= |\")", "…"),
    (r"\d+(\.\d+)*(/\d+)?", "…"),
)


def rules(program: NetfilterProgram) -> Iterator[tuple[Table, Rule]]:
    for key in program.chains:
        table, seen = program[key], set()
        for rule in table.rules:
            if rule.number and rule.number not in seen:
                seen.add(rule.number)
                yield table, rule


def shape(text: str) -> str:
    for pattern, replacement in VALUES:
        text = re.sub(pattern, replacement, text)
    return text


@pytest.mark.parametrize("folder", FOLDERS)
def test_all_that_a_node_says(folder, golden):
    snapshot = load([CORPORA / folder])
    lines: list[str] = []
    for family in snapshot.families:
        program = snapshot.program(family)
        names, seen = Names.of(program), set()
        lines += [f"IPv{family}: {', '.join(names.writers())}", ""]
        for table, rule in rules(program):
            text = shape(rule.span.text if rule.span else "")
            if text in seen:
                continue
            seen.add(text)
            lines += [f"{table.name} {rule.number}: {re.sub(r'^-A [^ ]+ ', '', text)}"]
            lines += [f"    {said}" for said in [names.rule(table, rule)] if said]
            lines += [f"    => {said}" for said in names.decision(table, rule, Packet({}), [])]
        lines.append("")
    golden(f"cni/{folder}.txt", "\n".join(lines))


# Walks


@pytest.mark.parametrize("row", WALKS, ids=lambda row: f"{row['node']}: {row['about']}")
def test_what_is_said_about_a_walk(row):
    outcomes = ruleparse.load(CORPORA / row["node"]).why(**row["packet"]).outcomes
    assert [list(outcome.explanation) for outcome in outcomes] == [row["said"]] * len(outcomes)


# Foreign dumps

NAMED = {
    "aws-vpc-cni+kube-proxy": 0.98,
    "calico": 0.98,
    "antrea": 0.94,
    "kube-proxy-iptables": 0.97,
    "openshift-sdn (OCP 3.11)": 0.9,
    "openshift-sdn (OSE 3.x)": 0.9,
    "ufw": 0.8,
    "firewalld": 0.7,
}
"""the share of rules that have a name, by who wrote them"""


@pytest.mark.parametrize("producer", NAMED)
def test_foreign_rules_have_names(producer, shared_data):
    index = [json.loads(line) for line in (shared_data / "dumps" / "INDEX.jsonl").read_text().splitlines()]
    said: Counter[bool] = Counter()
    for entry in index:
        if entry["producer"] != producer or not re.search(r"tables-(save|S)$", entry["kind"]):
            continue
        try:
            snapshot = load([shared_data / "dumps" / entry["file"]])
        except NothingRead:
            continue
        for family in snapshot.families:
            program = snapshot.program(family)
            names = Names.of(program)
            said.update(names.rule(table, rule) is not None for table, rule in rules(program))
    assert said.total() > 20
    assert said[True] / said.total() >= NAMED[producer]

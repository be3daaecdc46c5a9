"""From saved rules to rules of the program: what options belong to, and what becomes of what nobody declared."""

import gzip
import json
from typing import Any

import pytest

from ruleparse.netfilter.facts import Facts
from ruleparse.netfilter.lower import TableLowering
from ruleparse.netfilter.program import NetfilterProgram
from ruleparse.netfilter.quirks import Quirks
from ruleparse.netfilter.registry import options_of, target
from ruleparse.netfilter.save import Dump, read, rule_lines
from ruleparse.netfilter.syntax import RuleParser
from ruleparse.packet import Assumption
from ruleparse.program import Masked, Rule, Set
from ruleparse.text import Source


def lowered(*rules: str, family: int = 4, table: str = "mangle", chain: str = "T") -> tuple[list[Rule], list[str]]:
    """The rules of a chain of these, and the names of what was wrong with them."""
    lines = "".join(f"-A {chain} {rule}\n" for rule in rules)
    dump = read(Source("dump", f"*{table}\n:{chain} - [0:0]\n{lines}COMMIT\n"), family_hint=family)
    program = NetfilterProgram(family, dump.rulesets, Facts(), {})
    return list(program[f"{table} {chain}"].rules), [d.name for d in (*dump.diagnostics, *program.diagnostics)]


def questions(rules: list[Rule]) -> list[str]:
    tests = (t for rule in rules for t in rule.tests if not isinstance(t, Masked))
    return list(dict.fromkeys(t.value.question for t in tests if isinstance(t.value, Assumption)))


def test_what_is_known_is_exact():
    rules, problems = lowered("-s 10.0.0.0/8 -m mark ! --mark 0x1/0xf -j MARK --set-xmark 0x2/0x2")
    assert problems == []
    assert [(r.tests, r.actions, r.number) for r in rules] == [
        (
            (Masked("src", 10 << 24, 0xFF000000), Masked("mark", 1, 15, negated=True)),
            (Set("mark", 2, 2),),
            1,
        )
    ]


def test_a_match_nobody_declared_is_a_question():
    rules, problems = lowered("-s 10.0.0.0/8 -m newer --mark 1 --list a b -j MARK --set-xmark 0x2/0x2")
    assert problems == []
    assert questions(rules) == ["-m newer matches (--mark 1 --list a b)"]
    assert [r.actions for r in rules] == [(Set("mark", 2, 2),)]


def test_options_of_a_match_nobody_declared_are_not_given_to_another():
    rules, _ = lowered("-m mark --mark 0x1 -m newer --mark 0x2 -j MARK --set-xmark 0x2/0x2")
    assert questions(rules) == ["-m newer matches (--mark 0x2)"]
    assert rules[0].tests[0] == Masked("mark", 1, 0xFFFFFFFF)


def test_a_target_nobody_declared_may_do_anything():
    rules, problems = lowered("-j NEWER --mark 1")
    assert problems == ["unknown-target"]
    assert questions(rules) == ["NEWER drops the packet", "NEWER accepts the packet"]


def test_an_option_nobody_declared_makes_its_match_a_question():
    rules, problems = lowered("-m mark --mark 0x1 --newer 5 -j ACCEPT")
    assert problems == ["unknown-option"]
    assert questions(rules) == ["-m mark matches (--mark 0x1 --newer 5)"]


def test_a_value_that_cannot_be_read_makes_its_match_a_question():
    rules, problems = lowered("-m mark --mark 0xg -j ACCEPT")
    assert problems == ["bad-value"]
    assert questions(rules) == ["--mark 0xg matches (--mark 0xg)"]


@pytest.mark.parametrize(
    ("rule", "question"),
    [
        ("-d fd00::/8 -j DROP", "-d fd00::/8 matches"),
        ("-m iprange --src-range fd00::1-fd00::9 -j DROP", "--src-range fd00::1-fd00::9 matches"),
        ("-j SNAT --to-source fd00::1", "SNAT drops the packet"),
        ("-j DNAT --to-destination [fd00::1]:80", "DNAT drops the packet"),
    ],
)
def test_an_address_of_the_other_family_cannot_be_read(rule, question):
    rules, problems = lowered(f"-s 10.0.0.0/8 {rule}")
    assert problems == ["bad-value"]
    assert any(asked.startswith(question) for asked in questions(rules))


@pytest.mark.parametrize("rule", ["-m addrtype [unsupported revision] -j DROP", "-j NEWER [unsupported revision]"])
def test_a_rule_the_tool_could_not_print_may_match_and_do_anything(rule):
    rules, problems = lowered(rule)
    assert problems == []
    what = "a rule that its own tool could not print ([unsupported revision])"
    assert questions(rules) == [f"{what} matches", f"{what} drops the packet", f"{what} accepts the packet"]


@pytest.mark.parametrize(
    ("written", "saved"),
    [
        ("--source 10.0.0.0/8 --jump ACCEPT", "-s 10.0.0.0/8 -j ACCEPT"),
        ("-p tcp --dport 80 -j ACCEPT", "-p tcp -m tcp --dport 80 -j ACCEPT"),
        ("-m mark --mar 0x1 -j ACCEPT", "-m mark --mark 0x1 -j ACCEPT"),
        ("-j MARK --set-x 0x1/0x1", "-j MARK --set-xmark 0x1/0x1"),
        ("-s 10.0.0.1 -j ACCEPT", "-s 10.0.0.1/32 -j ACCEPT"),
    ],
)
def test_what_people_write_means_what_is_saved(written, saved):
    ours, problems = lowered(written)
    theirs, _ = lowered(saved)
    assert problems == []
    assert [(r.actions, len(r.tests)) for r in ours] == [(r.actions, len(r.tests)) for r in theirs]


def test_a_short_form_of_two_options_is_neither():
    _, problems = lowered("-m conntrack --ctst NEW -j ACCEPT")
    assert problems == ["unknown-option"]


def test_every_rule_of_our_own_is_understood_and_prints_back(shared_data):
    with gzip.open(shared_data / "iptables-vectors-own.jsonl.gz", "rt") as file:
        vectors = [json.loads(line) for line in file]
    parser = RuleParser()
    for vector in vectors:
        if not vector.get("saved") or " sp ace " in vector["saved"]:
            continue
        check_vector(vector, parser)


def check_vector(vector: dict[str, Any], parser: RuleParser) -> None:
    declared = "".join(f":{name} - [0:0]\n" for name in vector.get("user_chains", ()))
    text = f"*{vector['table']}\n{declared}{vector['saved']}\nCOMMIT\n"
    found = read(Source("dump", text), family_hint=int(vector["family"]))
    assert found.diagnostics == [], vector["saved"]
    program = NetfilterProgram(int(vector["family"]), found.rulesets, Facts(), {})
    assert list(program[f"{vector['table']} {vector['chain']}"].rules)
    assert program.diagnostics == [], vector["saved"]
    check_values_print_back(found, parser)


def check_values_print_back(found: Dump, parser: RuleParser) -> None:
    ruleset = found.rulesets[0]
    ((name, table),) = ruleset.tables.items()
    lowering = TableLowering(ruleset, name, table.chains, Facts(), [], Quirks())
    for chain in table.chains.values():
        for span in (line for stretch in chain.rules for line in rule_lines(stretch)):
            rule = parser.parse(span)
            plan = lowering._plan(rule)
            for part in [*(part for part, _ in plan.matches), *([plan.target] if plan.target else [])]:
                for known, index in part.given:
                    assert known is not None
                    words = rule.words(index)
                    assert known.codec.show(known.codec.parse(*words)) == " ".join(words), span.text


@pytest.mark.parametrize(
    ("name", "option", "text"),
    [
        ("CLASSIFY", "--set-class", "0000:ffff"),
        ("CLUSTERIP", "--clustermac", "01:AA:7B:47:F7:D7"),
        ("CLUSTERIP", "--hashmode", "sourceip-sourceport"),
        ("CT", "--zone-orig", "mark"),
        ("CT", "--ctevents", "new,related,destroy,reply,assured,protoinfo,helper,mark,natseqinfo,secmark"),
        ("DNAT", "--to-destination", "10.0.0.1:1000-2000/3000"),
        ("DNAT", "--to-destination", "dead::beef-dead::fee7"),
        ("DNAT", "--to-destination", "[2001:db8::1-2001:db8::9]:8080-8090"),
        ("DNAT", "--to-destination", ":8080"),
        ("DSCP", "--set-dscp-class", "AF43"),
        ("HMARK", "--hmark-rnd", "0x00000004"),
        ("HMARK", "--hmark-sport", "0x0035"),
        ("LED", "--led-delay", "inf"),
        ("LOG", "--log-level", "1"),
        ("MARK", "--set-xmark", "0x0/0xffffffff"),
        ("MASQUERADE", "--to-ports", "1024-65535"),
        ("NETMAP", "--to", "dead::beef/128"),
        ("RATEEST", "--rateest-interval", "250.0ms"),
        ("RATEEST", "--rateest-ewmalog", "1.0s"),
        ("SET", "--map-set", "s4skb src,dst"),
        ("TCPOPTSTRIP", "--strip-options", "2,3,4,5,6,7"),
        ("TOS", "--set-tos", "0x1f/0xff"),
        ("TPROXY", "--tproxy-mark", "0x0/0x0"),
    ],
)
def test_values_of_targets_print_back(name, option, text):
    codec = options_of(target(name))[option].codec
    assert codec.show(codec.parse(*text.split())) == text


@pytest.mark.parametrize(
    ("name", "option", "text"),
    [
        ("CLASSIFY", "--set-class", "1"),
        ("CLASSIFY", "--set-class", "1:10000"),
        ("CT", "--ctevents", "new,old"),
        ("CT", "--zone", "65536"),
        ("DNAT", "--to-destination", "[::1"),
        ("DNAT", "--to-destination", "10.0.0.1:http:80"),
        ("DSCP", "--set-dscp", "64"),
        ("DSCP", "--set-dscp-class", "AF14"),
        ("LOG", "--log-level", "8"),
        ("MARK", "--set-xmark", "0x100000000"),
        ("RATEEST", "--rateest-interval", "5m"),
        ("REDIRECT", "--to-ports", "65536"),
        ("SET", "--add-set", "name source"),
        ("TEE", "--oif", "a-name-that-is-too-long"),
        ("TEE", "--gateway", "10.0.0.256"),
        ("TOS", "--set-tos", "Fastest"),
        ("TTL", "--ttl-set", "256"),
    ],
)
def test_wrong_values_of_targets_are_refused(name, option, text):
    codec = options_of(target(name))[option].codec
    with pytest.raises(ValueError, match=r"."):
        codec.parse(*text.split())

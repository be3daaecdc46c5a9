"""Damaged dumps give findings or none, never an exception."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ruleparse.lint.run import Wanted, lint
from ruleparse.snapshot import load

CORPORA = Path(__file__).parent.parent.parent / "corpora"
LINES = (CORPORA / "calico-before" / "iptables-save.txt").read_text().splitlines()
WORDS = ["", "!", '"', "-j", "-m", "set", "--match-set", "--probability", "abc", "999.1.1.1", "0x1/", ",,", "[::", "-A"]
DAMAGE = st.tuples(st.integers(0, len(LINES) - 1), st.integers(0, 12), st.sampled_from([*WORDS, None]))


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("hostile") / "iptables-save.txt"


@settings(max_examples=25)
@given(st.lists(DAMAGE, max_size=15))
def test_damaged_dumps(path, damage):
    lines = list(LINES)
    for at, place, word in damage:
        words = lines[at].split(" ")
        lines[at] = "" if word is None else " ".join([*words[:place], word, *words[place + 1 :]])
    path.write_text("\n".join(lines) + "\n")
    for found in lint(load([path]), Wanted(level="note")):
        assert list(found.render())


BRIDGE = CORPORA / "antrea-1.2" / "of15"
FLOWS, GROUPS = ((BRIDGE / name).read_text().splitlines() for name in ("flows.txt", "groups.txt"))
FLOW_WORDS = ["", "actions=", "table=", "table=x", "priority=99999", "conj_id=1", "conjunction(1,0/0)", "group:x"]
FLOW_WORDS += [
    "learn(",
    "conjunction(2,1/2),",
    "goto_table:",
    "reg1=0x",
    "cookie=z",
    "weight:-1",
    "->reg3",
    "0x",
    ")",
    ",",
]
FLOW_DAMAGE = st.tuples(st.integers(0, len(FLOWS) - 1), st.integers(0, 400), st.sampled_from(FLOW_WORDS))
GROUP_DAMAGE = st.tuples(st.integers(0, len(GROUPS) - 1), st.integers(0, 150), st.sampled_from(FLOW_WORDS))


@settings(max_examples=25, deadline=None)
@given(st.lists(FLOW_DAMAGE, max_size=15), st.lists(GROUP_DAMAGE, max_size=4))
def test_damaged_bridges(tmp_path_factory, flow_damage, group_damage):
    folder = tmp_path_factory.getbasetemp()
    for name, lines, damage in (("flows", FLOWS, flow_damage), ("groups", GROUPS, group_damage)):
        (folder / name).write_text("\n".join(damaged(lines, damage)) + "\n")
    for found in lint(load([folder / "flows", folder / "groups"]), Wanted(level="note")):
        assert list(found.render())


def damaged(lines, damage):
    """With some words put in place of as many characters."""
    lines = list(lines)
    for at, place, word in damage:
        lines[at] = lines[at][:place] + word + lines[at][place + len(word) :]
    return lines


@pytest.mark.parametrize(
    "text", ["*filter\n:FORWARD DROP [0:0]\n", "-A KUBE-SVC-A -m statistic --probability x -j KUBE-SEP-A"]
)
def test_parts_of_dumps(path, text):
    path.write_text(text)
    lint(load([path]), Wanted(level="note"))


def test_chains_that_call_the_next_twice_are_given_up(path):
    """Walking them takes 2**40 steps."""
    calls = "".join(f"-A C{n} -j C{n + 1}\n" * 2 for n in range(40))
    declared = "".join(f":C{n} - [0:0]\n" for n in range(41))
    pods = "*nat\n:KUBE-SEP-A - [0:0]\n-A KUBE-SEP-A -p tcp -j DNAT --to-destination 10.0.0.1:80\nCOMMIT\n"
    path.write_text(f"{pods}*filter\n:FORWARD DROP [0:0]\n{declared}-A FORWARD -j C0\n{calls}COMMIT\n")
    assert "forward-drop" not in {finding.rule for finding in lint(load([path]))}

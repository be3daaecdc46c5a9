"""The quick index of a section says what the careful reader does, or leaves the section to it."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ruleparse.netfilter import save
from ruleparse.netfilter.quick_index import section
from ruleparse.text import Source

CHAINS = [":INPUT ACCEPT [1:2]", ":FORWARD DROP [0:0]", ":a - [0:0]", ":b - [0:0]", ":a - [0:0]", ":c -"]
RULES = st.builds(
    "{}-A {}{}".format,
    st.sampled_from(["", "", "", "[3:4] "]),
    st.sampled_from(["INPUT", "a", "a", "ab", "b", "d", ""]),
    st.sampled_from(
        ["", " -j b", ' -m comment --comment "x y" -j b', ' --comment "one', ' two" -j b', ' --comment "\\"" -j b',
         ' --comment "\\" -j b', ' --comment "é"', "\t-j b", " -j b\r", ' -i q"t', ' -j "b" -A a', "  -j b"]
    ),
)  # fmt: skip
LINES = RULES | st.sampled_from(["", "# amid", "-N e", "COMMIT", ":late - [0:0]", 'two" -A a -j b', "[5:6] -A"])


def everything(text: str) -> list[Any]:
    dump = save.read(Source("dump", text))
    chains = [c for r in dump.rulesets for t in r.tables.values() for c in t.chains.values()]
    rules = [[(s.start, s.end) for stretch in c.rules for s in save.rule_lines(stretch)] for c in chains]
    return [
        [(c.name, c.policy, c.place) for c in chains],
        rules,
        [d.render() for d in dump.diagnostics],
        [b.start for b in dump.bad],
    ]


@settings(max_examples=300)
@given(st.lists(st.sampled_from(CHAINS), max_size=4), st.lists(RULES, max_size=6), st.lists(LINES, max_size=1))
def test_quick_and_careful_reading_agree(chains: list[str], rules: list[str], others: list[str]):
    text = "\n".join(["*filter", *chains, *rules, *others, *rules[:2], "COMMIT", "# end", ""])
    found = everything(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(save, "section", lambda *_: None)
        assert found == everything(text)


def test_a_plain_section_is_taken_quickly():
    """Also a long one, whose quotes are looked at a block at a time."""
    rules = [f'-A {chain} -m comment --comment "{n} a" -j b' for chain in "ab" for n in range(5000)]
    text = "\n".join(["*", ":a - [0:0]", ":b - [0:0]", *rules, "COMMIT", ""])
    found = section(text, 2)
    assert found is not None
    assert [name for name, *_ in found.runs] == ["a", "b"]
    assert found.end == text.index("COMMIT")
    assert section(text.replace('4999 a"', "4999 a"), 2) is None


def test_counted_rules_are_taken_quickly():
    found = section("*\n:a - [0:0]\n[1:2] -A a -j b\n[3:4] -A a -j b\n[3:4] -A b\nCOMMIT\n", 2)
    assert found is not None
    assert found.runs == [("a", 13, 44), ("b", 45, 55)]

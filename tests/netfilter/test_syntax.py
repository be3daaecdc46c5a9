"""Rules are cut into words by the grammar, and by the shapes remembered from it: both have to agree on every line."""

import random
import tomllib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ruleparse.netfilter.save import read, rule_lines
from ruleparse.netfilter.syntax import LONGEST, RuleParser, RuleSyntax, SyntaxProblem, unquote
from ruleparse.text import Source, Span
from tests.places import CORPORA, TABLES

ROWS: list[dict[str, Any]] = tomllib.loads((TABLES / "rule_lines.toml").read_text())["row"]
SAVES = sorted(CORPORA.glob("*/*tables-save.txt"))

Cut = tuple[str, str, bool, tuple[tuple[str, tuple[str, ...], bool, str], ...]]
"""All of a rule: its command, its chain, whether it is unsupported, its options with the text they stand in."""


def span_of(line: str) -> Span:
    return Span(Source("dump", line), 0, len(line))


def everything(rule: RuleSyntax) -> Cut:
    text = rule.span.source.text
    options = ((o.name, o.words, o.negated, text[o.start : o.end]) for o in rule.options)
    return rule.command, rule.chain, rule.unsupported, tuple(options)


def cut(parser: RuleParser, span: Span) -> Cut | None:
    """None for a line that cannot be cut."""
    try:
        return everything(parser.parse(span))
    except SyntaxProblem:
        return None


def lines_of(source: Source) -> list[Span]:
    chains = (c for r in read(source).rulesets for t in r.tables.values() for c in t.chains.values())
    return [line for chain in chains for stretch in chain.rules for line in rule_lines(stretch)]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["line"])
def test_a_line_is_cut_as_its_row_says(row):
    parser = RuleParser()
    if row.get("wrong"):
        with pytest.raises(SyntaxProblem):
            parser.parse(span_of(row["line"]))
        return
    for _ in ("by the grammar", "by the shape"):
        rule = parser.parse(span_of(row["line"]))
        assert rule.chain == row.get("chain", "INPUT")
        assert rule.unsupported == row.get("unsupported", False)
        options = [[*(["!"] if o.negated else []), o.name, *o.words] for o in rule.options]
        assert options == row["options"]
    assert len(parser.shapes) == 1


def test_a_problem_points_at_its_word():
    span = span_of('-A INPUT -j ACCEPT what "ever"')
    with pytest.raises(SyntaxProblem) as raised:
        RuleParser().parse(span)
    problem = raised.value.diagnostic
    assert problem.span is not None
    assert problem.span.text == "what"


def test_an_option_knows_where_it_stands():
    source = Source("dump", '# a comment\n[1:2] -A INPUT ! -s 10.0.0.1/32 -m comment --comment "a b" -j DROP\n')
    start = source.text.index("[")
    rule = RuleParser().parse(Span(source, start, len(source.text) - 1))
    assert [rule.option_span(o).text for o in rule.options] == [
        "-s 10.0.0.1/32",
        "-m comment",
        '--comment "a b"',
        "-j DROP",
    ]


def test_a_line_longer_than_any_rule_is_not_parsed():
    with pytest.raises(SyntaxProblem, match="longer"):
        RuleParser().parse(span_of("-A INPUT " + "-a " * LONGEST))


# Shapes and grammar


@pytest.mark.parametrize("path", SAVES, ids=lambda path: path.parent.name + "/" + path.name)
def test_replayed_shapes_equal_the_grammar_on_every_corpus(path):
    check_replay(lines_of(Source.from_path(path)), every=7)


def test_replayed_shapes_equal_the_grammar_on_foreign_dumps(shared_data):
    for path in sorted((shared_data / "own-saves").glob("*.save")):
        check_replay(lines_of(Source.from_path(path)), every=5)


def check_replay(lines: list[Span], *, every: int) -> None:
    """All lines by one parser; of long dumps some by a fresh parser, and so by the grammar alone."""
    remembering = RuleParser()
    replayed = [cut(remembering, line) for line in lines]
    assert None not in replayed
    for line, found in list(zip(lines, replayed, strict=True))[:: every if len(lines) > 200 else 1]:
        assert found == cut(RuleParser(), line)


PLAIN_WORDS = ["10.0.0.1/32", "tcp", "80", "80:90", "a,b", "ACCEPT", "src,dst", "0x1/0xff", "#x", "[br]", 'q"t', "é"]
WORDS = st.one_of(
    st.sampled_from(PLAIN_WORDS),
    st.text("abc-!\"\\[] #'", min_size=1, max_size=6).filter(lambda word: word.strip() == word),
)
QUOTED = st.text("ab c\"'\\\n-!#;", max_size=8).map(
    lambda text: '"' + "".join("\\" + c if c in "\"\\'" else c for c in text) + '"'
)
NAMES = st.sampled_from(
    ["-s", "-d", "-i", "-p", "-m", "-j", "-g", "--dport", "--comment", "--log-prefix", "--tcp-flags", "--syn", "--name",
     "--match-set", "--to-ports", "-f", "--u32", "--x", "-c"]
)  # fmt: skip
OPTIONS = st.tuples(
    st.sampled_from(["", "", "! "]),
    NAMES,
    st.sampled_from([" ", " ", "  ", "\t", " ! "]),
    st.lists(WORDS | QUOTED, max_size=3),
).map(lambda parts: parts[0] + parts[1] + parts[2] + " ".join(parts[3]))
RULES = st.tuples(
    st.sampled_from(["-A ", "[1:2] -A ", "-I ", "--append "]),
    st.sampled_from(["INPUT", "5", "#hash", 'we"ird', "a,b"]),
    st.lists(OPTIONS, max_size=5).map(lambda options: "".join(" " + option for option in options)),
    st.sampled_from(["", " [unsupported revision]", "\r", " "]),
).map("".join)


@settings(max_examples=400)
@given(st.lists(RULES, min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_replayed_shapes_equal_the_grammar(rules: list[str], chance: random.Random):
    remembering = RuleParser()
    for line in [*rules, *(mutant(rule, chance) for rule in rules * 3), *rules]:
        span = span_of(line)
        assert cut(remembering, span) == cut(RuleParser(), span)


def mutant(line: str, chance: random.Random) -> str:
    """A line with a character or two changed, left out, or put in."""
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(line) + 1)
        put_in = chance.choice(["", '"', " ", "\\", "-", "!", "x", "\n", "[", "\t"])
        line = line[:at] + put_in + line[at + chance.randint(0, 1) :]
    return line


@given(st.text("ab c\"'\\\n-!", max_size=12))
def test_a_quoted_word_means_its_text(text: str):
    quoted = '"' + "".join("\\" + c if c in "\"\\'" else c for c in text) + '"'
    assert unquote(quoted) == text
    rule = RuleParser().parse(span_of(f"-A INPUT -m comment --comment {quoted} -j X"))
    assert rule.first("--comment") == text


def test_real_rules_are_cut_as_iptables_restore_does(shared_data):
    """Every rule of our own as really saved, and the words that iptables-restore makes of it."""
    import gzip
    import json

    with gzip.open(shared_data / "iptables-vectors-own.jsonl.gz", "rt") as file:
        vectors = [json.loads(line) for line in file]
    for vector in vectors:
        if not vector.get("saved") or " sp ace " in vector["saved"]:
            continue
        rule = RuleParser().parse(span_of(vector["saved"]))
        words = [rule.command, rule.chain]
        for option in rule.options:
            words += [*(["!"] if option.negated else []), option.name, *option.words]
        if 'q"t' in vector["saved"] or 'we"ird' in vector["saved"]:
            assert words == vector["saved"].split()
        else:
            assert words == vector["tokens"]

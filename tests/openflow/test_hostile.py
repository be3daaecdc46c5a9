"""Whatever a text holds, reading it and asking about it ends with an answer or a plain word, never a traceback."""

from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from ruleparse.openflow.action import kinds
from ruleparse.openflow.keys import KEYS
from ruleparse.openflow.read_groups import read_groups
from ruleparse.openflow.syntax import SyntaxProblem, flow_parser
from ruleparse.spec import SpecError
from ruleparse.text import Source, Span
from tests.bridges import ask

WORDS = ["(", ")", ",", ":", "=", "->", "[", "]", "..", "/", "0", "1", "65536", "0x", "255.255.255.255", "::1", "aa:bb"]
WORDS += ["actions=", "table=", "NXM_NX_REG0[]", "[0..3]", "-1", '"', " ", "priority="]
PIECES = st.sampled_from([*kinds(), *(k.shown for k in KEYS[:40]), *WORDS])
TEXT = st.lists(PIECES, max_size=12).map("".join)


@settings(deadline=None, max_examples=150)
@given(TEXT, TEXT)
def test_flows(match, actions):
    ask(f"{match} actions={actions}\nactions={actions}\n", "in_port=1,tcp")


@settings(deadline=None, max_examples=60)
@given(TEXT)
def test_groups(text):
    list(read_groups(Source("groups", f"group_id=1,type=all,bucket={text}")).groups)


@settings(deadline=None, max_examples=60)
@given(st.lists(PIECES, max_size=6).map("".join))
def test_packets(text):
    with suppress(SpecError):
        ask("actions=output:2", text)


@settings(deadline=None, max_examples=100)
@given(TEXT)
def test_replayed_shapes_equal_the_grammar(text):
    line = f"priority=1,{text} actions={text}"
    parser, span = flow_parser(), Span(Source("flows", line), 0, len(line))
    try:
        direct = parser.directly(span)
    except SyntaxProblem:
        direct = None
    try:
        assert parser.parse(span) == direct
    except SyntaxProblem:
        assert direct is None

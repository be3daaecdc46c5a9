"""Every field of a flow: its names are its own, and its values print as they were read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ruleparse.openflow.fields import HEADERS, flow
from ruleparse.openflow.keys import BY_HEADER, KEYS, KEYWORDS, NEEDS, FlowKey, matched, subfield
from ruleparse.openflow.steps import copy_bits, write_number
from ruleparse.packet import FIELDS
from ruleparse.program import Set


@st.composite
def masked(draw: st.DrawFn) -> tuple[FlowKey, int, int]:
    key = draw(st.sampled_from(KEYS))
    mask = draw(st.one_of(st.just((1 << key.width) - 1), st.integers(1, (1 << key.width) - 1)))
    if key.name == "packet_type":
        mask = (1 << key.width) - 1
    return key, draw(st.integers(0, (1 << key.width) - 1)) & mask, mask


@given(masked())
def test_a_value_reads_as_it_was_shown(case):
    key, value, mask = case
    assert key.parse(key.show(value, mask)) == (value, mask)


@given(masked())
def test_a_match_looks_at_the_bits_that_setting_it_writes(case):
    key, value, mask = case
    wanted = {t.field: (t.value, t.mask) for t in key.tests(value, mask) if t != key.present}
    written = write_number(subfield(key.headers[0] if key.headers else key.name), value, mask)
    assert wanted == {a.field: (a.value, a.mask) for a in written if isinstance(a, Set)}


def test_names_are_their_own():
    assert len({k.name for k in KEYS}) == len(KEYS)
    assert len(BY_HEADER) == sum(len(k.headers) for k in KEYS)


def test_every_key_stands_on_declared_bits():
    for key in KEYS:
        assert key.needs in NEEDS
        for part in key.parts:
            assert part.offset + part.width <= FIELDS[flow(part.field)].width
    assert {p.field for k in KEYS for p in k.parts} <= HEADERS.keys() | {"unused"}


@pytest.mark.parametrize("keyword", sorted(KEYWORDS))
def test_ports_are_those_of_the_protocol(keyword):
    key = matched("tp_dst", keyword)
    assert key is not None
    base = keyword.rstrip("6")
    assert key.name == (f"{base}_dst" if base in ("tcp", "udp", "sctp") else "tcp_dst")


@pytest.mark.parametrize("text", ["NXM_NX_REG0[0..15]", "NXM_NX_REG0[]", "OXM_OF_PKT_REG1[3]", "NXM_NX_XXREG3[0..63]"])
def test_a_subfield_is_shown_as_it_was_read(text):
    assert str(subfield(text)) == text


def test_bits_that_overlap_are_moved_as_if_at_once():
    moved = copy_bits(subfield("NXM_NX_XXREG0[0..63]"), subfield("NXM_NX_XXREG0[32..95]"))
    assert {a.target for a in moved if hasattr(a, "target")} >= {flow("scratch")}

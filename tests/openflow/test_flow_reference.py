"""Every field, protocol and action of flows has a page, made of the row that declares it."""

import pytest

from ruleparse.openflow.action import kinds
from ruleparse.openflow.keys import KEYS, KEYWORDS
from ruleparse.report import reference

STATES = ("exact", "unknown", "inert")


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.name)
def test_a_field_has_a_page_by_each_of_its_names(key):
    for name in (key.name, key.shown, *key.aliases, *key.headers):
        (page,) = (p for p in reference.pages(name) if p.startswith(f"flow field {key.name} "))
        assert f"{key.name}={key.format.syntax}" in page
        assert (f"->{key.name}" in page) is (bool(key.headers) and not key.fixed)


def test_protocols_and_actions_have_pages():
    for name, keyword in KEYWORDS.items():
        assert any(page.startswith(f"flow protocol {name} ") and keyword.doc in page for page in reference.pages(name))
    for word, kind in kinds().items():
        assert any(page.startswith(f"flow action {kind.name}   {kind.state}") for page in reference.pages(word))


def test_the_overview_lists_all_with_their_states():
    """Of fields that a number tells apart the first and the last."""
    lines = reference.overview().splitlines()
    listed = {words[0]: words for line in lines if len(words := line.split()) > 2}
    for name in (*KEYWORDS, *(kind.name for kind in kinds().values()), "tcp_dst", "udp_dst", "nsh_c1", "ct_label"):
        assert set(listed[name][1:5]) & set(STATES), name
    assert any(line.startswith("  reg0 … reg31 ") for line in lines)
    assert {key.name.rstrip("0123456789") for key in KEYS} <= {name.rstrip("0123456789") for name in listed}

"""Packets in headers of several kinds, as a switch was seen to treat them."""

import pytest

from tests.bridges import ask, path, ports_of
from tests.encapsulation_rows import ROWS, TCP, Row


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_as_the_switch(row: Row):
    outcomes = ask(row.flows.replace(";", "\n"), row.packet).outcomes
    assert len(outcomes) == 1
    assert " ".join(f"{table}:{priority}" for table, priority in path(outcomes[0])) == row.hit
    assert ports_of(outcomes) == sorted(row.ports)


@pytest.mark.parametrize("header", ["nsh(md_type=1)", "mpls"])
def test_what_is_inside_is_an_assumption(header: str):
    """The switch looks at such a packet anew; ofproto/trace ends there."""
    outcomes = ask(f"actions=encap({header}),decap(),output:2", TCP).outcomes
    assert {a.question for o in outcomes for a in o.assumptions} == {
        "what is inside the header that decap() takes off leaves it to the flows behind the flow at flows.txt:1"
    }

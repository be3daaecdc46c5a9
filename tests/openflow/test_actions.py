"""Every action, by rows of tests/tables/openflow_actions.toml: how it is written, and what a packet is behind it."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from ruleparse.openflow import actions as folder
from ruleparse.openflow.action import kinds
from ruleparse.openflow.flows import Flow
from ruleparse.openflow.syntax import SyntaxProblem, flow_parser
from ruleparse.text import Source, Span
from tests.bridges import ask, ports_of
from tests.places import TABLES

ROWS: list[dict[str, Any]] = tomllib.loads((TABLES / "openflow_actions.toml").read_text())["row"]
TCP = "in_port=1,tcp,nw_src=10.0.0.1,nw_dst=10.0.0.2,nw_ttl=64,tcp_src=1000,tcp_dst=80,dl_dst=aa:bb:cc:dd:ee:02"


def parsed(line: str) -> Flow:
    span = Span(Source("flows", line), 0, len(line))
    return Flow(flow_parser().parse(span), span)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["actions"][:60])
def test_prints_as_it_was_written(row):
    line = f"priority=5,{row.get('match', 'tcp')} actions={row['actions']}"
    assert str(parsed(line)) == f"priority=5,{row.get('match', 'tcp')} actions={row.get('printed', row['actions'])}"


@pytest.mark.parametrize("row", [r for r in ROWS if "ports" in r], ids=lambda row: row["actions"][:60])
def test_does_what_ofproto_trace_says(row):
    """Table 1 sees the packet behind the actions; what it matches says what they did."""
    behind = "".join(f"table=1,priority=9,{row['then']} actions=output:6\n" if "then" in row else "")
    flows = f"table=0,priority=5,{row.get('match', 'tcp')} actions={row['actions']}\n{behind}"
    answer = ask(flows, row.get("packet", TCP), row.get("groups", ""), row.get("ct_next", []))
    assert sorted(tuple(ports_of([o])) for o in answer.outcomes) == sorted(tuple(p) for p in outcomes(row["ports"]))


def outcomes(ports: list[Any]) -> list[Any]:
    return ports if ports and isinstance(ports[0], list) else [ports]


def test_every_action_has_a_file_a_row_and_a_page():
    files = {p.stem for p in Path(folder.__path__[0]).glob("*.py")} - {"__init__"}
    assert {kind.name for kind in kinds().values()} == files
    acted = {kind.name for row in ROWS for flow in [parsed(f"actions={row['actions']}")] for kind in _used(flow)}
    assert files - acted == set()
    assert [k.name for k in kinds().values() if not (k.doc and k.syntax)] == []


def _used(flow: Flow) -> Any:
    from ruleparse.openflow.syntax import Element, words

    def inside(element: Element) -> Any:
        if (kind := kinds().get(element.word)) is not None:
            yield kind
        for e in words(element.inside):
            yield from inside(e)

    return [kind for e in words(flow.syntax.actions) for kind in inside(e)]


NONSENSE = (
    "output",
    "load:1",
    "load:0x10000->NXM_NX_REG0[0..15]",
    "load:1->NXM_NX_REG0[31..32]",
    "move:NXM_NX_REG0[]->NXM_NX_REG1[0..3]",
    "conjunction(1,1/1)",
    "set_field:1->nosuch",
    "check_pkt_larger()->NXM_NX_REG0[0]",
    "resubmit",
    "ct(nosuch)",
    "nosuch",
)


@pytest.mark.parametrize("actions", NONSENSE)
def test_what_makes_no_sense_is_said(actions):
    with pytest.raises(ValueError, match=r"\w"):
        _ = parsed(f"actions={actions}").actions


@pytest.mark.parametrize("line", ["actions=resubmit(,1", "actions=ct(table=1))", "nothing", "in_port=1"])
def test_what_is_no_flow_is_said(line):
    with pytest.raises(SyntaxProblem):
        parsed(line)

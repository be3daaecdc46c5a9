"""Read every flow of a dump: its fields and actions as words; with `--values` also what each of them says, counts and
ages too; with `--indexed` so that packets find flows by what these match; with `--official` by Open vSwitch's own
Python parser.

python -m benchmarks.flow_parse [--values | --indexed | --official] DUMP
"""

from __future__ import annotations

import atexit
import gc
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ruleparse.openflow.flows import Flow
    from ruleparse.openflow.runs import Run


def words(path: Path) -> int:
    from ruleparse.openflow.read import read_flows
    from ruleparse.openflow.runs import Run
    from ruleparse.text import Source

    dump = read_flows(Source.from_path(path))
    return sum(len(found) if isinstance(found, Run) else 1 for table in dump.tables for found in dump.runs(table))


def values(path: Path) -> int:
    from ruleparse.openflow.read import read_flows
    from ruleparse.openflow.runs import Run
    from ruleparse.text import Diagnostic, Source

    dump, count = read_flows(Source.from_path(path)), 0
    for table in dump.tables:
        for found in dump.runs(table):
            if isinstance(found, Diagnostic):
                print(found.render())
            elif isinstance(found, Run):
                read_together(found)
                count += len(found)
            else:
                read_alone(found)
                count += 1
    return count


def read_together(run: Run) -> None:
    from ruleparse.openflow.columns import alike
    from ruleparse.openflow.ports import Ports

    if alike(run, Ports().number) is None:
        for flow in run:
            read_alone(flow)
        return
    run.actions()
    list(run.heads(lambda pieces: [quantity(text) for text in pieces]))


def read_alone(flow: Flow) -> None:
    from ruleparse.openflow.flows import COUNTS

    assert flow.actions is not None
    assert flow.conditions is not None
    for name, text in flow.syntax.items:
        if name in COUNTS and text:
            quantity(text)


def quantity(text: str) -> float:
    return float(text[:-1]) if text.endswith("s") else int(text, 0)


def indexed(path: Path) -> int:
    from ruleparse.openflow.lookup import FlowTable
    from ruleparse.openflow.ports import Ports
    from ruleparse.openflow.read import read_flows
    from ruleparse.openflow.runs import Run
    from ruleparse.text import Diagnostic, Source

    dump, ports, count = read_flows(Source.from_path(path)), Ports(), 0
    for table in dump.tables:
        flows = [found for found in dump.runs(table) if not isinstance(found, Diagnostic)]
        count += FlowTable(flows, ports.number, lambda flow, message: print(flow.span.where, message)).count
        for found in flows:
            found.actions() if isinstance(found, Run) else found.actions
    return count


def official(path: Path) -> int:
    from ovs.flow.ofp import OFPFlow

    with path.open() as lines:
        return sum(1 for line in lines if "actions=" in line and OFPFlow(line.strip()))


def main(option: str, path: str) -> None:
    count = {"--words": words, "--values": values, "--indexed": indexed, "--official": official}[option](Path(path))
    print(f"{count:,} flows")


if __name__ == "__main__":
    gc.disable()  # as the command does, and at its end
    atexit.register(gc.freeze)
    main(*(["--words", *sys.argv[1:]][-2:]))

"""Read every flow of a dump: its fields and actions as words; with `--values` also what each of them says, the flows
indexed by what they match; with `--official` by Open vSwitch's own Python parser.

python -m benchmarks.flow_parse [--values | --official] DUMP
"""

from __future__ import annotations

import atexit
import gc
import sys
from pathlib import Path


def words(path: Path) -> int:
    from ruleparse.openflow.read import read_flows
    from ruleparse.openflow.runs import Run
    from ruleparse.text import Source

    dump = read_flows(Source.from_path(path))
    return sum(len(found) if isinstance(found, Run) else 1 for table in dump.tables for found in dump.runs(table))


def values(path: Path) -> int:
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
    count = {"--words": words, "--values": values, "--official": official}[option](Path(path))
    print(f"{count:,} flows")


if __name__ == "__main__":
    gc.disable()  # as the command does, and at its end
    atexit.register(gc.freeze)
    main(*(["--words", *sys.argv[1:]][-2:]))

"""ruleparse query"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TextIO

import click

from ruleparse.cli.common import (
    USAGE,
    bridge_options,
    destination,
    dumps,
    fail,
    no_room,
    output_options,
    read_node,
    show_diagnostics,
    write_json,
    write_lines,
)
from ruleparse.cli.why import packet_options
from ruleparse.node import Node
from ruleparse.query.address_matrix import address_matrix
from ruleparse.query.host import VERDICTS, Wanted, query
from ruleparse.query.matrix import MOST, Matrix, matrix
from ruleparse.report.query_json import packets_json, query_json
from ruleparse.spec import SpecError


@click.command("query")
@dumps
@packet_options
@bridge_options
@click.option("--verdict", type=click.Choice((*VERDICTS, "controller")), help="Only packets with this fate.")
@click.option("--decided-by", metavar="RULE", help="Only packets that this rule decides: [TABLE ]CHAIN[:N], with *.")
@click.option("--egress", metavar="IFACE", help="Only packets that leave there; local is this node itself.")
@click.option("--reaches", metavar="RULE", help="Only packets that come to this chain, or match rule N of it.")
@click.option("--matrix", "as_matrix", is_flag=True, help="Who reaches whom among pods, services, node and outside.")
@click.option("--by", type=click.Choice(("party", "address")), default="party", help="What the rows of a matrix are.")
@click.option("--chain", metavar="CHAIN", help="[TABLE ]CHAIN: a matrix by address of what this base chain alone does.")
@click.option("--most", type=click.IntRange(1), default=MOST, show_default=True, help="Pods, services … of a matrix.")
@output_options("text", "json", "jsonl", "markdown")
def command(
    dumps: tuple[str, ...],
    as_matrix: bool,
    by: str,
    chain: str | None,
    most: int,
    format_: str,
    output: str | None,
    quiet: bool,
    verbose: bool,
    **options: Any,
) -> None:
    """All packets of a description, as sets by their fate: who can reach this pod, what is dropped, and by which rule.

    The sets do not overlap, but for packets whose fate is a matter of chance. Each comes with a packet that `ruleparse
    why` walks to that fate. Options describe packets as they arrive; with --local, as this node sends them.

    With --matrix the answer is a table: what becomes of the packets from each pod, network, the node itself and the
    outside to each of these and to services. With --by address its rows and columns are the fewest classes of addresses
    of which all fare alike: for firewalls that know no pods, whole or one --chain of them.

    With --bridge or --flow they are packets in a bridge: --flow describes them as a match does, and rules are flows, by
    TABLE[:PRIORITY].

    \b
    ruleparse query flows.txt ports.txt --bridge br0 --flow tcp,nw_dst=10.129.0.0/23 --verdict drop
    ruleparse query node/ --dst 10.244.1.7 --proto tcp --dport 80 --verdict accept
    ruleparse query node/ --in eth0 --decided-by 'cali-tw-*'
    ruleparse query node/ --reaches 'nat KUBE-MARK-MASQ'
    ruleparse query node/ --matrix --proto tcp --dport 80
    ruleparse query rules.txt --matrix --by address --chain FORWARD --proto tcp --dport 22
    """
    wanted = Wanted(*(options.pop(name) for name in _WANTED))
    if as_matrix and wanted != Wanted():
        fail(
            f"--matrix shows every fate: not with {', '.join(f'--{name}'.replace('_', '-') for name in _WANTED)}", USAGE
        )
    if (by == "address" or chain is not None) and not (as_matrix and by == "address"):
        fail("--by address is for --matrix, --chain for --matrix --by address", USAGE)
    if format_ == "markdown" and not as_matrix:
        fail("--format markdown is for --matrix", USAGE)
    node = read_node(dumps, quiet=quiet, verbose=verbose)
    known = len(node.diagnostics)
    given = {name: value for name, value in options.items() if value not in (None, False, ())}
    try:
        if by == "address":
            write = _matrix(address_matrix(node.snapshot, given, chain, most))
        else:
            write = _matrix(matrix(node.snapshot, given, most)) if as_matrix else _sets(node, given, wanted)
    except SpecError as error:
        fail(str(error), USAGE)
    except (MemoryError, RecursionError):
        no_room(given)
    with destination(output) as out:
        write(out, format_, verbose)
    show_diagnostics(node.diagnostics[known:], quiet=quiet, verbose=verbose)


_WANTED = ("verdict", "decided_by", "egress", "reaches")

Write = Callable[[TextIO, str, bool], None]
"""Writes an answer to a stream in a format, verbosely or not."""


def _sets(node: Node, given: Mapping[str, Any], wanted: Wanted) -> Write:
    if {"bridge", "flow"} & given.keys():
        from ruleparse.query.bridge import bridge_query

        answer = bridge_query(node.snapshot, given, wanted)
    else:
        answer = query(node.snapshot, given, wanted)

    def write(out: TextIO, format_: str, verbose: bool) -> None:
        if format_ == "text":
            from ruleparse.report.query_text import write_query

            write_query(answer, out, verbose=verbose)
        elif format_ == "json":
            write_json(query_json(answer), out)
        else:
            write_lines((packets_json(p) for p in answer.sets), out)

    return write


def _matrix(answer: Matrix) -> Write:
    def write(out: TextIO, format_: str, verbose: bool) -> None:
        from ruleparse.report import matrix_json, matrix_markdown, matrix_text

        if format_ == "text":
            matrix_text.write_matrix(answer, out, verbose=verbose)
        elif format_ == "markdown":
            out.write(matrix_markdown.markdown(answer))
        elif format_ == "json":
            write_json(matrix_json.matrix_json(answer), out)
        else:
            write_lines(map(matrix_json.cell_json, answer.cells.values()), out)

    return write

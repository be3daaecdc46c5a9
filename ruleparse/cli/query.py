"""ruleparse query"""

from __future__ import annotations

import json
from typing import Any

import click

from ruleparse.cli.common import USAGE, destination, dumps, fail, no_room, output_options, read_node, show_diagnostics
from ruleparse.cli.why import packet_options
from ruleparse.query import VERDICTS, Wanted, query
from ruleparse.report.query_json import packets_json, query_json
from ruleparse.spec import SpecError


@click.command("query")
@dumps
@packet_options
@click.option("--verdict", type=click.Choice(VERDICTS), help="Only packets with this fate.")
@click.option("--decided-by", metavar="RULE", help="Only packets that this rule decides: [TABLE ]CHAIN[:N], with *.")
@click.option("--egress", metavar="IFACE", help="Only packets that leave there; local is this node itself.")
@click.option("--reaches", metavar="RULE", help="Only packets that come to this chain, or match rule N of it.")
@output_options("text", "json", "jsonl")
def command(
    dumps: tuple[str, ...],
    verdict: str | None,
    decided_by: str | None,
    egress: str | None,
    reaches: str | None,
    format_: str,
    output: str | None,
    quiet: bool,
    verbose: bool,
    **options: Any,
) -> None:
    """All packets of a description, as sets by their fate: who can reach this pod, what is dropped, and by which rule.

    The sets do not overlap, but for packets whose fate is a matter of chance. Each comes with a packet that `ruleparse
    why` walks to that fate. Options describe packets as they arrive; with --local, as this node sends them.

    \b
    ruleparse query node/ --dst 10.244.1.7 --proto tcp --dport 80 --verdict accept
    ruleparse query node/ --in eth0 --decided-by 'cali-tw-*'
    ruleparse query node/ --reaches 'nat KUBE-MARK-MASQ'
    """
    node = read_node(dumps, quiet=quiet, verbose=verbose)
    known = len(node.diagnostics)
    given = {name: value for name, value in options.items() if value not in (None, False)}
    try:
        answer = query(node.snapshot, given, Wanted(verdict, decided_by, egress, reaches))
    except SpecError as error:
        fail(str(error), USAGE)
    except (MemoryError, RecursionError):
        no_room(given)
    with destination(output) as out:
        if format_ == "text":
            from ruleparse.report.query_text import write_query

            write_query(answer, out, verbose=verbose)
        elif format_ == "json":
            json.dump(query_json(answer), out, indent=2)
            out.write("\n")
        else:
            out.writelines(json.dumps(packets_json(p)) + "\n" for p in answer.sets)
    show_diagnostics(node.diagnostics[known:], quiet=quiet, verbose=verbose)

"""ruleparse graph"""

from __future__ import annotations

import click

from ruleparse.cli.common import USAGE, destination, dumps, fail, output_options, read_node


@click.command("graph")
@dumps
@click.option("--focus", metavar="NAME", help="Only what leads to this chain, and what it leads to.")
@click.option("--family", type=click.Choice(["4", "6"]), help="Where the dumps hold both families.")
@output_options("dot", "mermaid", "json")
def command(
    dumps: tuple[str, ...],
    focus: str | None,
    family: str | None,
    format_: str,
    output: str | None,
    quiet: bool,
    verbose: bool,
) -> None:
    """Draw chains and tables: who calls whom, by which rules.

    ruleparse graph node/ --focus KUBE-SERVICES | dot -Tsvg -o services.svg
    """
    from ruleparse.graph import around
    from ruleparse.report.picture import FORMATS

    node = read_node(dumps, quiet=quiet, verbose=verbose)
    graph = node.graph(int(family) if family else None)
    if focus is not None:
        try:
            graph = around(graph, focus)
        except KeyError:
            fail(f"there is no chain or table {focus}", USAGE)
    with destination(output) as out:
        out.write(FORMATS[format_](graph))

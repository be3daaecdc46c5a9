"""ruleparse graph"""

from __future__ import annotations

import click

from ruleparse.cli.common import USAGE, destination, dumps, fail, output_options, read_node


@click.command("graph")
@dumps
@click.option("--focus", metavar="NAME", help="Only around this chain, table, group, service, pod or policy.")
@click.option(
    "--depth", type=click.IntRange(0), metavar="N", help="With --focus: how many steps away; all if not given."
)
@click.option("--family", type=click.Choice(["4", "6"]), help="Where the dumps hold both families.")
@click.option("--bridge", metavar="NAME", help="The flow tables of a bridge, not the chains.")
@click.option("--all", "whole", is_flag=True, help="Every chain a box of its own, and the kernel's own steps.")
@output_options("dot", "mermaid", "graphml", "json")
def command(
    dumps: tuple[str, ...],
    focus: str | None,
    depth: int | None,
    family: str | None,
    bridge: str | None,
    whole: bool,
    format_: str,
    output: str | None,
    quiet: bool,
    verbose: bool,
) -> None:
    """Draw chains, or the tables of a bridge: what leads where, by which rules, and when.

    Where there are many, chains alike are one box that says how many they are.

    \b
    ruleparse graph node/ --focus KUBE-SERVICES --depth 1 | dot -Tsvg -o services.svg
    ruleparse graph node/ --focus default/nginx --format mermaid
    ruleparse graph flows.txt groups.txt
    """
    from ruleparse.drawing.picture import NoSuchThing, Wanted, picture
    from ruleparse.report.picture import FORMATS

    node = read_node(dumps, quiet=quiet, verbose=verbose)
    wanted = Wanted(focus, depth, int(family) if family else None, bridge, whole)
    try:
        graph = picture(node.snapshot, wanted)
    except NoSuchThing as error:
        fail(str(error), USAGE)
    note = graph.graph.get("note")
    if note and not quiet:
        click.echo(f"ruleparse: {note}", err=True)
    with destination(output) as out:
        out.write(FORMATS[format_](graph))

"""ruleparse show"""

from __future__ import annotations

import click

from ruleparse.cli.common import USAGE, destination, fail, output_options, read_node
from ruleparse.report.print_back import write_saves


@click.command("show")
@click.argument("dumps", nargs=-1, required=True, metavar="DUMP... [NAME]")
@click.option("--focus", metavar="NAME", help="Only what is about this name; as the last argument.")
@output_options("text", "json", "save")
def command(
    dumps: tuple[str, ...], focus: str | None, format_: str, output: str | None, quiet: bool, verbose: bool
) -> None:
    """Say what is in the dumps, in Kubernetes words; or print them back as their own tool would.

    Services and their endpoints with odds, pods and the policies that hold them, sets and marks and who uses them,
    the tables, ports and policies of a bridge. NAME, the last argument, asks about one: a chain (its rules, with what
    each means), table, service, pod, interface, address, policy, set, or mark.

    \b
    ruleparse show node/ default/nginx
    ruleparse show node/ 0x4000
    ruleparse show node/ --format save > back.txt
    """
    from pathlib import Path

    paths, name = list(dumps), focus
    if name is None and len(paths) > 1 and paths[-1] != "-" and not Path(paths[-1]).exists():
        name = paths.pop()
    node = read_node(paths, quiet=quiet, verbose=verbose)
    with destination(output) as out:
        if format_ == "save":
            write_saves(node.snapshot, out)
            return
        from ruleparse.inventory.about import about
        from ruleparse.inventory.read import inventory
        from ruleparse.report import inventory_json, inventory_text

        found = inventory(node.snapshot)
        if name is not None and (found := about(node.snapshot, found, name)) is None:  # type: ignore[assignment]
            fail(f"{name} is neither a file nor anything that is in these dumps", USAGE)
        if format_ == "json":
            inventory_json.write_inventory(found, out)
        else:
            inventory_text.write_inventory(found, out, verbose=verbose)

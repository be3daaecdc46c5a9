"""ruleparse show"""

from __future__ import annotations

import click

from ruleparse.cli.common import USAGE, destination, fail, output_options, read_node
from ruleparse.report.inventory import write_chain, write_inventory
from ruleparse.report.print_back import write_saves


@click.command("show")
@click.argument("dumps", nargs=-1, required=True, metavar="DUMP... [NAME]")
@output_options("text", "save")
def command(dumps: tuple[str, ...], format_: str, output: str | None, quiet: bool, verbose: bool) -> None:
    """Say what is in the dumps, in Kubernetes words; or print them back as their own tool would.

    The last argument may be the NAME of a chain: then its rules are shown with what each means.
    """
    from pathlib import Path

    paths, name = list(dumps), None
    if len(paths) > 1 and paths[-1] != "-" and not Path(paths[-1]).exists():
        name = paths.pop()
    node = read_node(paths, quiet=quiet, verbose=verbose)
    with destination(output) as out:
        if format_ == "save":
            write_saves(node.snapshot, out)
        elif name is None:
            write_inventory(node.snapshot, out)
        elif not write_chain(node.snapshot, name, out):
            fail(f"{name} is neither a file nor a chain of these dumps", USAGE)

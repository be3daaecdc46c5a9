"""ruleparse diff"""

from __future__ import annotations

import json
import sys
from typing import Any, TextIO

import click

from ruleparse.changes.host import COMPARED, Difference, difference
from ruleparse.cli.common import (
    USAGE,
    bridge_options,
    destination,
    fail,
    no_room,
    output_options,
    read_node,
    show_diagnostics,
)
from ruleparse.cli.why import packet_options
from ruleparse.node import Node
from ruleparse.spec import SpecError

DIFFERENT = 1


@click.command("diff")
@click.argument("before")
@click.argument("after")
@packet_options
@bridge_options
@click.option("--ignore", metavar="LIST", default="", help=f"What does not count: some of {','.join(COMPARED)}.")
@output_options("text", "json", "markdown", "github")
def command(
    before: str,
    after: str,
    ignore: str,
    format_: str,
    output: str | None,
    quiet: bool,
    verbose: bool,
    **options: Any,
) -> None:
    """Which packets changed fate between two dumps: verdict, where they leave, what NAT makes of them.

    BEFORE and AFTER are files or folders. Names and order of rules do not count, only what becomes of packets: those
    that come in, and (without --in) those that this node sends. What both sides leave open is taken to be the same on
    both. The exit status is 1 if a packet changed fate.

    Where both were saved with counters (iptables-save -c) a second section says whose counters moved, and which packets
    these rules count. That alone leaves the exit status at 0.

    With --bridge or --flow they are packets in a bridge. Numbers of tables, cookies and counters do not count.

    \b
    ruleparse diff node-before/ node-after/
    ruleparse diff bridge-before/ bridge-after/ --bridge br0
    ruleparse diff before.txt after.txt --dst 10.244.1.7 --format markdown
    """
    sides = [read_node([path], quiet=quiet, verbose=verbose) for path in (before, after)]
    known = [len(side.diagnostics) for side in sides]
    given = {name: value for name, value in options.items() if value not in (None, False, ())}
    ignored = [word.strip() for word in ignore.split(",") if word.strip()]
    try:
        answer = _difference(sides[0], sides[1], given, ignored)
    except SpecError as error:
        fail(str(error), USAGE)
    except (MemoryError, RecursionError):
        no_room(given)
    with destination(output) as out:
        _write(answer, out, format_, verbose)
    for side, count in zip(sides, known, strict=True):
        show_diagnostics(side.diagnostics[count:], quiet=quiet, verbose=verbose)
    if answer.changes:
        sys.exit(DIFFERENT)


def _difference(before: Node, after: Node, given: dict[str, Any], ignored: list[str]) -> Difference:
    if not {"bridge", "flow"} & given.keys():
        return difference(before.snapshot, after.snapshot, given, ignored)
    from ruleparse.changes.bridge import bridge_difference

    return bridge_difference(before.snapshot, after.snapshot, given, ignored)


def _write(answer: Difference, out: TextIO, format_: str, verbose: bool) -> None:
    if format_ == "text":
        from ruleparse.report.diff_text import write_diff

        write_diff(answer, out, verbose=verbose)
    elif format_ == "json":
        from ruleparse.report.diff_json import diff_json

        json.dump(diff_json(answer), out, indent=2)
        out.write("\n")
    else:
        from ruleparse.report import diff_review

        out.write(diff_review.markdown(answer) if format_ == "markdown" else diff_review.github(answer))

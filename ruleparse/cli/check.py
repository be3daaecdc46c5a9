"""ruleparse check"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import click

from ruleparse.cli.common import UNREADABLE, USAGE, destination, fail, output_options, read_node
from ruleparse.text import Source

NOT_MET = 1


@click.command("check")
@click.argument("paths", nargs=-1, required=True, metavar="EXPECTATIONS.yaml DUMP...")
@click.option(
    "--write", "proposing", is_flag=True, help="Propose expectations from what is so now; then DUMP... alone."
)
@click.option(
    "--most", type=click.IntRange(1), metavar="N", help="With --write: how many packets to walk, 2000 if not given."
)
@output_options("text", "json", "junit", "github")
def command(
    paths: tuple[str, ...],
    proposing: bool,
    most: int | None,
    format_: str,
    output: str | None,
    quiet: bool,
    verbose: bool,
) -> None:
    """Check expectations about packets: status 0 if all hold, 1 if one does not.

    An expectation speaks of every packet that it describes, and holds only if all of them have the fate that it says.
    One that depends on what no dump tells fails, too, unless it says `assuming: true`. Pods and services go by their
    names where the dumps, or `kubectl get -o json` among them, know these.

    \b
    expectations:
      - name: pods reach DNS
        from: pod default/web
        to: service kube-system/kube-dns:dns
        expect: {to: service kube-system/kube-dns:dns}
      - name: nobody outside reaches the database
        packet: {in: eth0, dst: 10.244.1.7, proto: tcp, dport: 1-65535}
        expect: {never: accept}

    \b
    ruleparse check --write node/ -o expectations.yaml
    ruleparse check expectations.yaml node/
    """
    if proposing:
        _propose(paths, most, output, quiet=quiet, verbose=verbose)
        return
    if len(paths) < 2:
        fail("give the expectations first, then the dumps: check EXPECTATIONS.yaml DUMP...", USAGE)
    _check(paths[0], paths[1:], format_, output, quiet=quiet, verbose=verbose)


def _check(
    expectations: str, dumps: Iterable[str], format_: str, output: str | None, *, quiet: bool, verbose: bool
) -> None:
    from ruleparse.check.judging import judge
    from ruleparse.check.reading import BadExpectations, read
    from ruleparse.report.check_report import FORMATS

    try:
        expected = read(Source.from_path(Path(expectations)))
        node = read_node(dumps, quiet=quiet, verbose=verbose)
        judged = judge(node.snapshot, expected)
    except OSError as error:
        fail(f"{expectations}: {error.strerror or error}", UNREADABLE)
    except BadExpectations as bad:
        for diagnostic in bad.diagnostics:
            click.echo(diagnostic.render(), err=True)
        raise SystemExit(USAGE) from None
    with destination(output) as out:
        out.write(FORMATS[format_](judged))
    if not all(one.passed for one in judged):
        raise SystemExit(NOT_MET)


def _propose(dumps: tuple[str, ...], most: int | None, output: str | None, *, quiet: bool, verbose: bool) -> None:
    from ruleparse.check.proposing import MOST, propose
    from ruleparse.report.expectations_yaml import as_yaml

    node = read_node(dumps, quiet=quiet, verbose=verbose)
    proposals = propose(node.snapshot, MOST if most is None else most, _shown)
    if proposals.left_out and not quiet:
        click.echo(f"ruleparse: {proposals.left_out} services or pods are left out: --most N walks more", err=True)
    with destination(output) as out:
        out.write(as_yaml(proposals, dumps))


def _shown(things: Iterable[Any], count: int) -> Iterator[Any]:
    """Goes through things, with a bar on a terminal."""
    if not sys.stderr.isatty():
        yield from things
        return
    with click.progressbar(things, length=count, file=sys.stderr, label="walking") as bar:
        yield from bar

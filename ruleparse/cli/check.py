"""ruleparse check"""

from __future__ import annotations

from pathlib import Path

import click

from ruleparse.cli.common import UNREADABLE, USAGE, destination, dumps, fail, output_options, read_node
from ruleparse.text import Source

NOT_MET = 1


@click.command("check")
@click.argument("expectations", metavar="EXPECTATIONS.yaml")
@dumps
@output_options("text", "json", "junit", "github")
def command(
    expectations: str,
    dumps: tuple[str, ...],
    format_: str,
    output: str | None,
    quiet: bool,
    verbose: bool,
) -> None:
    """Check expectations about packets: status 0 if all hold, 1 if one does not.

    An expectation speaks of every packet that it describes, and holds only if all of them have the fate that it says.
    One that depends on what no dump tells fails, too, unless it says `assuming: true`.

    \b
    expectations:
      - name: pods reach DNS
        packet: {in: cali12ab, src: 10.244.1.5, dst: 10.96.0.10, proto: udp, dport: 53}
        expect: {to: ["10.244.0.2:53", "10.244.1.2:53"]}
      - name: nobody outside reaches the database
        packet: {in: eth0, dst: 10.244.1.7, proto: tcp, dport: 1-65535}
        expect: {never: accept}
    """
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

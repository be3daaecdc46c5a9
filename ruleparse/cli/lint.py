"""ruleparse lint"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from ruleparse.cli.common import USAGE, destination, dumps, fail, output_options, read_node
from ruleparse.cli.settings import Settings, settings
from ruleparse.lint.baseline import BadBaseline, new_ones, written
from ruleparse.lint.finding import LEVELS, Finding
from ruleparse.lint.run import NoSuchRule, Wanted
from ruleparse.text import Severity

FOUND = 1


def _names(_: click.Context, __: click.Parameter, given: tuple[str, ...]) -> list[str]:
    return [name for words in given for name in words.replace(",", " ").split()]


@click.command("lint")
@dumps
@click.option("--select", multiple=True, callback=_names, metavar="NAME", help="Only these rules.")
@click.option("--ignore", multiple=True, callback=_names, metavar="NAME", help="All but these rules.")
@click.option("--level", type=click.Choice(LEVELS), help="Tell what is at least this severe.  [default: warning]")
@click.option("--exit-zero", is_flag=True, help="End with status 0 whatever was found.")
@click.option("--baseline", metavar="FILE", help="Leave out what this file names.")
@click.option("--write-baseline", metavar="FILE", help="Name what was found in this file, for --baseline.")
@click.option("--config", metavar="FILE", help="Settings, in place of ruleparse.toml or pyproject.toml.")
@output_options("text", "json", "sarif", "github", "junit")
def command(
    dumps: tuple[str, ...],
    select: list[str],
    ignore: list[str],
    level: Severity | None,
    exit_zero: bool,
    baseline: str | None,
    write_baseline: str | None,
    config: str | None,
    format_: str,
    output: str | None,
    quiet: bool,
    verbose: bool,
) -> None:
    """Find defects of saved rules and flows: status 0 if there are none, 1 if there are.

    `ruleparse doc` lists the rules, `ruleparse doc NAME` says what one finds, why that is bad, and how to fix it.

    \b
    ruleparse lint node/ --format sarif -o ruleparse.sarif
    ruleparse lint node/ --ignore duplicate-rule --baseline known.json
    """
    from ruleparse.report.lint_report import FORMATS

    known = settings(config)
    wanted = _wanted(known, select, ignore, level)
    node = read_node(dumps, quiet=quiet, verbose=verbose)
    try:
        asked, findings = wanted.rules(), node.lint(wanted)
    except NoSuchRule as error:
        fail(str(error), USAGE)
    if write_baseline is not None:
        with destination(write_baseline) as out:
            out.write(written(findings))
        return
    findings = _new(findings, baseline or known.baseline)
    with destination(output) as out:
        out.write(FORMATS[format_](findings, asked))
    if findings and not exit_zero:
        raise SystemExit(FOUND)


def _wanted(known: Settings, select: Sequence[str], ignore: Sequence[str], level: Severity | None) -> Wanted:
    """What the command line says goes before settings."""
    return Wanted(select or known.select, [*ignore, *known.ignore], known.severity, level or known.level)


def _new(findings: list[Finding], baseline: str | None) -> list[Finding]:
    if baseline is None:
        return findings
    try:
        return new_ones(findings, Path(baseline))
    except OSError as error:
        fail(f"{baseline}: {error.strerror}", USAGE)
    except BadBaseline as error:
        fail(str(error), USAGE)

"""ruleparse doc"""

from __future__ import annotations

import json

import click

from ruleparse.cli.common import USAGE, fail
from ruleparse.report import reference


@click.command("doc")
@click.argument("name", required=False)
@click.option(
    "--schema",
    metavar="COMMAND",
    help="Print the JSON schema of an answer (of why, query, diff, lint, check, graph, show), or of expectations.",
)
def command(name: str | None, schema: str | None) -> None:
    """Reference page of a match, target, field, decoder or lint rule, or of what flows match and do; without NAME the
    list of all, with their states.

    exact: decided wherever dump and packet settle it. unknown: always an assumption. inert: changes no verdict.
    """
    if schema is not None:
        from ruleparse.report.schema import json_schema

        try:
            click.echo(json.dumps(json_schema(schema), indent=2))
        except KeyError:
            fail(f"there is no JSON answer of {schema!r}", USAGE)
        return
    pages = [reference.overview()] if name is None else reference.pages(name)
    if not pages:
        fail(f"nothing is called {name!r}; `ruleparse doc` lists all there is", USAGE)
    click.echo("\n\n".join(pages))

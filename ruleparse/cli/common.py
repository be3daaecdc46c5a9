"""What every command shares: reading the dumps, where output goes, how errors end."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NoReturn, TextIO, TypeVar

import click

from ruleparse.node import Node
from ruleparse.snapshot import NothingRead, load
from ruleparse.text import Diagnostic

USAGE, UNREADABLE = 2, 3

F = TypeVar("F", bound=Callable[..., Any])

dumps = click.argument("dumps", nargs=-1, required=True, metavar="DUMP...")


def output_options(*formats: str) -> Callable[[F], F]:
    """`--format`, `-o`, `--quiet`, `--verbose`; the first format is the default."""

    def add(command: F) -> F:
        command = click.option("-v", "--verbose", is_flag=True, help="Also say notes, and show every step.")(command)
        command = click.option("-q", "--quiet", is_flag=True, help="Do not print warnings.")(command)
        command = click.option("-o", "--output", "output", metavar="FILE", help="Write the answer there.")(command)
        kind = click.Choice(formats)
        return click.option("--format", "format_", type=kind, default=formats[0], show_default=True)(command)

    return add


def bridge_options(command: F) -> F:
    """`--bridge`, `--flow` and `--ct-next`, where any packets of a bridge may be meant."""
    state = "what conntrack will find, in turn; trk,new if not given"
    command = click.option("--ct-next", multiple=True, metavar="STATE", help=state)(command)
    command = click.option("--flow", metavar="MATCH", help="packets in a bridge, as a match describes them")(command)
    return click.option("--bridge", metavar="NAME", help="Packets in a bridge, by its flows, groups and ports.")(
        command
    )


def read_node(paths: Iterable[str], *, quiet: bool, verbose: bool) -> Node:
    """Read the dumps; say what is wrong with them on standard error; end with status 3 if nothing could be read."""
    try:
        node = Node(load(list(paths)))
    except OSError as error:
        fail(f"{error.filename or ''}: {error.strerror or error}", UNREADABLE)
    except NothingRead as error:
        fail(str(error), UNREADABLE)
    show_diagnostics(node.diagnostics, quiet=quiet, verbose=verbose)
    return node


def show_diagnostics(diagnostics: Iterable[Diagnostic], *, quiet: bool, verbose: bool, most: int = 20) -> None:
    """Errors always, warnings unless quiet, notes if verbose; many of one kind are counted."""
    shown = [d for d in diagnostics if d.severity == "error" or (not quiet and (d.severity == "warning" or verbose))]
    for d in shown[:most]:
        click.echo(d.render(), err=True)
    if len(shown) > most:
        click.echo(f"and {len(shown) - most} more like these", err=True)


def fail(message: str, status: int) -> NoReturn:
    click.echo(f"ruleparse: {message}", err=True)
    sys.exit(status)


def no_room(spec: Mapping[str, Any]) -> NoReturn:
    """Say that there is no room for an answer, and what would leave less to tell apart."""
    missing = [f"--{name}" for name in ("in", "src", "dst", "proto", "sport", "dport") if spec.get(name) is None]
    words = f"; there are fewer if you say {', '.join(missing)}" if missing else ""
    fail(f"out of memory: these packets have too many fates to tell apart{words}", UNREADABLE)


@contextmanager
def destination(path: str | None) -> Iterator[TextIO]:
    """Standard output, or the file the answer goes to."""
    if path is None or path == "-":
        yield sys.stdout
        return
    try:
        with open(path, "w", encoding="utf-8", errors="surrogateescape") as file:
            yield file
    except OSError as error:
        fail(f"{path}: {error.strerror}", USAGE)


def write_json(answer: object, out: TextIO) -> None:
    json.dump(answer, out, indent=2)
    out.write("\n")


def write_lines(answers: Iterable[object], out: TextIO) -> None:
    """One JSON object a line."""
    out.writelines(json.dumps(answer) + "\n" for answer in answers)

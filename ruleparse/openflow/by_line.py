"""Reads small texts of Open vSwitch's tools, each line by its grammar."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from ruleparse.grammars import grammar
from ruleparse.text import Diagnostic, Source, Span

if TYPE_CHECKING:
    from lark import Tree


PATIENCE = 100
"""Lines that make no sense, behind which nobody reads on."""


def lines(
    source: Source, name: str, what: str, left_out: Callable[[str], object] = lambda _: False
) -> Iterator[tuple[Tree[Any] | Diagnostic, Span]]:
    """What each line says that is not `left_out`, and no header or comment; of one that `grammar/NAME.lark` does not
    describe, that this is no line of `what`."""
    start = bad = 0
    for line in source.text.split("\n"):
        span = Span(source, start, start + len(line.rstrip()))
        start += len(line) + 1
        if not line.strip() or line.lstrip().startswith(("#", "OFPST_", "NXST_")) or left_out(line):
            continue
        found = _line(span, name, what)
        yield found, span
        bad += isinstance(found, Diagnostic)
        if bad == PATIENCE:
            message = f"after {PATIENCE} lines that are none of {what} the rest is left out"
            yield Diagnostic("syntax", "error", message, span), span
            return


def _line(span: Span, name: str, what: str) -> Tree[Any] | Diagnostic:
    from lark.exceptions import UnexpectedInput

    try:
        tree = grammar(name, "line").parse(span.text)
    except UnexpectedInput as error:
        at = min(span.start + max(0, getattr(error, "pos_in_stream", 0) or 0), span.end)
        where = Span(span.source, at, min(at + 1, span.end))
        return Diagnostic("syntax", "error", f"this is not how a line of {what} goes on", where)
    first = tree.children[0] if len(tree.children) == 1 else tree
    return tree if isinstance(first, str) else first

"""Reads small texts of Open vSwitch's tools, each line by its grammar."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from ruleparse.grammars import grammar
from ruleparse.text import Diagnostic, Source, Span

if TYPE_CHECKING:
    from lark import Tree


def lines(
    source: Source, name: str, what: str, left_out: Callable[[str], object] = lambda _: False
) -> Iterator[tuple[Tree[Any] | Diagnostic, Span]]:
    """What each line says that is not `left_out`, and no header or comment; of one that `grammar/NAME.lark` does not
    describe, that this is no line of `what`."""
    start = 0
    for line in source.text.split("\n"):
        span = Span(source, start, start + len(line.rstrip()))
        start += len(line) + 1
        if line.strip() and not line.lstrip().startswith(("#", "OFPST_", "NXST_")) and not left_out(line):
            yield _line(span, name, what), span


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

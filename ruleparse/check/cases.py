"""The packets that an expectation speaks of: every pair of its ends, as options of `ruleparse why`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ruleparse.check.model import Expected
from ruleparse.check.reading import BadExpectations, Placed
from ruleparse.text import Diagnostic, Span
from ruleparse.whereabouts import Nowhere, Options, Whereabouts

Spec = Mapping[str, Any]


def cases(where: Whereabouts, placed: Placed) -> list[Spec]:
    """Raises BadExpectations for names that nothing knows, and ends between which there are no packets."""
    expectation = placed.expectation
    sources = _ends(where.sources, expectation.from_, placed.place("from"))
    targets = _ends(where.targets, expectation.to, placed.place("to"))
    found = list(_pairs(sources, targets, expectation.packet))
    if not found:
        raise _bad("no packets go from one to the other: their addresses are of two families, or the same", placed.span)
    return found


def _ends(find: Callable[[str], list[Options]], texts: Sequence[str], span: Span) -> list[Options]:
    try:
        return [options for text in texts for options in find(text)] if texts else [{}]
    except Nowhere as error:
        raise _bad(str(error), span) from None


def _pairs(sources: Sequence[Options], targets: Sequence[Options], packet: Options) -> Iterator[Spec]:
    several = len(sources) > 1 or len(targets) > 1
    for source in sources:
        for target in targets:
            families = {":" in end for end in (source.get("src"), target.get("dst")) if end}
            to_itself = several and source.get("src") is not None and source.get("src") == target.get("dst")
            if len(families) < 2 and not to_itself:
                yield {**source, **target, **packet}


def spelled_out(where: Whereabouts, expected: Expected, span: Span) -> Expected:
    """What is expected with addresses in place of names. Raises BadExpectations."""
    if expected.never is not None:
        return expected.model_copy(update={"never": spelled_out(where, expected.never, span)})
    if not expected.to:
        return expected
    try:
        places = tuple(dict.fromkeys(place for text in expected.to for place in where.endings(text)))
    except Nowhere as error:
        raise _bad(str(error), span) from None
    return expected.model_copy(update={"to": places})


def _bad(message: str, span: Span) -> BadExpectations:
    return BadExpectations([Diagnostic("expectations", "error", message, span)])

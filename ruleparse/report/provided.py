"""What an outcome is provided on, for people: answers to open questions as statements, and what would settle them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from ruleparse.report.page import Page
from ruleparse.why import Assumed

_LONGEST = 2000


class Provided(Protocol):
    """An outcome that need not come about."""

    @property
    def assumptions(self) -> Sequence[Assumed]: ...


def provided(page: Page, outcome: Provided) -> Iterator[str]:
    """`provided that the set …`, a line or more for each assumption."""
    for index, a in enumerate(outcome.assumptions):
        start = "  provided that " if index == 0 else "            and "
        yield from page.wrap(start + shortened(claim(a)), "", "       ")


def settled_by(page: Page, outcomes: Iterable[Provided]) -> Iterator[str]:
    """The commands whose output would settle what the outcomes provide, each once."""
    commands = (c.strip() for o in outcomes for a in o.assumptions for c in a.settle.split(";"))
    if named := dict.fromkeys(f"`{c}`" for c in commands if c):
        yield ""
        yield from page.wrap(f"what is provided can be settled: save {', '.join(named)}", "")


def claim(a: Assumed) -> str:
    """A question and its answer as a statement."""
    if a.answer:
        return a.question
    verb = None if " and " in a.question else _VERB.search(a.question)
    if verb is None:
        return f"it is not so that “{a.question}”"
    return a.question[: verb.start()] + _DENIED[verb[0]] + a.question[verb.end() :]


_DENIED = {
    "there is a ": "there is no ",
    " is ": " is not ",
    " are ": " are not ",
    **{f" {verb}s ": f" does not {verb} " for verb in ("accept", "drop", "refuse", "leave")},
    " matches ": " does not match ",
    " has ": " does not have ",
}
_VERB = re.compile("|".join(_DENIED))


def shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} …"

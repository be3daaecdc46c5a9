"""An answer about a node of bridges and rules for people: the fate, what decided, and the whole way."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import TextIO

from ruleparse.journey import WholeAnswer, WholeOutcome
from ruleparse.report.bridge_text import FATES, BridgeWriter, copies
from ruleparse.report.page import Page
from ruleparse.report.provided import settled_by
from ruleparse.report.why_text import FATE, Writer, inside, is_idle, question_in_words
from ruleparse.text import printable
from ruleparse.why import Place, Step
from ruleparse.why_bridge import FlowStep

_FATES = {**FATES, **FATE}


def write_whole(answer: WholeAnswer, out: TextIO, *, verbose: bool = False, width: int | None = None) -> None:
    """`width` in columns; that of the terminal if not given."""
    out.write("\n".join(_Whole.of(out, width, verbose).lines(answer)) + "\n")


class _Whole(Page):
    @property
    def rules(self) -> Writer:
        return Writer(self.style, self.columns, self.verbose)

    @property
    def flows(self) -> BridgeWriter:
        return BridgeWriter(self.style, self.columns, self.verbose)

    def lines(self, answer: WholeAnswer) -> Iterator[str]:
        asked = answer.asked.get("flow")
        yield self.style.bold(printable(str(asked)) if asked else question_in_words(answer.asked))
        yield from self.fates(answer.outcomes, self.outcome)
        yield from settled_by(self, answer.outcomes)
        if not answer.complete:
            yield ""
            yield "…and more fates than are told apart here"

    def outcome(self, o: WholeOutcome) -> Iterator[str]:
        word, colour = _FATES[o.verdict]
        odds = f"   {100 * o.probability:.3g} %" if o.probability < 1 else ""
        with_ = f" with {o.reject_with}" if o.reject_with else ""
        yield self.style.colour(word, colour) + with_ + _whereto(o) + odds
        yield from (f"  {line}" for line in copies(o.ends))
        if o.overlay is not None:
            yield from self.wrap(inside(o.overlay), "  ")
        if o.reason:
            yield from self.wrap(f"because {o.reason}", "  ")
        yield from self.rules.conditions(o)
        if isinstance(o.decided_by, Place):
            yield from self.rules.decided_by(o.decided_by)
        for sentence in o.explanation:
            yield from self.wrap(sentence, "  ")
        yield from self.path(o)
        for back in o.reply or ():
            yield ""
            yield self.style.bold("its answer")
            yield from self.outcome(back)

    def path(self, o: WholeOutcome) -> Iterator[str]:
        steps = [s for s in o.steps if self.verbose or isinstance(s, FlowStep) or not is_idle(s)]
        if steps:
            yield ""
            yield "path"
        for where, some in groupby(steps, _where):
            yield f"  {where}"
            for step in some:
                if isinstance(step, Step):
                    yield from self.rules.step(step)
                else:
                    yield from (f"  {line}" for line in self.flows.step(step))


def _where(step: Step | FlowStep) -> str:
    return step.hook if isinstance(step, Step) else f"bridge {step.bridge}"


def _whereto(o: WholeOutcome) -> str:
    names = [f"port {e.port} ({e.name})" if e.port is not None and e.name else str(e.name or e.port) for e in o.ends]
    if names == ["local"]:
        return ", delivered to this node"
    return f", leaves by {', '.join(names)}" if names else ""

"""One of several things, at random as far as a dump can tell."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from ruleparse.openflow.questions import settled_for_all, unsettled
from ruleparse.openflow.steps import Steps
from ruleparse.packet import Assumption, Packet
from ruleparse.program import Action, Return, Rule, Table, Test
from ruleparse.text import Span


def shares(steps: Steps, what: str, weights: Sequence[float]) -> Iterator[tuple[Test, ...]]:
    """For each of some weights the tests under which it is chosen, if none before was."""
    rest = sum(weights)
    for index, weight in enumerate(weights):
        if index + 1 == len(weights):
            yield ()
        else:
            yield (unsettled(steps.asks(f"{what} of {steps.where}: {index}", probability=weight / rest)),)
        rest -= weight


def mixed_as_usual(what: str, span: Span | None) -> Assumption:
    """What is taken for granted where bits are mixed by something that depends on how the switch was built."""
    return Assumption(
        f"the switch mixes bits as builds without CRC instructions do, for {what}", "", span, presumed=True
    )


def choose(
    steps: Steps, what: str, cases: Sequence[tuple[Action, ...]], pick: Callable[[Packet], int | None], mixes: bool
) -> None:
    """Do one of some rows of actions: the one that `pick` says for a packet that is known, any where it cannot tell.

    `mixes` is whether that depends on how the switch was built.
    """
    tests = shares(steps, what, [1.0] * len(cases))
    rules = [Rule(t, (*actions, Return())) for t, actions in zip(tests, cases, strict=True)]
    question = (settled_for_all(mixed_as_usual(what, steps.span)),) if mixes and len(cases) > 1 else ()

    def narrow(packet: Packet) -> Iterable[Rule]:
        chosen = pick(packet)
        return rules if chosen is None else (Rule(question, rules[chosen].actions),)

    steps.call(Table("", tuple(rules), narrow=narrow))

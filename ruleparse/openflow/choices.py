"""One of several things, at random as far as a dump can tell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ruleparse.openflow.questions import unsettled
from ruleparse.openflow.steps import Steps
from ruleparse.program import Action, Return, Rule, Table, Test


def shares(steps: Steps, what: str, weights: Sequence[float]) -> Iterator[tuple[Test, ...]]:
    """For each of some weights the tests under which it is chosen, if none before was."""
    rest = sum(weights)
    for index, weight in enumerate(weights):
        if index + 1 == len(weights):
            yield ()
        else:
            yield (unsettled(steps.asks(f"{what} of {steps.where}: {index}", probability=weight / rest)),)
        rest -= weight


def choose(steps: Steps, what: str, cases: Sequence[tuple[float, tuple[Action, ...]]]) -> None:
    """Do one of some rows of actions, each with its weight."""
    if not cases:
        return
    tests = shares(steps, what, [weight for weight, _ in cases])
    rules = [Rule(t, (*actions, Return())) for t, (_, actions) in zip(tests, cases, strict=True)]
    steps.call(Table("", tuple(rules)))

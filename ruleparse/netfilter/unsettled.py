"""For matches whose answer only the running system knows."""

from __future__ import annotations

from collections.abc import Callable

from ruleparse.netfilter.extension import Context, Givens, Tests, ask

Words = Callable[[Givens, Context], str]


def here(context: Context) -> str:
    """The rule's place, for questions whose answer may differ from rule to rule or change as packets pass."""
    return f"for the rule at {context.span.where}"


def asks(words: Words, settle: str = "", negated_by: str = "") -> Callable[[Givens, Context], Tests]:
    """`tests` of a match that is one question; `negated_by` names the option whose negation turns the answer."""

    def tests(givens: Givens, context: Context) -> Tests:
        return [ask(context.asks(words(givens, context), settle), negated_by != "" and givens.negated(negated_by))]

    return tests

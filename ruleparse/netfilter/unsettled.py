"""For matches whose answer only the running system knows."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ruleparse.bits import Bool
from ruleparse.codec import Codec
from ruleparse.netfilter.extension import Context, Given, Givens, Tests, ask
from ruleparse.packet import Assumption, Packet
from ruleparse.program import Key, Test, World

Words = Callable[[Givens, Context], str]


def here(context: Context) -> str:
    """The rule's place, for questions whose answer may differ from rule to rule or change as packets pass."""
    return f"for the rule at {context.span.where}"


def written(givens: Iterable[Given]) -> str:
    """Options as a rule writes them, each with a blank before it."""
    words = (f" {'! ' * g.negated}{g.name} {g.option.codec.show(g.value)}" for g in givens)
    return "".join(word.rstrip() for word in words)


def _changing(question: Assumption, _: Packet, world: World) -> Bool:
    return world.ask(question, about=world.way)


_CHANGING = Key(("?",), Codec("question", str), _changing)


def ask_each_time(question: Assumption, negated: bool = False) -> Test:
    """A question whose answer changes as packets pass: a packet that meets the rule twice asks it anew."""
    return Test(_CHANGING, question, negated)


def asks(words: Words, settle: str = "", negated_by: str = "") -> Callable[[Givens, Context], Tests]:
    """`tests` of a match that is one question; `negated_by` names the option whose negation turns the answer."""

    def tests(givens: Givens, context: Context) -> Tests:
        return [ask(context.asks(words(givens, context), settle), negated_by != "" and givens.negated(negated_by))]

    return tests

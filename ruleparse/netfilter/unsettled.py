"""For matches whose answer only the running system knows."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import Any

from ruleparse.bits import Bool
from ruleparse.codec import Codec
from ruleparse.netfilter.extension import Context, Given, Givens, Tests, ask
from ruleparse.packet import Assumption, Packet
from ruleparse.program import FORGOTTEN, Key, Test, World

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


Step = Callable[[Any, Packet], tuple[bool | None, Any] | None]
"""From what is remembered (None at first) to an answer, None to be asked, and what is remembered from then on; None if
that depends on something that is not known of the packet."""


def remembered(
    question: Assumption,
    key: Callable[[Packet], Hashable | None],
    step: Step,
    negated: bool = False,
) -> Test:
    """A test that follows from the packets walked so far, and is a question about a packet by itself.

    `key` is what the packet is remembered by, None if that is not known.
    """

    def means(_: object, packet: Packet, world: World) -> Bool:
        def once(known: Any) -> tuple[Any, Any]:
            return (None if known is FORGOTTEN else step(known, packet)) or (None, FORGOTTEN)

        by = key(packet)
        answer = None if by is None else world.recall(by, once, by=step)
        return world.ask(question, about=world.way) if answer is None else bool(answer)

    return Test(Key(("?",), Codec("question", str), means), question, negated)


def of_the_rule(question: Assumption, context: Context) -> Callable[[Packet], Hashable]:
    """The key of what each rule remembers for itself."""
    key = (question.question, context.handle)
    return lambda _: key


def asks(words: Words, settle: str = "", negated_by: str = "") -> Callable[[Givens, Context], Tests]:
    """`tests` of a match that is one question; `negated_by` names the option whose negation turns the answer."""

    def tests(givens: Givens, context: Context) -> Tests:
        return [ask(context.asks(words(givens, context), settle), negated_by != "" and givens.negated(negated_by))]

    return tests

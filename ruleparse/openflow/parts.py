"""Actions of one shape, of which each is read by what varies in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ruleparse.openflow.action import Act, read_action
from ruleparse.openflow.syntax import Element, Fill, Pieces, compiled, holes_in, words


@dataclass(frozen=True, slots=True)
class Part:
    """One action of a shape; what fills its holes."""

    element: Element
    holes: Sequence[int]
    fill: Fill

    @classmethod
    def of(cls, element: Element) -> Part:
        return cls(element, sorted(set(holes_in(element))), compiled(element))

    def reader(self, varying: Iterable[int], first: Act) -> Callable[[Pieces], Act]:
        """What reads the action of a flow in which no more varies than this; `first` is that of another."""
        argument = next((e for e in words(self.element.inside) if {*holes_in(e)}.issuperset(varying)), None)
        anew = first.kind.anew.get(argument.word) if argument is not None else None
        if argument is None or anew is None:
            return lambda pieces: read_action(self.fill(pieces))
        kind, value, fill = first.kind, first.value, compiled(argument)
        return lambda pieces: Act(kind, anew(value, fill(pieces)))

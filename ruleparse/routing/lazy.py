"""Rules that are made when somebody first asks for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import overload

from ruleparse.program import Rule


class LazyRules(Sequence[Rule]):
    """The rules that `make` makes."""

    def __init__(self, make: Callable[[], list[Rule]]) -> None:
        self._make = make

    @cached_property
    def _rules(self) -> list[Rule]:
        return self._make()

    @overload
    def __getitem__(self, index: int) -> Rule: ...

    @overload
    def __getitem__(self, index: slice) -> list[Rule]: ...

    def __getitem__(self, index: int | slice) -> Rule | list[Rule]:
        return self._rules[index]

    def __len__(self) -> int:
        return len(self._rules)

"""Copies of a packet that wait until the walk that made them is over, and may then go on together (evaluate.py)."""

from __future__ import annotations

from dataclasses import dataclass

from ruleparse import bits
from ruleparse.bits import Bool, Number, both, either
from ruleparse.packet import LARGE, Packet


@dataclass(frozen=True, slots=True)
class Waiting:
    """Copies that go on in a table; `counter` is the field that counts them.

    They are there `when` this holds. `hit` is said in fewer words: it holds for these, and may hold for whoever was not
    on the way where they set out.
    """

    table: str
    counter: str
    when: Bool
    hit: Bool
    packet: Packet

    def with_others(self, others: Waiting) -> Waiting:
        """These and others in one, where no packet has both."""
        joining = _Joining(self, others)
        names = {**others.packet.values, **self.packet.values}
        values = {name: joining.number(self.packet[name], others.packet[name]) for name in names}
        when, hit = either(self.when, others.when), either(self.hit, others.hit)
        return Waiting(self.table, self.counter, when, hit, self.packet.but(values))


class _Joining:
    def __init__(self, some: Waiting, others: Waiting) -> None:
        self.some = some
        self.others = others
        self._some: Bool | None = None

    def number(self, mine: Number, theirs: Number) -> Number:
        if mine is theirs or mine == theirs:
            return mine
        size = max(bits.width(mine), bits.width(theirs))
        return bits.number([self.bit(bits.bit(mine, i), bits.bit(theirs, i)) for i in range(size)])

    def bit(self, mine: Bool, theirs: Bool) -> Bool:
        """One bit; where it makes no difference to either, as the others have it."""
        unlike = bits.differ(mine, theirs)
        if both(self.some.when, unlike) is False:
            return theirs
        if both(self.others.when, unlike) is False:
            return mine
        return bits.pick(self.of_some(), mine, theirs)

    def of_some(self) -> Bool:
        """A condition that holds for some, and for none of the others."""
        if self._some is None:
            some, others = self.some, self.others
            is_short = bits.size(some.hit) <= LARGE and both(some.hit, others.when) is False
            self._some = some.hit if is_short else some.packet.unknowns.told_apart(some.when, others.when)
        return self._some


def one_more(counted: list[Bool], when: Bool) -> Number:
    """How many there are with one more where a condition holds; `counted` says where there was one, two, and so on."""
    total: Number = 1
    for nth, there in enumerate(counted):
        before, when, counted[nth] = when, both(there, when), either(there, when)
        if when is False:
            return total
        total = nth + 2 if when == before else bits.select(when, nth + 2, total)
    counted.append(when)
    return total

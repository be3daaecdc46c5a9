"""Boolean functions, and numbers made of them.

A Boolean is a Python bool or, where it depends on something unknown, a decision diagram of OxiDD. A number is a Python
int or a tuple of Booleans, least significant bit first. Every operation folds: what is known stays bool and int, so a
question about known things never touches a decision diagram, and callers need not ask which case they are in.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from oxidd.bcdd import BCDDFunction

    Function = BCDDFunction
else:
    Function = Any

Bool = bool | Function
Bits = tuple[Bool, ...]
Number = int | Bits


class Space:
    """A store of decision diagrams with a fixed room of `nodes`; variables are ordered as they are made."""

    def __init__(self, nodes: int = 1 << 20) -> None:
        from oxidd.bcdd import BCDDManager

        self.nodes = nodes
        self._manager = BCDDManager(nodes, max(nodes // 4, 1 << 16), 1)
        self.count = 0

    def variable(self) -> Function:
        """A fresh variable, below all earlier ones in the order."""
        return self.variables(1)[0]

    def variables(self, count: int) -> list[Function]:
        """`count` fresh variables."""
        self.count += count
        return [self._manager.var(n) for n in self._manager.add_vars(count)]

    def at(self, place: int) -> Function:
        """The variable that is so many places down the order."""
        return self._manager.var(place)


# Booleans -----------------------------------------------------------------------------------------------------------


def _fold(f: Function) -> Bool:
    return bool(f.satisfiable()) if f.node_level() is None else f


def both(a: Bool, b: Bool) -> Bool:
    """a and b"""
    if a is True:
        return b
    if b is True:
        return a
    if a is False or b is False:
        return False
    return _fold(a & b)


def either(a: Bool, b: Bool) -> Bool:
    """a or b"""
    if a is False:
        return b
    if b is False:
        return a
    if a is True or b is True:
        return True
    return _fold(a | b)


def negate(a: Bool) -> Bool:
    """not a"""
    return not a if isinstance(a, bool) else ~a


def without(a: Bool, b: Bool) -> Bool:
    """a and not b"""
    return both(a, negate(b))


def differ(a: Bool, b: Bool) -> Bool:
    """a xor b"""
    if isinstance(a, bool):
        return negate(b) if a else b
    if isinstance(b, bool):
        return negate(a) if b else a
    return _fold(a ^ b)


def pick(condition: Bool, yes: Bool, no: Bool) -> Bool:
    """yes if condition else no"""
    if condition is True or yes is no:
        return yes
    if condition is False:
        return no
    if isinstance(yes, bool):
        return either(condition, no) if yes else without(no, condition)
    if isinstance(no, bool):
        return either(negate(condition), yes) if no else both(condition, yes)
    return _fold(condition.ite(yes, no))


def all_of(items: Iterable[Bool]) -> Bool:
    result: Bool = True
    for item in items:
        result = both(result, item)
        if result is False:
            break
    return result


def any_of(items: Iterable[Bool]) -> Bool:
    result: Bool = False
    for item in items:
        result = either(result, item)
        if result is True:
            break
    return result


def _place(variable: Function) -> int:
    return variable.node_var() or 0


def branches(f: Function) -> tuple[Bool, Bool]:
    """What is left of f where its topmost variable holds, and where it does not."""
    found = f.cofactors()
    assert found is not None
    return _fold(found[0]), _fold(found[1])


def depends(f: Bool, variable: Function) -> bool:
    """Whether a variable matters to f."""
    if isinstance(f, bool):
        return False
    return bool(f.exists(variable) != f)


def size(f: Bool) -> int:
    """How many nodes a function has."""
    return 0 if isinstance(f, bool) else int(f.node_count())


def depends_on_any(f: Bool, places: Container[int | None]) -> bool:
    """Whether one of some variables, by their places, matters to f; quick where there are very many."""
    pending: list[Bool] = [f]
    seen: set[Bool] = {True, False}
    while pending:
        if (f := pending.pop()) in seen:
            continue
        assert not isinstance(f, bool)
        if f.node_var() in places:
            return True
        seen.add(f)
        pending += branches(f)
    return False


def union(items: Sequence[Bool]) -> Bool:
    """Whether any of these holds; neighbours first, so that what many are put together from stays small."""
    parts: list[Bool] = [item for item in items if item is not False]
    while len(parts) > 1:
        rest = parts[-1:] if len(parts) % 2 else []
        parts = [either(a, b) for a, b in zip(parts[::2], parts[1::2], strict=False)] + rest
    return parts[0] if parts else False


def holds(f: Bool, chosen: Container[int]) -> bool:
    """Whether f holds where just these variables do, by their places."""
    if isinstance(f, bool):
        return f
    while (place := f.node_var()) is not None:
        below = f.cofactor_true() if place in chosen else f.cofactor_false()
        assert below is not None
        f = below
    return bool(f.satisfiable())


class Variables(tuple["Function", ...]):
    """Some variables; what it takes to ask whether they matter is made once."""

    @cached_property
    def together(self) -> Bool:
        """All of them; from the last in the order on, each is put on top of the others."""
        found: Bool = True
        for variable in sorted(self, key=_place, reverse=True):
            found = both(variable, found)
        return found


def exists(f: Bool, variables: Iterable[Function]) -> Bool:
    """Whether f holds for some values of the variables."""
    if isinstance(f, bool):
        return f
    among = variables if isinstance(variables, Variables) else Variables(variables)
    return f if isinstance(among.together, bool) else _fold(f.exists(among.together))


def always(f: Bool, variables: Iterable[Function]) -> Bool:
    """Whether f holds for all values of the variables."""
    return negate(exists(negate(f), variables))


# Numbers ------------------------------------------------------------------------------------------------------------


def bit(number: Number, index: int) -> Bool:
    """Bit `index` of a number, counted from the least significant."""
    if isinstance(number, int):
        return bool(number >> index & 1)
    return number[index] if index < len(number) else False


def number(bits: Sequence[Bool]) -> Number:
    """A number of these bits, an int if all are known."""
    total = 0
    for index, b in enumerate(bits):
        if b is True:
            total |= 1 << index
        elif b is not False:
            return tuple(bits)
    return total


def width(n: Number) -> int:
    return n.bit_length() if isinstance(n, int) else len(n)


def equal_masked(n: Number, value: int, mask: int) -> Bool:
    """n & mask == value"""
    if isinstance(n, int):
        return n & mask == value
    if value & ~mask or value >> len(n):
        return False
    return all_of(b if value >> i & 1 else negate(b) for i, b in enumerate(n) if mask >> i & 1)


def equal(a: Number, b: Number) -> Bool:
    """a == b"""
    if isinstance(a, int) and isinstance(b, int):
        return a == b
    return all_of(map(negate, differing_bits(a, b)))


def differing_bits(a: Number, b: Number) -> Iterator[Bool]:
    """For each bit, whether the numbers differ in it."""
    return (differ(bit(a, i), bit(b, i)) for i in range(max(width(a), width(b))))


def at_least(n: Number, low: int) -> Bool:
    """n >= low"""
    if isinstance(n, int):
        return n >= low
    if low <= 0:
        return True
    if low >> len(n):
        return False
    result: Bool = True
    for i, b in enumerate(n):
        result = both(b, result) if low >> i & 1 else either(b, result)
    return result


def between(n: Number, low: int, high: int) -> Bool:
    """low <= n <= high"""
    if isinstance(n, int):
        return low <= n <= high
    return without(at_least(n, low), at_least(n, high + 1))


def chosen(variables: Sequence[Function], values: Sequence[int]) -> Bits:
    """values[i], i being the number that the variables make (least significant first); the last one if i is larger."""
    result: Number = values[-1]
    for index, value in enumerate(values):
        result = select(equal_masked(tuple(variables), index, -1), value, result)
    size = max(v.bit_length() for v in values)
    return tuple(bit(result, i) for i in range(size))


def any_bit(n: Number, mask: int) -> Bool:
    """n & mask != 0"""
    return negate(equal_masked(n, 0, mask))


def select(condition: Bool, yes: Number, no: Number) -> Number:
    """yes if condition else no"""
    if condition is True or yes is no:
        return yes
    if condition is False:
        return no
    if isinstance(yes, int) and yes == no:
        return yes
    return number([pick(condition, bit(yes, i), bit(no, i)) for i in range(max(width(yes), width(no)))])


def one_of(cases: Sequence[tuple[Bool, Number]], otherwise: Number | None) -> Number:
    """The number whose condition holds, of several that exclude each other; `otherwise` is None if one always does."""
    alike: dict[int, tuple[Number, list[Bool]]] = {}
    for when, n in cases:
        alike.setdefault(n if isinstance(n, int) else id(n), (n, []))[1].append(when)
    numbers = [(union(whens), n) for n, whens in alike.values()]
    if len(numbers) == 1:
        when, n = numbers[0]
        return n if otherwise is None else select(when, n, otherwise)
    if otherwise is not None:
        numbers.append((negate(union([when for when, _ in numbers])), otherwise))
    size = max(width(n) for _, n in numbers)
    return number([union([both(when, bit(n, i)) for when, n in numbers]) for i in range(size)])


def rewrite(n: Number, value: int, mask: int) -> Number:
    """(n & ~mask) ^ value"""
    if isinstance(n, int):
        return (n & ~mask) ^ value
    size = max(len(n), value.bit_length())
    return number([differ(False if mask >> i & 1 else bit(n, i), bool(value >> i & 1)) for i in range(size)])


def masked(n: Number, mask: int) -> Number:
    """n & mask"""
    if mask == -1:
        return n
    if isinstance(n, int):
        return n & mask
    return number([b if mask >> i & 1 else False for i, b in enumerate(n)])


def mix(a: Number, b: Number) -> Number:
    """a ^ b"""
    if isinstance(a, int) and isinstance(b, int):
        return a ^ b
    return number([differ(bit(a, i), bit(b, i)) for i in range(max(width(a), width(b)))])


def shift(n: Number, left: int, size: int) -> Number:
    """n << left (right if negative), cut to `size` bits."""
    if isinstance(n, int):
        return (n << left if left >= 0 else n >> -left) & (1 << size) - 1
    return number([bit(n, i - left) if i >= left else False for i in range(size)])


def add(n: Number, amount: int, size: int) -> Number:
    """n + amount modulo 2**size"""
    if isinstance(n, int):
        return (n + amount) % (1 << size)
    amount %= 1 << size
    bits: list[Bool] = []
    carry: Bool = False
    for i in range(size):
        a, b = bit(n, i), bool(amount >> i & 1)
        bits.append(differ(differ(a, b), carry))
        carry = either(both(a, carry), both(b, either(a, carry)))
    return number(bits)


def constant(n: Number, region: Bool) -> int | None:
    """The one value that a number has in a region, None if it has several."""
    if isinstance(n, int):
        return n
    total = 0
    for index, b in enumerate(n):
        if both(region, b) is False:
            continue
        if without(region, b) is not False:
            return None
        total |= 1 << index
    return total


def each_value(n: Number, most: int = 1 << 14) -> Iterator[tuple[int, Bool]]:
    """Every value that a number may have, and where it has it. Raises MemoryError where there are more than `most`."""
    pending: list[tuple[int, int, Bool]] = [(width(n), 0, True)]
    while pending:
        left, value, where = pending.pop()
        while left and where is not False:
            left -= 1
            if (other := without(where, bit(n, left))) is not False:
                pending.append((left, value, other))
            where, value = both(where, bit(n, left)), value | 1 << left
        if where is not False:
            most -= 1
            if most < 0:
                raise MemoryError
            yield value, where

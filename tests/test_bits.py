"""Booleans and numbers, known or not: an operation on what is unknown says of every value what plain integers say."""

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ruleparse import bits

WIDTH = 4
SPACE = bits.Space(1 << 16)
A, B = (tuple(SPACE.variables(WIDTH)) for _ in range(2))
EVERY = range(1 << WIDTH)


def at(f: bits.Bool, a: int = 0, b: int = 0) -> bool:
    """What a Boolean is where A is a and B is b."""
    if isinstance(f, bool):
        return f
    return bool(
        f.eval([(i, bool(a >> i & 1)) for i in range(WIDTH)] + [(WIDTH + i, bool(b >> i & 1)) for i in range(WIDTH)])
    )


def value(n: bits.Number, a: int = 0, b: int = 0) -> int:
    return n if isinstance(n, int) else sum(at(f, a, b) << i for i, f in enumerate(n))


small = st.integers(0, (1 << WIDTH + 1) - 1)

COMPARISONS = {
    "equal_masked": (bits.equal_masked, lambda n, x, y: n & y == x),
    "between": (bits.between, lambda n, x, y: x <= n <= y),
    "at_least": (lambda n, x, _: bits.at_least(n, x), lambda n, x, _: n >= x),
    "any_bit": (lambda n, x, _: bits.any_bit(n, x), lambda n, x, _: n & x != 0),
    "equal": (lambda n, x, _: bits.equal(n, x), lambda n, x, _: n == x),
}
CHANGES = {
    "rewrite": (bits.rewrite, lambda n, x, y: (n & ~y) ^ x),
    "mix": (lambda n, x, _: bits.mix(n, x), lambda n, x, _: n ^ x),
    "add": (lambda n, x, y: bits.add(n, x - y, WIDTH), lambda n, x, y: (n + x - y) % 16),
    "shift left": (lambda n, x, _: bits.shift(n, x % 4, WIDTH), lambda n, x, _: (n << x % 4) & 15),
    "shift right": (lambda n, x, _: bits.shift(n, -(x % 4), WIDTH), lambda n, x, _: n >> x % 4),
}


@pytest.mark.parametrize("name", COMPARISONS)
@settings(max_examples=40)
@given(x=small, y=small)
def test_comparisons(name, x, y):
    ours, plain = COMPARISONS[name]
    unknown = ours(A, x, y)
    assert [at(unknown, a) for a in EVERY] == [plain(a, x, y) for a in EVERY]
    assert [ours(a, x, y) for a in EVERY] == [plain(a, x, y) for a in EVERY]


@pytest.mark.parametrize("name", CHANGES)
@settings(max_examples=40)
@given(x=small, y=small)
def test_changes(name, x, y):
    ours, plain = CHANGES[name]
    unknown = ours(A, x, y)
    assert [value(unknown, a) for a in EVERY] == [plain(a, x, y) for a in EVERY]
    assert [ours(a, x, y) for a in EVERY] == [plain(a, x, y) for a in EVERY]


OPERATIONS = {
    bits.both: lambda x, y: x and y,
    bits.either: lambda x, y: x or y,
    bits.without: lambda x, y: x and not y,
    bits.differ: lambda x, y: x is not y,
}


@pytest.mark.parametrize("ours", OPERATIONS, ids=lambda f: f.__name__)
def test_booleans_fold(ours):
    plain, f = OPERATIONS[ours], A[0]
    for x, y in product((False, True), repeat=2):
        assert ours(x, y) is plain(x, y)
        assert at(ours(f, y), x) is plain(x, y)
        assert at(ours(x, f), y) is plain(x, y)
        assert at(ours(f, bits.negate(f)), x) is plain(x, not x)


def test_what_is_certain_is_a_bool():
    f = bits.both(A[0], A[1])
    assert bits.both(f, bits.negate(f)) is False
    assert bits.either(f, bits.negate(f)) is True
    assert bits.without(f, A[0]) is False
    assert bits.differ(f, f) is False


def test_one_of_two():
    for a, b, c in product((0, 1), repeat=3):
        f = bits.pick(A[0], A[1], B[0])
        assert at(f, a | b << 1, c) == bool(b if a else c)
    assert bits.pick(A[0], True, False) == A[0]
    assert bits.pick(A[0], A[1], A[1]) is A[1]
    assert bits.select(A[0], 5, 5) == 5
    assert [value(bits.select(A[0], 12, B), a, 3) for a in (0, 1)] == [3, 12]


def test_two_unknown_numbers():
    same, mixed = bits.equal(A, B), bits.mix(A, B)
    for a, b in product(EVERY, EVERY):
        assert at(same, a, b) == (a == b)
        assert value(mixed, a, b) == a ^ b


def test_what_is_known_is_an_int():
    assert bits.number([True, False, True]) == 5
    assert bits.number([]) == 0
    assert bits.number(A) == A
    assert bits.mix(A, A) == 0
    assert bits.shift(A, -WIDTH, WIDTH) == 0
    assert bits.rewrite(A, 9, 15) == 9


def test_what_a_function_depends_on():
    f = bits.both(A[0], A[1])
    assert [bits.depends(f, v) for v in A] == [True, True, False, False]
    assert not bits.depends(True, A[0])
    assert bits.exists(f, [A[0]]) == A[1]
    assert bits.exists(f, A) is True
    assert bits.exists(False, A) is False


def test_numbers_of_other_widths():
    assert bits.equal_masked(A, 1 << 9, -1) is False
    assert bits.at_least(A, 1 << 9) is False
    assert bits.at_least(A, -1) is True
    assert bits.bit(A, 99) is False
    assert bits.equal(A, 1 << 9) is False


def test_whether_one_of_many_variables_matters():
    space = bits.Space()
    a, b, c = space.variables(3)
    f = bits.pick(a, b, bits.negate(b))
    assert bits.depends_on_any(f, {1, 2})
    assert not bits.depends_on_any(f, {2})
    assert bits.depends_on_any(bits.both(f, c), {2})
    assert not bits.depends_on_any(True, {0, 1, 2})

"""The interfaces that a node's rules and routes tell apart: each name they give, each `+` pattern, and all others.

No rule can tell two names of one atom apart, so an unknown interface is one of a few atoms, not one of 2**128 names.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ruleparse.codec import INTERFACE_BYTES, interface

_NOBODYS = "\x7f"
"""A letter that no interface's name has: it stands for the rest of a pattern."""


@dataclass(frozen=True, slots=True)
class Atom:
    """`value` is the number of a name in it, `text` says which names are."""

    value: int
    text: str


def atoms(patterns: Iterable[str]) -> list[Atom]:
    """The atoms of names and `+` patterns."""
    names = {
        p for p in patterns if not p.endswith("+") and 0 < len(p.encode("utf-8", "surrogateescape")) < INTERFACE_BYTES
    }
    starts = {
        p[:-1] for p in patterns if p.endswith("+") and len(p.encode("utf-8", "surrogateescape")) < INTERFACE_BYTES
    }
    exact = [Atom(interface(name), name) for name in sorted(names)]
    wide = [_rest_of(start, names, starts) for start in sorted(starts - {""})]
    return [*exact, *wide, Atom(interface(_NOBODYS), "any other interface" if names or starts else "any interface")]


def _rest_of(start: str, names: set[str], starts: set[str]) -> Atom:
    longer = sorted(n for n in names if n.startswith(start)) + sorted(
        f"{s}+" for s in starts if s != start and s.startswith(start)
    )
    text = f"{start}+ except {' '.join(longer)}" if longer else f"{start}+"
    return Atom(interface(start + _NOBODYS), text)

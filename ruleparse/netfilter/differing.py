"""Which rules of two nodes are not the same, where all else that was saved is.

Rules are the same if they have the same words and stand in the same place among those that a packet could meet with
them. The order of neighbours that name different `-d` hosts does not matter: no packet meets both.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from ruleparse.netfilter.chain_rules import INDEXED_TABLES, host_of
from ruleparse.netfilter.ipset import IpSet
from ruleparse.netfilter.program import NetfilterProgram
from ruleparse.netfilter.save import Chain, Ruleset, rule_lines
from ruleparse.program import Places, words_of
from ruleparse.text import Span


def differing(before: NetfilterProgram, after: NetfilterProgram) -> tuple[Places, Places] | None:
    """The rules of each side that the other has not; None where more than rules and sets differs."""
    facts = [(p.facts.changing, p.facts.tracks, p.facts.balances) for p in (before, after)]
    frames = [[_frame(r) for r in p.rulesets] for p in (before, after)]
    sets = _changed_sets(before.facts.sets, after.facts.sets)
    if facts[0] != facts[1] or frames[0] != frames[1] or sets is None:
        return None
    chains = before.chains, after.chains
    names = _Names(sets)
    found: tuple[dict[str, frozenset[int]], dict[str, frozenset[int]]] = {}, {}
    for name in dict.fromkeys((*chains[0], *chains[1])):
        if _policy_differs(chains[0].get(name), chains[1].get(name)):
            return None
        here = _compared(name, chains[0].get(name), chains[1].get(name), names)
        for side, places in zip(found, here, strict=True):
            if places:
                side[name] = frozenset(places)
    for mine, others in ((chains[0], chains[1]), (chains[1], chains[0])):
        if _mentioned([c.name for name, c in mine.items() if name not in others], others.values()):
            return None
    return found


def _frame(ruleset: Ruleset) -> tuple[object, ...]:
    """What matters of a ruleset besides its chains."""
    lacks = [q.question for q in ruleset.lacks]
    return ruleset.flavour, ruleset.version, ruleset.whole, lacks, sorted(ruleset.tables)


def _mentioned(names: Sequence[str], chains: Iterable[Chain]) -> bool:
    """Whether rules of a side may lead to chains that only the other side has."""
    sources = {id(c.source): c.source for c in chains}.values()
    return any(name in source.text for source in sources for name in names)


# Sets


def _changed_sets(before: Mapping[str, IpSet] | None, after: Mapping[str, IpSet] | None) -> set[str] | None:
    """The names of sets that differ, and of lists that hold them; None if only one side has any."""
    if before is None or after is None:
        return set() if before is after else None
    changed = {n for n in before.keys() | after.keys() if _set_differs(before.get(n), after.get(n))}
    lists = [s for side in (before, after) for s in side.values() if s.type == "list:set"]
    return changed | {s.name for s in lists if any(m.text in changed for m in s.members())}


def _set_differs(one: IpSet | None, other: IpSet | None) -> bool:
    if one is None or other is None:
        return True
    if (one.type, one.options, one.saved) != (other.type, other.options, other.saved):
        return True
    texts = ["\n".join(stretch.text for stretch in s.stretches) for s in (one, other)]
    return texts[0] != texts[1] and (
        one.type == "list:set" or sorted(texts[0].splitlines()) != sorted(texts[1].splitlines())
    )


class _Names:
    """Whether a text names one of some sets."""

    def __init__(self, names: set[str]) -> None:
        self._found = re.compile("|".join(map(re.escape, sorted(names)))).search if names else None

    def are_in(self, text: str) -> bool:
        return self._found is not None and self._found(text) is not None


# Chains


@dataclass(frozen=True, slots=True)
class _Line:
    words: str
    place: int
    host: int | None


def _compared(name: str, before: Chain | None, after: Chain | None, sets: _Names) -> tuple[set[int], set[int]]:
    if before is None or after is None:
        return _places(before), _places(after)
    if [s.text for s in before.rules] == [s.text for s in after.rules]:
        places: tuple[set[int], set[int]] = set(), set()
        if any(sets.are_in(s.text) for s in before.rules):
            places = _about(before, sets), _about(after, sets)
    else:
        by_host = name.rpartition(" ")[0].split(" ")[-1] in INDEXED_TABLES
        places = _aligned(_ordered(before, by_host), _ordered(after, by_host))
        places = places[0] | _about(before, sets), places[1] | _about(after, sets)
    if before.policy != after.policy:
        for side, chain in zip(places, (before, after), strict=True):
            side.update({chain.span.start} if chain.span is not None else ())
    return places


def _policy_differs(before: Chain | None, after: Chain | None) -> bool:
    """Whether policies differ in a way that no rule of a dump stands for."""
    if before is None or after is None or before.policy == after.policy:
        return False
    return any(c.span is None or c.policy not in ("ACCEPT", "DROP") for c in (before, after))


def _places(chain: Chain | None) -> set[int]:
    return set() if chain is None else {span.start for span in _lines(chain)}


def _lines(chain: Chain) -> Iterator[Span]:
    return (span for stretch in chain.rules for span in rule_lines(stretch))


def _about(chain: Chain, sets: _Names) -> set[int]:
    """The rules that name some sets."""
    return {span.start for span in _lines(chain) if sets.are_in(span.text)}


def _ordered(chain: Chain, by_host: bool) -> list[_Line]:
    """The rules of a chain; those in a row that name one host each, by their hosts if that makes no difference."""
    lines = [_Line(words_of(s), s.start, host_of(s) if by_host else None) for s in _lines(chain)]
    runs = groupby(lines, key=lambda line: line.host is not None)
    return [line for named, run in runs for line in (sorted(run, key=_host) if named else run)]


def _host(line: _Line) -> int:
    return line.host or 0


def _aligned(before: Sequence[_Line], after: Sequence[_Line]) -> tuple[set[int], set[int]]:
    """The lines of each side that are not the other's too, in an order that both have."""
    sides = _numbered(before), _numbered(after)
    places = {line: at for at, line in enumerate(sides[1])}
    common = _rising([places[line] for line in sides[0] if line in places])
    shared = {sides[1][at] for at in common}
    mine, others = (
        {line.place for line, key in zip(lines, keys, strict=True) if key not in shared}
        for lines, keys in zip((before, after), sides, strict=True)
    )
    return mine, others


def _numbered(lines: Iterable[_Line]) -> list[tuple[str, int]]:
    """The words of each line, and how many lines before it have the same."""
    seen: dict[str, int] = {}
    keys = []
    for line in lines:
        nth = seen[line.words] = seen.get(line.words, -1) + 1
        keys.append((line.words, nth))
    return keys


def _rising(numbers: Sequence[int]) -> list[int]:
    """The longest rising run that is left of different numbers when some are taken out."""
    last: list[int] = []
    before: dict[int, int | None] = {}
    for n in numbers:
        at = bisect_left(last, n)
        before[n] = last[at - 1] if at else None
        last[at : at + 1] = [n]
    found: list[int] = []
    at_end = last[-1] if last else None
    while at_end is not None:
        found.append(at_end)
        at_end = before[at_end]
    return found

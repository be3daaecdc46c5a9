"""Sets with their sizes, bits of the mark with their meanings, and the chains that use them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from ruleparse.cni.names import Names
from ruleparse.codec import masked_number
from ruleparse.inventory.model import MarkBits, Set
from ruleparse.netfilter.ipset import IpSet
from ruleparse.netfilter.program import NetfilterProgram

_SET_USED = re.compile(r" --(?:match-set|add-set|del-set|map-set) (\S+)")
_LIST = "list:set"
_MARK_SET = re.compile(r" -j MARK [^\n]*?--(set-xmark|set-mark|or-mark|xor-mark|and-mark) (\S+)")
_MARK_TESTED = re.compile(r" -m mark (?:! )?--mark (\S+)")
WHOLE = 0xFFFFFFFF


def texts(programs: Iterable[NetfilterProgram]) -> Iterator[tuple[str, str]]:
    """Every chain's name and the text of its rules."""
    for program in programs:
        for name, chain in program.chains.items():
            yield name, "\n".join(stretch.text for stretch in chain.rules)


def sets(saved: Mapping[str, IpSet] | None, chains: Iterable[tuple[str, str]], names: Iterable[Names]) -> list[Set]:
    """Every set that was saved or is used."""
    users: dict[str, dict[str, None]] = {}
    for chain, text in chains:
        for name in _SET_USED.findall(text):
            users.setdefault(name.strip('"'), {})[chain] = None
    known = saved or {}
    for one in known.values():
        if one.type == _LIST:
            for member, _, _ in one.elements():
                users.setdefault(member, {})[f"set {one.name}"] = None
    asked = list(names)
    found = []
    for name in sorted({*known, *users}):
        means = next((says for n in asked if (says := n.set(name))), None)
        used_by = tuple(users.get(name, ()))
        one_set = known.get(name)
        if one_set is None:
            found.append(Set(name, None, None, means, used_by))
        else:
            size = sum(1 for _ in one_set.elements()) if one_set.saved else None
            found.append(Set(name, one_set.type, size, means, used_by))
    return found


@dataclass(frozen=True, slots=True)
class _Use:
    """Bits that a chain sets, clears (or turns) or tests."""

    chain: str
    sets: int = 0
    clears: int = 0
    tests: int = 0

    @property
    def bits(self) -> int:
        return self.sets | self.clears | self.tests


def marks(chains: Iterable[tuple[str, str]], names: Iterable[Names]) -> list[MarkBits]:
    """Bits that every rule takes together, the lowest first."""
    uses = [use for chain, text in chains for use in _uses(chain, text)]
    known = [mark for n in names for mark in n.marks()]
    found = []
    for bits in sorted(_apart({use.bits for use in uses} | {mark.bits for mark in known})):
        mine = [use for use in uses if use.bits & bits]
        if not mine:
            continue
        means = dict.fromkeys(mark.says for mark in known if mark.bits & bits)
        who = [tuple(dict.fromkeys(u.chain for u in mine if getattr(u, does) & bits)) for does in _DOES]
        found.append(MarkBits(f"{bits:#x}", "; ".join(means) or None, *who))
    return found


_DOES = ("sets", "clears", "tests")


def _apart(masks: Iterable[int]) -> set[int]:
    """The largest sets of bits that no mask cuts."""
    parts = {WHOLE}
    for mask in masks:
        parts = {piece for part in parts for piece in (part & mask, part & ~mask) if piece}
    return parts


def _uses(chain: str, text: str) -> Iterator[_Use]:
    for option, value in dict.fromkeys(_MARK_SET.findall(text)):
        yield _changed(chain, option, *_bits(value))
    for value in dict.fromkeys(_MARK_TESTED.findall(text)):
        yield _Use(chain, tests=_bits(value)[1])


def _changed(chain: str, option: str, value: int, mask: int) -> _Use:
    """As MARK changes a mark: `--set-xmark` clears the mask and turns the value."""
    match option:
        case "set-xmark":
            return _Use(chain, sets=value & mask, clears=(mask | value) & ~(value & mask))
        case "and-mark":
            return _Use(chain, clears=WHOLE & ~value)
        case "xor-mark":
            return _Use(chain, clears=value)
    return _Use(chain, sets=value, clears=mask & ~value if option == "set-mark" else 0)


def _bits(text: str) -> tuple[int, int]:
    try:
        return masked_number(text)
    except ValueError:
        return 0, 0

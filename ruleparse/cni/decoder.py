"""What a decoder is: rows that turn what one program writes into words. A row is a pattern and a phrase.

A phrase is text, in which `{port}` is a named group of the row's patterns and `{dport}` what the rule has behind
`--dport`; or a method that makes the phrase, called with the rule (for a decision also with the case) and the named
groups. None means: not this row.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, ClassVar

from ruleparse.cni.saved import Here, SavedRules
from ruleparse.cni.things import Held, Served
from ruleparse.cni.versions import Sign, version_range
from ruleparse.codec import interface_name, show_address, show_protocol
from ruleparse.packet import Packet

Phrase = str | Callable[..., str | None]


@dataclass(frozen=True, slots=True)
class Name:
    """How a chain, an ipset or an interface of this name is called."""

    pattern: str
    says: Phrase
    group: str = ""
    """only in this table, for a chain"""
    shared: bool = False
    """others use such names too: only where this program wrote rules"""

    def phrase(self, decoder: Decoder, name: str, group: str = "") -> str | None:
        if (self.group and group and self.group != group) or (self.shared and not decoder.present):
            return None
        found = compiled(self.pattern).fullmatch(name)
        if found is None:
            return None
        groups = named_groups(found)
        return self.says.format_map(groups) if isinstance(self.says, str) else self.says(decoder, **groups)


@dataclass(frozen=True, slots=True)
class Row:
    """What a rule means. All patterns given must fit: the whole of the chain's name, of a comment, of the target's
    name; `words` any part of the rule's text."""

    says: Phrase
    chain: str = ""
    comment: str = ""
    target: str = ""
    words: str = ""
    group: str = ""

    def phrase(self, decoder: Decoder, here: Here, *case: Case) -> str | None:
        groups = self._fits(here)
        if groups is None:
            return None
        if not isinstance(self.says, str):
            return self.says(decoder, here, *case, **groups)
        try:
            return self.says.format_map(_Words(here, groups))
        except KeyError:
            return None

    def _fits(self, here: Here) -> dict[str, str] | None:
        """The named groups of all patterns, None if one of them does not fit."""
        if self.group and self.group != here.table.group:
            return None
        groups: dict[str, str] = {}
        for pattern, texts in (
            (self.chain, [here.chain]),
            (self.target, [here.target]),
            (self.comment, here.words.comments()),
        ):
            if pattern and not _take(groups, map(compiled(pattern).fullmatch, texts)):
                return None
        if self.words and not _take(groups, [compiled(self.words).search(here.text)]):
            return None
        return groups


def _take(groups: dict[str, str], tried: Iterable[re.Match[str] | None]) -> bool:
    """Add the named groups of the first match; whether there is one."""
    found = next(filter(None, tried), None)
    if found is not None:
        groups.update(named_groups(found))
    return found is not None


class _Words(dict[str, str]):
    """Named groups, and under any other name what the rule has behind the option of that name."""

    def __init__(self, here: Here, groups: dict[str, str]) -> None:
        super().__init__(groups)
        self.here = here

    def __missing__(self, name: str) -> str:
        option = f"-{name}" if len(name) == 1 else f"--{name.replace('_', '-')}"
        value = self.here.target if name == "target" else self.here.value(option)
        if value is None:
            raise KeyError(name)
        return value


@dataclass(frozen=True, slots=True)
class Case:
    """A packet about which a rule decided, and the rules it hit on its way, as far as they stand in the same dump."""

    packet: Packet
    family: int
    path: Sequence[Here]

    def known(self, field: str) -> int | None:
        """The value of a field if it was given and is certain."""
        value = self.packet.values.get(field)
        return value if type(value) is int else None

    def interface(self, field: str) -> str | None:
        value = self.known(field)
        return interface_name(value) if value else None

    def address(self, field: str) -> str | None:
        value = self.known(field)
        return None if value is None else show_address(value, self.family)

    def service(self) -> str | None:
        """`tcp port 80`, as far as it is known."""
        protocol, port = self.known("proto"), self.known("dport")
        if protocol is None:
            return None
        return show_protocol(protocol) + (f" port {port}" if port is not None else "")


@dataclass(frozen=True, slots=True)
class Mark:
    """Bits of the packet mark and what it means that they are set."""

    bits: int
    says: str


class Decoder:
    """Names what one program wrote. The docstring of each decoder is its page of the reference."""

    name: ClassVar[str]
    title: ClassVar[str]
    """the program as it is called in a list of writers"""

    markers: ClassVar[tuple[str, ...]] = ()
    """chains that only this program makes; `*` at the end for any that start so"""
    traces: ClassVar[str] = ""
    """a pattern that only this program's rules in the kernel's own chains fit"""

    signs: ClassVar[tuple[Sign, ...]] = ()
    chains: ClassVar[tuple[Name, ...]] = ()
    rules: ClassVar[tuple[Row, ...]] = ()
    decisions: ClassVar[tuple[Row, ...]] = ()
    """full sentences for a rule that decided, each on a line of its own"""
    sets: ClassVar[tuple[Name, ...]] = ()
    interfaces: ClassVar[tuple[Name, ...]] = ()
    under_drop: ClassVar[str] = ""
    """a sentence for packets that end at FORWARD's policy DROP on a node of this program"""
    elsewhere: ClassVar[str] = ""
    """a sentence on what this program decides where no dump of rules shows it"""

    def __init__(self, saved: SavedRules) -> None:
        self.saved = saved

    @cached_property
    def present(self) -> bool:
        """Whether this program wrote here."""
        if any(self.saved.has_chain(marker) for marker in self.markers):
            return True
        pattern = self.traces
        return bool(pattern) and any(compiled(pattern).search(text) for text in self.saved.trunks())

    def writer(self) -> str | None:
        """The program, with its versions as far as they can be told."""
        if not self.present:
            return None
        return f"{self.title} {version_range(self.saved, self.signs)}".rstrip()

    def chain(self, group: str, name: str) -> str | None:
        return first(row.phrase(self, name, group) for row in self.chains)

    def rule(self, here: Here) -> str | None:
        return first(row.phrase(self, here) for row in self.rules)

    def decision(self, here: Here, case: Case) -> list[str]:
        """Sentences on a rule that decided."""
        sentences = first(row.phrase(self, here, case) for row in self.decisions)
        return sentences.split("\n") if sentences else []

    def remarks(self, case: Case) -> Iterator[str]:
        """Sentences on the way of a packet that got through."""
        if self.elsewhere and any(self.chain(here.table.group, here.chain) for here in case.path):
            yield self.elsewhere

    def set(self, name: str) -> str | None:
        return first(row.phrase(self, name) for row in self.sets)

    def interface(self, name: str) -> str | None:
        return first(row.phrase(self, name) for row in self.interfaces)

    def namespace(self, interface: str) -> str | None:
        """Of the pod behind an interface, where this program's rules tell."""
        return None

    def address(self, value: int, family: int) -> str | None:
        return None

    @property
    def marks(self) -> Iterable[Mark]:
        return ()

    # What there is

    def served(self) -> Iterable[Served]:
        """Ways to services."""
        return ()

    def held(self) -> Iterable[Held]:
        """Interfaces that policies hold."""
        return ()

    def chains_of(self, name: str) -> Iterator[tuple[str, str]]:
        """Tables and chains that are for a service, pod or policy of this name."""
        for held in self.held():
            if name in (held.name, held.interface, held.address):
                yield from (("filter", chain) for chain in held.chains)


@cache
def compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def named_groups(found: re.Match[str]) -> dict[str, str]:
    return {name: text for name, text in found.groupdict().items() if text is not None}


def first(phrases: Iterable[str | None]) -> str | None:
    """The first phrase that is not None."""
    return next((phrase for phrase in phrases if phrase is not None), None)


def at_start(words: object) -> str:
    """Words as a sentence starts with them."""
    text = str(words)
    return text[:1].upper() + text[1:]


def listed(things: Sequence[Any], word: str = "and") -> str:
    """`a, b and c`."""
    words = [str(thing) for thing in things]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {word} {words[-1]}"

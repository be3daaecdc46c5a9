"""Sets of packets for people: when, by which rule, how many, and one of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ruleparse.query.host import Packets
from ruleparse.query.matrix import Met
from ruleparse.report.flow_words import flow_in_words, spoken
from ruleparse.report.page import Page
from ruleparse.report.provided import provided
from ruleparse.report.why_text import FATE, end_in_words, question_in_words, spaced
from ruleparse.why import Place
from ruleparse.why_bridge import FlowStep

MOST_ROWS = 8
MOST_VALUES = 12
MOST_NAMES = 6
_ORDER = ("in", "src", "sport", "dst", "dport", "proto")


class SetsWriter(Page):
    """What the texts of `query` and `diff` have in common."""

    def fate(self, p: Packets) -> str:
        word, colour = FATE[p.verdict]
        odds = f"   {100 * p.probability:.3g} %, by chance" if p.probability < 1 else ""
        return self.style.colour(word, colour) + where_to(p) + odds

    def rewrites(self, p: Packets) -> Iterator[str]:
        most = len(p.rewrites) if self.verbose else MOST_ROWS
        changed = [rewrite_in_words(r, p.names) for r in p.rewrites[:most]]
        more = len(p.rewrites) - len(changed)
        if p.rewrites_cut or more > 0:
            changed.append("and more" if p.rewrites_cut else f"and {more} more")
        if changed:
            yield from self.wrap("  some with " + "; ".join(changed), "", "       ")

    def conditions(self, p: Packets) -> Iterator[str]:
        when = p.when or ()
        shown = when if self.verbose else when[:MOST_ROWS]
        for index, row in enumerate(shown):
            words = "  when " if index == 0 else "    or "
            yield from self.wrap(words + (self.row(row) or "anything else"), "", "       ")
        if p.when_cut or len(when) > len(shown):
            count = "more" if p.when_cut else f"{len(when) - len(shown)} more"
            yield f"    … and {count}" + ("" if self.verbose else " (--verbose)")
        yield from provided(self, p)
        yield from self.names(p, shown)

    def row(self, row: Mapping[str, str]) -> str:
        names = [*(n for n in _ORDER if n in row), *(n for n in row if n not in _ORDER)]
        most = 1 << 60 if self.verbose else MOST_VALUES
        return "; ".join(f"{spoken(name)} {spaced(row[name], most)}" for name in names)

    def names(self, p: Packets, shown: Sequence[Mapping[str, str]]) -> Iterator[str]:
        """What the addresses and interfaces in the rows shown are."""
        most = 1 << 60 if self.verbose else MOST_VALUES
        words = [w.strip() for row in shown for value in row.values() for w in value.split(",")[:most]]
        known = {word: p.names[word] for word in dict.fromkeys(words) if word in p.names}
        for word, says in list(known.items())[: None if self.verbose else MOST_NAMES]:
            yield from self.wrap(f"    {word}: {says}", "", "      ")

    def place(self, p: Place) -> str:
        what = f"the policy of {p.table} {p.chain}" if p.rule == 0 else f"{p.table} {p.chain}, rule {p.rule}"
        return f"{self.style.bold(what)}  {self.style.dim(f'{p.file}:{p.line}')}"

    def decision(self, p: Packets, indent: str) -> Iterator[str]:
        """The rule that decides, or the kernel's own reason."""
        if isinstance(p.decided_by, FlowStep):
            where = f"  {p.decided_by.file}:{p.decided_by.line}" if p.decided_by.file else ""
            yield from self.wrap(f"by {flow_in_words(p.decided_by)}{where}", indent, f"{indent}    ")
        elif p.decided_by is not None:
            yield f"{indent}by {self.place(p.decided_by)}"
        elif p.reason:
            yield from self.wrap(f"because the kernel itself refuses it: {p.reason}", indent)

    def example(self, p: Packets) -> Iterator[str]:
        yield from self.wrap(f"for instance {question_in_words(p.witness)}", "  ", "    ")

    def explanation(self, p: Packets) -> Iterator[str]:
        """What names say of the packet that is the example."""
        for sentence in p.explanation:
            yield from self.wrap(sentence, "    ")


def where_to(p: Packets | Met) -> str:
    if p.verdict == "reject":
        return f" with {p.reject_with}" if p.reject_with else ""
    if p.verdict != "accept":
        return ""
    return ", delivered to this node" if p.egress == "local" else f", leaves by {p.egress or 'some interface'}"


def rewrite_in_words(r: Mapping[str, Any], names: Mapping[str, str]) -> str:
    ends = []
    for what, (address, port) in (("dst", ("dst", "dport")), ("src", ("src", "sport"))):
        if address in r or port in r:
            host = str(r.get(address, ""))
            said = f" ({names[host]})" if host in names else ""
            ends.append(f"{what} {end_in_words(host, r.get(port))}{said}")
    ends += [f"{name} {value}" for name, value in r.items() if name not in _ENDS]
    return " and ".join(ends)


_ENDS = frozenset({"src", "sport", "dst", "dport"})


def amount(count: int) -> str:
    """`12 packets`, `about 3.4e27 packets`"""
    words = f"{count:,}" if count < 10**7 else f"about {count:.2g}"
    return f"{words} packet{'' if count == 1 else 's'}"

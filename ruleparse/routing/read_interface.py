"""Reads what `ip addr` and `ip link` print, one or the other or both in one text."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise

from ruleparse.codec import ALL_ONES, address, interface, mac, prefix_mask
from ruleparse.routing.model import Address, Interface, Interfaces, Lines
from ruleparse.routing.shapes import BadLine, LineParser, Word, line_kinds, lines
from ruleparse.text import Source, Span

_LINK_KINDS = (
    "COMMENT_LINE", "ERROR_LINE", "HEADER_LINE", "LINK_LINE", "OTHER_NAME_LINE", "ALIAS_LINE", "STATISTICS_LINE",
    "FUNCTION_LINE",
)  # fmt: skip
_ADDRESS_KINDS = ("ADDRESS_LINE", "ONE_LINE", "LIFETIME_LINE")
_REST = ("BRIEF_LINE", "KIND_LINE")
_VALUES = frozenset({"INDEX", "INTERFACE", "PEER", "STATES", "VALUE", "MAC", "REST", "PREFIX", "NAME"})


def read(source: Source) -> Interfaces:
    """Everything an `ip addr` or `ip link` text holds. Never raises: what is wrong is a diagnostic."""
    reader = _Reader(source)
    reader.read()
    return reader.result()


@dataclass(slots=True)
class _Draft:
    """An interface while its lines are read."""

    interface: Interface
    addresses: list[Address] = field(default_factory=list)

    def set(self, **changes: object) -> None:
        self.interface = replace(self.interface, **changes)  # type: ignore[arg-type]

    def done(self) -> Interface:
        return replace(self.interface, addresses=tuple(self.addresses))


class _Reader:
    def __init__(self, source: Source) -> None:
        self.about = Lines(source, [])
        self.drafts: dict[str, _Draft] = {}
        self.current: _Draft | None = None
        self.seen: set[str] = set()
        self.has_modes = False
        self.header_parser = LineParser("ip_link", "header", _VALUES)
        self.link_parser = LineParser("ip_link", "link", _VALUES)
        self.brief_link_parser = LineParser("ip_link", "brief", _VALUES | {"WORD"})
        self.address_parser = LineParser("ip_addr", "address", _VALUES)
        self.brief_address_parser = LineParser("ip_addr", "brief", _VALUES)

    def read(self) -> None:
        pattern = line_kinds(("ip_link", _LINK_KINDS), ("ip_addr", _ADDRESS_KINDS), ("ip_link", _REST))
        take: dict[str, Callable[[str, Span], None]] = {
            "HEADER_LINE": self.header,
            "LINK_LINE": self.link,
            "OTHER_NAME_LINE": self.other_name,
            "ADDRESS_LINE": self.address,
            "ONE_LINE": self.address,
            "BRIEF_LINE": self.brief,
            "KIND_LINE": self.kind,
            "ERROR_LINE": self.failed,
            "BAD_LINE": self.bad,
        }
        for found in lines(self.about.source.text, pattern):
            kind, text = found.lastgroup or "", found[0]
            self.seen.add(kind)
            if kind not in take:
                continue
            span = self.about.span(found.start(), found.start() + len(text.rstrip()))
            try:
                take[kind](text, span)
            except BadLine as bad:
                self.about.error("this is not how the line goes on", span.start + bad.start, span.start + bad.end)
            except ValueError as error:
                self.about.error(str(error), span.start, span.end)

    def result(self) -> Interfaces:
        drafts = [d.done() for d in self.drafts.values()]
        links = bool(self.seen & {"LINK_LINE"}) or "BRIEF_LINE" in self.seen
        return Interfaces(drafts, self.families(drafts), links, self.about.diagnostics)

    def families(self, interfaces: list[Interface]) -> frozenset[int]:
        """The families whose addresses were printed: `ip link` prints none, `ip -4 addr` no link lines."""
        found = frozenset(a.family for i in interfaces for a in i.addresses)
        all_down = not any(i.up for i in interfaces)  # an interface that is up has an address, lo at least
        everything = "LINK_LINE" in self.seen and not self.has_modes and (bool(found) or all_down)
        return found | ({4, 6} if everything else frozenset())

    # Lines

    def header(self, text: str, span: Span) -> None:
        words = self.header_parser.parse(text)
        draft = self.named(words[1].text, int(words[0].text), span)
        stream = iter(words[2:])
        for kind, word, _ in stream:
            if kind == "PEER":
                draft.set(peer=None if word == "@NONE" else word[1:])
            elif kind == "STATES":
                draft.set(flags=frozenset(word[1:-1].split(",")))
            elif kind == "ATTRIBUTE":
                self.attribute(draft, word, next(stream).text)

    def attribute(self, draft: _Draft, name: str, value: str) -> None:
        if name in ("state", "master", "group"):
            draft.set(**{name: value})
        elif name == "mtu":
            draft.set(mtu=int(value) if value.isdecimal() else None)
        self.has_modes |= name == "mode"

    def named(self, name: str, index: int, span: Span) -> _Draft:
        """The interface that the next lines are about; one listed twice keeps what was said before."""
        interface(name)  # refuses one that is too long
        if name not in self.drafts:
            self.drafts[name] = _Draft(Interface(index, name, span))
        self.current = self.drafts[name]
        return self.current

    def under(self, span: Span) -> _Draft:
        if self.current is None:
            raise ValueError("this line belongs to an interface, and none stands above it")
        return self.current

    def link(self, text: str, span: Span) -> None:
        hardware, *rest = self.link_parser.parse(text)
        draft = self.under(span)
        draft.set(hardware=hardware.text.removeprefix("link/"))
        if rest and rest[0].kind == "MAC" and len(rest[0].text) == 17:
            draft.set(mac=mac(rest[0].text))

    def other_name(self, text: str, span: Span) -> None:
        draft = self.under(span)
        draft.set(names=(*draft.interface.names, text.split()[1]))

    def kind(self, text: str, span: Span) -> None:
        """`ip -d`: `vxlan id 1 …`; how it is a port of its master (`bridge_slave …`) comes after it."""
        draft, words = self.under(span), text.split()
        if draft.interface.kind is None and not words[0].endswith("_slave"):
            draft.set(kind=words[0], details=tuple(words[1:]))

    def failed(self, text: str, span: Span) -> None:
        self.about.incomplete("interfaces are missing: the command that printed them failed", span.start, span.end)

    def bad(self, text: str, span: Span) -> None:
        if text.strip():
            self.about.error("this line is not one of `ip addr` or `ip link`", span.start, span.end)

    # Addresses

    def address(self, text: str, span: Span) -> None:
        words = self.address_parser.parse(text)
        if words[0].kind == "INDEX":
            self.named(words[1].text.partition("@")[0], int(words[0].text), span)
            del words[:2]
        draft = self.under(span)
        draft.addresses.append(_address(words, span))

    def brief(self, text: str, span: Span) -> None:
        if "<" in text:
            self.brief_link(self.brief_link_parser.parse(text), span)
            return
        name, state, *words = self.brief_address_parser.parse(text)
        draft = self.named(name.text.partition("@")[0], len(self.drafts) + 1, span)
        draft.set(state=state.text)
        for entry in _entries(words):
            draft.addresses.append(_address(entry, span))

    def brief_link(self, words: list[Word], span: Span) -> None:
        draft = self.named(words[0].text, len(self.drafts) + 1, span)
        for kind, text, _ in words:
            if kind == "STATE":
                draft.set(state=text)
            elif kind == "STATES":
                draft.set(flags=frozenset(text[1:-1].split(",")))
            elif kind == "MAC" and len(text) == 17:
                draft.set(mac=mac(text))


def _entries(words: list[Word]) -> Iterator[list[Word]]:
    """The addresses on a line of `ip -br addr`."""
    entry: list[Word] = []
    for word in words:
        if word.kind == "PREFIX" and entry and entry[-1].kind != "PEER":
            yield entry
            entry = []
        entry.append(word)
    if entry:
        yield entry


def _address(words: list[Word], span: Span) -> Address:
    prefixes = [w.text for w in words if w.kind == "PREFIX"]
    family = 6 if ":" in prefixes[0] else 4
    local, peer = prefixes[0].partition("/")[0], prefixes[-1]
    base, slash, length = peer.partition("/")
    size = ALL_ONES[family].bit_length()
    values = dict(_pairs(words))
    broadcast = values.get("brd") or values.get("broadcast")
    result = Address(
        family,
        address(local),
        address(base),
        int(length) if slash else size,
        values.get("scope", _scope(family, address(local))),
        frozenset(w.text for w in words if w.kind == "FLAG"),
        address(broadcast) if broadcast else None,
        next((w.text for w in words if w.kind == "WORD"), None),
        span,
    )
    prefix_mask(result.length, family)  # refuses one that is too long
    return result


def _pairs(words: list[Word]) -> Iterator[tuple[str, str]]:
    for word, following in pairwise(words):
        if word.kind == "ATTRIBUTE":
            yield word.text, following.text


def _scope(family: int, value: int) -> str:
    """The scope that the kernel gives an address; `ip -br` prints none."""
    if value >> (24 if family == 4 else 0) == (127 if family == 4 else 1):
        return "host"
    return "link" if family == 6 and value >> 118 == 0xFE80 >> 6 else "global"

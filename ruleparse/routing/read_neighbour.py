"""Reads what `ip neigh` and `bridge fdb` print: who is behind an address on a link, and behind which tunnel end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import TypeVar

from ruleparse.codec import address, mac
from ruleparse.routing.model import Forwarded, Lines, Neighbour, Neighbours
from ruleparse.routing.shapes import BadLine, LineParser, Word, line_kinds, lines
from ruleparse.text import Source

_KINDS = ("COMMENT_LINE", "ERROR_LINE", "ENTRY")
_MAC = 17
"""Characters of an Ethernet address: tunnels have others."""

T = TypeVar("T")


def read_neighbours(source: Source) -> Neighbours:
    """Everything an `ip neigh` text holds. Never raises: what is wrong is a diagnostic."""
    about = Lines(source, [])
    parser = LineParser("ip_neigh", "neighbour", frozenset({"ADDRESS", "VALUE"}))
    return Neighbours(list(_entries(about, parser, "ip neigh", _neighbour)), diagnostics=about.diagnostics)


def read_forwarding(source: Source) -> Neighbours:
    """Everything a `bridge fdb` text holds. Never raises: what is wrong is a diagnostic."""
    about = Lines(source, [])
    parser = LineParser("bridge_fdb", "entry", frozenset({"MAC", "VALUE"}))
    return Neighbours([], list(_entries(about, parser, "bridge fdb", _forwarded)), about.diagnostics)


def _entries(
    about: Lines, parser: LineParser, command: str, made: Callable[[Word, dict[str, str]], T | None]
) -> Iterator[T]:
    for found in lines(about.source.text, line_kinds((parser.grammar_name, _KINDS))):
        at = found.start()
        match found.lastgroup:
            case "ENTRY":
                try:
                    first, *rest = parser.parse(found[0])
                    values = {word.text: value.text for word, value in pairwise(rest) if word.kind == "ATTRIBUTE"}
                    if (entry := made(first, values)) is not None:
                        yield entry
                except BadLine as bad:
                    about.error("this is not how the line goes on", at + bad.start, at + bad.end)
                except ValueError as error:
                    about.error(str(error), *found.span())
            case "ERROR_LINE":
                about.incomplete(f"entries are missing: `{command}`, which printed them, failed", *found.span())
            case "BAD_LINE" if found[0].strip():
                about.error(f"this line is not one of `{command}`", *found.span())


def _neighbour(first: Word, values: dict[str, str]) -> Neighbour | None:
    if "dev" not in values or len(values.get("lladdr", "")) != _MAC:
        return None
    family = 6 if ":" in first.text else 4
    return Neighbour(family, address(first.text), values["dev"], mac(values["lladdr"]))


def _forwarded(first: Word, values: dict[str, str]) -> Forwarded | None:
    if "dev" not in values or "dst" not in values or len(first.text) != _MAC:
        return None
    address(values["dst"])  # refuses what is none
    return Forwarded(mac(first.text), values["dev"], values["dst"])

"""Records of the switch's database as `ovs-vsctl -f json list` prints them (RFC 7047, section 5.1)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from ruleparse.text import Diagnostic, Source, Span

Value = str | tuple[str, ...] | dict[str, str]
"""A word, a set, or a map."""
Record = dict[str, Value]
"""What `list` says of one thing."""


def is_json(source: Source) -> bool:
    return _BEGINS.match(source.text) is not None


_BEGINS = re.compile(r'\s*\{\s*"(data|headings)"')


def records(source: Source) -> Iterator[Record | Diagnostic]:
    """What the tables of a text say, one after the other; what is wrong with them."""
    text, at = source.text, 0
    while text[at:].strip():
        at += len(text[at:]) - len(text[at:].lstrip())
        try:
            table, end = json.JSONDecoder().raw_decode(text, at)
            yield from [dict(zip(table["headings"], map(_value, row), strict=True)) for row in table["data"]]
        except json.JSONDecodeError as error:
            yield _wrong(source, error.pos)
            return
        except (RecursionError, ValueError, TypeError, LookupError):
            yield _wrong(source, at)
            return
        at = end


def _wrong(source: Source, at: int) -> Diagnostic:
    where = Span(source, min(at, len(source.text)), min(at + 1, len(source.text)))
    return Diagnostic("syntax", "error", "this is no table as ovs-vsctl -f json prints it", where)


def _value(value: Any) -> Value:
    match value:
        case ["set", list(several)]:
            return tuple([_atom(one) for one in several])
        case ["map", list(pairs)]:
            return {_atom(key): _atom(one) for key, one in pairs}
    return _atom(value)


def _atom(value: Any) -> str:
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
        case ["uuid", str(identifier)]:
            return identifier
    raise ValueError("no value of a database")

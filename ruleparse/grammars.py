"""The Lark grammars that describe each dump's syntax, found beside the package or in the checkout it runs from."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lark import Lark

_HERE = Path(__file__).parent


def grammar_text(name: str) -> str:
    """The text of `grammar/NAME.lark`. Raises FileNotFoundError if the installation is broken."""
    for folder in (_HERE / "grammar", _HERE.parent / "grammar"):
        path = folder / f"{name}.lark"
        if path.exists():
            return path.read_text("utf-8")
    raise FileNotFoundError(f"grammar/{name}.lark is missing from this installation of ruleparse")


@cache
def grammar(name: str, start: str) -> Lark:
    """A parser for one rule of a grammar; every token carries its place."""
    from lark import Lark

    return Lark(grammar_text(name), parser="lalr", start=start)


@cache
def terminal(name: str, start: str, token: str) -> str:
    """The regular expression of a grammar's terminal: what scans a dump quickly is derived from the grammar itself."""
    pattern: str = grammar(name, start).get_terminal(token).pattern.to_regexp()
    return re.sub(r"\((?![?*])", "(?:", pattern)

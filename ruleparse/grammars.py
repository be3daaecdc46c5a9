"""The Lark grammars that describe each dump's syntax, found beside the package or in the checkout it runs from.

Reading a dump starts from the text of its grammar, by a few plain forms that all of them keep to; building a Lark
parser of it takes longer than many a question, and is left to those who have to know why a line is wrong.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lark import Lark

_HERE = Path(__file__).parent

_TERMINAL = re.compile(r"^([A-Z0-9_]+)(?:\.(\d+))?:[ ]*/(.*)/$", re.M)
_RULE = re.compile(r"^\??([a-z_]+):[ ]*(.*(?:\n[ ]+\|.*)*)", re.M)
_IGNORED = re.compile(r"^%ignore (\w+)$", re.M)
_GROUPS = re.compile(r"(\\.|\[\^?\]?(?:\\.|[^\\\]])*\])|\((?!\?)")


@dataclass(frozen=True, slots=True)
class Notation:
    """What the text of a grammar says: terminals as regular expressions without groups, and how much each weighs;
    the right-hand sides of its rules; the terminal that may stand between any two."""

    terminals: dict[str, str]
    priorities: dict[str, int]
    rules: dict[str, str]
    ignored: str | None


def _folder() -> Path:
    inside, beside = _HERE / "grammar", _HERE.parent / "grammar"
    return inside if inside.is_dir() else beside


def grammar_text(name: str) -> str:
    """The text of `grammar/NAME.lark`. Raises FileNotFoundError if the installation is broken."""
    path = _folder() / f"{name}.lark"
    if not path.exists():
        raise FileNotFoundError(f"grammar/{name}.lark is missing from this installation of ruleparse")
    return path.read_text("utf-8")


@cache
def notation(name: str) -> Notation:
    """A grammar taken apart."""
    text = grammar_text(name)
    found = _TERMINAL.findall(text)
    ignored = _IGNORED.search(text)
    return Notation(
        {terminal: _GROUPS.sub(lambda m: m[1] or "(?:", pattern) for terminal, _, pattern in found},
        {terminal: int(priority or 0) for terminal, priority, _ in found},
        dict(_RULE.findall(text)),
        ignored and ignored[1],
    )


def terminal(name: str, token: str) -> str:
    """The regular expression of a grammar's terminal: what scans a dump quickly is derived from the grammar itself."""
    return notation(name).terminals[token]


@cache
def grammar(name: str, start: str) -> Lark:
    """Lark's parser for one rule of a grammar; every token carries its place."""
    from lark import Lark

    return Lark(grammar_text(name), parser="lalr", start=start, import_paths=[str(_folder())])

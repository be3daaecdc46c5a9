"""Finds the declarations: `matches/tcp.py` declares MATCH for `-m tcp`, `targets/dnat.py` TARGET for `-j DNAT`.

A file is imported when the first rule that names it is lowered.
"""

from __future__ import annotations

import importlib
import keyword
import pkgutil
from collections.abc import Mapping
from functools import cache
from types import ModuleType

from ruleparse.netfilter import matches as match_folder
from ruleparse.netfilter import targets as target_folder
from ruleparse.netfilter.extension import Match, Option, Target, option_table


@cache
def _files(folder: ModuleType) -> frozenset[str]:
    return frozenset(m.name for m in pkgutil.iter_modules(folder.__path__))


def _module(folder: ModuleType, name: str) -> ModuleType | None:
    file = f"{name}_" if keyword.iskeyword(name) else name
    return importlib.import_module(f"{folder.__name__}.{file}") if file in _files(folder) else None


@cache
def match(name: str) -> Match | None:
    """The match of this name, None if nobody declared it."""
    module = _module(match_folder, name)
    found: Match | None = module.MATCH if module is not None else None
    return found


@cache
def target(name: str) -> Target | None:
    """The target of this name, None if nobody declared it."""
    module = _module(target_folder, name.lower()) if name.isupper() else None
    found: Target | None = module.TARGET if module is not None else None
    return found


def match_names() -> list[str]:
    """Every declared match."""
    return sorted(file.rstrip("_") for file in _files(match_folder))


def target_names() -> list[str]:
    """Every declared target."""
    return sorted(file.rstrip("_").upper() for file in _files(target_folder))


_TABLES: dict[int, Mapping[str, Option]] = {}


def options_of(declared: Match | Target | None) -> Mapping[str, Option]:
    """The options of a match or target by each of their names."""
    if declared is None:
        return {}
    if id(declared) not in _TABLES:
        _TABLES[id(declared)] = option_table(declared.options)
    return _TABLES[id(declared)]

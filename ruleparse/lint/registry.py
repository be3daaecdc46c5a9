"""Finds the lint rules: `rules/chain_loop.py` declares RULE, which is called chain-loop."""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import replace
from functools import cache

from ruleparse.lint import rules as folder
from ruleparse.lint.finding import LintRule


@cache
def rule_names() -> tuple[str, ...]:
    """Every lint rule, without importing it."""
    return tuple(sorted(m.name.replace("_", "-") for m in pkgutil.iter_modules(folder.__path__)))


@cache
def rule(name: str) -> LintRule | None:
    """The lint rule of this name, None if there is none."""
    if name not in rule_names():
        return None
    module = importlib.import_module(f"{folder.__name__}.{name.replace('-', '_')}")
    declared: LintRule = module.RULE
    return replace(declared, doc=module.__doc__ or "")

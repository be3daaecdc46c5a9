"""Proposed expectations as YAML that `ruleparse check` reads: the same from the same dumps, to the last character."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import yaml

from ruleparse.check.proposing import Proposals, Proposed
from ruleparse.text import printable

_HEAD = """\
# What is so now, as `ruleparse check --write` found it{}.
# Read it, keep what you mean, and give it a name.
"""
_NOBODY = """\
# No pods are known that have an interface here: save `ip route show table all` and `ip addr`, and give
# `kubectl get pods,services -A -o json` as one of the dumps.
"""
_WIDTH = 100
_VERBS = {"accept": "reach", "drop": "are dropped on their way to", "reject": "are rejected on their way to"}


def as_yaml(proposals: Proposals, dumps: Sequence[str]) -> str:
    """With comments on what is left out."""
    lines = [_HEAD.format(f" in {printable(' '.join(dumps))}" if dumps else ""), *_left_out(proposals)]
    if not proposals.found:
        return "".join([*lines, _NOBODY, "expectations: []\n"])
    return "".join([*lines, "\nexpectations:\n", *map(_expectation, proposals.found)])


def _left_out(proposals: Proposals) -> Iterator[str]:
    if proposals.left_out:
        yield f"# Left out: {proposals.left_out} services or pods; --most N walks more packets.\n"
    if proposals.unclear:
        yield f"# Left out: {proposals.unclear} pairs of ends whose packets have several fates, or none that is sure.\n"


def _expectation(one: Proposed) -> str:
    said: dict[str, Any] = {"name": _name(one)}
    said |= {key: _one_or_several(ends) for key, ends in (("from", one.sources), ("to", one.targets)) if ends}
    said |= {"packet": dict(one.packet)} if one.packet else {}
    said["expect"] = one.expect if isinstance(one.expect, str) else dict(one.expect)
    lines = [line for key, value in said.items() for line in _item(key, value)]
    return "\n".join([f"  - {lines[0]}", *(f"    {line}" for line in lines[1:]), ""])


def _item(key: str, value: object) -> list[str]:
    """On one line, or as a list below its key."""
    on_one_line = _dumped(key, value, None if isinstance(value, list | dict) else False)
    if len(on_one_line[0]) <= _WIDTH:
        return on_one_line
    first, *more = _dumped(key, value, False)
    return [first, *(f"  {line}" if isinstance(value, list) else line for line in more)]


def _dumped(key: str, value: object, flow: bool | None) -> list[str]:
    text = yaml.safe_dump({key: value}, default_flow_style=flow, width=1 << 20, allow_unicode=True, sort_keys=False)
    return str(text).splitlines()


def _one_or_several(ends: Sequence[str]) -> str | list[str]:
    return ends[0] if len(ends) == 1 else list(ends)


def _name(one: Proposed) -> str:
    """`3 pods and the node reach service default/nginx`"""
    verb = _VERBS[one.expect if isinstance(one.expect, str) else "accept"]
    sources = _many(one.sources) or _addresses(one.packet.get("src", "the node"))
    targets = _many(one.targets) or _addresses(one.packet.get("dst", "anything"))
    protocol, port = one.packet.get("proto"), one.packet.get("dport")
    words = f" by {protocol}" if protocol else ""
    many = len(one.sources) != 1 or not one.sources[0].startswith(("pod ", "interface ", "node"))
    return f"{sources} {verb if many else _singular(verb)} {targets}{words}{f' port {port}' if port else ''}"


def _singular(verb: str) -> str:
    return {"reach": "reaches"}.get(verb, verb.replace("are ", "is ", 1).replace("their", "its", 1))


def _many(ends: Sequence[str]) -> str:
    others = [end for end in ends if end != "node"]
    words = [others[0]] if len(others) == 1 else [f"{len(others)} {_kind(others)}"] if others else []
    return " and ".join([*words, *(["the node"] if "node" in ends else [])])


def _kind(ends: Sequence[str]) -> str:
    return "services" if all(end.startswith("service ") for end in ends) else "pods"


def _addresses(text: str) -> str:
    several = text.count(",") + 1
    return text if several == 1 else f"{several} addresses"

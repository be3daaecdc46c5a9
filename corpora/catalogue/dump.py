"""One node's files."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from ..writers.ipset import IpSet, ipset_save
from ..writers.node import HostNetwork
from ..writers.save import Printer, Ruleset


@dataclass(frozen=True)
class Dump:
    """A folder of the corpora: who wrote the rules, in which version, and the story it tells."""

    folder: str
    producer: str
    version: str
    story: str
    files: dict[str, str] = field(default_factory=dict)


def node_files(
    *rulesets: Ruleset,
    printer: Printer,
    network: HostNetwork | None = None,
    sets: Iterable[IpSet] = (),
) -> dict[str, str]:
    files = {_rules_file(ruleset): printer.text(ruleset) for ruleset in rulesets}
    if text := ipset_save(sets):
        files["ipset-save.txt"] = text
    return files | (network.files() if network else {})


def _rules_file(ruleset: Ruleset) -> str:
    return "iptables-save.txt" if ruleset.family == 4 else "ip6tables-save.txt"

"""What little the oracle has to know about the text that iptables-save prints."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

#: table, chain, rule number as in `iptables -L --line-numbers`; 0 is the chain's policy
Key = tuple[str, str, int]
HOOKS = ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING")
CHAINS_OF = {
    "raw": ("PREROUTING", "OUTPUT"),
    "mangle": HOOKS,
    "nat": ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"),
    "filter": ("INPUT", "FORWARD", "OUTPUT"),
    "security": ("INPUT", "FORWARD", "OUTPUT"),
}
_QUOTED = re.compile(r'"(?:\\.|[^"\\])*"')
_TARGET = re.compile(r" -([jg]) (\S+)")
_CORE = re.compile(r" (-[sdiopf]) ")


@dataclass(slots=True)
class Dump:
    """The tables, policies and rules of a dump, and the counts when they were printed."""

    tables: list[str] = field(default_factory=list)
    policies: dict[tuple[str, str], str] = field(default_factory=dict)
    rules: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    counts: Counter[Key] = field(default_factory=Counter)

    @classmethod
    def read(cls, text: str) -> Dump:
        dump = cls()
        for line in text.splitlines():
            if line.startswith("*"):
                dump.tables.append(line[1:].strip())
            elif line.startswith(":"):
                dump._chain(line)
            elif line.startswith(("-A", "[")):
                dump._rule(line)
        return dump

    def _chain(self, line: str) -> None:
        chain, policy, count = line[1:].split()
        self.policies[self.tables[-1], chain] = policy
        if policy != "-":
            self.counts[self.tables[-1], chain, 0] = _packets(count)

    def _rule(self, line: str) -> None:
        count, _, line = line.partition(" ") if line.startswith("[") else ("[0:0]", "", line)
        _, chain, *rest = line.split(" ", 2)
        rules = self.rules.setdefault((self.tables[-1], chain), [])
        rules.append(rest[0] if rest else "")
        self.counts[self.tables[-1], chain, len(rules)] = _packets(count)

    def rule(self, key: Key) -> str:
        table, chain, number = key
        return self.rules[table, chain][number - 1]

    def drops(self, key: Key) -> bool:
        """Whether a packet that hits this rule or policy ends there."""
        table, chain, number = key
        return target(self.rule(key)) in ("DROP", "REJECT") if number else self.policies[table, chain] == "DROP"

    def keys(self) -> set[Key]:
        return set(self.counts)


def target(rule: str) -> str:
    """The target or chain of a rule, '' when it only counts."""
    found = _TARGET.findall(_bare(rule))
    return found[-1][1] if found else ""


def extensions(rule: str) -> set[str]:
    """What a rule uses: options of the core, matches, target; chains are 'jump' and 'goto'."""
    text = _bare(rule)
    used = set(_CORE.findall(text)) | set(re.findall(r" -m (\S+)", text))
    for letter, name in _TARGET.findall(text)[-1:]:
        is_target = name.isupper() and name.isalnum() and name in _TARGETS
        used.add(name if is_target else {"j": "jump", "g": "goto"}[letter])
    return used


#: targets that the generator uses; anything else behind -j is a chain
_TARGETS = frozenset(
    """
    ACCEPT DROP REJECT RETURN MARK CONNMARK DNAT SNAT MASQUERADE REDIRECT NETMAP LOG NFLOG CT NOTRACK TOS DSCP TTL HL
    ECN TCPMSS TCPOPTSTRIP SET CLASSIFY CHECKSUM DNPT SNPT
    """.split()  # noqa: SIM905
)


def _bare(rule: str) -> str:
    return " " + _QUOTED.sub('""', rule) + " "


def _packets(count: str) -> int:
    return int(count[1:].split(":")[0])

"""Random rulesets, written example first.

Every chain has a theme: packets that are meant to come by. A rule is written for one of them, and most of its
matches are true for it; a jump hands the packet on as a theme of the chain jumped to. So packets made of the
themes get deep into the ruleset, and rules are hit.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from tests.oracle import packets
from tests.oracle.draft import Draft, NamedSet, Row
from tests.oracle.dump import CHAINS_OF
from tests.oracle.matches import CORE, MATCHES
from tests.oracle.sets import KINDS
from tests.oracle.targets import FINAL, TARGETS
from tests.oracle.topology import Site
from tests.oracle.wire import Packet

_NAMES = {
    1: "icmp",
    6: "tcp",
    17: "udp",
    33: "dccp",
    47: "gre",
    50: "esp",
    51: "ah",
    58: "ipv6-icmp",
    132: "sctp",
    136: "udplite",
}
_CHAIN_NAMES = (
    "cali-fw-eth0",
    "cali-tw-eth1",
    "KUBE-SVC-AAAA",
    "KUBE-SEP-BBBB",
    "KUBE-MARK-MASQ",
    "DOCKER-USER",
    "f2b-sshd",
    "ufw-user-input",
    "x",
    "chain_1",
    "CHAIN.2",
    "cali-pi-_oN2",
    "LONG" + "g" * 24,
    "in_public_allow",
    "a/b",
    "ACCEPT_LOG",
    "nat",
    "INPUT-2",
    "#hash",
    "[br]",
)


_NAT_HOOKS = (
    frozenset(("PREROUTING", "OUTPUT")),
    frozenset(("PREROUTING",)),
    frozenset(("POSTROUTING",)),
    frozenset(("POSTROUTING", "INPUT")),
)
_KINDS_AT = {
    "PREROUTING": ("forward", "input"),
    "INPUT": ("input",),
    "FORWARD": ("forward",),
    "OUTPUT": ("output",),
    "POSTROUTING": ("forward", "output"),
}


@dataclass(frozen=True, slots=True)
class Profile:
    """What kind of ruleset: tables, numbers of chains and rules, and which groups of rows come more often."""

    name: str
    tables: Sequence[str]
    chains: tuple[int, int] = (1, 3)
    rules: tuple[int, int] = (1, 4)
    boosts: dict[str, float] = field(default_factory=dict)
    truth_table: bool = False

    @property
    def tracks(self) -> bool:
        """Whether rules may look at connections; without, lone fragments reach the rules."""
        return self.boosts.get("state") != 0

    def without_luck(self) -> Profile:
        """For packets that build on each other: nothing that chance or the time of day decides."""
        return replace(self, boosts={**self.boosts, "luck": 0})

    def without_the_untold(self) -> Profile:
        """Without matches on what no saved text tells: rates, counts, the time of day."""
        return replace(self, boosts={**self.boosts, "untold": 0})


_ALL = ("raw", "mangle", "nat", "filter")
_NOTHING_TRACKED: dict[str, float] = {"state": 0, "luck": 0, "untold": 0}
UNTRACKED: tuple[Profile, ...] = (
    Profile("untracked", ("raw", "mangle", "filter", "security"), boosts=_NOTHING_TRACKED),
    Profile(
        "untracked-truths",
        ("raw", "mangle", "filter"),
        (0, 0),
        (4, 6),
        {**_NOTHING_TRACKED, "headers": 3},
        truth_table=True,
    ),
)
TRACKED: tuple[Profile, ...] = (
    Profile("small", ("filter",), (1, 3), (2, 5)),
    Profile("mixed", _ALL),
    Profile("nat", ("mangle", "nat", "filter"), (1, 3), (1, 5), {"nat": 2, "state": 1.5}),
    Profile("deep", ("mangle", "filter"), (4, 7), (1, 4)),
    Profile("state", _ALL, (0, 2), (1, 4), {"state": 4}),
    Profile("sets", ("mangle", "nat", "filter"), (1, 2), (1, 5), {"sets": 6}),
    Profile("marks", _ALL, (1, 2), (1, 4), {"marks": 5, "state": 1.5}),
    Profile("headers", ("raw", "mangle", "filter"), (1, 2), (1, 5), {"headers": 4}),
    Profile("truths", _ALL, (0, 0), (3, 5), {"state": 2}, truth_table=True),
    Profile("all", tuple(CHAINS_OF), (0, 2), (1, 3)),
)
PROFILES = UNTRACKED + TRACKED


@dataclass(slots=True)
class _Chain:
    """A chain in the making: from where it can be reached, and by which packets."""

    table: str
    name: str
    hooks: frozenset[str]
    themes: list[Packet] = field(default_factory=list)
    rules: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Table:
    policies: dict[str, str]
    chains: dict[str, list[str]]


@dataclass(slots=True)
class Ruleset:
    """Rules and sets for one family, and packets worth sending through them."""

    family: int
    profile: str
    tables: dict[str, Table]
    sets: dict[str, NamedSet]
    packets: list[Packet]

    def text(self) -> str:
        lines = []
        for name, table in self.tables.items():
            lines.append(f"*{name}")
            lines += [f":{chain} {table.policies.get(chain, '-')} [0:0]" for chain in table.chains]
            lines += [f"-A {chain} {rule}".rstrip() for chain, rules in table.chains.items() for rule in rules]
            lines.append("COMMIT")
        return "\n".join(lines) + "\n"

    def sets_text(self) -> str:
        return "".join(named.text() for named in self.sets.values())


def random_ruleset(
    rng: random.Random, site: Site, family: int, profile: Profile, count: int, set_kinds: Sequence[str] = tuple(KINDS)
) -> Ruleset:
    """`count` is the number of packets; `set_kinds` the types of sets that this kernel has."""
    return _Author(rng, site, family, profile, set_kinds).ruleset(count)


class _Author:
    def __init__(self, rng: random.Random, site: Site, family: int, profile: Profile, set_kinds: Sequence[str]) -> None:
        self.rng, self.site, self.family, self.profile, self.set_kinds = rng, site, family, profile, set_kinds
        self.sets: dict[str, NamedSet] = {}
        self.examples: list[Packet] = []

    def ruleset(self, count: int) -> Ruleset:
        tables = {name: self._table(name) for name in self.profile.tables}
        sent = [self._sendable(packet) for packet in self._choose(count)]
        return Ruleset(self.family, self.profile.name, tables, self.sets, sent)

    def _choose(self, count: int) -> list[Packet]:
        """Mostly what the rules were written for, some of it a little different, and some strangers."""
        self.rng.shuffle(self.examples)
        chosen = self.examples[: count * 2 // 3]
        while len(chosen) < count:
            stranger = packets.random_packet(self.rng, self.site, self.family)
            chosen.append(
                packets.varied(self.rng, self.site, self.rng.choice(self.examples or [stranger]))
                if self.rng.random() < 0.7
                else stranger
            )
        return chosen

    def _sendable(self, packet: Packet) -> Packet:
        odd = packets.odd(self.rng, packet, fragments=not self.profile.tracks)
        return replace(odd, ident=self.rng.randrange(1, 65536))

    # Tables and chains

    def _table(self, name: str) -> Table:
        names = self.rng.sample(_CHAIN_NAMES, self.rng.randint(*self.profile.chains))
        built_in = [_Chain(name, chain, frozenset((chain,))) for chain in CHAINS_OF[name]]
        own = [_Chain(name, chain, self._hooks_of_user_chain(name)) for chain in names]
        for number, chain in enumerate(built_in + own):
            later = own[max(0, number + 1 - len(built_in)) :]
            self._fill(chain, [called for called in later if chain.hooks <= called.hooks])
        for chain in own:
            if not chain.themes and self.rng.random() < 0.85:
                self._call(chain, [caller for caller in built_in if caller.hooks <= chain.hooks])
        policies = {chain.name: self._policy(name) for chain in built_in}
        return Table(policies, {chain.name: chain.rules for chain in built_in + own})

    def _hooks_of_user_chain(self, table: str) -> frozenset[str]:
        """From where it may be called: all hooks, or one."""
        hooks = CHAINS_OF[table]
        if table == "nat":
            return self.rng.choice(_NAT_HOOKS)
        return frozenset(hooks) if self.rng.random() < 0.35 else frozenset((self.rng.choice(hooks),))

    def _policy(self, table: str) -> str:
        chance_of_drop = {"filter": 0.15, "security": 0.03, "mangle": 0.01, "raw": 0.01, "nat": 0}[table]
        return "DROP" if self.rng.random() < chance_of_drop and not self.profile.truth_table else "ACCEPT"

    def _fill(self, chain: _Chain, later: list[_Chain]) -> None:
        themes = chain.themes or [self._packet_for(chain.hooks) for _ in range(2)]
        count = self.rng.randint(*self.profile.rules)
        for number in range(count):
            packet = self.rng.choice(themes) if self.rng.random() < 0.8 else self._packet_for(chain.hooks)
            self.examples.append(packet)
            draft = Draft(
                self.rng,
                self.site,
                chain.table,
                chain.hooks,
                packet,
                chain.name,
                set_kinds=self.set_kinds,
                sets=self.sets,
            )
            if later and self.rng.random() < 0.35:
                called = self.rng.choice(later)
                called.themes.append(packet)
                chain.rules.append(self._jump(draft, called.name))
            else:
                chain.rules.append(self._rule(draft, last=number >= count - 2))

    def _packet_for(self, hooks: frozenset[str]) -> Packet:
        """A packet that comes by one of the hooks; now and then one that was used before, to make rules meet."""
        kind = self.rng.choice(_KINDS_AT[self.rng.choice(sorted(hooks))])
        known = [packet for packet in self.examples if packets.kind_of(self.site, packet) == kind]
        if known and self.rng.random() < 0.6:
            return self.rng.choice(known)
        return packets.random_packet(self.rng, self.site, self.family, kind)

    def _call(self, chain: _Chain, callers: list[_Chain]) -> None:
        for caller in callers:
            place = 0 if self.rng.random() < 0.5 else len(caller.rules)
            caller.rules.insert(place, f"-j {chain.name}")

    # Rules

    def _jump(self, draft: Draft, chain: str) -> str:
        how = "-g" if self.rng.random() < 0.2 else "-j"
        return f"{self._matches(draft)} {how} {chain}".strip()

    def _rule(self, draft: Draft, last: bool) -> str:
        matches = self._matches(draft, at_least=1 if self.profile.truth_table else 0)
        if self.rng.random() < (0.8 if self.profile.truth_table else 0.15):
            return matches
        name, options = self._target(draft, last)
        if name in FINAL and len(matches.split()) < 6:
            matches = self._narrowed(draft, matches)
        if name == "TCPMSS":
            matches = "-p tcp -m tcp --tcp-flags SYN,RST SYN"
        return f"{matches} -j {name} {options}".strip()

    def _narrowed(self, draft: Draft, matches: str) -> str:
        """Rules that end the walk should not end it for everybody."""
        if "-s " in matches or "-d " in matches:
            return matches
        address = self.rng.choice((f"-s {draft.network(draft.packet.src)}", f"-d {draft.packet.dst}"))
        return f"{address} {matches}"

    def _matches(self, draft: Draft, at_least: int = 0) -> str:
        words = [self._protocol(draft)]
        for row in self._rows(CORE, draft, self.rng.choice((0, 0, 1, 1, 2))):
            words.append(self._written(row, draft) or "")
        for row in self._rows(MATCHES, draft, max(at_least, self.rng.choice((0, 1, 1, 1, 2, 3)))):
            options = self._written(row, draft)
            if options is not None:
                words.append(f"-m {row.name} {options}".strip())
        return " ".join(word for word in words if word)

    def _written(self, row: Row, draft: Draft) -> str | None:
        draft.holds = self.rng.random() < (0.6 if self.profile.truth_table else 0.88)
        return row.write(draft)

    def _protocol(self, draft: Draft) -> str:
        luck, proto = self.rng.random(), draft.packet.proto
        if luck < 0.65:
            draft.proto = proto
            return f"-p {_NAMES.get(proto, proto) if luck < 0.55 else proto}"
        draft.proto = None
        return self.rng.choice(("! -p tcp", "! -p udp", f"! -p {proto}", "-p all")) if luck < 0.73 else ""

    def _rows(self, rows: list[Row], draft: Draft, count: int) -> list[Row]:
        fitting = [row for row in rows if row.fits(draft)]
        weights = [row.weight * self.profile.boosts.get(row.group, 1) for row in fitting]
        chosen = self.rng.choices(fitting, weights, k=count) if fitting and any(weights) else []
        return list(dict.fromkeys(chosen))

    def _target(self, draft: Draft, last: bool) -> tuple[str, str]:
        rows = [row for row in TARGETS if row.fits(draft)]
        if self.profile.truth_table:
            rows = [row for row in rows if row.name not in FINAL or draft.table == "nat"]
        weights = [
            row.weight * self.profile.boosts.get(row.group, 1) * (0.4 if row.group == "verdict" and not last else 1)
            for row in rows
        ]
        (row,) = self.rng.choices(rows, weights)
        return row.name, row.write(draft) or ""

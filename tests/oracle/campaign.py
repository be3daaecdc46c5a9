"""Site after site, ruleset after ruleset: the kernel plays, ruleparse answers meanwhile, and both are compared."""

from __future__ import annotations

import itertools
import json
import os
import random
import time
from collections import Counter, deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from tests.oracle import answers, play, recording
from tests.oracle.compare import SILENT, WRONG, judge
from tests.oracle.dump import Dump
from tests.oracle.kernel import FLAVOURS, Firewall, stay_on_one_cpu
from tests.oracle.namespaces import CommandFailed, remove_leftovers
from tests.oracle.recording import Record
from tests.oracle.reproduce import Case, Keeper
from tests.oracle.rulesets import PROFILES, TRACKED, UNTRACKED, Profile, Ruleset, random_ruleset
from tests.oracle.sets import KINDS
from tests.oracle.tally import Tally
from tests.oracle.topology import random_site

_RULESETS_PER_SITE, _UNTRACKED_PER_SITE = 24, 5
_SHARE_WITH_THE_UNTOLD = 0.2
_ASKING = 2


@dataclass(frozen=True, slots=True)
class Options:
    seed: str = "1"
    seconds: float = 60
    packets: int = 30
    family: int | None = None
    flavour: str | None = None
    profile: str | None = None
    stateful: bool = False
    record: Path | None = None
    keep: Path | None = None
    most_kept: int = 10
    shrink_seconds: float = 20

    @property
    def families(self) -> tuple[int, ...]:
        return (self.family,) if self.family else (4, 6)

    @property
    def flavours(self) -> tuple[str, ...]:
        return (self.flavour,) if self.flavour else FLAVOURS


@dataclass(slots=True)
class Campaign:
    """`run()` it, then read the report."""

    options: Options
    tally: Tally = field(default_factory=Tally)
    refused: list[str] = field(default_factory=list)
    silent: Counter[str] = field(default_factory=Counter)
    rulesets: int = 0
    packets: int = 0
    seconds: float = 0
    keeper: Keeper = field(init=False)
    _deadline: float = 0
    _output: TextIO | None = None
    _set_kinds: list[str] = field(default_factory=list)
    _waiting: deque[tuple[Firewall, Record, Future[Any]]] = field(default_factory=deque)

    def __post_init__(self) -> None:
        options = self.options
        self.keeper = Keeper(options.keep, options.most_kept, options.shrink_seconds)

    def run(self) -> None:
        remove_leftovers()
        self._deadline = time.monotonic() + self.options.seconds
        anywhere = 0, os.sched_getaffinity(0)
        with ExitStack() as stack:
            pool = ThreadPoolExecutor(_ASKING, initializer=os.sched_setaffinity, initargs=anywhere)
            stack.enter_context(pool)
            stack.enter_context(stay_on_one_cpu())
            if self.options.record:
                self._output = stack.enter_context(self.options.record.open("w"))
            for number in itertools.takewhile(lambda _: not self._over(), itertools.count()):
                self._site(number, pool)

    def _over(self) -> bool:
        return time.monotonic() > self._deadline

    def _site(self, number: int, pool: ThreadPoolExecutor) -> None:
        """One surroundings with many rulesets, the flavours taking turns."""
        site = random_site(random.Random(f"{self.options.seed}/{number}"))
        with ExitStack() as stack:
            firewalls = [stack.enter_context(Firewall(site, flavour)) for flavour in self.options.flavours]
            for turn, firewall in zip(range(_RULESETS_PER_SITE), itertools.cycle(firewalls), strict=False):
                if self._over():
                    break
                record = self._play(firewall, f"{self.options.seed}-{number}-{turn}", turn)
                if record and self._output:
                    self._output.write(json.dumps(record, separators=(",", ":")) + "\n")
                elif record:
                    asked = pool.submit(answers.ask, record, self.options.stateful)
                    self._waiting.append((firewall, record, asked))
                self._judge_all_but(2 * _ASKING)
            self._judge_all_but(0)

    def _play(self, firewall: Firewall, name: str, turn: int) -> Record | None:
        """Loads a ruleset and sends its packets; None when the kernel does not take it."""
        started, rng = time.monotonic(), random.Random(f"{name}/{firewall.flavour}")
        self._set_kinds = self._set_kinds or [kind for kind in KINDS if firewall.supports_set(kind)]
        profile, family = self._profile(rng, turn), rng.choice(self.options.families)
        ruleset = random_ruleset(rng, firewall.site, family, profile, self.options.packets, self._set_kinds)
        try:
            record = self._record(firewall, name, ruleset, rng)
        except CommandFailed as refusal:
            self.refused.append(f"refused: {name} {firewall.flavour} IPv{family} {profile.name}: {refusal}")
            return None
        self.rulesets += 1
        self.packets += len(record["packets"])
        self.seconds += time.monotonic() - started
        return record

    def _profile(self, rng: random.Random, turn: int) -> Profile:
        """Legacy tables, once there, stay: what must not meet connection tracking comes first."""
        stateful = self.options.stateful
        choices = UNTRACKED if turn < _UNTRACKED_PER_SITE and not stateful else TRACKED
        if self.options.profile:
            choices = tuple(profile for profile in PROFILES if profile.name == self.options.profile)
        profile = rng.choice(choices)
        profile = profile.without_luck() if stateful else profile
        return profile if rng.random() < _SHARE_WITH_THE_UNTOLD else profile.without_the_untold()

    def _record(self, firewall: Firewall, name: str, ruleset: Ruleset, rng: random.Random) -> Record:
        loaded = firewall.load(ruleset.family, ruleset.text(), ruleset.sets_text())
        if self.options.stateful:
            packets = play.conversations(firewall, loaded, ruleset.packets, rng)
        else:
            packets = play.first_packets(firewall, loaded, ruleset.packets)
        return recording.of_ruleset(firewall, loaded, name, f"fuzz-{ruleset.profile}", packets)

    def _judge_all_but(self, most: int) -> None:
        while len(self._waiting) > most:
            self._judge(*self._waiting.popleft())

    def _judge(self, firewall: Firewall, record: Record, asked: Future[Any]) -> None:
        dump = Dump.read(record["dump"])
        try:
            answered = asked.result()
        except answers.NoAnswerError as silent:
            answered = {}
            self.silent[str(silent)] += 1
        for packet in record["packets"]:
            if "skip" in packet:
                continue
            answer = answered.get(packet["n"])
            judgement = judge(packet, answer)
            self.tally.add(dump, packet, judgement)
            history = record["packets"][: packet["n"]] if self.options.stateful else []
            self.keeper.see(firewall, Case({**record, "packets": [*history, packet]}, answer, judgement))

    def report(self) -> Iterator[str]:
        speed = self.packets / self.seconds if self.seconds else 0
        yield f"{self.rulesets} rulesets, {self.packets} packets, {speed:.0f} a second; {len(self.refused)} refused"
        yield from self.refused[:3]
        if not self.options.record:
            yield self.tally.table()
            yield from (f"no answer, {count} times: {reason}" for reason, count in self.silent.most_common(3))
            yield from map(str, self.keeper.kept)

    @property
    def failed(self) -> bool:
        nothing_done = not self.packets
        return nothing_done or bool(self.tally.total[WRONG] or self.tally.total[SILENT])

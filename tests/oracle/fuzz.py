"""Random rulesets and packets, the kernel and ruleparse side by side, for as long as you like.

    python -m tests.oracle.fuzz --seed 1 --seconds 600 --keep /tmp/disagreements
    python -m tests.oracle.fuzz --seed 1 --seconds 60 --record recording.jsonl
    python -m tests.oracle.fuzz --replay /tmp/disagreements/1-0-3-17
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import sys
import time
from collections import Counter, deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.oracle import answers, play, recording, reproduce
from tests.oracle.compare import SILENT, WRONG, Judgement, judge, suspects
from tests.oracle.dump import Dump, extensions
from tests.oracle.kernel import FLAVOURS, Firewall, stay_on_one_cpu
from tests.oracle.namespaces import CommandFailed, remove_leftovers
from tests.oracle.recording import Record
from tests.oracle.rulesets import PROFILES, TRACKED, UNTRACKED, Profile, Ruleset, random_ruleset
from tests.oracle.sets import KINDS
from tests.oracle.tally import Tally
from tests.oracle.topology import random_site

_RULESETS_PER_SITE, _UNTRACKED_PER_SITE = 24, 5
_ASKING = 2


@dataclass(slots=True)
class Options:
    seed: str = "1"
    seconds: float = 60
    packets: int = 30
    families: tuple[int, ...] = (4, 6)
    flavours: tuple[str, ...] = FLAVOURS
    profile: str | None = None
    stateful: bool = False
    keep: Path | None = None
    record: Path | None = None
    shrink_seconds: float = 20
    most_kept: int = 10


@dataclass(slots=True)
class Fuzz:
    """One run; `tally` and `kept` are what came of it."""

    options: Options
    tally: Tally = field(default_factory=Tally)
    kept: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    silent: Counter[str] = field(default_factory=Counter)
    rulesets: int = 0
    packets: int = 0
    kernel_seconds: float = 0
    _set_kinds: list[str] = field(default_factory=list)
    _known: set[Any] = field(default_factory=set)

    def run(self) -> None:
        remove_leftovers()
        deadline = time.monotonic() + self.options.seconds
        everywhere = 0, os.sched_getaffinity(0)
        with ThreadPoolExecutor(_ASKING, initializer=os.sched_setaffinity, initargs=everywhere) as pool, ExitStack() as files:
            stay_on_one_cpu()
            output = files.enter_context(self.options.record.open("w")) if self.options.record else None
            for number in itertools.count():
                if not self._site(number, deadline, pool, output):
                    return

    def _site(self, number: int, deadline: float, pool: ThreadPoolExecutor, output: Any) -> bool:
        """One surroundings with many rulesets; False when the time is over."""
        site = random_site(random.Random(f"{self.options.seed}/{number}"))
        waiting: deque[tuple[Firewall, Record, Future[Any]]] = deque()
        with ExitStack() as opened:
            firewalls = {flavour: opened.enter_context(Firewall(site, flavour)) for flavour in self.options.flavours}
            for turn in range(_RULESETS_PER_SITE):
                if time.monotonic() > deadline:
                    break
                firewall = firewalls[self.options.flavours[turn % len(firewalls)]]
                record = self._play(firewall, f"{self.options.seed}-{number}-{turn}", turn)
                if record and output:
                    output.write(json.dumps(record, separators=(",", ":")) + "\n")
                elif record:
                    waiting.append((firewall, record, pool.submit(answers.ask, record, self.options.stateful)))
                while len(waiting) > 2 * _ASKING:
                    self._judge(*waiting.popleft())
            while waiting:
                self._judge(*waiting.popleft())
        return time.monotonic() < deadline

    def _play(self, firewall: Firewall, name: str, turn: int) -> Record | None:
        """Loads a ruleset and sends its packets; None when the kernel does not take it."""
        started, rng = time.monotonic(), random.Random(f"{name}/{firewall.flavour}")
        profile = self._profile(rng, turn)
        self._set_kinds = self._set_kinds or [kind for kind in KINDS if firewall.supports_set(kind)]
        family = rng.choice(self.options.families)
        ruleset = random_ruleset(rng, firewall.site, family, profile, self.options.packets, self._set_kinds)
        try:
            record = self._record(firewall, name, ruleset, rng)
        except CommandFailed as refusal:
            self.refused.append(f"{name} {firewall.flavour} IPv{ruleset.family} {profile.name}: {refusal}")
            return None
        self.rulesets += 1
        self.packets += len(record["packets"])
        self.kernel_seconds += time.monotonic() - started
        return record

    def _profile(self, rng: random.Random, turn: int) -> Profile:
        """Legacy tables, once there, stay: what must not meet connection tracking comes first."""
        if self.options.profile:
            return next(profile for profile in PROFILES if profile.name == self.options.profile)
        return rng.choice(UNTRACKED if turn < _UNTRACKED_PER_SITE and not self.options.stateful else TRACKED)

    def _record(self, firewall: Firewall, name: str, ruleset: Ruleset, rng: random.Random) -> Record:
        loaded = firewall.load(ruleset.family, ruleset.text(), ruleset.sets_text())
        if self.options.stateful:
            packets = play.conversations(firewall, loaded, ruleset, rng)
        else:
            packets = play.first_packets(firewall, loaded, ruleset.packets, ruleset.gambles)
        return recording.of_ruleset(firewall, loaded, name, f"fuzz-{ruleset.profile}", packets)

    def _judge(self, firewall: Firewall, record: Record, asked: Future[Any]) -> None:
        dump = Dump.read(record["dump"])
        try:
            answered = asked.result()
        except answers.NoAnswerError as silent:
            answered = {}
            self.silent[str(silent)] += 1
        for packet in record["packets"]:
            if "skip" not in packet:
                answer = answered.get(packet["n"])
                judgement = judge(packet, answer)
                self.tally.add(dump, packet, judgement)
                if judgement.kind == WRONG:
                    self._keep(firewall, record, packet, answer, judgement)

    def _keep(self, firewall: Firewall, record: Record, packet: Record, answer: Any, judgement: Judgement) -> None:
        """Writes a disagreement down, if it looks like none before."""
        folder, dump = self.options.keep, Dump.read(record["dump"])
        odd = [reproduce.rule_text(dump, key) for key in suspects(packet, answer)]
        looks = judgement.what, record["family"], record["variant"], *sorted({used for rule in odd for used in extensions(rule)})
        if looks in self._known or len(self.kept) >= self.options.most_kept or (
                folder is None and self.options.shrink_seconds <= 0):
            return
        self._known.add(looks)
        history = record["packets"][:packet["n"]] if self.options.stateful else []
        single = {**record, "packets": [*history, packet]}
        small = reproduce.smaller(firewall, single, judgement, self.options.shrink_seconds)
        if folder:
            self.kept.append(reproduce.write(folder / f"{record['id']}-{packet['n']}", firewall, small))
        else:
            self.kept.append(reproduce.describe(*reproduce.again(firewall, small, small["dump"])))

    def report(self) -> Iterator[str]:
        speed = self.packets / self.kernel_seconds if self.kernel_seconds else 0
        yield f"{self.rulesets} rulesets, {self.packets} packets; kernel side {speed:.0f} packets/s; {len(self.refused)} refused"
        yield from self.refused[:3]
        if not self.options.record:
            yield self.tally.table()
            yield from (f"no answer {count} times: {reason}" for reason, count in self.silent.most_common(3))
            yield from self.kept

    @property
    def failed(self) -> bool:
        return bool(self.tally.total[WRONG] or self.tally.total[SILENT] or not self.packets)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.oracle.fuzz", description=__doc__.split("\n")[0])
    parser.add_argument("--seed", default="1", help="what the rulesets and packets are drawn from")
    parser.add_argument("--seconds", type=float, default=60, help="how long to go on")
    parser.add_argument("--packets", type=int, default=30, help="packets for each ruleset")
    parser.add_argument("--family", type=int, choices=(4, 6))
    parser.add_argument("--flavour", choices=FLAVOURS)
    parser.add_argument("--profile", choices=[profile.name for profile in PROFILES], help="one kind of ruleset")
    parser.add_argument("--stateful", action="store_true", help="whole connections instead of first packets")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="write a small folder for each kind of disagreement")
    parser.add_argument("--shrink-seconds", type=float, default=20, help="patience with each of them")
    parser.add_argument("--most-kept", type=int, default=10)
    parser.add_argument("--record", type=Path, metavar="FILE", help="the kernel's side alone, as JSON lines")
    parser.add_argument("--replay", type=Path, metavar="DIR", help="play a kept folder again")
    return parser.parse_args()


def main() -> int:
    asked = _parse()
    if asked.replay:
        stay_on_one_cpu()
        told, wrong = reproduce.replay(asked.replay)
        print(told, end="")
        return wrong
    families = (asked.family,) if asked.family else (4, 6)
    flavours = (asked.flavour,) if asked.flavour else FLAVOURS
    fuzz = Fuzz(Options(asked.seed, asked.seconds, asked.packets, families, flavours, asked.profile, asked.stateful,
                        asked.keep, asked.record, asked.shrink_seconds, asked.most_kept))
    try:
        fuzz.run()
    finally:
        print(*fuzz.report(), sep="\n")
    return fuzz.failed and not asked.record


if __name__ == "__main__":
    sys.exit(main())

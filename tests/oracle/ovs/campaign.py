"""Pipeline after pipeline: the switch traces, ruleparse answers meanwhile, and both are compared."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from tests.oracle.answers import NoAnswerError
from tests.oracle.compare import SILENT, WRONG, Judgement
from tests.oracle.ovs import answers, compare
from tests.oracle.ovs.draw import draw, draw_packet
from tests.oracle.ovs.flavours import Flavour, choose, dump
from tests.oracle.ovs.judge import Died, Judge, Refused, judge
from tests.oracle.ovs.pipeline import Packet, Pipeline
from tests.oracle.ovs.reproduce import Case, Keeper
from tests.oracle.ovs.tally import Tally, features
from tests.oracle.ovs.trace import Trace

_ASKING, _AHEAD = 2, 4


@dataclass(frozen=True, slots=True)
class Options:
    """`pairs`: how many packets on pipelines to compare at most; 0 for as many as there is time for."""

    seed: str = "1"
    seconds: float = 60
    packets: int = 60
    pairs: int = 0
    keep: Path | None = None
    most_kept: int = 10
    shrink_seconds: float = 20


@dataclass(frozen=True, slots=True)
class Played:
    name: str
    pipeline: Pipeline
    flavour: Flavour
    packets: list[Packet]
    traces: list[Trace]
    dump: dict[str, str]


@dataclass(slots=True)
class Campaign:
    """`run()` it, then read the report."""

    options: Options
    tally: Tally = field(default_factory=Tally)
    refused: Counter[str] = field(default_factory=Counter)
    silent: Counter[str] = field(default_factory=Counter)
    pipelines: int = 0
    pairs: int = 0
    seconds: float = 0
    keeper: Keeper = field(init=False)
    _waiting: deque[tuple[Played, Future[Any]]] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self.keeper = Keeper(self.options.keep, self.options.most_kept, self.options.shrink_seconds)

    def run(self) -> None:
        start, number = time.monotonic(), 0
        while self._goes_on(start):
            try:
                with judge() as switch, ThreadPoolExecutor(_ASKING) as pool:
                    while self._goes_on(start):
                        number += 1
                        self._one(switch, pool, f"{self.options.seed}-{number}")
                    self._settle(switch, 0)
            except Died as died:
                self._waiting.clear()
                self.refused[f"{self.options.seed}-{number}: {died}"] += 1
        self.seconds = time.monotonic() - start

    def _goes_on(self, start: float) -> bool:
        enough = self.options.pairs and self.pairs >= self.options.pairs
        return not enough and time.monotonic() - start < self.options.seconds

    def _one(self, switch: Judge, pool: ThreadPoolExecutor, seed: str) -> None:
        try:
            played = _play(switch, seed, self.options.packets)
        except (Refused, ValueError) as refused:
            self.refused[str(refused)[:160]] += 1
            return
        self.pipelines += 1
        self.pairs += len(played.traces)
        self._waiting.append((played, pool.submit(answers.ask, played.dump, played.packets)))
        self._settle(switch, _AHEAD)

    def _settle(self, switch: Judge, most: int) -> None:
        while len(self._waiting) > most:
            played, future = self._waiting.popleft()
            try:
                found = future.result()
            except NoAnswerError as silence:
                self.silent[str(silence)] += 1
                found = [None] * len(played.packets)
            self._judge(switch, played, found)

    def _judge(self, switch: Judge, played: Played, found: list[dict[str, Any] | None]) -> None:
        used = features(played.pipeline.flows)
        for number, (packet, trace, answer) in enumerate(zip(played.packets, played.traces, found, strict=True)):
            judgement = compare.judge(trace, switch.ports, answer, played.pipeline.names)
            self.tally.add(used, trace, judgement)
            if judgement.kind in (WRONG, SILENT):
                self._keep(switch, played, number, packet, trace, answer, judgement)

    def _keep(
        self,
        switch: Judge,
        played: Played,
        number: int,
        packet: Packet,
        trace: Trace,
        answer: dict[str, Any] | None,
        judgement: Judgement,
    ) -> None:
        name = f"{played.name}-{number}"
        case = Case(name, played.pipeline, packet, played.flavour, judgement, trace.text, answer, played.dump)
        self.keeper.see(switch, case)

    def report(self) -> Iterator[str]:
        speed = self.pairs / self.seconds if self.seconds else 0
        yield f"{self.pipelines} pipelines, {self.pairs} packets, {speed:.0f} a second"
        yield f"{self.tally.steps} flows hit, {self.tally.recirculations} recirculations"
        yield from (f"left out, {count} times: {reason}" for reason, count in self.refused.most_common(3))
        yield self.tally.table()
        yield from (f"{what} differ: {count}" for what, count in self.tally.differences.most_common())
        yield from (f"no answer, {count} times: {reason}" for reason, count in self.silent.most_common(3))
        yield from map(str, self.keeper.kept)

    @property
    def failed(self) -> bool:
        return not self.pairs or bool(self.tally.total[WRONG] or self.tally.total[SILENT])


def _play(switch: Judge, seed: str, how_many: int) -> Played:
    drawn, site = draw(seed)
    pipeline = switch.load(drawn)
    packets = [draw_packet(site, pipeline.connections) for _ in range(how_many)]
    pairs = zip(packets, switch.traces(packets), strict=True)
    traced = [(packet, trace) for packet, trace in pairs if isinstance(trace, Trace)]
    flavour = choose(Random(seed), pipeline)
    texts = dump(switch, flavour)
    return Played(seed, pipeline, flavour, [packet for packet, _ in traced], [trace for _, trace in traced], texts)

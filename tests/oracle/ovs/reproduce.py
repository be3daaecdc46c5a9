"""One disagreement: shrunk, kept in a folder, played again."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.oracle.answers import NoAnswerError
from tests.oracle.compare import SILENT, Judgement
from tests.oracle.ovs import answers, compare
from tests.oracle.ovs.flavours import FLAVOURS, Flavour, dump
from tests.oracle.ovs.judge import Judge, Refused
from tests.oracle.ovs.pipeline import Packet, Pipeline
from tests.oracle.ovs.shrink import shrink, simplest_packet


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    pipeline: Pipeline
    packet: Packet
    flavour: Flavour
    judgement: Judgement
    trace: str = ""
    answer: dict[str, Any] | None = None
    dump: dict[str, str] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        answers.write_node(folder, self.dump, [self.packet])
        (folder / "why.txt").write_text(f"{self.judgement.why}\n\n{self.trace}\n")
        (folder / "answer.json").write_text(json.dumps(self.answer, indent=1) + "\n")
        case = {"name": self.name, "pipeline": asdict(self.pipeline), "packet": asdict(self.packet)}
        (folder / "case.json").write_text(json.dumps(case | {"flavour": FLAVOURS.index(self.flavour)}, indent=1) + "\n")


def play(judge: Judge, name: str, pipeline: Pipeline, packet: Packet, flavour: Flavour) -> Case | None:
    """One packet through one pipeline, on the switch and by ruleparse; None if the switch does not take them."""
    try:
        loaded = judge.load(pipeline)
        (trace,) = judge.traces([packet])
        texts = dump(judge, flavour)
    except (Refused, ValueError):
        return None
    if isinstance(trace, Refused):
        return None
    try:
        (answer,) = answers.ask(texts, [packet])
        judgement = compare.judge(trace, judge.ports, answer, loaded.names)
    except NoAnswerError as silence:
        answer, judgement = None, Judgement(SILENT, "silent", str(silence))
    return Case(name, loaded, packet, flavour, judgement, trace.text, answer, texts)


def smallest(judge: Judge, case: Case, seconds: float) -> Case:
    def again(pipeline: Pipeline, packet: Packet) -> Case | None:
        found = play(judge, case.name, pipeline, packet, case.flavour)
        same = found is not None and (found.judgement.kind, found.judgement.what) == trouble
        return found if same else None

    trouble = case.judgement.kind, case.judgement.what
    pipeline = shrink(case.pipeline, lambda smaller: again(smaller, case.packet) is not None, seconds)
    packet = simplest_packet(case.packet, lambda simpler: again(pipeline, simpler) is not None)
    return again(pipeline, packet) or case


def replay(judge: Judge, folder: Path) -> Case | None:
    case = json.loads((folder / "case.json").read_text())
    drawn = case["pipeline"]
    names = {int(number): name for number, name in drawn["names"].items()}
    pipeline = Pipeline(tuple(drawn["groups"]), tuple(drawn["flows"]), names, drawn["connections"])
    packet = Packet(case["packet"]["flow"], tuple(case["packet"]["states"]))
    return play(judge, case["name"], pipeline, packet, FLAVOURS[case["flavour"]])


@dataclass(slots=True)
class Keeper:
    """Keeps the first disagreement of each kind in a pipeline, a few in all."""

    folder: Path | None
    most: int
    seconds: float
    kept: list[Path] = field(default_factory=list)
    _seen: set[tuple[tuple[str, ...], str, str]] = field(default_factory=set)

    def see(self, judge: Judge, case: Case) -> None:
        kind = case.pipeline.flows, case.judgement.kind, case.judgement.what
        if self.folder is None or len(self.kept) >= self.most or kind in self._seen:
            return
        self._seen.add(kind)
        small = smallest(judge, case, self.seconds) if self.seconds else case
        small.write(self.folder / case.name)
        self.kept.append(self.folder / case.name)

"""Folders from which a disagreement can be looked at, and played again: saved node, packet, truth and answer."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.oracle import answers, play, recording
from tests.oracle.compare import SILENT, WRONG, Judgement, judge, suspects
from tests.oracle.dump import Dump, Key, extensions
from tests.oracle.kernel import Firewall
from tests.oracle.namespaces import CommandFailed
from tests.oracle.recording import Record
from tests.oracle.shrink import shrink
from tests.oracle.topology import Site


@dataclass(frozen=True, slots=True)
class Case:
    """A recording that ends with the packet in question, what ruleparse says of that, and how good it is."""

    record: Record
    answer: Any
    judgement: Judgement

    @property
    def packet(self) -> Record:
        return self.record["packets"][-1]

    def odd_rules(self) -> list[tuple[Key, str]]:
        """The rules that only one of both says were hit."""
        dump = Dump.read(self.record["dump"])
        return [(key, _text_of(dump, key)) for key in suspects(self.packet, self.answer)]

    def kind(self) -> tuple[Any, ...]:
        """What is alike about disagreements that probably have one cause."""
        used = {extension for key, rule in self.odd_rules() if key[2] for extension in extensions(rule)}
        truth = self.packet["verdict"], self.packet.get("reason")
        return self.judgement.what, self.record["family"], *truth, *sorted(used)

    def __str__(self) -> str:
        record, packet = self.record, self.packet
        fields = " ".join(f"{name} {value}" for name, value in packet["f"].items() if not isinstance(value, dict))
        rules = [f"  {' '.join(map(str, key))}: {rule}\n" for key, rule in self.odd_rules()]
        return (
            f"{record['id']} {record['scenario']} IPv{record['family']} {record['variant']}\n"
            f"packet {packet['n']} entering {packet['in']}: {fields}\n"
            f"{self.judgement.why or self.judgement.kind}\n{''.join(rules)}"
        )


def _text_of(dump: Dump, key: Key) -> str:
    table, chain, number = key
    if not number:
        return f"policy {dump.policies.get((table, chain))}"
    rules = dump.rules.get((table, chain), [])
    return rules[number - 1] if number <= len(rules) else "no such rule"


def again(firewall: Firewall, record: Record, rules: str) -> Case:
    """Other rules, the same packets: what the kernel does to the last of them, and what ruleparse says."""
    loaded = firewall.load(record["family"], rules, record["ipset"])
    packets = [recording.packet_of(packet) for packet in record["packets"]]
    stateful = len(packets) > 1
    played = (play.in_order if stateful else play.first_packets)(firewall, loaded, packets)
    fresh = recording.of_ruleset(firewall, loaded, record["id"], record["scenario"], played)
    try:
        answer = answers.ask(fresh, stateful).get(played[-1]["n"])
    except answers.NoAnswerError as silent:
        answer = {"error": str(silent)}
    return Case(fresh, answer, judge(played[-1], answer))


def smaller(firewall: Firewall, case: Case, seconds: float) -> Case:
    """With as few rules as still show a difference of the same kind; the case itself if that does not come back."""

    def still_wrong(rules: str) -> bool:
        try:
            now = again(firewall, case.record, rules).judgement
        except CommandFailed:
            return False
        return (now.kind, now.what) == (case.judgement.kind, case.judgement.what)

    deadline = time.monotonic() + seconds
    if not still_wrong(case.record["dump"]):
        return case
    rules = shrink(case.record["dump"], still_wrong, deadline - time.monotonic())
    return again(firewall, case.record, rules)


def write(folder: Path, site: Site, case: Case) -> None:
    answers.write_node(folder / "node", case.record)
    answers.write_packets(folder / "packets.jsonl", case.record["packets"])
    for name, content in (("site", site.as_json()), ("truth", case.record), ("answer", case.answer)):
        (folder / f"{name}.json").write_text(json.dumps(content, indent=1))
    (folder / "why.txt").write_text(str(case))


def replay(folder: Path) -> Case:
    """Plays a written folder again on this kernel."""
    record = json.loads((folder / "truth.json").read_text())
    site = Site.from_json(json.loads((folder / "site.json").read_text()))
    with Firewall(site, record["variant"]) as firewall:
        return again(firewall, record, record["dump"])


@dataclass(slots=True)
class Keeper:
    """Makes disagreements small and writes them to a folder, one of each kind."""

    folder: Path | None
    most: int
    seconds: float
    kept: list[Case] = field(default_factory=list)
    _kinds: set[tuple[Any, ...]] = field(default_factory=set)

    def see(self, firewall: Firewall, case: Case) -> None:
        if case.judgement.kind not in (WRONG, SILENT) or case.kind() in self._kinds or len(self.kept) >= self.most:
            return
        self._kinds.add(case.kind())
        small = smaller(firewall, case, self.seconds) if self.seconds > 0 else case
        self._kinds.add(small.kind())
        self.kept.append(small)
        if self.folder:
            write(self.folder / f"{small.record['id']}-{case.packet['n']}", firewall.site, small)
